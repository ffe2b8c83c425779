"""Results that come twice, in between or around the gate, and results that are given up (failures 12, 16; Q, T)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.contract.keys import GROUP
from p33_tasks.errors import CorruptStateError
from p33_tasks.ports import ResultStatus
from p33_tasks.services.record_fill import apply_all
from tests.support.gate import OTHER, SYMBOL, Gate, make_result


def test_an_entry_recorded_again_is_already_recorded(gate: Gate) -> None:
    gate.put_ledger()
    entry = gate.publish_result()
    assert gate.report("p", ("7", "SELL", "0.010"), entry=entry) is ResultStatus.RECORDED
    before = gate.dump()
    assert gate.report("p", ("7", "SELL", "0.010"), entry=entry) is ResultStatus.ALREADY
    assert gate.dump() == before


def test_a_result_whose_pending_record_vanished_is_applied_and_only_once(gate: Gate) -> None:
    """A producer that trims with its references takes the record away while the task is under way."""
    gate.put_ledger()
    entry = gate.publish_result()
    gate.redis.xack(entry.stream, GROUP, entry.entry_id)
    gate.redis.xdel(entry.stream, entry.entry_id)
    assert gate.report("p", ("7", "SELL", "0.010"), entry=entry) is ResultStatus.RECORDED
    before = gate.dump()
    assert gate.report("p", ("7", "SELL", "0.010"), entry=entry) is ResultStatus.ALREADY
    assert gate.dump() == before
    assert gate.ledger_amt() == "0.03"


@pytest.mark.parametrize("moved", ["amount", "origin", "fill", "decision", "executed", "order"])
def test_a_base_that_moved_between_reading_and_writing_writes_nothing(gate: Gate, moved: str) -> None:
    gate.put_ledger()
    entry, result = gate.publish_result(), make_result("p", ("7", "SELL", "0.010"))
    base = gate.results.load_ledger(SYMBOL, ["7"], "p")
    if moved == "amount":
        gate.put_ledger("0.05")
    elif moved == "origin":
        gate.redis.set(gate.keys.ledger_origin(SYMBOL), "5")
    elif moved == "decision":
        gate.redis.set(gate.keys.decision("p"), "{}")
    elif moved == "executed":
        gate.redis.set(gate.keys.executed("p"), "{}")
    elif moved == "order":
        gate.redis.hset(gate.keys.orders(SYMBOL), "7", "{}")
    else:
        gate.redis.hset(gate.keys.fills(SYMBOL), "7", "0.001")
    before = gate.dump()
    recording = apply_all(result, base, entry)
    assert gate.results.record(result=result, base=base, recording=recording, entry=entry) is ResultStatus.MOVED
    assert gate.dump() == before


def test_a_ledger_that_cannot_be_read_leaves_the_result_pending_until_it_is_adopted_anew(gate: Gate) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_known_amt", "lots")
    entry = gate.publish_result()
    with pytest.raises(CorruptStateError, match="lots"):
        gate.report("p", ("7", "SELL", "0.010"), entry=entry)
    assert gate.pending(gate.keys.results) == 1
    gate.until_after(gate.now_ms())
    gate.put_position("0.03")
    adopted = gate.operator.adopt_ledger(
        SYMBOL, source="binanceusdm test.example", policy=gate.policy, by="me", replace=True
    )
    assert (adopted.before, adopted.after) == ("lots", "0.03")
    assert gate.report("p", ("7", "SELL", "0.010"), entry=entry) is ResultStatus.RECORDED
    assert gate.ledger_amt() == "0.03"


@pytest.mark.parametrize("what", ["ledger", "fills", "fill_times", "ledger_origin", "orders"])
def test_a_result_without_an_order_waits_for_no_ledger(gate: Gate, what: str) -> None:
    """Executors of denied plans say so each time: 260 such, waiting for ever, stopped every other symbol's results."""
    gate.make_ready()
    gate.allow()
    key = getattr(gate.keys, what)(SYMBOL)
    gate.redis.delete(key)
    gate.redis.rpush(key, "foreign")
    assert gate.report("plan-1", executed=False) is ResultStatus.RECORDED
    assert gate.report("plan-2", executed=False) is ResultStatus.RECORDED
    assert gate.pending(gate.keys.results) == 0
    assert gate.redis.lrange(key, 0, -1) == ["foreign"]
    assert gate.reserved_by() is None
    assert gate.reason("plan-2") == "plan_abandoned"


def test_a_result_without_an_order_waits_for_no_amount_that_can_be_read(gate: Gate) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_known_amt", "lots")
    assert gate.report("p", executed=False) is ResultStatus.RECORDED
    assert gate.ledger() == {"last_known_amt": "lots"}


def test_an_execution_without_an_allow_is_applied_and_counted_once(gate: Gate) -> None:
    gate.put_ledger()
    for _ in range(3):
        gate.report("never-judged", ("7", "SELL", "0.010"))
    assert gate.why_not("denied") == "no_exchange_snapshot"
    gate.report("denied", ("8", "SELL", "0.010"))
    assert gate.ledger_amt() == "0.02"
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 2


def test_an_execution_of_an_allowed_plan_is_none_around_the_gate(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    gate.consume()
    gate.report("plan-1", ("7", "SELL", "0.030"))
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 0


def test_an_allow_of_one_symbol_permits_nothing_on_another(gate: Gate) -> None:
    gate.make_ready()
    gate.put_ledger("1", symbol=OTHER)
    gate.allow()
    gate.report("plan-1", ("7", "SELL", "0.030"), symbol=OTHER)
    assert gate.count(f"p33_unpermitted_execution_total|{OTHER}") == 1
    assert gate.reserved_by() == "plan-1"


def test_results_of_strangers_symbols_share_one_label(gate: Gate) -> None:
    for symbol in ("NOSUCH1", "NOSUCH2"):
        gate.report(f"p-{symbol}", ("7", "SELL", "0.030"), symbol=symbol)
    assert gate.count("p33_unpermitted_execution_total|_other") == 2
    assert gate.count("p33_ledger_update_total|_other") == 2
    assert not [name for name in gate.redis.hkeys(gate.keys.counters) if "NOSUCH" in name]


def test_a_deny_that_quotes_an_allow_is_none(gate: Gate) -> None:
    """The action stands in the deny's details; no text in there may look like a permit."""
    gate.make_ready()
    assert gate.why_not('","allow":true,"x":"', action='","allow":true,"x":"', close_factor=None) == "unknown_action"
    gate.report('","allow":true,"x":"', ("7", "SELL", "0.030"))
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 1


def test_an_executor_that_gave_up_before_the_verdict_gets_a_deny_written(gate: Gate) -> None:
    """T: an allow after that would hold the symbol for nobody."""
    gate.make_ready()
    plan, entry = gate.publish()
    gate.report(executed=False)
    assert gate.reason() == "plan_abandoned"
    permit = gate.permit()
    assert permit == gate.decision()
    assert permit is not None
    assert permit["ts_epoch"] == permit["ts_ms"] // 1000
    assert {key: permit[key] for key in ("plan_id", "symbol", "allow", "details")} == {
        "plan_id": "plan-1",
        "symbol": SYMBOL,
        "allow": False,
        "details": {},
    }
    assert 0 < gate.redis.pttl(gate.keys.permit("plan-1")) <= gate.policy.permit_ttl_ms
    assert 86_390_000 < gate.redis.pttl(gate.keys.decision("plan-1")) <= 86_400_000
    assert gate.permits.judge(plan, entry) is None
    assert gate.reserved_by() is None
    assert gate.pending(gate.keys.plans) == 0
    assert [entry["reason"] for entry in gate.audit()] == ["plan_abandoned"]
    assert gate.count(f"p33_denial_total|{SYMBOL}|plan_abandoned") == 1
    assert gate.count(f"p33_permit_total|{SYMBOL}|deny") == 1


def test_a_result_is_applied_under_memory_pressure_or_not_at_all(gate: Gate) -> None:
    """The acknowledgement is the first write, and Redis lets a script that has written go on."""
    gate.put_ledger()
    entry = gate.publish_result()
    gate.redis.config_set("maxmemory", 1)
    gate.report("p", ("7", "SELL", "0.010"), entry=entry)
    gate.redis.config_set("maxmemory", 0)
    assert gate.ledger_amt() == "0.03"
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.01"
    assert gate.pending(gate.keys.results) == 0


def test_amounts_in_foreign_notation_are_compared_as_stored_and_written_canonically(gate: Gate) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_known_amt", "+4.0e-2")
    gate.report("p", ("7", "SELL", "0.010"))
    assert Decimal(gate.ledger_amt() or "") == Decimal("0.03")
    assert gate.ledger_amt() == "0.03"
