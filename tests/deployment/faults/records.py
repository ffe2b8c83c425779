"""Ledgers, holds, streams and keys."""

from __future__ import annotations

from collections.abc import Iterator

from p33_tasks.contract.keys import GROUP
from tests.deployment.alert_world import KEYS, World, frozen
from tests.deployment.faults.registry import Again, fault
from tests.factories import plan_entry
from tests.support.waiting import wait_until


@fault("P33DriftLasting", "a hand closes half of a position at the venue", "BTCUSDT: exchange and ledger differ")
def traded_by_hand(world: World) -> Iterator[Again]:
    world.exchange.set_position("BTCUSDT", "0.02")
    try:
        yield None
    finally:
        world.restore("BTCUSDT")


@fault("P33DriftLasting", "a hand closes all of a position at the venue", "ETHUSDT: exchange and ledger differ")
def closed_by_hand(world: World) -> Iterator[Again]:
    world.exchange.set_position("ETHUSDT", "0")
    try:
        yield None
    finally:
        world.restore("ETHUSDT")


@fault("P33LedgerMissing", "Redis: loses the ledger of a position", "ETHUSDT: a position without a ledger")
def ledger_lost(world: World) -> Iterator[Again]:
    with world.client() as client:
        client.delete(KEYS.ledger("ETHUSDT"))
    try:
        yield None
    finally:
        world.p33("ledger", "adopt", "--yes", "ETHUSDT")


@fault("P33LedgerCrossedZero", "executor: reports a sale of more than there was", "BTCUSDT: an order turned")
def sold_too_much(world: World) -> Iterator[Again]:
    world.publish_fill("0.05")
    try:
        yield None
    finally:
        world.restore("BTCUSDT")


@fault("P33HoldLasting", "operator: sets a hold and forgets it", "ETHUSDT: on hold")
def hold_forgotten(world: World) -> Iterator[Again]:
    world.p33("hold", "set", "ETHUSDT", "--why", "the alert is tried")
    try:
        yield None
    finally:
        world.p33("hold", "clear", "ETHUSDT")


@fault("P33StreamLag", "pool: SIGSTOP, the ingest lives; a result is published", "result stream: the oldest entry")
def results_wait(world: World) -> Iterator[Again]:
    with frozen(*world.pool()):
        world.publish_fill("0.00", executed="False")
        yield None


@fault("P33DeadLetters", "somebody: publishes garbage on both streams", " stream: ")
def garbage_published(world: World) -> Iterator[Again]:
    with world.client() as client:
        for stream in (KEYS.plans, KEYS.results):
            client.xadd(stream, {"decision": "EXECUTE", "what": "no plan_id, no symbol"})
    yield None


@fault("P33EntriesTrimmed", "producer: XADD MAXLEN 1 while the ingest is behind", "plan stream: entries were trimmed")
def producer_trims(world: World) -> Iterator[Again]:
    with frozen(*world.worker.tree()), world.client() as client:
        for _ in range(12):
            world.publish_plan(action="HOLD")
        client.xtrim(KEYS.plans, maxlen=1, approximate=False)
    yield None


@fault("P33UnreadableKeys", "somebody: writes a string over a ledger", "or no number: 1")
def ledger_overwritten(world: World) -> Iterator[Again]:
    key = KEYS.ledger("ETHUSDT")
    with world.client() as client:
        kept = client.hgetall(key)
        client.set(key, "flat")
        try:
            yield None
        finally:
            client.delete(key)
            client.hset(key, mapping=kept)


@fault("P33StreamAhead", "producer: adds an entry with an id of its own, an hour ahead", "plan stream: its last id is")
def id_an_hour_ahead(world: World) -> Iterator[Again]:
    with world.client() as client:
        seconds, _ = client.time()
        entry = client.xadd(KEYS.plans, plan_entry(decision="SKIP"), id=f"{(seconds + 3_600) * 1_000}-0")
        try:
            yield None
        finally:
            wait_until(lambda: client.xpending(KEYS.plans, GROUP)["pending"] == 0, "the entry is acknowledged")
            client.xdel(KEYS.plans, entry)
            last = f"{client.time()[0] * 1_000}-0"
            client.execute_command("XSETID", KEYS.plans, last)
            for group in client.xinfo_groups(KEYS.plans):
                client.xgroup_setid(KEYS.plans, group["name"], last)
