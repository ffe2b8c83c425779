"""Resting orders in Redis: read once a minute, compared again when an allow is made final."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.abilities import RestingReport
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Leg, OrderSide
from p33_tasks.ports import CommitStatus
from p33_tasks.services.prepare_permits import PreparationService
from p33_tasks.services.promote_prepared import PromotionService
from p33_tasks.store.audit import decode_entry, replay
from p33_tasks.store.prepared import RedisPreparedStore
from p33_tasks.store.resting import PERIOD_MS, RedisRestingStore
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate
from tests.support.redis_server import RedisServer
from tests.support.resting import order, read_resting


@pytest.fixture
def gate(server: RedisServer) -> Gate:
    return Gate(server, subtract_resting=True)


# --- reading --------------------------------------------------------------------------------------------------------


def test_one_reading_a_minute_for_everybody_whatever_came_of_it(gate: Gate) -> None:
    store = RedisRestingStore(gate.verdicts._client, gate.keys)
    assert store.is_due()
    claim = store.claim(SOURCE)
    assert claim is not None
    assert (store.is_due(), store.claim(SOURCE)) == (False, None)
    store.fail(claim, "away")
    assert store.claim(SOURCE) is None
    assert gate.count("p33_resting_reading_total|error") == 1
    gate.redis.hset(gate.keys.resting_reading, "claimed_ms", str(gate.now_ms() - PERIOD_MS))
    assert store.is_due()
    assert store.claim(SOURCE) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda gate: gate.redis.hset(gate.keys.resting_reading, "claimed_ms", str(gate.now_ms() + 60_000)),
        lambda gate: gate.redis.hset(gate.keys.resting_reading, "source", "another venue"),
        lambda gate: gate.redis.set(gate.keys.epoch, "another"),
    ],
    ids=["a claim in the future", "another venue", "another life"],
)
def test_a_reading_that_says_nothing_of_now_does_not_stop_the_next(gate: Gate, change: Callable[[Gate], Any]) -> None:
    store = RedisRestingStore(gate.verdicts._client, gate.keys)
    assert store.claim(SOURCE) is not None
    change(gate)
    assert store.claim(SOURCE) is not None


def test_without_an_epoch_nothing_is_read(gate: Gate) -> None:
    gate.redis.delete(gate.keys.epoch)
    assert RedisRestingStore(gate.verdicts._client, gate.keys).claim(SOURCE) is None


def test_what_outlived_the_store_is_not_written(gate: Gate) -> None:
    store = RedisRestingStore(gate.verdicts._client, gate.keys)
    claim = store.claim(SOURCE)
    assert claim is not None
    gate.redis.set(gate.keys.epoch, "another")
    before = gate.dump()
    assert not store.put(claim, RestingReport(orders={SYMBOL: (order(),)}))
    assert gate.dump() == before


def test_a_later_reading_and_a_foreign_value_stay(gate: Gate) -> None:
    assert read_resting(gate, order("0.010"))
    gate.redis.set(gate.keys.resting(OTHER), "foreign")
    kept = gate.redis.hgetall(gate.keys.resting(SYMBOL))
    assert read_resting(gate, order("0.020"), age_ms=5_000)
    assert gate.redis.hgetall(gate.keys.resting(SYMBOL)) == kept
    assert gate.redis.get(gate.keys.resting(OTHER)) == "foreign"
    assert 0 < gate.redis.ttl(gate.keys.resting(SYMBOL)) <= 600


# --- judging --------------------------------------------------------------------------------------------------------


def test_a_close_leaves_room_and_its_record_makes_the_same_verdict_again(gate: Gate) -> None:
    gate.make_ready("0.040")
    read_resting(gate, order("0.015"), order("0.040", is_conditional=True, order_id="78"))
    verdict = gate.judge(action="CLOSE_FULL")
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal("0.025")
    (fields,) = gate.audit()
    decoded = decode_entry(fields)
    assert decoded.facts is not None
    assert decoded.facts.resting is not None
    assert (decoded.facts.resting.order_ids, decoded.facts.resting.conditional_ids) == (("77",), ("78",))
    assert replay(decoded) == fields["verdict"]


def test_orders_of_the_other_side_leave_all_of_it(gate: Gate) -> None:
    gate.make_ready("0.040")
    read_resting(gate, order("0.015", side=OrderSide.BUY))
    assert gate.allow(action="CLOSE_FULL")["safe_close_qty"] == Decimal("0.04")


def test_each_leg_has_its_own(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    read_resting(gate, order("0.015", Leg.LONG), order("0.020", Leg.SHORT, OrderSide.BUY))
    assert gate.allow("long", position_side=Leg.LONG, action="CLOSE_FULL")["safe_close_qty"] == Decimal("0.025")
    assert gate.why_not("short", position_side=Leg.SHORT) == "resting_orders_cover_position"


def test_what_is_unknown_old_unreadable_or_foreign_denies(gate: Gate) -> None:
    gate.make_ready()
    assert gate.why_not("none") == "resting_orders_unknown"
    read_resting(gate, age_ms=91_000)
    assert gate.why_not("old") == "resting_orders_unknown"
    read_resting(gate, invalid={SYMBOL: "an odd row"})
    assert gate.why_not("unreadable") == "resting_orders_unknown"
    gate.redis.delete(gate.keys.resting(SYMBOL))
    gate.redis.set(gate.keys.resting(SYMBOL), "foreign")
    assert gate.why_not("foreign") == "resting_orders_unknown"
    gate.redis.delete(gate.keys.resting(SYMBOL))
    read_resting(gate)
    assert gate.why_not("read") == "allow"
    for fields in gate.audit():
        assert replay(decode_entry(fields)) == fields["verdict"]


MOVED: dict[str, Callable[[Gate], Any]] = {
    "a newer reading": lambda gate: (gate.until_after(gate.now_ms()), read_resting(gate)),
    "another order": lambda gate: gate.redis.hset(gate.keys.resting(SYMBOL), "sell", '{"qty":0.04}'),
    "a row that can not be read": lambda gate: read_resting(gate, invalid={SYMBOL: "odd"}),
    "none": lambda gate: gate.redis.delete(gate.keys.resting(SYMBOL)),
}


@pytest.mark.parametrize("what", MOVED)
def test_orders_that_moved_since_the_evaluation_stop_the_allow(gate: Gate, what: str) -> None:
    gate.make_ready()
    read_resting(gate)
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    assert isinstance(verdict, Allow)
    gate.until_after(gate.now_ms())
    MOVED[what](gate)
    before = gate.dump()
    status = gate.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=gate.policy, entry=entry, evaluation_us=1
    )
    assert status is CommitStatus.MOVED
    assert gate.dump() == before


def test_orders_that_grew_old_since_the_evaluation_stop_the_allow(gate: Gate) -> None:
    gate.make_ready()
    read_resting(gate, age_ms=90_000 - 300)
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    assert isinstance(verdict, Allow)
    gate.until_after(facts.now_ms + 400)
    status = gate.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=gate.policy, entry=entry, evaluation_us=1
    )
    assert status is CommitStatus.MOVED


@pytest.mark.parametrize("what", [None, *MOVED])
def test_a_prepared_verdict_is_issued_only_while_they_stand(gate: Gate, what: str | None) -> None:
    gate.make_ready("0.040")
    read_resting(gate, order("0.015"))
    forecast: dict[Any, Any] = {"symbol": SYMBOL, "action": "CLOSE_FULL", "horizon_sec": "30"}
    gate.redis.xadd(gate.keys.forecasts, forecast)
    prepared = RedisPreparedStore(gate.verdicts._client, gate.keys)
    assert PreparationService(prepared, gate.verdicts, gate.policy, source=SOURCE, most=10).prepare() == 1
    plan, entry = gate.publish(action="CLOSE_FULL")
    if what is not None:
        MOVED[what](gate)
    done = PromotionService(gate.verdicts, gate.policy, source=SOURCE).promote([(plan, entry)])
    assert done == (frozenset() if what is not None else {entry.entry_id})
    if what is None:
        assert (gate.permit() or {})["safe_close_qty"] == Decimal("0.025")
        (fields,) = gate.audit()
        assert replay(decode_entry(fields)) == fields["verdict"]


def test_where_they_do_not_count_they_are_neither_compared_nor_recorded_as_a_limit(server: RedisServer) -> None:
    gate = Gate(server)
    gate.make_ready("0.040")
    assert gate.allow(action="CLOSE_FULL")["safe_close_qty"] == Decimal("0.04")
    (fields,) = gate.audit()
    assert "resting" not in fields["inputs"]
