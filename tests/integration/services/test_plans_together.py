"""Several plans in one task: two round trips for all, and each with a verdict of its own (CONTRACT section 7)."""

from __future__ import annotations

import pytest
import redis

from p33_tasks.domain.models import Allow, Deny, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import EntryMismatchError, ForeignKeyTypeError, StoreUnavailableError
from p33_tasks.ports import PlanName, StreamEntry
from tests.integration.services.test_entry_verdicts import add
from tests.support.gate import OTHER, SYMBOL, Gate


def judge(gate: Gate, *named: tuple[str, str, StreamEntry]) -> list[Verdict | Exception | None]:
    return gate.permits.judge_entries(
        [(PlanName(plan_id=plan_id, symbol=symbol), entry) for plan_id, symbol, entry in named]
    )


def ready(gate: Gate) -> None:
    gate.make_ready()
    gate.make_ready(symbol=OTHER)


def test_each_has_its_own_verdict_and_is_acknowledged(gate: Gate) -> None:
    ready(gate)
    plans = [("a", SYMBOL, add(gate, "a")), ("b", OTHER, add(gate, "b", symbol=OTHER))]
    plans.append(("c", "XUSDT", add(gate, "c", symbol="XUSDT")))
    first, second, third = judge(gate, *plans)
    assert isinstance(first, Allow)
    assert isinstance(second, Allow)
    assert isinstance(third, Deny)
    assert gate.pending(gate.keys.plans) == 0
    assert judge(gate, *plans) == [None, None, None], "the first verdicts stand"


def test_of_two_plans_of_one_position_the_first_entry_wins(gate: Gate) -> None:
    """Both are evaluated on the same facts; the second's moved with the first's verdict, and it is judged again."""
    ready(gate)
    first, second = judge(gate, *[(plan_id, SYMBOL, add(gate, plan_id)) for plan_id in ("first", "second")])
    assert isinstance(first, Allow)
    assert isinstance(second, Deny)
    assert second.reason is Reason.PERMIT_IN_FLIGHT
    assert gate.pending(gate.keys.plans) == 0


def test_two_round_trips_for_all_of_them(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(gate)
    plans = [(f"p{number}", f"X{number}USDT", add(gate, f"p{number}", symbol=f"X{number}USDT")) for number in range(32)]
    judge(gate, *plans[:1])  # the scripts are loaded
    trips: list[int] = []
    execute = redis.client.Pipeline.execute

    def counted(pipeline, **about):
        trips.append(len(pipeline.command_stack))
        return execute(pipeline, **about)

    def single(*command, **_):
        raise AssertionError(f"a round trip of its own: {command[:2]}")

    monkeypatch.setattr(redis.client.Pipeline, "execute", counted)
    monkeypatch.setattr(gate.verdicts._client, "execute_command", single)
    assert all(isinstance(verdict, Deny) for verdict in judge(gate, *plans[1:]))
    assert trips == [31, 31]


def test_what_is_wrong_with_one_plan_harms_no_other(gate: Gate) -> None:
    ready(gate)
    gate.redis.lpush(gate.keys.decision("no-verdict"), "x")
    plans = [
        ("no-verdict", SYMBOL, add(gate, "no-verdict")),
        ("renamed", SYMBOL, add(gate, "other-name")),
        ("good", SYMBOL, add(gate, "good")),
    ]
    foreign, mismatch, good = judge(gate, *plans)
    assert isinstance(foreign, ForeignKeyTypeError)
    assert isinstance(mismatch, EntryMismatchError)
    assert isinstance(good, Allow)
    assert gate.pending(gate.keys.plans) == 2


def test_a_bug_that_one_plan_meets_harms_no_other(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(gate)
    real = gate.verdicts._commit_call

    def tripping(ruling):
        if ruling.plan.plan_id == "bad":
            raise RuntimeError("a bug")
        return real(ruling)

    monkeypatch.setattr(gate.verdicts, "_commit_call", tripping)
    plans = [("bad", SYMBOL, add(gate, "bad")), ("good", OTHER, add(gate, "good", symbol=OTHER))]
    bad, good = judge(gate, *plans)
    assert isinstance(bad, RuntimeError)
    assert isinstance(good, Allow)
    assert gate.pending(gate.keys.plans) == 1, "the bad one comes again, alone"


def test_what_got_no_verdict_before_redis_was_away_stays_pending(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(gate)
    plans = [("a", SYMBOL, add(gate, "a")), ("b", OTHER, add(gate, "b", symbol=OTHER))]

    def away(_):
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(gate.verdicts, "commit_each", away)
        with pytest.raises(StoreUnavailableError):
            judge(gate, *plans)
    assert gate.pending(gate.keys.plans) == 2
    assert all(isinstance(verdict, Allow) for verdict in judge(gate, *plans))
