"""A recorded verdict made again: the same, different in something, or not to be made again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.models import Allow, Deny, Policy
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.records import RecordedVerdict, outcome_of
from p33_tasks.services import replay as replay_module
from p33_tasks.services.replay import WITHOUT_FACTS, Finding, Limits, replay
from tests.factories import NOW_MS, make_facts, make_ledger, make_plan, make_policy, make_snapshot
from tests.unit.services.records import make_baseless, make_record, write


def allow_of(record: RecordedVerdict) -> Allow:
    assert isinstance(record.verdict, Allow)
    return record.verdict


@pytest.mark.parametrize(
    "record",
    [
        make_record(),
        make_record(make_plan(action="HOLD")),
        make_record(facts=make_facts(ledger="0.020")),
        make_record(facts=make_facts(hold=True)),
    ],
    ids=lambda record: record.headline,
)
def test_a_faithful_record_comes_out_the_same(record: RecordedVerdict) -> None:
    found = replay(record, write)
    assert found.finding is Finding.SAME
    assert found.again == record.verdict
    assert found.what_if is None


def tampered() -> dict[str, tuple[RecordedVerdict, str]]:
    allowed, denied = make_record(), make_record(facts=make_facts(ledger="0.020"))
    deny = denied.verdict
    assert isinstance(deny, Deny)
    more = replace(allow_of(allowed), safe_close_qty=Decimal("0.011"))
    nearer = replace(deny, details={**deny.details, "diff_pct": Decimal(2)})
    return {
        "a deny made an allow, in both places": (
            replace(denied, verdict=allowed.verdict, written=allowed.written, headline="allow"),
            "the outcome",
        ),
        "an allow made a deny, in both places": (
            replace(allowed, verdict=deny, written=denied.written, headline=denied.headline),
            "the outcome",
        ),
        "only what the entry says of itself": (replace(denied, headline="allow"), "contradicts itself"),
        "only the verdict": (replace(denied, verdict=allowed.verdict, written=allowed.written), "contradicts itself"),
        "the quantity": (replace(allowed, verdict=more, written=repr(more)), "the quantity"),
        "a number of the details": (replace(denied, verdict=nearer, written=repr(nearer)), "the numbers"),
        "the spelling": (replace(allowed, written=allowed.written + " "), "spelling"),
        "the plan's name": (replace(allowed, plan=make_plan(plan_id="other")), "the plan"),
        "a fact": (replace(allowed, facts=make_facts(ledger="0.020")), "the outcome"),
        "a limit": (replace(denied, policy=make_policy(qty_tolerance_pct=Decimal(500))), "the outcome"),
        "no verdict any more": (replace(allowed, verdict=None, written="{}"), "not a verdict"),
        "an allow without its facts": (replace(allowed, facts=None), "no facts"),
        "a deny of a rule without its facts": (replace(denied, facts=None), "no facts"),
        "an allow under the headline of a deny without facts": (
            replace(allowed, facts=None, headline="plan_abandoned"),
            "contradicts itself",
        ),
        "a deny without facts under the headline of an allow": (
            replace(make_baseless(Reason.INTERNAL_ERROR), headline="allow"),
            "contradicts itself",
        ),
    }


@pytest.mark.parametrize("what", tampered())
def test_whatever_was_changed_is_a_difference_and_is_named(what: str) -> None:
    record, why = tampered()[what]
    found = replay(record, write, Limits(cooldown_ms=0))
    assert found.finding is Finding.DIFFERENT
    assert why in found.why
    assert found.what_if is None


@pytest.mark.parametrize("reason", Reason)
def test_only_denies_that_can_come_about_without_facts_may_lack_them(reason: Reason) -> None:
    found = replay(make_baseless(reason), write)
    expected = Finding.NOT_REPLAYABLE if reason in WITHOUT_FACTS else Finding.DIFFERENT
    assert found.finding is expected
    assert found.again is None
    if expected is Finding.NOT_REPLAYABLE:
        assert found.why == reason


def test_an_internal_error_is_not_replayable_even_with_facts() -> None:
    record = make_record(verdict=Deny(reason=Reason.INTERNAL_ERROR), headline="internal_error", written="x")
    assert replay(record, write).finding is Finding.NOT_REPLAYABLE


def test_an_evaluation_that_fails_now_is_a_difference_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(replay_module, "evaluate", broken)
    found = replay(make_record(), write)
    assert found.finding is Finding.DIFFERENT
    assert found.again == Deny(reason=Reason.INTERNAL_ERROR, details={"error": "ZeroDivisionError"})


def test_a_rule_that_judges_otherwise_since_an_update_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "evaluate", lambda *_: Deny(reason=Reason.NO_POSITION))
    assert replay(make_record(), write).why == "the outcome"


ORDERED = make_ledger(last_order_time_ms=NOW_MS - 20_000)


@pytest.mark.parametrize(
    ("record", "limits", "expected"),
    [
        (make_record(facts=make_facts(ledger="0.01005")), {"qty_tolerance_pct": Decimal("0.5")}, "allow"),
        (
            make_record(facts=make_facts(ledger="0.01005")),
            {"qty_tolerance_pct": Decimal("0.4999")},
            Reason.QTY_MISMATCH,
        ),
        (make_record(facts=make_facts(ledger="0.0102")), {"qty_tolerance_pct": Decimal(2)}, "allow"),
        (make_record(facts=make_facts(ledger=ORDERED)), {"cooldown_ms": 20_000}, "allow"),
        (make_record(facts=make_facts(ledger=ORDERED)), {"cooldown_ms": 20_001}, Reason.COOLDOWN_IN_FLIGHT),
        (make_record(), {"stale_threshold_ms": 1_000}, "allow"),
        (make_record(), {"stale_threshold_ms": 999}, Reason.STALE_EXCHANGE_STATE),
        (make_record(), {"position_epsilon": Decimal("0.01")}, "allow"),
        (make_record(), {"position_epsilon": Decimal("0.0101")}, Reason.NO_POSITION),
        (make_record(), {"plan_max_age_ms": 999}, Reason.PLAN_EXPIRED),
        (
            make_record(facts=make_facts(snapshot=make_snapshot(age_ms=15_000))),
            {"stale_threshold_ms": 15_000},
            "allow",
        ),
        (make_record(), {"stale_threshold_ms": 999, "cooldown_ms": 0}, Reason.STALE_EXCHANGE_STATE),
    ],
)
def test_each_limit_is_tried_exactly(record: RecordedVerdict, limits: dict[str, Any], expected: str) -> None:
    found = replay(record, write, Limits(**limits))
    assert found.finding is Finding.SAME
    assert found.again == record.verdict
    assert found.what_if is not None
    assert outcome_of(found.what_if) == expected


def test_limits_that_are_not_given_are_those_of_the_record() -> None:
    policy = make_policy(qty_tolerance_pct=Decimal(7), cooldown_ms=1)
    record = make_record(facts=make_facts(ledger="0.0106"), policy=policy)
    found = replay(record, write, Limits(stale_threshold_ms=5_000))
    assert found.what_if == record.verdict


def test_there_is_a_limit_to_try_for_each_that_a_rule_asks_for() -> None:
    elsewhere = {
        "allowlist",
        "permit_ttl_ms",
        "poll_ms",
        "market_max_age_ms",
        "read_lag_ms",
        "accept_old_life",
    }
    who_set_it = {"cooldown_by", "tolerance_by", "threshold_by", "limits_until_ms"}
    of_resting_orders = {"subtract_resting", "resting_max_age_ms"}  # without them there is nothing on record to try
    fields = set(Policy.__slots__) - elsewhere - who_set_it - of_resting_orders
    assert set(Limits.__slots__) == fields
