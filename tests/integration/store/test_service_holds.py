"""The service's own hold (CONTRACT sections 3 and 11): set beside an operator's, and what it takes away."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.contract.holds import decode_hold
from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import HeldBy, HoldEnds, HoldReason
from p33_tasks.store.service_holds import HoldSet
from tests.support.gate import SYMBOL, Gate


def hold(gate: Gate, reason: HoldReason = HoldReason.UNEXPLAINED, evidence_id: str = "fact-1") -> HoldSet:
    return gate.service_holds.set(SYMBOL, reason=reason, evidence_id=evidence_id, evidence={"trades": ["7", "8"]})


def stored(gate: Gate) -> dict[str, Any]:
    text = gate.service_holds.read(SYMBOL)
    assert text is not None
    return exact_json.loads_object(text)


def release(gate: Gate) -> str | None:
    return gate.service_holds.release(SYMBOL, why="looked it up", by="somebody")


def test_a_hold_denies_and_says_who_why_and_what_ends_it(gate: Gate) -> None:
    gate.make_ready()
    assert hold(gate) == HoldSet(word="set", withdrawn=None)
    assert gate.redis.ttl(gate.keys.service_hold(SYMBOL)) == -1
    assert gate.why_not("p-1") == "reconcile_hold_active"
    details = gate.decision("p-1")["details"]
    assert (details["held_by"], details["hold_reason"], details["ends"]) == (
        "service",
        "unexplained_drift",
        "agreement",
    )
    assert details["since_ms"] == stored(gate)["since_ms"]
    assert f"p33 reconcile release {SYMBOL}" in details["remedy"]
    assert details["retry_after_sec"] > 0
    assert release(gate) is not None
    assert release(gate) is None
    assert gate.why_not("p-2") == "allow"
    assert gate.events() == ["service_hold_set", "service_hold_released"]


def test_neither_hold_ends_the_other(gate: Gate) -> None:
    gate.make_ready()
    hold(gate)
    assert gate.operator.set_hold(SYMBOL, why="ticket 4711", by="somebody")
    gate.judge("p-1")
    details = gate.decision("p-1")["details"]
    assert (details["held_by"], details["hold_reason"]) == ("operator", "ticket 4711")
    assert details["also_held_by"] == "service: unexplained_drift"
    release(gate)
    assert gate.why_not("p-2") == "reconcile_hold_active"
    hold(gate)
    gate.operator.clear_hold(SYMBOL, by="somebody")
    assert gate.why_not("p-3") == "reconcile_hold_active"


def test_a_hold_takes_the_unconsumed_permit_and_its_reservation(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    assert hold(gate) == HoldSet(word="set", withdrawn="plan-1")
    assert gate.permit() is None
    assert gate.reserved_by() is None
    assert gate.decision()["allow"] is True  # the tombstone stays


def test_a_consumed_reservation_stays(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    gate.grant()
    gate.client().consume("plan-1", SYMBOL)
    assert hold(gate) == HoldSet(word="set", withdrawn=None)
    assert gate.reserved_by() == "plan-1"


def test_a_hold_is_set_once_for_a_fact(gate: Gate) -> None:
    assert hold(gate).word == "set"
    before = gate.service_holds.read(SYMBOL)
    assert hold(gate).word == "unchanged"
    assert gate.service_holds.read(SYMBOL) == before
    assert gate.events() == ["service_hold_set"]


def test_the_first_reason_stays_and_two_reasons_end_by_a_person(gate: Gate) -> None:
    hold(gate)
    assert hold(gate, HoldReason.EXTERNAL, "fact-2").word == "added"
    assert (stored(gate)["reason"], stored(gate)["ends"]) == ("unexplained_drift", "agreement")
    assert hold(gate, HoldReason.BREACH, "fact-3").word == "added"
    found = stored(gate)
    assert (found["reason"], found["ends"]) == ("unexplained_drift", "person")
    assert [one["reason"] for one in found["evidence"]] == ["unexplained_drift", "external_trades", "breach"]
    assert found["evidence"][0]["trades"] == ["7", "8"]


def test_evidence_is_bounded_and_the_first_and_the_latest_stay(gate: Gate) -> None:
    for at in range(40):
        hold(gate, evidence_id=f"fact-{at}")
    assert [one["id"] for one in stored(gate)["evidence"]] == ["fact-0", *(f"fact-{at}" for at in range(25, 40))]


@pytest.mark.parametrize("value", ["", "somebody's", "[]", '{"evidence":1}'])
def test_a_foreign_value_holds_and_gives_way_to_one_that_a_person_ends(gate: Gate, value: str) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.service_hold(SYMBOL), value)
    assert gate.why_not("p-1") == "reconcile_hold_active"
    assert hold(gate).word == "set"
    found = decode_hold(HeldBy.SERVICE, gate.service_holds.read(SYMBOL))
    assert found is not None
    assert (found.reason, found.ends) == ("unexplained_drift", HoldEnds.PERSON)
