"""A prepared verdict in pieces, put together again, is the verdict of that moment letter by letter."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.audit import audit_inputs
from p33_tasks.contract.permits import verdict_fields
from p33_tasks.contract.prepared import in_pieces, policy_digest
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Policy
from p33_tasks.domain.quantities import sec
from tests.factories import NOW_MS, SOURCE, make_facts, make_plan, make_policy


def together(pieces: list[str], places: dict[str, str]) -> str:
    return "".join(places[piece] if at % 2 else piece for at, piece in enumerate(pieces))


@given(
    plan_id=st.text(min_size=1, max_size=80),
    action=st.sampled_from(["CLOSE_FULL", "full_close", " FULL_CLOSE_PROPOSED"]),
    later_ms=st.integers(0, 8_000),
)
def test_pieces_and_places_make_the_verdict_of_a_later_moment(plan_id: str, action: str, later_ms: int) -> None:
    facts, policy = make_facts(), make_policy()
    expected = make_plan(plan_id="", action="CLOSE_FULL", issued_ms=NOW_MS, prepared=True)
    verdict = evaluate(expected, facts, policy)
    assert isinstance(verdict, Allow)
    pieces = in_pieces(expected, verdict, facts, policy)

    now_ms = NOW_MS + later_ms
    plan = make_plan(plan_id=plan_id, action=action, issued_ms=now_ms - 7, prepared=True)
    now = replace(facts, now_ms=now_ms)
    at_once = evaluate(plan, now, policy)
    assert isinstance(at_once, Allow)
    places = {
        "plan_id": exact_json.dumps(plan_id),
        "action": exact_json.dumps(action),
        "issued_ms": str(plan.issued_ms),
        "now_ms": str(now_ms),
        "now_sec": str(now_ms // 1000),
        "expires_ms": str(now_ms + policy.permit_ttl_ms),
        "snapshot_age_sec": exact_json.dumps(sec(at_once.snapshot_age_ms)),
        "barrier_ms": "null",
    }
    permit = verdict_fields(plan, at_once, now_ms=now_ms, facts=now, policy=policy)
    assert permit["prepared"] is True
    assert together(pieces["permit"], places) == exact_json.dumps(permit)
    assert together(pieces["inputs"], places) == exact_json.dumps(audit_inputs(plan, now, policy))


def test_the_digest_changes_with_everything_that_a_process_judges_by() -> None:
    policy = make_policy()
    digest = policy_digest(policy, SOURCE)
    assert digest == policy_digest(make_policy(), SOURCE)
    changed = {
        "allowlist": frozenset({"BTCUSDT", "XRPUSDT"}),
        "qty_tolerance_pct": Decimal("0.5"),
        "position_epsilon": Decimal("0.01"),
        "ledger_less": None,
    }
    for name in Policy.__dataclass_fields__:
        value = getattr(policy, name)
        other = changed.get(name) or (not value if isinstance(value, bool) else 7 if isinstance(value, int) else "x")
        assert policy_digest(replace(policy, **{name: other}), SOURCE) != digest, name
    assert policy_digest(policy, "another venue") != digest
