"""Redis restarts, with and without its memory (H): nothing from before is believed until a refresh proves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p33_tasks.contract.timing import PLACE_WINDOW_MS
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Position, Snapshot
from p33_tasks.ports import Claim
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from tests.support.gate import LONG, SOURCE, SYMBOL, Gate
from tests.support.redis_server import RedisServer, Version, running_redis


@pytest.fixture(params=["bundled", "old", "system"])
def durable(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    version: Version = request.param
    with running_redis(version, aof=True) as server:
        yield server


@pytest.fixture
def forgetful() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def restart(gate: Gate) -> None:
    gate.server.kill()
    gate.server.start()


def test_a_permit_that_came_back_with_redis_is_not_consumed(durable: RedisServer) -> None:
    """Issue, consume, execute, Redis dies before its last second is on disk: the permit is back."""
    gate = Gate(durable).make_ready()
    gate.allow()
    gate.grant()
    restart(gate)
    assert gate.permit() is not None
    assert gate.refusal() == ("missing_or_denied_p33_permit", "other_redis_run")
    gate.put_position()
    assert gate.refusal() == ("missing_or_denied_p33_permit", "other_redis_run")


def test_after_a_restart_plans_are_denied_until_the_next_refresh_and_then_allowed(durable: RedisServer) -> None:
    gate = Gate(durable).make_ready()
    first = gate.snapshots.claim_refresh(SOURCE)
    restart(gate)
    assert gate.why_not("p-1") == "no_exchange_snapshot"
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED, "an order of before may still be sent"
    gate.redis.hset(gate.keys.refresh, "new_life_ms", gate.now_ms() - PLACE_WINDOW_MS - 1)
    second = gate.snapshots.claim_refresh(SOURCE)
    assert second.claim is Claim.MINE, "neither the lease nor the gap of the run before is kept"
    assert second.run_id != first.run_id
    assert second.life != first.life
    assert gate.put_position(run_id=first.run_id) == "other_run", "an answer from before proves nothing"
    assert gate.why_not("p-2") == "no_exchange_snapshot"
    gate.put_position()
    assert gate.why_not("p-3") == "allow"
    assert gate.ledger_amt() == "0.04"


def test_verdicts_and_reservations_outlive_a_restart_with_aof(durable: RedisServer) -> None:
    gate = Gate(durable).make_ready()
    gate.allow("p-1")
    restart(gate)
    gate.put_position()
    assert gate.judge("p-1") is None
    assert gate.why_not("p-2") == "permit_in_flight"


def test_without_its_memory_redis_knows_no_ledger_and_nothing_is_allowed(forgetful: RedisServer) -> None:
    gate = Gate(forgetful).make_ready()
    gate.allow()
    restart(gate)
    again = Gate(forgetful)
    again.put_position()
    again.put_market()
    assert again.why_not("p-2") == "reconcile_required_missing_ledger"
    assert again.refusal("plan-1") == ("missing_or_denied_p33_permit", "missing")
    assert again.reserved_by() is None
    assert again.redis.exists(again.keys.ledger_origin(SYMBOL)) == 0


def test_a_permit_from_before_the_clock_stepped_back_is_not_consumed(forgetful: RedisServer) -> None:
    """S, without a restart: it was good for as long as the step, and no order was later than it."""
    gate = Gate(forgetful).make_ready()
    permit = gate.allow()
    step_ms = 3_600_000
    ahead = {**permit, "ts_ms": permit["ts_ms"] + step_ms, "expires_ms": permit["expires_ms"] + step_ms}
    gate.redis.set(gate.keys.permit("plan-1"), exact_json.dumps(ahead), px=step_ms)
    gate.report("plan-0", ("of-somebody-else", "SELL", "0"))
    gate.put_position()
    assert gate.refusal() == ("missing_or_denied_p33_permit", "issued_in_the_future")
    assert gate.permit() is not None, "nothing was consumed"
    gate.report(executed=False)
    assert gate.reserved_by() is None, "its executor gives up, and the symbol is free"


@pytest.mark.parametrize("consumed", [False, True])
def test_a_reservation_from_before_the_clock_stepped_back_blocks_its_symbol_no_longer_than_any(
    forgetful: RedisServer, *, consumed: bool
) -> None:
    """S: it had an hour and 75 s to live on the new clock."""
    gate = Gate(forgetful).make_ready()
    gate.allow()
    if consumed:
        gate.consume()
    key, longest_ms = gate.keys.reservation(SYMBOL), 75_000
    store = RedisSnapshotStore(
        gate.server.client(),
        gate.keys,
        allowlist=[SYMBOL],
        times=RefreshTimes(poll_ms=5_000, cooldown_ms=15_000, longest_reservation_ms=longest_ms),
    )

    def refresh() -> None:
        position = Position(symbol=SYMBOL, position_amt=LONG)
        now = Snapshot(position=position, ts_ms=gate.now_ms(), source=SOURCE, run_id=gate.run_id, life=gate.life)
        store.put_snapshots([now])

    ordinary_ms = gate.redis.pttl(key)
    refresh()
    assert 0 < gate.redis.pttl(key) <= ordinary_ms, "what is as long as any is left alone"
    gate.redis.pexpire(key, longest_ms + 3_600_000)
    refresh()
    assert longest_ms - 10_000 < gate.redis.pttl(key) <= longest_ms, "outstanding for one whole lifetime more"
    assert gate.reserved_by() == "plan-1"
    gate.redis.persist(key)
    refresh()
    assert 0 < gate.redis.pttl(key) <= longest_ms, "without an expiry it would stay; an operator sets a hold instead"
