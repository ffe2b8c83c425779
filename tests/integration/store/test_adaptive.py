"""Statistics and adapted cooldowns in Redis: bounded round trips, and nothing but a tighter cooldown (section 10)."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from p33_tasks.contract.statistics import decode_statistics, encode_statistics
from p33_tasks.domain.models import Allow, Leg
from p33_tasks.domain.statistics import Statistics
from p33_tasks.services.adapt_limits import AdaptiveService
from p33_tasks.store.adaptive import RedisAdaptiveStore
from p33_tasks.store.audit import decode_entry, replay
from p33_tasks.store.connection import connect
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate

LATE = Statistics(settled_ms=(20_000,) * 5)


def service(gate: Gate, symbols: tuple[str, ...] = (SYMBOL, OTHER), max_ms: int = 60_000) -> AdaptiveService:
    store = RedisAdaptiveStore(connect(gate.url), gate.keys)
    return AdaptiveService(store, gate.policy, source=SOURCE, symbols=symbols, max_ms=max_ms)


def own(gate: Gate) -> dict[str, str]:
    return gate.redis.hgetall(gate.keys.adaptive_limits(SYMBOL))


def test_a_late_venue_lengthens_the_cooldown_and_the_verdict_reads_the_text(gate: Gate) -> None:
    gate.make_ready()
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms() - 20_000)
    gate.put_position()
    gate.redis.set(gate.keys.statistics(SYMBOL), encode_statistics(LATE))
    assert service(gate).adapt() == 1
    assert own(gate) == {"cooldown_sec": "30", "cooldown_by": "settlement", "base_sec": "15", "measured": "20"}
    assert 170_000 < gate.redis.pttl(gate.keys.adaptive_limits(SYMBOL)) <= 180_000
    assert gate.redis.pttl(gate.keys.statistics(SYMBOL)) > 0
    gate.judge()
    assert gate.reason() == "cooldown_in_flight"
    details = (gate.decision() or {})["details"]
    assert details["cooldown_by"] == "settlement"
    assert (details["cooldown_base_sec"], details["settle_p95_sec"]) == (15, 20)
    [fields] = gate.audit()
    assert replay(decode_entry(fields)) == fields["verdict"]


def test_running_twice_changes_nothing(gate: Gate) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.statistics(SYMBOL), encode_statistics(LATE))
    service(gate).adapt()
    once = own(gate), gate.redis.get(gate.keys.statistics(SYMBOL))
    service(gate).adapt()
    assert (own(gate), gate.redis.get(gate.keys.statistics(SYMBOL))) == once


def test_an_operators_longer_cooldown_stays_and_a_looser_one_is_the_base(gate: Gate) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.statistics(SYMBOL), encode_statistics(LATE))
    gate.redis.hset(gate.keys.limits(SYMBOL), "cooldown_sec", "120")
    assert service(gate).adapt() == 0
    assert own(gate) == {}


@pytest.mark.parametrize("foreign", ["x", "[]", "{", '{"mark":"NaN"}', "9" * 10_000, "[" * 3_000])
def test_what_is_no_statistics_begins_anew(gate: Gate, foreign: str) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.statistics(SYMBOL), foreign)
    gate.redis.rpush(gate.keys.adaptive_limits(SYMBOL), "x")
    gate.redis.rpush(gate.keys.statistics(OTHER), "x")
    assert service(gate).adapt() == 0
    assert decode_statistics(gate.redis.get(gate.keys.statistics(SYMBOL))).settled_ms == ()
    assert isinstance(gate.judge(), Allow), "the service's own unreadable key gave way"


def test_a_snapshot_of_another_venue_or_the_future_teaches_nothing(gate: Gate) -> None:
    gate.make_ready()
    gate.redis.hset(gate.keys.snapshot(SYMBOL), mapping={"source": "another venue", "mark_price": "5"})
    service(gate).adapt()
    assert decode_statistics(gate.redis.get(gate.keys.statistics(SYMBOL))).mark == 0
    gate.put_position(age_ms=-60_000)
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "mark_price", "5")
    service(gate).adapt()
    assert decode_statistics(gate.redis.get(gate.keys.statistics(SYMBOL))).mark == 0


def test_in_hedge_mode_both_legs_have_the_symbols_ratio(gate: Gate) -> None:
    gate.redis.hset(gate.keys.snapshot(SYMBOL), mapping={"source": SOURCE, "ts_ms": 1, "position_mode": "hedge"})
    wild = Statistics(fast=4.0, fast_weight=1.0, slow=1.0, slow_weight=1.0, observed_sec=3_600.0)
    gate.redis.set(gate.keys.statistics(SYMBOL), encode_statistics(wild))
    service(gate).adapt()
    for leg in (Leg.LONG, Leg.SHORT):
        stored = gate.redis.hgetall(gate.keys.adaptive_limits(SYMBOL, leg))
        assert stored == {"cooldown_sec": "30", "cooldown_by": "volatility", "base_sec": "15", "measured": "2"}
    assert not own(gate)


def test_six_hundred_symbols_take_two_round_trips(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[int] = []
    real = redis.client.Pipeline.execute

    def execute(self: Any, *args: Any, **options: Any) -> Any:
        trips.append(len(self.command_stack))
        return real(self, *args, **options)

    monkeypatch.setattr(redis.client.Pipeline, "execute", execute)
    service(gate, tuple(f"S{number}USDT" for number in range(600))).adapt()
    assert len(trips) == 2
