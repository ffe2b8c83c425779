"""Judging a plan, over stores in memory. What the real stores do of it: ``tests/integration/services``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p33_tasks.domain.models import Allow, Deny, Facts, Plan
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import EntryMismatchError
from p33_tasks.ports import PlanName, StreamEntry
from p33_tasks.services import issue_permit
from p33_tasks.services.issue_permit import TRIES, PermitService
from tests.fakes.gate import MemoryGate
from tests.fakes.verdicts import MemoryVerdictStore

NAME = PlanName(plan_id="plan-1", symbol="BTCUSDT")


class Disturbed(MemoryVerdictStore):
    """After each load of facts something happens."""

    def __init__(self, gate: MemoryGate, act: Callable[[int], object]) -> None:
        super().__init__(gate.account)
        self._act = act
        self.loads = 0

    def load(self, plan: Plan) -> Facts | None:
        facts = super().load(plan)
        self.loads += 1
        self._act(self.loads)
        return facts


@pytest.fixture
def gate() -> MemoryGate:
    return MemoryGate().make_ready()


@pytest.fixture
def service(gate: MemoryGate) -> PermitService:
    return PermitService(gate.verdicts, gate.dead_letters, gate.policy)


def test_twice_is_once(gate: MemoryGate, service: PermitService) -> None:
    plan, entry = gate.publish()
    assert isinstance(service.judge(plan, entry), Allow)
    assert service.judge(plan, entry) is None
    assert (gate.reserved_by(), gate.pending(gate.keys.plans)) == ("plan-1", 0)


def test_a_second_plan_of_a_reserved_position_is_denied(gate: MemoryGate, service: PermitService) -> None:
    service.judge(*gate.publish())
    verdict = service.judge(*gate.publish("plan-2"))
    assert isinstance(verdict, Deny)
    assert gate.reserved_by() == "plan-1"


@pytest.mark.parametrize("moves", [1, TRIES - 1])
def test_facts_that_moved_are_loaded_and_judged_again(gate: MemoryGate, moves: int) -> None:
    store = Disturbed(gate, lambda loads: gate.put_position(f"0.0400{loads}") if loads <= moves else None)
    verdict = PermitService(store, gate.dead_letters, gate.policy).judge(*gate.publish())
    assert isinstance(verdict, Allow)
    assert (store.loads, str(verdict.exchange_position_amt)) == (moves + 1, f"0.0400{moves}")


def test_facts_that_keep_moving_are_a_deny(gate: MemoryGate) -> None:
    store = Disturbed(gate, lambda loads: gate.put_position(f"0.0400{loads}"))
    verdict = PermitService(store, gate.dead_letters, gate.policy).judge(*gate.publish())
    assert isinstance(verdict, Deny)
    assert (verdict.reason, store.loads) == (Reason.CONTENTION, TRIES)
    assert (gate.reserved_by(), gate.pending(gate.keys.plans)) == (None, 0)


def test_a_hold_set_while_the_plan_was_judged_is_the_verdict(gate: MemoryGate) -> None:
    store = Disturbed(gate, lambda _: gate.hold())
    verdict = PermitService(store, gate.dead_letters, gate.policy).judge(*gate.publish())
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.RECONCILE_HOLD_ACTIVE


def test_a_failure_of_the_evaluation_is_a_deny(
    gate: MemoryGate, service: PermitService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(issue_permit, "evaluate", fail)
    verdict = service.judge(*gate.publish())
    assert verdict == Deny(reason=Reason.INTERNAL_ERROR, details={"error": "ZeroDivisionError"})
    assert gate.pending(gate.keys.plans) == 0


def test_where_no_verdict_can_be_written_the_plan_becomes_a_dead_letter(
    gate: MemoryGate, service: PermitService
) -> None:
    gate.verdicts.is_foreign = True
    plan, entry = gate.publish()
    assert service.judge(plan, entry) is None
    assert service.deny(*gate.publish("plan-2"), Reason.INTERNAL_ERROR, {}) is None
    assert [fields["plan_id"] for _, _, fields in gate.account.dead] == ["plan-1", "plan-2"]
    assert gate.account.verdicts == {}


def test_the_entry_is_judged_and_not_what_a_message_says(gate: MemoryGate, service: PermitService) -> None:
    _, entry = gate.publish()
    assert isinstance(service.judge_entry(NAME, entry), Allow)


@pytest.mark.parametrize(
    "named", [PlanName(plan_id="plan-9", symbol="BTCUSDT"), PlanName(plan_id="plan-1", symbol="X")]
)
def test_an_entry_of_another_plan_stays_pending(gate: MemoryGate, service: PermitService, named: PlanName) -> None:
    _, entry = gate.publish()
    with pytest.raises(EntryMismatchError, match="holds plan 'plan-1'"):
        service.judge_entry(named, entry)
    assert gate.pending(gate.keys.plans) == 1
    assert gate.account.verdicts == {}


def test_an_entry_that_never_was_denies_nobodys_plan(gate: MemoryGate, service: PermitService) -> None:
    with pytest.raises(EntryMismatchError, match="neither in the stream nor pending"):
        service.judge_entry(NAME, StreamEntry(stream=gate.keys.plans, entry_id="1-1"))
    assert gate.account.verdicts == {}


def test_an_entry_that_was_trimmed_before_it_was_judged_is_a_deny(gate: MemoryGate, service: PermitService) -> None:
    _, entry = gate.publish()
    gate.trim(entry)
    verdict = service.judge_entry(NAME, entry)
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.INVALID_PLAN
    assert gate.pending(gate.keys.plans) == 0
