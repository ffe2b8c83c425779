"""A consumption is a write barrier: no allow rests on a snapshot requested before it, however it ended (failure 34)."""

from __future__ import annotations

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.domain.models import Leg
from p33_tasks.store.operator import Adoption
from tests.support.gate import SOURCE, SYMBOL, Gate
from tests.support.redis_server import RedisServer

READ_LAG_MS = 2_000
PLACE_WINDOW_MS = 5_000


@pytest.fixture
def rejected(gate: Gate) -> tuple[Gate, Consumed]:
    """plan-1 was consumed, and its executor says that the venue refused the order."""
    gate.make_ready()
    gate.allow()
    consumed = gate.consume()
    gate.report("plan-1", executed=False, rejected=True, consume_id=consumed.consume_id)
    assert gate.reserved_by() is None
    return gate, consumed


def barrier(gate: Gate) -> str | None:
    return gate.redis.hget(gate.keys.ledger(SYMBOL), "barrier_ms")


def set_barrier(gate: Gate, in_ms: int) -> int:
    """A barrier that lies so far ahead (before: negative); returns it."""
    at_ms = gate.now_ms() + in_ms
    gate.redis.hset(gate.keys.ledger(SYMBOL), "barrier_ms", at_ms)
    return at_ms


def adopt(gate: Gate) -> Adoption:
    return gate.operator.adopt_ledger(SYMBOL, source=SOURCE, policy=gate.policy, by="test", replace=True)


def test_releasing_a_consumed_reservation_copies_its_place_before(rejected: tuple[Gate, Consumed]) -> None:
    gate, consumed = rejected
    assert barrier(gate) == str(consumed.place_before_ms)
    assert 0 < gate.redis.ttl(gate.keys.ledger(SYMBOL)) <= 86_400


def test_so_does_a_fill(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    consumed = gate.consume()
    gate.report("plan-1", ("7", "SELL", "0.010"))
    assert barrier(gate) == str(consumed.place_before_ms)


def test_an_unconsumed_reservation_leaves_none(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    gate.report("plan-1", executed=False)
    assert gate.reserved_by() is None
    assert barrier(gate) is None


def test_a_fresh_snapshot_requested_before_it_denies_and_says_what_was_found(rejected: tuple[Gate, Consumed]) -> None:
    gate, consumed = rejected
    gate.put_position()  # requested after the rejection, and before the barrier
    assert gate.why_not("plan-2") == "stale_exchange_state"
    decision = gate.decision("plan-2")
    assert decision is not None
    details = decision["details"]
    ahead_ms = consumed.place_before_ms + READ_LAG_MS - decision["ts_ms"]
    assert details["barrier_in_sec"] * 1000 == ahead_ms
    assert details["read_lag_sec"] * 1000 == READ_LAG_MS
    assert details["retry_after_sec"] * 1000 == ahead_ms + gate.policy.poll_ms


@pytest.mark.parametrize(("short_ms", "reason"), [(1, "stale_exchange_state"), (0, "allow")])
def test_the_barrier_is_read_lag_after_place_before(gate: Gate, short_ms: int, reason: str) -> None:
    gate.make_ready()
    at_ms = set_barrier(gate, -READ_LAG_MS - 1_000)
    gate.redis.delete(gate.keys.snapshot(SYMBOL))
    gate.put_position(ts_ms=at_ms + READ_LAG_MS - short_ms)
    assert gate.why_not() == reason


def test_a_barrier_that_came_after_the_facts_were_read_stops_the_commit(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    load = gate.verdicts.load

    def loaded(asked):
        facts = load(asked)
        set_barrier(gate, 1)
        return facts

    gate.verdicts.load = loaded  # type: ignore[method-assign]
    gate.permits.judge(plan, entry)
    assert gate.reason() == "stale_exchange_state"


def test_a_barrier_that_came_after_the_permit_stops_the_consumption(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    set_barrier(gate, 1)
    assert gate.refusal() == ("missing_or_denied_p33_permit", "stale_exchange_state")
    assert gate.permit() is not None


@pytest.mark.parametrize("stored", ["n/a", "", "1e18", "-5"])
def test_a_barrier_that_is_no_time_is_doubt_until_the_next_snapshot(gate: Gate, stored: str) -> None:
    gate.make_ready()
    gate.allow("plan-0")
    gate.redis.hset(gate.keys.ledger(SYMBOL), "barrier_ms", stored)
    if stored:  # nothing there is no barrier
        assert gate.refusal("plan-0") == ("missing_or_denied_p33_permit", "stale_exchange_state")
        gate.redis.delete(gate.keys.reservation(SYMBOL))
        assert gate.why_not() == "reconcile_required_missing_ledger"
        assert adopt(gate).refusal == "barrier"
        gate.put_position()
        assert 0 < int(barrier(gate) or 0) - gate.now_ms() <= PLACE_WINDOW_MS
    else:
        gate.consume("plan-0")


def test_one_further_ahead_than_any_is_set_is_cut_at_the_next_snapshot(gate: Gate) -> None:
    """The clock stepped back an hour."""
    gate.make_ready()
    set_barrier(gate, 3_600_000)
    gate.put_position()
    assert PLACE_WINDOW_MS - 1_000 < int(barrier(gate) or 0) - gate.now_ms() <= PLACE_WINDOW_MS
    kept = set_barrier(gate, PLACE_WINDOW_MS - 500)
    gate.put_position()
    assert barrier(gate) == str(kept)


def test_an_older_consumption_doesnt_move_the_barrier_back(rejected: tuple[Gate, Consumed]) -> None:
    gate, consumed = rejected
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1")
    later = set_barrier(gate, PLACE_WINDOW_MS)
    gate.report("plan-1", executed=False, rejected=True, consume_id=consumed.consume_id)
    assert gate.reserved_by() is None
    assert barrier(gate) == str(later)


@pytest.mark.parametrize("fetched_late", [False, True])
def test_adopting_waits_for_it(gate: Gate, *, fetched_late: bool) -> None:
    """A wrong rejection, then a snapshot from before the order: it must not become the ledger."""
    gate.make_ready()
    at_ms = set_barrier(gate, -READ_LAG_MS - 1_000)
    gate.redis.delete(gate.keys.snapshot(SYMBOL))
    gate.put_position(ts_ms=at_ms + READ_LAG_MS - (not fetched_late))
    found = adopt(gate)
    assert found.adopted is fetched_late
    assert found.refusal == ("" if fetched_late else "barrier")


@pytest.mark.parametrize("amount", ["0", "0.040"])
@pytest.mark.parametrize("fetched_late", [False, True])
def test_so_does_a_ledger_that_begins_by_itself(server: RedisServer, amount: str, *, fetched_late: bool) -> None:
    gate = Gate(server, bootstrap="adopt")
    at_ms = set_barrier(gate, -READ_LAG_MS - 1_000)
    gate.put_position(amount, ts_ms=at_ms + READ_LAG_MS - (not fetched_late))
    assert (gate.ledger_amt() is not None) is fetched_late


def test_where_the_barrier_cant_be_kept_the_reservation_is_it(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    consumed = gate.consume()
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    gate.redis.set(gate.keys.ledger(SYMBOL), "x")
    gate.report("plan-1", executed=False, rejected=True, consume_id=consumed.consume_id)
    assert gate.reserved_by() == "plan-1"


# --- a venue that shows an order late: the permit carries its lag to the executor


SLOW_MS = 8_000


@pytest.fixture
def slow(server: RedisServer) -> Gate:
    return Gate(server, read_lag_ms=SLOW_MS).make_ready()


@pytest.mark.parametrize(("short_ms", "is_refused"), [(1, True), (0, False)])
def test_consuming_waits_for_the_venues_own_lag(slow: Gate, short_ms: int, *, is_refused: bool) -> None:
    slow.allow()
    snapshot_ms = int(slow.snapshot()["ts_ms"])
    slow.redis.hset(slow.keys.ledger(SYMBOL), "barrier_ms", snapshot_ms - SLOW_MS + short_ms)
    if is_refused:
        assert slow.refusal() == ("missing_or_denied_p33_permit", "stale_exchange_state")
    else:
        slow.consume()


def test_a_consumption_holds_the_position_for_as_long(slow: Gate) -> None:
    slow.allow()
    slow.consume()
    left_ms = slow.redis.pttl(slow.keys.reservation(SYMBOL))
    longest_ms = PLACE_WINDOW_MS + 60_000 + SLOW_MS
    assert longest_ms - 5_000 < left_ms <= longest_ms


def test_in_hedge_mode_too(server: RedisServer) -> None:
    gate = Gate(server, read_lag_ms=SLOW_MS).make_hedged()
    assert gate.allow(position_side=Leg.SHORT)["read_lag_sec"] == SLOW_MS // 1000
    snapshot_ms = int(gate.snapshot(leg=Leg.SHORT)["ts_ms"])
    gate.redis.hset(gate.keys.ledger(SYMBOL, Leg.SHORT), "barrier_ms", snapshot_ms - SLOW_MS + 1)
    assert gate.refusal() == ("missing_or_denied_p33_permit", "stale_exchange_state")
