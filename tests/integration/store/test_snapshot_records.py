"""What a written snapshot brings with it: order times, market rules, the stream of position changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p33_tasks.services.issue_permit import PermitService
from p33_tasks.store.connection import connect
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from p33_tasks.store.verdicts import RedisVerdictStore
from tests.support.gate import LONG, OTHER, SOURCE, SYMBOL, Gate


def _until(monitor: object, word: str) -> list[dict[str, object]]:
    seen: list[dict[str, object]] = []
    for command in monitor.listen():  # type: ignore[attr-defined]  # redis-py leaves it untyped
        seen.append(command)
        if str(command["command"]).upper().startswith(word):
            break
    return seen


def changes(gate: Gate) -> list[dict[str, str]]:
    return [fields for _, fields in gate.redis.xrange(gate.keys.position_changes)]


@pytest.mark.parametrize("stored", ["future", "nan", "0x10", "1e400", "soon"])
def test_an_order_time_that_lies_ahead_or_is_none_counts_as_now_and_so_ends(gate: Gate, stored: str) -> None:
    """S, and foreign data: left as it is, it would deny for hours, or for good."""
    gate.make_ready()
    value = str(gate.now_ms() + 3_600_000) if stored == "future" else stored
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", value)
    assert gate.why_not("p-1") in {"cooldown_in_flight", "reconcile_required_missing_ledger"}
    before_ms = gate.now_ms()
    gate.put_position()
    assert before_ms <= int(gate.ledger()["last_order_time_ms"]) <= gate.now_ms()
    assert gate.why_not("p-2") == "cooldown_in_flight"
    gate.end_cooldown()
    gate.put_position()
    assert gate.why_not("p-3") == "allow"


def test_an_order_time_in_whole_seconds_is_used_when_there_is_no_other(gate: Gate) -> None:
    gate.make_ready()
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_epoch", gate.now_ms() // 1000 - 2)
    assert gate.why_not("p-1") == "cooldown_in_flight"
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_epoch", "0")
    assert gate.why_not("p-2") == "allow"


def test_a_symbol_outside_ascii_is_judged_and_consumed_like_any_other(gate: Gate) -> None:
    symbol = "币安人生USDT"
    gate.make_ready(symbol=symbol)
    policy = replace(gate.policy, allowlist=gate.policy.allowlist | {symbol})
    verdicts = RedisVerdictStore(connect(gate.url), gate.keys, source=SOURCE)
    PermitService(verdicts, gate.dead_letters, policy).judge(*gate.publish("p-1", symbol=symbol))
    assert gate.reason("p-1") == "allow"
    assert gate.count(f"p33_permit_total|{symbol}|allow") == 1
    gate.grant("p-1")
    assert gate.client().consume("p-1", symbol).safe_close_qty == LONG * 3 / 4


def test_market_rules_of_another_venue_are_none(gate: Gate) -> None:
    gate.make_ready()
    gate.put_market(source="another venue")
    assert gate.why_not() == "missing_market_metadata"


def test_the_venues_latest_word_that_a_symbol_is_not_trading_denies_and_says_why(gate: Gate) -> None:
    gate.make_ready()
    gate.put_market(SYMBOL, problem="its status is 'SETTLING', not TRADING")
    assert gate.why_not("p-1") == "missing_market_metadata"
    decision = gate.decision("p-1")
    assert decision is not None
    assert "SETTLING" in decision["details"]["problem"]
    gate.put_market(SYMBOL)
    assert gate.why_not("p-2") == "allow", "and the next word counts again"


def test_market_rules_of_more_than_five_minutes_deny_and_say_their_age(gate: Gate) -> None:
    gate.make_ready()
    gate.put_market(SYMBOL, age_ms=301_000)
    assert gate.why_not("p-1") == "missing_market_metadata"
    decision = gate.decision("p-1")
    assert decision is not None
    assert 301 <= decision["details"]["market_rules_age_sec"] < 305
    assert decision["details"]["max_age_sec"] == 300
    gate.put_market(SYMBOL, age_ms=295_000)
    assert gate.why_not("p-2") == "allow"


def test_market_rules_without_a_time_deny(gate: Gate) -> None:
    """As a worker of the version before writes them."""
    gate.make_ready()
    gate.redis.hdel(gate.keys.market(SYMBOL), "ts_ms")
    assert gate.why_not() == "missing_market_metadata"


def test_market_rules_are_replaced_at_once_never_missing_in_between(gate: Gate) -> None:
    gate.put_market(SYMBOL, OTHER)
    with gate.server.client() as watcher, watcher.monitor() as monitor:
        gate.put_market(SYMBOL, OTHER)
        seen = [str(command["command"]).split()[0].upper() for command in _until(monitor, "EXEC")]
    words = [word for word in seen if word != "TIME"]
    assert words[0] == "MULTI"
    assert words[-1] == "EXEC"


def test_a_reservation_without_an_expiry_gets_one_with_the_next_snapshot(gate: Gate) -> None:
    """A SET without PX, or a restored dump: it would hold the symbol until somebody finds it."""
    longest_ms = 75_000
    gate.snapshots = RedisSnapshotStore(
        gate.redis,
        gate.keys,
        allowlist=(SYMBOL,),
        times=RefreshTimes(poll_ms=5_000, cooldown_ms=15_000, longest_reservation_ms=longest_ms),
        bootstrap="deny",
    )
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1")
    gate.put_position("0.040")
    assert 0 < gate.redis.pttl(gate.keys.reservation(SYMBOL)) <= longest_ms
    assert gate.reserved_by() == "plan-1"
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1", px=longest_ms - 5_000)
    gate.put_position("0.040")
    assert gate.redis.pttl(gate.keys.reservation(SYMBOL)) <= longest_ms - 5_000, "a shorter one stays as it is"
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.put_position("0.040")
    assert gate.reserved_by() is None


def test_each_change_of_the_amount_is_one_entry(gate: Gate) -> None:
    for amount in ("0", "0.040", "0.04", "0.04", "-0.5", "0"):
        gate.put_position(amount)
        gate.until_after(gate.now_ms())
    assert [(entry["before"], entry["after"]) for entry in changes(gate)] == [
        ("0", "0.04"),
        ("0.04", "-0.5"),
        ("-0.5", "0"),
    ]
    last = changes(gate)[-1]
    stored = gate.redis.hgetall(gate.keys.snapshot(SYMBOL))
    assert set(last) == {"position", "before", "after", "mark_price", "ts_ms", "source"}
    assert (last["position"], last["ts_ms"], last["source"]) == (SYMBOL, stored["ts_ms"], SOURCE)


def test_a_position_without_an_earlier_snapshot_of_its_venue_begins_with_an_empty_before(gate: Gate) -> None:
    gate.put_position("0", symbol=OTHER)
    gate.put_position("0.04")
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "source", "another venue")
    gate.put_position("0.05")
    assert [(entry["before"], entry["after"]) for entry in changes(gate)] == [("", "0.04"), ("", "0.05")]


def test_a_snapshot_that_is_not_written_is_no_change(gate: Gate) -> None:
    gate.put_position("0.04")
    gate.put_position("0.05", age_ms=5_000)
    gate.put_position("0.05", run_id="b" * 40)
    assert len(changes(gate)) == 1
