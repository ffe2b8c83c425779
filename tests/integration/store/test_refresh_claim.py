"""One bulk request per tick for all workers, one request weight for all of them (failures 1, 8, 10)."""

from __future__ import annotations

from collections import Counter

import pytest

from p33_tasks.contract.timing import PLACE_WINDOW_MS
from p33_tasks.ports import Claim
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from tests.integration.store.refresh_store import store_of
from tests.support.gate import SOURCE, SYMBOL, Gate, race


def ticked(gate: Gate, ago_ms: int, *, poll_ms: int = 5_000, spare_weight: int = 100) -> RedisSnapshotStore:
    """A store whose last tick's request was made and ended so long ago."""
    times = RefreshTimes(poll_ms=poll_ms, cooldown_ms=15_000, request_weight=5, spare_weight=spare_weight)
    store = RedisSnapshotStore(gate.server.client(), gate.keys, allowlist=(SYMBOL,), times=times)
    store.finish_refresh(store.claim_refresh(SOURCE))
    began = str(gate.now_ms() - ago_ms)
    gate.redis.hset(gate.keys.refresh, mapping={"started_ms": began, "ticked_ms": began})
    return store


def wish(gate: Gate, ago_ms: int = 0) -> None:
    gate.redis.set(gate.keys.refresh_wish, gate.now_ms() - ago_ms, px=5_000)


def test_of_a_hundred_workers_one_makes_the_request(gate: Gate) -> None:
    claims = race(100, lambda _: gate.snapshots.claim_refresh(SOURCE))
    assert Counter(claim.claim for claim in claims) == {Claim.MINE: 1, Claim.IN_FLIGHT: 99}


def test_a_claim_is_stamped_with_redis_time_and_run(gate: Gate) -> None:
    before_ms = gate.now_ms()
    claim = gate.snapshots.claim_refresh(SOURCE)
    assert before_ms <= claim.now_ms <= gate.now_ms()
    assert claim.run_id == gate.run_id


@pytest.mark.parametrize("error", ["", "ExchangeUnavailableError: no answer"])
def test_the_rest_of_the_tick_finds_it_done_well_or_badly(gate: Gate, error: str) -> None:
    claim = gate.snapshots.claim_refresh(SOURCE)
    gate.snapshots.finish_refresh(claim, error=error)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.DONE
    assert gate.redis.hget(gate.keys.refresh, "error") == error
    assert bool(gate.redis.hget(gate.keys.refresh, "succeeded_ms")) is (error == "")


def test_the_next_tick_makes_its_own_request(gate: Gate) -> None:
    store = store_of(gate, poll_ms=20)
    store.finish_refresh(claim := store.claim_refresh(SOURCE))
    gate.until_after(claim.now_ms + 16)
    assert store.claim_refresh(SOURCE).claim is Claim.MINE


def test_a_worker_that_died_in_flight_gives_way_after_its_lease(gate: Gate) -> None:
    store = store_of(gate, poll_ms=10, lease_ms=30)
    dead = store.claim_refresh(SOURCE)
    assert store.claim_refresh(SOURCE).claim is Claim.IN_FLIGHT
    gate.until_after(dead.now_ms + 30)
    heir = store.claim_refresh(SOURCE)
    assert heir.claim is Claim.MINE
    store.finish_refresh(dead)
    assert gate.redis.hget(gate.keys.refresh, "token") == heir.token
    assert gate.redis.hget(gate.keys.refresh, "lease_until_ms") != "0", "the dead one's return ends nobody's lease"


def test_a_claim_whose_answer_was_lost_is_the_same_claim(gate: Gate) -> None:
    """Else the tick would be in flight with nobody flying, for the whole lease."""
    arguments = {
        "source": SOURCE,
        "gap_ms": 4_000,
        "lease_ms": 10_000,
        "token": "token",
        "markets_digest": "digest",
        "markets_period_ms": 3_600_000,
        "new_life_pause_ms": 5_000,
        "new_epoch": "f" * 32,
        "only_wished": 0,
        "wish_gap_ms": 5_000,
        "request_weight": 5,
        "spare_weight": 100,
    }
    keys = {
        "refresh_key": gate.keys.refresh,
        "budget_key": gate.keys.budget,
        "epoch_key": gate.keys.epoch,
        "wish_key": gate.keys.refresh_wish,
    }
    assert gate.scripts.run("claim_refresh", keys, arguments)[0] == "mine"
    assert gate.scripts.run("claim_refresh", keys, arguments)[0] == "mine"


def test_without_a_wish_nothing_is_fetched_between_two_ticks_nor_at_one(gate: Gate) -> None:
    assert ticked(gate, 2_000).claim_refresh(SOURCE, only_wished=True).claim is Claim.DONE
    assert ticked(gate, 6_000).claim_refresh(SOURCE, only_wished=True).claim is Claim.DONE
    gate.redis.hset(gate.keys.refresh, "source", "another venue")
    assert store_of(gate).claim_refresh(SOURCE, only_wished=True).claim is Claim.DONE


def test_a_wish_is_granted_once_per_poll_period(gate: Gate) -> None:
    store = ticked(gate, 2_000)
    wish(gate)
    store.finish_refresh(claim := store.claim_refresh(SOURCE, only_wished=True))
    assert claim.claim is Claim.MINE
    gate.redis.hset(gate.keys.refresh, "started_ms", str(gate.now_ms() - 2_000))
    wish(gate)
    assert store.claim_refresh(SOURCE, only_wished=True).claim is Claim.DONE
    gate.redis.hset(gate.keys.refresh, "wished_ms", str(gate.now_ms() - 5_000))
    assert store.claim_refresh(SOURCE, only_wished=True).claim is Claim.MINE


def test_a_wish_from_before_the_last_request_is_granted_already(gate: Gate) -> None:
    store = ticked(gate, 2_000)
    wish(gate, ago_ms=2_500)
    assert store.claim_refresh(SOURCE, only_wished=True).claim is Claim.DONE


@pytest.mark.parametrize(
    ("spare_weight", "claim"), [(100, Claim.MINE), (65, Claim.MINE), (64, Claim.DONE), (-1, Claim.DONE)]
)
def test_a_wish_is_granted_only_from_the_weight_that_the_ticks_leave(
    gate: Gate, spare_weight: int, claim: Claim
) -> None:
    store = ticked(gate, 2_000, spare_weight=spare_weight)
    wish(gate)
    gate.redis.hset(gate.keys.budget, mapping={"minute": str(gate.now_ms() // 60_000), "used": "60"})
    assert store.claim_refresh(SOURCE, only_wished=True).claim is claim


def test_the_tick_after_a_wish_makes_its_own_request(gate: Gate) -> None:
    store = ticked(gate, 2_000)
    wish(gate)
    store.finish_refresh(store.claim_refresh(SOURCE, only_wished=True))
    assert store.claim_refresh(SOURCE).claim is Claim.DONE, "the tick before it was answered"
    gate.redis.hset(gate.keys.refresh, "ticked_ms", str(gate.now_ms() - 4_500))
    assert store.claim_refresh(SOURCE).claim is Claim.MINE


@pytest.mark.parametrize("value", ["", "soon", "-1", "99999999999999", "1e3"])
def test_a_wish_that_is_no_time_is_none(gate: Gate, value: str) -> None:
    store = ticked(gate, 2_000)
    gate.redis.set(gate.keys.refresh_wish, value)
    assert store.claim_refresh(SOURCE, only_wished=True).claim is Claim.DONE
    gate.redis.delete(gate.keys.refresh_wish)
    gate.redis.hset(gate.keys.refresh_wish, "a", "b")
    assert store.claim_refresh(SOURCE, only_wished=True).claim is Claim.DONE
    gate.redis.hset(gate.keys.refresh, "ticked_ms", str(gate.now_ms() - 5_000))
    assert store.claim_refresh(SOURCE).claim is Claim.MINE, "no wish is in a tick's way"


def test_after_a_restart_nobody_fetches_while_an_order_of_before_may_still_be_sent(gate: Gate) -> None:
    """H: Redis forgot a consumption and its reservation; a position without that order would be permitted again."""
    gate.snapshots.claim_refresh(SOURCE)
    gate.redis.hset(gate.keys.refresh, "life", "b" * 40)
    first = gate.snapshots.claim_refresh(SOURCE)
    assert first.claim is Claim.PAUSED
    assert RefreshTimes(poll_ms=1, cooldown_ms=1).new_life_pause_ms >= PLACE_WINDOW_MS
    for last_ms in (PLACE_WINDOW_MS - 1_000, -3_600_000):  # a clock that stepped back begins again
        gate.redis.hset(gate.keys.refresh, "new_life_ms", gate.now_ms() - last_ms)
        assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED
    gate.redis.hset(gate.keys.refresh, "new_life_ms", first.now_ms - PLACE_WINDOW_MS - 1)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE, "neither lease nor gap of the run before is kept"
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.IN_FLIGHT


def test_after_a_restart_the_pause_of_a_clock_that_stepped_back_ends(gate: Gate) -> None:
    """S: noticed by a clock an hour ahead, it would last for an hour and five seconds."""
    gate.snapshots.claim_refresh(SOURCE)
    ahead_ms = gate.now_ms() + 3_600_000
    gate.redis.hset(gate.keys.refresh, mapping={"life": "b" * 40, "new_life": gate.life, "new_life_ms": ahead_ms})
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED
    assert int(gate.redis.hget(gate.keys.refresh, "new_life_ms") or 0) <= gate.now_ms()


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "", "soon"])
def test_a_foreign_time_of_the_restart_pauses_once_more_and_not_for_good(gate: Gate, text: str) -> None:
    gate.snapshots.claim_refresh(SOURCE)
    gate.redis.hset(gate.keys.refresh, mapping={"life": "b" * 40, "new_life": gate.life, "new_life_ms": text})
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED
    assert str(gate.redis.hget(gate.keys.refresh, "new_life_ms")).isdigit()


def test_a_first_start_waits_as_after_a_restart_since_an_emptied_store_looks_the_same(gate: Gate) -> None:
    gate.redis.delete(gate.keys.epoch, gate.keys.refresh)
    first = gate.snapshots.claim_refresh(SOURCE)
    assert first.claim is Claim.PAUSED
    assert gate.redis.get(gate.keys.epoch), "the new life has begun"
    gate.redis.hset(gate.keys.refresh, "new_life_ms", first.now_ms - PLACE_WINDOW_MS - 1)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE


def test_a_claim_from_a_clock_that_was_ahead_blocks_nobody(gate: Gate) -> None:
    """S."""
    gate.snapshots.claim_refresh(SOURCE)
    ahead_ms = gate.now_ms() + 3_600_000
    gate.redis.hset(gate.keys.refresh, mapping={"started_ms": ahead_ms, "lease_until_ms": ahead_ms + 10_000})
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE


@pytest.mark.parametrize("field", ["started_ms", "lease_until_ms", "markets_ms"])
@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "", "soon"])
def test_foreign_values_in_the_claim_block_nobody_for_good(gate: Gate, field: str, text: str) -> None:
    store = store_of(gate, poll_ms=10)
    store.claim_refresh(SOURCE)
    gate.redis.hset(gate.keys.refresh, field, text)
    if field == "markets_ms":
        gate.redis.hset(gate.keys.refresh, "lease_until_ms", "0")
    gate.until_after(gate.now_ms() + 10)
    claim = store.claim_refresh(SOURCE)
    assert claim.claim is Claim.MINE
    assert claim.markets_due
