"""Reading a permit as an executor must, without Redis."""

from __future__ import annotations

import hmac
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.apply.permit import AllowPermit, require_allow
from p33_tasks.contract.permits import sign, verdict_fields
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.errors import PermitRefused
from tests.factories import NOW_MS, RUN_ID, SYMBOL, make_facts, make_plan, make_policy

KEYS = ("a signing key of 30 characters", "another key, of 30 characters!")


def issued(**changes: Any) -> dict[str, Any]:
    plan, policy = make_plan(), make_policy()
    verdict = evaluate(plan, make_facts(), policy)
    return {**verdict_fields(plan, verdict, now_ms=NOW_MS, facts=make_facts(), policy=policy), **changes}


def read(fields: dict[str, Any], *keys: str) -> AllowPermit:
    return require_allow(exact_json.dumps(fields), plan_id="plan-1", symbol=SYMBOL, prefix="quantum", signing_keys=keys)


def test_a_permit_of_ours_is_read_exactly():
    permit = read(issued())
    assert (permit.safe_close_qty, permit.exchange_position_amt) == (Decimal("0.010"), Decimal("0.010"))
    assert (permit.ts_ms, permit.expires_ms, permit.run_id) == (NOW_MS, NOW_MS + 60_000, RUN_ID)


@pytest.mark.parametrize("run_id", ["", None, 7])
def test_a_permit_must_name_the_life_of_redis_that_it_was_made_in(run_id: object):
    with pytest.raises(PermitRefused, match="malformed"):
        read(issued(run_id=run_id))


@pytest.mark.parametrize("leg", ["SHORT", "short", "FLAT", "", None, 7])
def test_a_permit_must_name_the_side_that_its_position_has(leg: object):
    with pytest.raises(PermitRefused, match="malformed"):
        read(issued(position_side=leg))


@pytest.mark.parametrize("leg", ["BOTH", "LONG"])
def test_a_permit_may_name_no_side_or_its_positions(leg: str):
    assert read(issued(position_side=leg)).position_side == leg


@pytest.mark.parametrize("ts_ms", [Decimal("1771305126000.5"), str(NOW_MS), True, -1, 0])
def test_a_permits_times_are_whole_milliseconds(ts_ms: object):
    with pytest.raises(PermitRefused, match="not a time in milliseconds"):
        read(issued(ts_ms=ts_ms, expires_ms=60_000 if ts_ms in {True, -1, 0} else NOW_MS + 60_000))


def test_a_permits_end_is_a_time_too():
    beyond = 10**14
    with pytest.raises(PermitRefused, match="not a time in milliseconds"):
        read(issued(ts_ms=beyond - 1, expires_ms=beyond))


@pytest.mark.parametrize(("named", "taken_ms"), [(Decimal(10), 10_000), (Decimal("0.5"), 500), (86_400, 60_000)])
def test_the_age_that_a_permit_tolerates_is_never_above_a_minute(named: object, taken_ms: int):
    assert read(issued(stale_threshold_sec=named)).stale_threshold_ms == taken_ms


@pytest.mark.parametrize(
    ("named", "taken_ms"), [({}, 2_000), ({"read_lag_sec": Decimal("0.5")}, 2_000), ({"read_lag_sec": 12}, 12_000)]
)
def test_the_venues_lag_is_at_least_two_seconds(named: dict[str, object], taken_ms: int):
    """Permits of before 0.2 name none."""
    assert read(issued(**named)).read_lag_ms == taken_ms


def test_a_forged_lag_holds_no_position_for_long():
    assert read(issued(read_lag_sec=10**9)).read_lag_ms == 60_000


@pytest.mark.parametrize("signer", KEYS)
def test_signatures_are_compared_in_constant_time_and_with_every_key(signer: str, monkeypatch: pytest.MonkeyPatch):
    """Neither how much of a forged signature is right, nor which key signed, can be told by the time it takes."""
    compared: list[str] = []
    real = hmac.compare_digest

    def compare(ours: str, theirs: str) -> bool:
        compared.append(ours)
        return real(ours, theirs)

    fields = issued()
    signed = {**fields, "sig": sign(fields, prefix="quantum", key=signer)}
    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert read(signed, *KEYS)
    assert compared == [sign(fields, prefix="quantum", key=key) for key in KEYS]
