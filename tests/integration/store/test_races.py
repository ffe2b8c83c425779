"""A hundred at once (failure 22, 23): counted, who passed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from p33_tasks.apply import PermitRefused
from p33_tasks.domain.models import Allow, Deny
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import ResultStatus
from tests.support.gate import OTHER, SYMBOL, Gate, race

COUNT = 100


def test_of_a_hundred_plans_on_one_symbol_exactly_one_is_allowed(gate: Gate) -> None:
    gate.make_ready()
    gates = [Gate(gate.server) for _ in range(COUNT)]
    cases = [gate.publish(f"p-{number}") for number in range(COUNT)]
    verdicts = race(COUNT, lambda n: gates[n].permits.judge(*cases[n]))
    assert Counter(type(verdict) for verdict in verdicts) == {Allow: 1, Deny: COUNT - 1}
    assert {v.reason for v in verdicts if isinstance(v, Deny)} <= {Reason.PERMIT_IN_FLIGHT, Reason.CONTENTION}
    (winner,) = (n for n in range(COUNT) if isinstance(verdicts[n], Allow))
    assert gate.reserved_by() == f"p-{winner}"
    assert gate.pending(gate.keys.plans) == 0
    assert gate.count(f"p33_permit_total|{SYMBOL}|allow") == 1
    assert gate.count(f"p33_permit_total|{SYMBOL}|deny") == COUNT - 1
    assert len(gate.audit()) == COUNT


def test_one_plan_judged_a_hundred_times_at_once_has_one_verdict(gate: Gate) -> None:
    gate.make_ready()
    gates = [Gate(gate.server) for _ in range(COUNT)]
    plan, entry = gate.publish()
    verdicts = race(COUNT, lambda n: gates[n].permits.judge(plan, entry))
    assert Counter(type(verdict) for verdict in verdicts) == {Allow: 1, type(None): COUNT - 1}
    assert len(gate.audit()) == 1
    assert gate.count(f"p33_permit_total|{SYMBOL}|allow") == 1
    assert gate.count("p33_evaluation_duration_seconds|sum") >= 0
    assert gate.pending(gate.keys.plans) == 0


def test_one_result_recorded_a_hundred_times_at_once_is_applied_once(gate: Gate) -> None:
    gate.put_ledger("1")
    gates = [Gate(gate.server) for _ in range(COUNT)]
    entry = gate.publish_result()
    statuses = race(COUNT, lambda n: gates[n].report("p", ("7", "SELL", "0.25"), entry=entry))
    assert Counter(statuses) == {ResultStatus.RECORDED: 1, ResultStatus.ALREADY: COUNT - 1}
    assert gate.ledger_amt() == "0.75"


def test_the_same_order_in_many_entries_at_once_is_applied_once(gate: Gate) -> None:
    gate.put_ledger("1")
    gates = [Gate(gate.server) for _ in range(20)]
    entries = [gate.publish_result() for _ in range(20)]
    race(20, lambda n: gates[n].report("p", ("7", "SELL", "0.25"), entry=entries[n]))
    assert gate.ledger_amt() == "0.75"
    assert gate.count(f"p33_ledger_update_total|{SYMBOL}") == 1


def test_many_fills_of_one_symbol_at_once_add_up(gate: Gate) -> None:
    """Each is computed from a base that others move: compare and set, and again."""
    gate.put_ledger("0")
    gates = [Gate(gate.server) for _ in range(16)]
    entries = [gate.publish_result() for _ in range(16)]

    def act(number: int) -> ResultStatus:
        side = "SELL" if number % 2 else "BUY"
        return gates[number].report("p", (str(number), side, f"0.{number + 1:03}"), entry=entries[number])

    assert set(race(16, act)) == {ResultStatus.RECORDED}
    expected = sum((Decimal(n + 1) / 1000 * (-1 if n % 2 else 1) for n in range(16)), Decimal(0))
    assert Decimal(gate.ledger_amt() or "") == expected


def test_consuming_races_with_giving_up_and_either_wins_whole(gate: Gate) -> None:
    """B: the executor's two halves. A symbol is either free without a permit, or held by the one consumption."""
    for number in range(15):
        plan_id = f"p-{number}"
        gate.redis.delete(gate.keys.reservation(SYMBOL))
        gate.make_ready()
        gate.allow(plan_id)
        gate.grant(plan_id)
        client, entry = gate.client(), gate.publish_result()

        def act(side: int, plan_id: str = plan_id, client=client, entry=entry) -> object:
            if side:
                return client.consume(plan_id, SYMBOL)
            return gate.report(plan_id, executed=False, entry=entry)

        _, consumption = race(2, act)
        if isinstance(consumption, PermitRefused):
            assert gate.reserved_by() is None
            assert gate.redis.exists(gate.keys.governor_permit(plan_id))
        else:
            assert gate.reserved_by() == plan_id
        assert gate.permit(plan_id) is None


def test_two_symbols_do_not_stand_in_each_others_way(gate: Gate) -> None:
    gate.make_ready()
    gate.make_ready("-1", symbol=OTHER)
    gates = [Gate(gate.server) for _ in range(20)]
    cases = [gate.publish(f"p-{n}", symbol=(SYMBOL, OTHER)[n % 2]) for n in range(20)]
    race(20, lambda n: gates[n].permits.judge(*cases[n]))
    assert gate.count(f"p33_permit_total|{SYMBOL}|allow") == 1
    assert gate.count(f"p33_permit_total|{OTHER}|allow") == 1
