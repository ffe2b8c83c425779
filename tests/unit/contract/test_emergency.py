"""The proof of an emergency close: every line of it counts, and nothing else opens the lane."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from p33_tasks.contract.emergency import EmergencyProof
from p33_tasks.contract.plans import parse_entry, parse_task_plan
from p33_tasks.domain.models import Leg, Plan
from tests.factories import NOW_MS, plan_entry

KEY = "a-key-for-emergencies-of-32-chars"
PROOF = EmergencyProof(prefix="quantum", key=KEY)
SIGNED = ("quantum", "e-1", "BTCUSDT", "LONG", "CLOSE_FULL", str(NOW_MS), "0")


def signature(*lines: str, key: str = KEY) -> str:
    """Made by hand, as another program would."""
    return hmac.new(key.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def entry(**changes: Any) -> dict[str, Any]:
    return plan_entry(
        **{
            "plan_id": "e-1",
            "action": "CLOSE_FULL",
            "decision": "RECONCILE_CLOSE",
            "positionSide": "LONG",
            "issued_ms": str(NOW_MS),
            "now": "0",
            "hmac": signature(*SIGNED),
            **changes,
        }
    )


def read(proof: EmergencyProof = PROOF, **changes: Any) -> Plan:
    fields = entry(**changes)
    plan = parse_entry(fields, issued_ms=1)
    assert plan is not None
    return proof.read(plan, fields)


def test_what_is_signed_is_seven_lines() -> None:
    plan = read()
    assert plan.problem is None
    assert plan.emergency is not None
    assert not plan.emergency.passes_cooldown
    assert not plan.emergency.passes_operator_hold
    assert plan.issued_ms == NOW_MS, "the signed time counts, not the entry's"
    assert plan.position_side is Leg.LONG


def test_a_missing_now_is_0_and_a_missing_side_is_both() -> None:
    assert read(now=None).emergency is not None
    both = signature(*SIGNED[:3], "BOTH", *SIGNED[4:])
    assert read(positionSide=None, hmac=both).emergency is not None


def test_now_is_signed() -> None:
    plan = read(now="1", hmac=signature(*SIGNED[:-1], "1"))
    assert plan.emergency is not None
    assert plan.emergency.passes_cooldown


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"now": "1"}, id="now"),
        pytest.param({"positionSide": "SHORT"}, id="side"),
        pytest.param({"positionSide": None}, id="no side"),
        pytest.param({"action": "CLOSE_PARTIAL_50"}, id="action"),
        pytest.param({"symbol": "ETHUSDT"}, id="symbol"),
        pytest.param({"plan_id": "e-2"}, id="replayed under another plan_id"),
        pytest.param({"issued_ms": str(NOW_MS + 1)}, id="time"),
        pytest.param({"hmac": None}, id="no hmac"),
        pytest.param({"hmac": ""}, id="empty hmac"),
        pytest.param({"hmac": "0" * 64}, id="forged hmac"),
        pytest.param({"hmac": "é" * 64}, id="hmac outside of ASCII"),
        pytest.param({"hmac": signature(*SIGNED, key="another key of enough characters")}, id="another key"),
        pytest.param({"hmac": signature("other", *SIGNED[1:])}, id="another prefix"),
        pytest.param({"hmac": [signature(*SIGNED), "0"]}, id="hmac twice"),
        pytest.param({"now": "true"}, id="now unreadable"),
        pytest.param({"now": ["0", "1"]}, id="now twice"),
        pytest.param({"issued_ms": None}, id="no time"),
        pytest.param({"issued_ms": "1e12"}, id="time unreadable"),
        pytest.param({"hold_hmac": "0" * 64}, id="forged consent"),
        pytest.param({"hold_hmac": ""}, id="empty consent"),
        pytest.param({"hold_hmac": signature(*SIGNED)}, id="the proof itself as consent"),
    ],
)
def test_anything_else_is_an_invalid_plan(change: dict[str, Any]) -> None:
    plan = read(**change)
    assert plan.problem
    assert plan.emergency is None
    assert KEY not in plan.problem


def test_consent_over_an_operators_hold_is_a_second_signature() -> None:
    plan = read(hold_hmac=signature(*SIGNED, "over_operator_hold"))
    assert plan.emergency is not None
    assert plan.emergency.passes_operator_hold


def test_lines_must_be_printable() -> None:
    action = "CLOSE_FULL\n"
    plan = read(action=action, hmac=signature(*SIGNED[:4], action, *SIGNED[5:]))
    assert plan.emergency is None
    assert "printed" in str(plan.problem)


def test_without_a_key_there_are_none_and_it_says_so() -> None:
    plan = read(EmergencyProof(prefix="quantum", key=None))
    assert plan.emergency is None
    assert "P33_RECONCILE_KEY" in str(plan.problem)
    assert KEY not in repr(PROOF)


def test_why_and_by_are_kept_bounded() -> None:
    plan = read(why="x" * 10_000, by="\udcff")
    assert plan.emergency is not None
    assert len(plan.emergency.why) == 500
    assert plan.emergency.by.encode()


def test_a_task_is_no_way_in() -> None:
    assert "stream only" in str(parse_task_plan(entry()).problem)
