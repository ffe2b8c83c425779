"""Recording results: ledger, fills memory, cooldown, counters (CONTRACT section 4; failures 12, 15, 16; K, P)."""

from __future__ import annotations

import itertools

import pytest

from p33_tasks.ports import ExecutionResult, ResultStatus
from tests.support.gate import OTHER, SYMBOL, Gate, make_result

LEDGER_TTL_SEC = 86_400


WEEK_SEC = 7 * 86_400


DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("before", "side", "quantity", "after", "side_after"),
    [
        ("0.04", "SELL", "0.028", "0.012", "LONG"),
        ("-0.012", "BUY", "0.005", "-0.007", "SHORT"),
        ("-0.012", "SELL", "0.001", "-0.013", "SHORT"),
        ("0.03", "SELL", "0.03", "0", "FLAT"),
        ("0.01", "SELL", "0.03", "-0.02", "SHORT"),
        ("12345678901234567890.123456789", "BUY", "0.000000001", "12345678901234567890.12345679", "LONG"),
    ],
)
def test_buy_adds_and_sell_subtracts_signed_and_exact(
    gate: Gate, before: str, side: str, quantity: str, after: str, side_after: str
) -> None:
    gate.put_ledger(before)
    assert gate.report("p", ("7", side, quantity)) is ResultStatus.RECORDED
    ledger = gate.ledger()
    assert (ledger["last_known_amt"], ledger["last_known_side"]) == (after, side_after)


def test_the_ledger_has_the_fields_and_lifetime_of_the_contract(gate: Gate) -> None:
    gate.put_ledger()
    before_ms = gate.now_ms()
    gate.report("p", ("8205830455", "SELL", "0.028"))
    ledger = gate.ledger()
    assert set(ledger) == {
        *("last_known_amt", "last_known_side", "last_order_id"),
        *("last_order_time_epoch", "last_order_time_ms", "last_update_ts"),
    }
    assert ledger["last_order_id"] == "8205830455"
    assert before_ms <= int(ledger["last_order_time_ms"]) <= gate.now_ms()
    assert int(ledger["last_order_time_epoch"]) == int(ledger["last_order_time_ms"]) // 1000
    assert ledger["last_update_ts"] == ledger["last_order_time_epoch"]
    assert LEDGER_TTL_SEC - 5 < gate.redis.ttl(gate.keys.ledger(SYMBOL)) <= LEDGER_TTL_SEC
    assert WEEK_SEC - 5 < gate.redis.ttl(gate.keys.fills(SYMBOL)) <= WEEK_SEC
    assert gate.redis.hgetall(gate.keys.fills(SYMBOL)) == {"8205830455": "0.028"}
    assert gate.count(f"p33_ledger_update_total|{SYMBOL}") == 1


def test_an_order_id_is_applied_once_however_often_it_is_reported(gate: Gate) -> None:
    """Failure 12."""
    gate.put_ledger()
    for _ in range(4):
        gate.report("p", ("7", "SELL", "0.010"))
    assert gate.ledger_amt() == "0.03"
    assert gate.count(f"p33_ledger_update_total|{SYMBOL}") == 1


def test_quantities_of_an_order_are_cumulative(gate: Gate) -> None:
    """K: 0.010 partially filled, then 0.028 filled; a late report of the first changes nothing."""
    gate.put_ledger()
    gate.report("p", ("7", "SELL", "0.010"))
    gate.report("p", ("7", "SELL", "0.028"))
    gate.report("p", ("7", "SELL", "0.010"))
    assert gate.ledger_amt() == "0.012"
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.028"


def test_one_order_id_on_two_symbols_is_two_orders(gate: Gate) -> None:
    """K."""
    gate.put_ledger("1")
    gate.put_ledger("1", symbol=OTHER)
    gate.report("p", ("7", "SELL", "0.25"))
    gate.report("q", ("7", "SELL", "0.5"), symbol=OTHER)
    assert (gate.ledger_amt(), gate.ledger_amt(OTHER)) == ("0.75", "0.5")


def test_several_orders_in_one_result_are_all_applied(gate: Gate) -> None:
    gate.put_ledger("1")
    gate.report("p", ("1", "SELL", "0.1"), ("2", "SELL", "0.2"), ("3", "BUY", "0.05"))
    assert gate.ledger_amt() == "0.75"
    assert gate.ledger()["last_order_id"] == "3"


def test_an_order_named_twice_in_one_result_counts_once(gate: Gate) -> None:
    gate.put_ledger("1")
    gate.report("p", ("1", "SELL", "0.1"), ("2", "SELL", "0.2"), ("1", "SELL", "0.3"))
    assert gate.ledger_amt() == "0.5"


@pytest.mark.parametrize("order", list(itertools.permutations([("1", "BUY", "0.05"), ("2", "SELL", "0.06")])))
def test_the_sum_does_not_depend_on_the_order_of_arrival(gate: Gate, order: list[tuple[str, str, str]]) -> None:
    """Q: nothing is clamped at zero on the way."""
    gate.put_ledger("0.02")
    for fill in order:
        gate.report("p", fill)
    assert gate.ledger_amt() == "0.01"


def test_a_sum_that_crosses_zero_is_counted(gate: Gate) -> None:
    gate.put_ledger("0.02")
    gate.report("p", ("1", "SELL", "0.02"))
    assert gate.count(f"p33_ledger_crossed_zero_total|{SYMBOL}") == 0
    gate.put_ledger("0.02")
    gate.report("p", ("2", "SELL", "0.06"))
    assert gate.count(f"p33_ledger_crossed_zero_total|{SYMBOL}") == 1
    assert gate.ledger_amt() == "-0.04"


@pytest.mark.parametrize(
    "result",
    [
        make_result("p", ("7", "SELL", "0")),
        make_result("p", ("7", None, "0.028")),
        make_result("p", ("7", "SELL", "0.028"), executed=False),
        make_result("p", ("7", "SELL", "0.028"), executed=False, rejected=True),
    ],
    ids=["nothing filled", "no side", "not executed", "rejected"],
)
def test_only_a_confirmed_fill_changes_the_amount_but_any_order_id_starts_the_cooldown(
    gate: Gate, result: ExecutionResult
) -> None:
    """Failure 15; A."""
    gate.make_ready()
    gate.recorder.record(result, gate.publish_result())
    assert gate.ledger_amt() == "0.04"
    assert gate.why_not("next") == "cooldown_in_flight"
    gate.report("p", ("7", "SELL", "0.028"))
    assert gate.ledger_amt() == "0.012", "the quantity that counts comes later, and counts in full"


def test_executed_without_any_order_changes_no_amount_and_starts_the_cooldown_once(gate: Gate) -> None:
    """Something was executed, and nobody knows what: the symbol waits, and somebody is told."""
    gate.make_ready()
    entry = gate.publish_result()
    assert gate.report("p", entry=entry) is ResultStatus.RECORDED
    assert gate.ledger_amt() == "0.04"
    assert gate.why_not("next") == "cooldown_in_flight"
    assert gate.count(f"p33_unreadable_result_total|{SYMBOL}") == 1
    before = gate.dump()
    assert gate.report("p", entry=entry) is ResultStatus.ALREADY
    assert gate.dump() == before


@pytest.mark.parametrize("executed", [True, False])
def test_what_could_not_be_read_is_a_dead_letter_and_takes_no_good_order_with_it(gate: Gate, *, executed: bool) -> None:
    gate.make_ready()
    result = make_result("p", ("7", "SELL", "0.01"), executed=executed, problems=("row 2",), as_read={"a": "b"})
    assert gate.recorder.record(result, gate.publish_result()) is ResultStatus.RECORDED
    assert gate.ledger_amt() == ("0.03" if executed else "0.04")
    (letter,) = gate.dead()
    assert (letter["error"], letter["entry"]) == ("row 2", '{"a":"b"}')
    assert letter["source_stream"] == gate.keys.results
    assert gate.count("p33_deadletter_total|result") == 1
    assert gate.count(f"p33_unreadable_result_total|{SYMBOL}") == 1
    assert gate.why_not("next") == "cooldown_in_flight"


def test_a_report_that_tells_nothing_new_does_not_start_the_cooldown_again(gate: Gate) -> None:
    gate.put_ledger()
    gate.report("p", ("7", "SELL", "0.010"))
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", "1000")
    gate.report("p", ("7", "SELL", "0.010"))
    assert gate.ledger()["last_order_time_ms"] == "1000"
    gate.report("p", ("7", "SELL", "0.011"))
    assert int(gate.ledger()["last_order_time_ms"]) > 1000


def test_the_cooldown_ends_and_then_a_snapshot_must_be_later_than_the_order(gate: Gate) -> None:
    gate.make_ready()
    gate.report("p", ("7", "SELL", "0"))
    gate.end_cooldown()
    gate.put_position(age_ms=0)
    ordered_ms = gate.now_ms() - gate.policy.cooldown_ms - 1
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "ts_ms", str(ordered_ms - 1))
    assert gate.why_not("p-1") == "stale_exchange_state"
    gate.put_position()
    assert gate.why_not("p-2") == "allow"


def test_a_fill_on_a_symbol_without_a_ledger_is_remembered_and_its_amount_stays_unknown(gate: Gate) -> None:
    gate.report("p", ("7", "SELL", "0.010"))
    assert gate.ledger_amt() is None
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.01"
    gate.put_position()
    gate.end_cooldown()
    gate.put_position()
    gate.put_market()
    assert gate.why_not("next") == "reconcile_required_missing_ledger"


def test_a_result_older_than_the_adopted_snapshot_is_remembered_and_not_applied(gate: Gate) -> None:
    """P."""
    late = gate.publish_result()
    gate.until_after(gate.now_ms())
    gate.put_position("0.012")
    assert gate.operator.adopt_ledger(SYMBOL, source="binanceusdm test.example", policy=gate.policy, by="me").adopted
    gate.report("p", ("7", "SELL", "0.028"), entry=late)
    assert gate.ledger_amt() == "0.012"
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.028"
    gate.report("p", ("7", "SELL", "0.030"))
    assert gate.ledger_amt() == "0.01", "what came after the snapshot counts"


def test_a_result_of_the_snapshots_own_millisecond_is_contained_in_it(gate: Gate) -> None:
    """The fill came before its report, and the snapshot's time before its request."""
    gate.put_ledger("0.012")
    entry = gate.publish_result()
    gate.redis.set(gate.keys.ledger_origin(SYMBOL), entry.entry_id.partition("-")[0])
    gate.report("p", ("7", "SELL", "0.028"), entry=entry)
    assert gate.ledger_amt() == "0.012"


def test_a_ledger_that_began_without_a_snapshot_takes_every_fill(gate: Gate) -> None:
    gate.put_ledger()
    gate.put_position()
    assert gate.redis.get(gate.keys.ledger_origin(SYMBOL)) == "0"
    gate.report("p", ("7", "SELL", "0.010"))
    assert gate.ledger_amt() == "0.03"


def test_orders_are_forgotten_after_seven_days(gate: Gate) -> None:
    gate.put_ledger("1")
    gate.report("p", ("old", "SELL", "0.1"))
    gate.report("p", ("young", "SELL", "0.1"))
    gate.redis.zadd(gate.keys.fill_times(SYMBOL), {"old": gate.now_ms() - WEEK_SEC * 1000 - 1})
    gate.report("p", ("new", "SELL", "0.1"))
    assert set(gate.redis.hkeys(gate.keys.fills(SYMBOL))) == {"young", "new"}
    assert set(gate.redis.zrange(gate.keys.fill_times(SYMBOL), 0, -1)) == {"young", "new"}


def test_a_fill_of_yesterday_is_still_remembered(gate: Gate) -> None:
    gate.put_ledger("1")
    gate.report("p", ("7", "SELL", "0.1"))
    gate.redis.zadd(gate.keys.fill_times(SYMBOL), {"7": gate.now_ms() - 6 * DAY_MS})
    gate.report("p", ("8", "SELL", "0.1"))
    gate.report("p", ("7", "SELL", "0.1"))
    assert gate.ledger_amt() == "0.8"
