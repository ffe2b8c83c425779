"""What the exchange says, or does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from p33_tasks.views.position_reads import NO_EXPIRY
from tests.deployment.alert_world import KEYS, POSITIONS, World
from tests.deployment.faults.registry import Again, fault
from tests.support.signed_http import signed


@contextmanager
def exchange_says(world: World, **switches: object) -> Iterator[Again]:
    world.exchange.fault(**switches)
    try:
        yield None
    finally:
        world.exchange.clear_faults()


@fault("P33SnapshotStale", "exchange: answers 502 to everything", "BTCUSDT: the snapshot is ")
def exchange_down(world: World) -> Iterator[Again]:
    with exchange_says(world, status=502):
        yield None


@fault("P33SnapshotStale", "exchange: delists one symbol", "ETHUSDT: the snapshot is ")
def symbol_delisted(world: World) -> Iterator[Again]:
    with exchange_says(world, delisted=["ETHUSDT"]):
        yield None


@fault(
    "P33SnapshotStale",
    "exchange: 502; Redis: lost the snapshots",
    "ETHUSDT: there is no snapshot",
)
def snapshots_lost(world: World) -> Iterator[Again]:
    with exchange_says(world, status=502), world.client() as client:
        # A request of before may still be answered.
        yield lambda: client.delete(*map(KEYS.snapshot, POSITIONS))


@fault(
    "P33ReservationEndless",
    "exchange: 502; Redis: a reservation comes back from a dump",
    "ETHUSDT: its reservation has no expiry",
)
def reservation_restored(world: World) -> Iterator[Again]:
    key = KEYS.reservation("ETHUSDT")
    with world.client() as client:
        with exchange_says(world, status=502):
            # A request of before may still be answered, and give it an expiry.
            yield lambda: client.ttl(key) == NO_EXPIRY or client.set(key, "a-plan-of-the-dump")
        client.delete(key)


@fault("P33SnapshotUnusable", "account: switched to hedge mode", "BTCUSDT: the snapshot is fresh and not usable")
def hedge_mode(world: World) -> Iterator[Again]:
    with exchange_says(world, hedge_mode=True):
        yield None


@fault("P33ExchangeErrors", "exchange: a proxy's HTML page", "% of the refreshes failed", "P33SnapshotStale")
def exchange_answers_html(world: World) -> Iterator[Again]:
    with exchange_says(world, body="html"):
        yield None


@fault("P33ExchangePaused", "exchange: 429, Retry-After 15 s", "The exchange asked for a pause")
def exchange_asks_for_a_pause(world: World) -> Iterator[Again]:
    with exchange_says(world, status=429, retry_after_sec=15, times=1):
        yield None


@fault("P33RequestWeightHigh", "somebody else on this address: 1 900 of 2 400 in a minute", "the venue's count")
def somebody_else_asks_a_lot(world: World) -> Iterator[Again]:
    def ask() -> None:
        """Up to the limit of this minute, whichever it is; the venue refuses nothing yet."""
        while world.exchange.state()["used_weight"] < 1_900:
            assert signed(world.exchange, "GET", "/fapi/v1/openOrders").status == 200

    yield ask
