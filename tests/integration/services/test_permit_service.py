"""Judging a plan over a real Redis: moving facts, failures inside, Redis away (CONTRACT section 5; failure 27)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p33_tasks.domain.models import Allow, Deny, Facts, Plan
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import StoreUnavailableError
from p33_tasks.services import issue_permit
from p33_tasks.services.issue_permit import PermitService
from p33_tasks.store.connection import connect
from p33_tasks.store.dead_letters import RedisDeadLetters
from p33_tasks.store.verdicts import RedisVerdictStore
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate
from tests.support.redis_server import free_port


class Disturbed(RedisVerdictStore):
    """The real store; after each load of facts something happens."""

    def __init__(self, gate: Gate, act: Callable[[int], object]) -> None:
        super().__init__(connect(gate.url), gate.keys, source=SOURCE)
        self._act = act
        self.loads = 0

    def load(self, plan: Plan) -> Facts | None:
        facts = super().load(plan)
        self.loads += 1
        self._act(self.loads)
        return facts


def service(gate: Gate, act: Callable[[int], object]) -> tuple[PermitService, Disturbed]:
    store = Disturbed(gate, act)
    return PermitService(store, gate.dead_letters, gate.policy), store


def move_position(gate: Gate, until: int) -> Callable[[int], object]:
    """The position changes after each of the first ``until`` loads, within the tolerance."""
    return lambda loads: gate.put_position(f"0.0400{loads}") if loads <= until else None


@pytest.mark.parametrize("moves", [1, 2])
def test_facts_that_moved_are_loaded_and_judged_again(gate: Gate, moves: int) -> None:
    gate.make_ready()
    judge, store = service(gate, move_position(gate, moves))
    assert isinstance(judge.judge(*gate.publish()), Allow)
    assert store.loads == moves + 1
    assert str((gate.permit() or {})["exchange_position_amt"]) == f"0.0400{moves}"


def test_facts_that_keep_moving_are_a_deny_contention(gate: Gate) -> None:
    gate.make_ready()
    judge, store = service(gate, move_position(gate, 99))
    verdict = judge.judge(*gate.publish())
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.CONTENTION
    assert store.loads == 3
    assert gate.reason() == "contention"
    assert gate.reserved_by() is None
    assert gate.pending(gate.keys.plans) == 0


def test_a_hold_set_while_the_plan_was_judged_is_the_verdict(gate: Gate) -> None:
    """C."""
    gate.make_ready()
    judge, _ = service(gate, lambda _: gate.operator.set_hold(SYMBOL, why="x", by="me"))
    judge.judge(*gate.publish())
    assert gate.reason() == "reconcile_hold_active"


def test_a_verdict_of_somebody_else_in_between_stands(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    judge, _ = service(gate, lambda _: gate.permits.judge(plan, None))
    assert judge.judge(plan, entry) is None
    assert gate.reason() == "allow"
    assert len(gate.audit()) == 1
    assert gate.pending(gate.keys.plans) == 0


def test_a_failure_inside_the_evaluation_is_a_deny_and_acknowledged_with_it(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Failure 27: the plan was acknowledged without a permit."""

    def fail(*_: object) -> Any:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(issue_permit, "evaluate", fail)
    gate.make_ready()
    verdict = gate.judge()
    assert isinstance(verdict, Deny)
    assert gate.reason() == "internal_error"
    assert (gate.permit() or {})["details"] == {"error": "ZeroDivisionError"}
    assert gate.pending(gate.keys.plans) == 0
    assert "on purpose" in capsys.readouterr().out, "logged with its traceback"


@pytest.mark.parametrize("key", ["decision", "counters"])
def test_where_no_verdict_can_be_written_the_plan_becomes_a_dead_letter(gate: Gate, key: str) -> None:
    """D: nobody gets a permit, nothing is lost, and the plans behind it go on."""
    gate.make_ready()
    name = gate.keys.decision("plan-1") if key == "decision" else gate.keys.counters
    gate.redis.delete(name)
    gate.redis.sadd(name, "foreign")
    assert gate.judge() is None
    (letter,) = gate.dead()
    assert letter["source_stream"] == gate.keys.plans
    assert "holds a set" in letter["error"]
    assert '"decision":"EXECUTE"' in letter["entry"], "the whole entry, as it was read"
    assert gate.permit() is None
    assert gate.reserved_by() is None
    assert gate.pending(gate.keys.plans) == 0
    gate.redis.delete(name)
    gate.allow("plan-2")


def test_a_foreign_decision_of_one_plan_is_no_matter_of_another(gate: Gate) -> None:
    gate.make_ready()
    gate.redis.sadd(gate.keys.decision("plan-1"), "foreign")
    gate.judge("plan-1")
    assert gate.why_not("plan-2") == "allow"


def test_a_plan_without_an_entry_is_judged_all_the_same(gate: Gate) -> None:
    gate.make_ready()
    assert isinstance(gate.permits.judge(gate.plan(from_stream=False), None), Allow)
    gate.redis.delete(gate.keys.decision("plan-1"))
    gate.redis.sadd(gate.keys.decision("plan-1"), "foreign")
    assert gate.permits.judge(gate.plan(), None) is None
    assert gate.dead() == []


def test_redis_away_leaves_the_entry_pending_and_a_later_try_judges_it(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    nowhere = connect(f"redis://127.0.0.1:{free_port()}/0")
    away = RedisVerdictStore(nowhere, gate.keys, source=SOURCE)
    with pytest.raises(StoreUnavailableError):
        PermitService(away, RedisDeadLetters(nowhere, gate.keys), gate.policy).judge(plan, entry)
    assert gate.pending(gate.keys.plans) == 1
    assert isinstance(gate.permits.judge(plan, entry), Allow)
    assert gate.pending(gate.keys.plans) == 0


def test_a_plan_can_be_denied_without_looking_at_facts(gate: Gate) -> None:
    plan, entry = gate.publish()
    verdict = gate.permits.deny(plan, entry, Reason.INTERNAL_ERROR, {"deliveries": 5})
    assert isinstance(verdict, Deny)
    assert gate.reason() == "internal_error"
    assert gate.permits.deny(plan, entry, Reason.CONTENTION, {}) is None
    assert gate.reason() == "internal_error"


def test_the_logs_say_allow_and_deny_with_quantity_and_reason(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    gate.make_ready()
    gate.judge("p-1")
    gate.judge("p-2", symbol=OTHER)
    printed = capsys.readouterr().out
    assert "ALLOW" in printed
    assert "safe_close_qty=0.03" in printed
    assert "DENY" in printed
    assert "reason=no_exchange_snapshot" in printed
