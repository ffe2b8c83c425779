"""Market rules are refreshed when they are due, and all requests come from one budget."""

from __future__ import annotations

from collections import Counter

import pytest

from p33_tasks.errors import ExchangeBudgetSpentError, ExchangeOrderLimitedError, ExchangeRateLimitedError
from p33_tasks.ports import Claim, MarketsLoaded
from p33_tasks.store.budget import RedisRequestBudget
from tests.integration.store.refresh_store import store_of
from tests.support.gate import SOURCE, Gate, race

MINUTE_MS = 60_000


def budget_of(gate: Gate, own: int = 100, venue: int = 200) -> RedisRequestBudget:
    return RedisRequestBudget(gate.server.client(), gate.keys, own_weight=own, venue_weight=venue)


def in_one_minute(gate: Gate) -> None:
    """Not so late in the minute that it ends during the test."""
    if gate.now_ms() % MINUTE_MS > MINUTE_MS - 3_000:
        gate.until_after(gate.now_ms() // MINUTE_MS * MINUTE_MS + MINUTE_MS)


def test_market_rules_are_due_until_they_were_loaded_and_again_after_their_period(gate: Gate) -> None:
    store = store_of(gate, poll_ms=1)

    def claim_again(markets: MarketsLoaded | None = None) -> bool:
        claim = store.claim_refresh(SOURCE)
        assert claim.claim is Claim.MINE
        store.finish_refresh(claim, markets=markets)
        gate.until_after(claim.now_ms + 1)
        return claim.markets_due

    def let_pass(ms: int) -> None:
        gate.redis.hincrby(gate.keys.refresh, "markets_ms", -ms)

    assert claim_again()
    assert claim_again(MarketsLoaded.ALL)
    assert not claim_again()
    let_pass(110_000)
    assert not claim_again()
    let_pass(10_001)
    assert claim_again(MarketsLoaded.SOME)
    assert not claim_again(), "the symbol whose rules are missing is asked for again soon, not at once"
    let_pass(60_001)
    assert claim_again(MarketsLoaded.ALL)
    let_pass(60_001)
    assert not claim_again()
    assert store_of(gate, poll_ms=1, symbols=("SOLUSDT",)).claim_refresh(SOURCE).markets_due, "other symbols"


def test_a_refusal_makes_market_rules_due_until_they_were_asked_for_again(gate: Gate) -> None:
    store = store_of(gate, poll_ms=1)

    def claim(*, loads: bool) -> bool:
        claim = store.claim_refresh(SOURCE)
        store.finish_refresh(claim, markets=MarketsLoaded.ALL if loads else None)
        gate.until_after(claim.now_ms + 1)
        return claim.markets_due

    claim(loads=True)
    in_flight = store.claim_refresh(SOURCE)
    gate.until_after(in_flight.now_ms + 1)
    gate.results.refuse_markets()
    gate.until_after(gate.now_ms() + 1)
    store.finish_refresh(in_flight, markets=MarketsLoaded.ALL)
    gate.until_after(in_flight.now_ms + 1)
    assert claim(loads=False), "the answer under way may be from before the refusal"
    assert claim(loads=True)
    assert not claim(loads=False)
    gate.redis.hset(gate.keys.refresh, "markets_refused_ms", gate.now_ms() + 3_600_000)
    assert not claim(loads=False), "a refusal of a clock that was ahead doesn't ask at every tick"


def test_market_rules_of_the_venue_before_are_due_until_those_of_the_new_one_are_loaded(gate: Gate) -> None:
    store = store_of(gate, poll_ms=1)
    store.finish_refresh(store.claim_refresh(SOURCE), markets=MarketsLoaded.ALL)
    for _ in range(2):
        claim = store.claim_refresh("another venue")
        assert claim.claim is Claim.MINE
        assert claim.markets_due, "a failed load leaves them due"
        store.finish_refresh(claim)
        gate.until_after(claim.now_ms + 1)


def test_a_hundred_workers_share_one_budget(gate: Gate) -> None:
    in_one_minute(gate)
    budgets = [budget_of(gate, own=200, venue=1_000) for _ in range(100)]
    outcomes = Counter(type(result) for result in race(100, lambda n: budgets[n].acquire(5)))
    assert outcomes == {type(None): 40, ExchangeBudgetSpentError: 60}


def test_the_venues_own_count_limits_too(gate: Gate) -> None:
    in_one_minute(gate)
    budget = budget_of(gate)
    budget.report(196)
    with pytest.raises(ExchangeBudgetSpentError, match="next minute"):
        budget.acquire(5)
    budget.report(3)  # an answer that was overtaken
    with pytest.raises(ExchangeBudgetSpentError):
        budget.acquire(5)
    budget.acquire(4)


def test_the_next_minute_has_room_again(gate: Gate) -> None:
    in_one_minute(gate)
    budget = budget_of(gate)
    budget.acquire(100)
    budget.report(200)
    with pytest.raises(ExchangeBudgetSpentError):
        budget.acquire(1)
    last_minute = gate.now_ms() // MINUTE_MS - 1
    gate.redis.hset(gate.keys.budget, "minute", last_minute)
    budget.acquire(100)


def test_a_pause_stops_every_worker_and_every_refresh_for_as_long_as_the_venue_said(gate: Gate) -> None:
    """Failure 10: 429 answered with retries led to a ban."""
    budget_of(gate).pause(30)
    with pytest.raises(ExchangeRateLimitedError) as caught:
        budget_of(gate).acquire(1)
    assert caught.value.retry_after_sec == 30
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED
    budget_of(gate).pause(2)
    with pytest.raises(ExchangeRateLimitedError) as caught:
        budget_of(gate).acquire(1)
    assert caught.value.retry_after_sec == 30, "a shorter pause doesn't shorten a longer one"
    gate.redis.hset(gate.keys.budget, "paused_until_ms", gate.now_ms() - 1)
    budget_of(gate).acquire(1)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE


def test_a_pause_of_orders_stops_orders_and_nothing_else(gate: Gate) -> None:
    budget_of(gate).pause_orders(30)
    with pytest.raises(ExchangeOrderLimitedError) as caught:
        budget_of(gate).acquire_order()
    assert caught.value.retry_after_sec == 30
    budget_of(gate).acquire(1)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE
    gate.redis.hset(gate.keys.budget, "orders_paused_until_ms", gate.now_ms() - 1)
    budget_of(gate).acquire_order()


def test_a_pause_of_everything_stops_orders_too(gate: Gate) -> None:
    budget_of(gate).pause(30)
    with pytest.raises(ExchangeRateLimitedError):
        budget_of(gate).acquire_order()


def test_an_order_takes_no_request_weight(gate: Gate) -> None:
    budget = budget_of(gate)
    budget.report(10_000)
    budget.acquire_order()


def test_a_pause_longer_than_any_is_kept_for_three_days(gate: Gate) -> None:
    budget_of(gate).pause(10**9)
    with pytest.raises(ExchangeRateLimitedError) as caught:
        budget_of(gate).acquire(1)
    assert caught.value.retry_after_sec == 3 * 86_400


def test_a_pause_from_a_clock_that_was_ahead_is_over(gate: Gate) -> None:
    """S."""
    gate.redis.hset(gate.keys.budget, "paused_until_ms", gate.now_ms() + 4 * 86_400_000)
    budget_of(gate).acquire(1)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE


@pytest.mark.parametrize("field", ["paused_until_ms", "used", "reported", "minute"])
@pytest.mark.parametrize("text", ["nan", "1e400", "", "much"])
def test_foreign_values_in_the_budget_break_nothing(gate: Gate, field: str, text: str) -> None:
    budget = budget_of(gate)
    budget.acquire(1)
    gate.redis.hset(gate.keys.budget, field, text)
    budget.acquire(1)
    budget.report(7)
    budget.pause(5)
    with pytest.raises(ExchangeRateLimitedError):
        budget.acquire(1)
