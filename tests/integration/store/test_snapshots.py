"""Snapshots never go backwards; ledgers begin and stay alive (CONTRACT section 3; failures 4, 7, 17; O, S, H)."""

from __future__ import annotations

import pytest

from p33_tasks.contract.timing import PLACE_WINDOW_MS
from p33_tasks.domain.models import Position, Snapshot
from p33_tasks.store.snapshots import RefreshTimes
from tests.support.gate import LONG, OTHER, SOURCE, SYMBOL, Gate, make_result
from tests.support.redis_server import RedisServer

HOUR_SEC, DAY_SEC = 3_600, 86_400


def test_a_snapshot_has_the_fields_and_lifetime_of_the_contract(gate: Gate) -> None:
    ts_ms = gate.now_ms() - 250
    position = Position(
        symbol=SYMBOL,
        position_amt=-LONG,
        entry_price=LONG,
        mark_price=LONG + 1,
        leverage=LONG + 2,
        unrealized_pnl=-LONG,
    )
    snapshot = Snapshot(position=position, ts_ms=ts_ms, source=SOURCE, run_id=gate.run_id, life=gate.life)
    assert gate.snapshots.put_snapshots([snapshot]) == {SYMBOL: "ok"}
    fields = gate.redis.hgetall(gate.keys.snapshot(SYMBOL))
    assert fields.pop("ts_iso").endswith(f".{ts_ms % 1000:03}Z")
    assert fields.pop("position_mode") == "one_way"
    assert fields == {
        "position_amt": "-0.04",
        "side": "SHORT",
        "entry_price": "0.04",
        "mark_price": "1.04",
        "leverage": "2.04",
        "unrealized_pnl": "-0.04",
        "ts_epoch": str(ts_ms // 1000),
        "ts_ms": str(ts_ms),
        "source": SOURCE,
        "run_id": gate.run_id,
        "life": gate.life,
    }
    assert HOUR_SEC - 5 < gate.redis.ttl(gate.keys.snapshot(SYMBOL)) <= HOUR_SEC
    assert gate.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1


def test_an_older_snapshot_does_not_overwrite_a_newer_one(gate: Gate) -> None:
    gate.put_position("0.040", age_ms=100)
    before = gate.redis.hgetall(gate.keys.snapshot(SYMBOL))
    assert gate.put_position("0.030", age_ms=10_000) == "older"
    assert gate.redis.hgetall(gate.keys.snapshot(SYMBOL)) == before


@pytest.mark.parametrize("field", ["ts_ms", "ts_epoch"])
def test_a_snapshot_dated_in_the_future_is_replaceable(gate: Gate, field: str) -> None:
    """S: failover to a Redis whose clock is an hour behind."""
    future_ms = gate.now_ms() + 3_600_000
    value = future_ms if field == "ts_ms" else future_ms // 1000
    gate.redis.hset(gate.keys.snapshot(SYMBOL), mapping={"position_amt": "9", field: value})
    assert gate.put_position() == "ok"
    assert gate.redis.hget(gate.keys.snapshot(SYMBOL), "position_amt") == "0.04"


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "0x7fffffffffff", " 5 ", "-1", "99999999999999999999"])
def test_a_stored_time_that_is_none_is_replaceable(gate: Gate, text: str) -> None:
    gate.redis.hset(gate.keys.snapshot(SYMBOL), mapping={"position_amt": "9", "ts_ms": text})
    assert gate.put_position() == "ok"


def test_a_snapshot_of_another_run_is_not_written(gate: Gate) -> None:
    """Redis restarted between the claim and the answer."""
    before = gate.dump()
    assert gate.put_position(run_id="b" * 40) == "other_run"
    assert gate.dump() == before


def test_a_snapshot_written_again_after_a_lost_answer_counts_once(gate: Gate) -> None:
    ts_ms = gate.now_ms()
    for _ in range(2):
        gate.put_position(ts_ms=ts_ms)
    assert gate.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1


def test_hundreds_of_symbols_are_written_in_one_call_each_with_its_own_status(gate: Gate) -> None:
    symbols = [f"S{number}USDT" for number in range(250)]
    gate.redis.rpush(gate.keys.snapshot(symbols[120]), "foreign")
    snapshots = [
        Snapshot(
            position=Position(symbol=symbol, position_amt=LONG),
            ts_ms=gate.now_ms(),
            source=SOURCE,
            run_id=gate.run_id,
            life=gate.life,
        )
        for symbol in symbols
    ]
    now_ms = snapshots[0].ts_ms
    same_request = [
        Snapshot(position=s.position, ts_ms=now_ms, source=SOURCE, run_id=s.run_id, life=s.life) for s in snapshots
    ]
    statuses = gate.snapshots.put_snapshots(same_request)
    assert list(statuses) == symbols
    assert {symbol for symbol, status in statuses.items() if status != "ok"} == {symbols[120]}
    assert statuses[symbols[120]] == "wrong_type"


def test_snapshots_of_two_requests_are_not_mixed(gate: Gate) -> None:
    position = Position(symbol=SYMBOL, position_amt=LONG)
    first = Snapshot(position=position, ts_ms=1, source=SOURCE, run_id="a")
    second = Snapshot(position=position, ts_ms=2, source=SOURCE, run_id="a")
    with pytest.raises(ValueError, match="different requests"):
        gate.snapshots.put_snapshots([first, second])


@pytest.mark.parametrize("exchange", ["0.040", "0.090", "0"], ids=["agreeing", "drifted", "flat"])
def test_any_successful_snapshot_renews_the_ledger(gate: Gate, exchange: str) -> None:
    """O, failure 17: neither a long-held position nor one in drift loses its ledger."""
    gate.put_ledger()
    gate.put_position()  # the mode is known from here on: a first snapshot renews everything
    gate.redis.expire(gate.keys.ledger(SYMBOL), 5)
    gate.put_position(exchange)
    assert gate.redis.ttl(gate.keys.ledger(SYMBOL)) > DAY_SEC - 5
    assert gate.ledger_amt() == "0.04"


def test_a_snapshot_renews_a_ledger_whose_amount_is_unknown(gate: Gate) -> None:
    gate.report("p", ("7", "SELL", "0.010"))
    gate.put_position()
    gate.redis.expire(gate.keys.ledger(SYMBOL), 5)
    gate.put_position()
    assert gate.redis.ttl(gate.keys.ledger(SYMBOL)) > DAY_SEC - 5
    assert gate.ledger_amt() is None


def test_a_proven_flat_symbol_gets_a_ledger_of_zero(gate: Gate) -> None:
    assert gate.put_position("0") == "ledger_created"
    ledger = gate.ledger()
    assert (ledger["last_known_amt"], ledger["last_known_side"]) == ("0", "FLAT")
    assert gate.redis.ttl(gate.keys.ledger_origin(SYMBOL)) == -1, "never had is remembered without a TTL"
    assert gate.events() == ["ledger_created"]
    assert gate.put_position("0") == "ok"


def test_a_position_waits_for_an_operator_unless_told_to_adopt(gate: Gate, server: RedisServer) -> None:
    assert gate.put_position() == "ok"
    assert gate.ledger_amt() is None
    adopting = Gate(server, bootstrap="adopt")
    assert adopting.put_position() == "ledger_adopted"
    assert adopting.ledger_amt() == "0.04"
    assert adopting.events() == ["ledger_adopted"]


def test_a_position_that_had_a_ledger_once_never_gets_another_by_itself(server: RedisServer) -> None:
    """O: a day in drift, and the drifted amount would be adopted."""
    gate = Gate(server, bootstrap="adopt")
    gate.put_ledger()
    gate.put_position()
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    assert gate.put_position("0.040") == "ok"
    assert gate.ledger_amt() is None


def test_a_ledger_that_was_lost_while_flat_begins_anew_when_no_order_can_be_under_way(gate: Gate) -> None:
    gate.put_ledger()
    gate.put_position()
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1", px=60_000)
    assert gate.put_position("0") == "ok", "an order may be under way"
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", str(gate.now_ms()))
    assert gate.put_position("0") == "ok", "the snapshot may not show the last order"
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    late = gate.publish_result()
    gate.until_after(gate.now_ms())
    assert gate.put_position("0") == "ledger_created"
    assert (gate.ledger_amt(), gate.events()) == ("0", ["ledger_created"])
    gate.report("p", ("7", "SELL", "0.040"), entry=late)
    assert gate.ledger_amt() == "0", "the snapshot contains what was reported before it"


def test_that_there_was_a_ledger_is_remembered_for_good(gate: Gate) -> None:
    """O: with a TTL, a symbol in drift would be adopted by itself a day later."""
    gate.put_ledger()
    gate.put_position()
    assert gate.redis.ttl(gate.keys.ledger_origin(SYMBOL)) == -1


@pytest.mark.parametrize("amount", ["0.040", "0"])
def test_no_ledger_begins_beside_an_order_time_that_is_none(server: RedisServer, amount: str) -> None:
    """It may stand for an order of a moment ago."""
    gate = Gate(server, bootstrap="adopt")
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", "nan")
    assert gate.put_position(amount) == "ok"
    assert gate.ledger_amt() is None


@pytest.mark.parametrize("amount", ["0.040", "0"])
@pytest.mark.parametrize("kind", ["string", "list"])
def test_no_ledger_begins_while_the_symbol_is_reserved(server: RedisServer, amount: str, kind: str) -> None:
    gate = Gate(server, bootstrap="adopt")
    if kind == "string":
        gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1", ex=60)
    else:
        gate.redis.rpush(gate.keys.reservation(SYMBOL), "plan-1")
    assert gate.put_position(amount) == "ok"
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    assert gate.put_position(amount) != "ok"


@pytest.mark.parametrize("amount", ["0.040", "0"])
def test_no_ledger_begins_within_the_cooldown(server: RedisServer, amount: str) -> None:
    """An unknown amount with an order just recorded: the snapshot may or may not show it."""
    gate = Gate(server, bootstrap="adopt")
    gate.report("p", ("7", "SELL", "0.010"))
    assert gate.put_position(amount) == "ok"
    gate.end_cooldown()
    gate.redis.delete(gate.keys.snapshot(SYMBOL))
    assert gate.put_position(amount, age_ms=10_000) == "ok", "fetched before the cooldown was over"
    assert gate.put_position(amount) != "ok"


def test_adopting_and_a_fill_from_before_it_do_not_add_up(server: RedisServer) -> None:
    """P, by bootstrap."""
    gate = Gate(server, bootstrap="adopt")
    late = gate.publish_result()
    gate.until_after(gate.now_ms())
    assert gate.put_position("0.012") == "ledger_adopted"
    gate.recorder.record(make_result("p", ("7", "SELL", "0.028")), late)
    assert gate.ledger_amt() == "0.012"


def test_soon_after_redis_began_a_position_is_not_adopted(server: RedisServer) -> None:
    """It may have lost everything, and with it a consumed permit whose order isn't at the venue yet."""
    uptime_ms = server.client().info("server")["uptime_in_seconds"] * 1000
    early = Gate(server, bootstrap="adopt", adoption_wait_ms=uptime_ms + 60_000)
    assert early.put_position("0.040") == "ok"
    assert early.ledger_amt() is None
    assert early.put_position("0", symbol=OTHER) == "ledger_created", "flat is flat: nothing can be closed"
    assert RefreshTimes(poll_ms=1, cooldown_ms=1).adoption_wait_ms > PLACE_WINDOW_MS
    assert Gate(server, bootstrap="adopt").put_position("0.040") == "ledger_adopted"
