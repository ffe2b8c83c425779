"""A cluster's state in Redis, written by the real stores and services, without a worker or an exchange."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import redis

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.life import life_of
from p33_tasks.domain.close_factors import close_factor
from p33_tasks.domain.models import Fill, MarketRules, OrderSide, Plan, Policy, Position, Snapshot, Verdict
from p33_tasks.ports import ExecutionResult, MarketReport, MarketsLoaded, StreamEntry
from p33_tasks.services.issue_permit import PermitService
from p33_tasks.services.record_fill import ResultService
from p33_tasks.store.batches import Window
from p33_tasks.store.dead_letters import RedisDeadLetters
from p33_tasks.store.entries import RedisEntries
from p33_tasks.store.operator import OperatorStore
from p33_tasks.store.results import RedisResultStore
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from p33_tasks.store.verdicts import RedisVerdictStore
from p33_tasks.venues.build import venue_source

SOURCE = venue_source("binanceusdm", True, None)  # noqa: FBT003 - the default settings' own
READER = "host-1"


class World:
    """Writes what workers would write."""

    def __init__(self, client: redis.Redis, symbols: tuple[str, ...]) -> None:
        self.client = client
        self.keys = Keys()
        self.policy = Policy(allowlist=frozenset(symbols))
        self.snapshots = RedisSnapshotStore(
            client,
            self.keys,
            allowlist=symbols,
            times=RefreshTimes(poll_ms=1, cooldown_ms=self.policy.cooldown_ms, adoption_wait_ms=0),
            bootstrap="adopt",
        )
        verdicts = RedisVerdictStore(client, self.keys, source=SOURCE)
        self.permits = PermitService(verdicts, RedisDeadLetters(client, self.keys), self.policy)
        self.results = ResultService(
            RedisResultStore(client, self.keys, allowlist=self.policy.allowlist, permit_ttl_ms=60_000)
        )
        self.dead_letters = RedisDeadLetters(client, self.keys)
        self.operator = OperatorStore(client, self.keys)
        self.entries = RedisEntries(client, self.keys)
        # As if this life of the store had begun long ago.
        client.set(self.keys.epoch, "e" * 32)
        replication, server = client.info("replication"), client.info("server")
        life = life_of(server["run_id"], replication["master_replid"], "e" * 32)
        client.hset(self.keys.refresh, "life", life)
        for stream in (self.keys.plans, self.keys.results):
            client.xgroup_create(stream, GROUP, "0", mkstream=True)

    def now_ms(self) -> int:
        """Redis TIME."""
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def refresh(self, positions: Mapping[str, str], *, age_ms: int = 0) -> None:
        """A bulk request that ended well, begun ``age_ms`` ago."""
        claim = self.snapshots.claim_refresh(SOURCE)
        self.snapshots.put_snapshots(
            Snapshot(
                position=Position(symbol=symbol, position_amt=Decimal(amount), mark_price=Decimal(50_000)),
                ts_ms=claim.now_ms - age_ms,
                source=SOURCE,
                run_id=claim.run_id,
                life=claim.life,
            )
            for symbol, amount in positions.items()
        )
        rules = {
            symbol: MarketRules(
                symbol=symbol, step_size=Decimal("0.001"), min_qty=Decimal("0.001"), max_market_qty=Decimal(120)
            )
            for symbol in positions
        }
        self.snapshots.put_markets(MarketReport(markets=rules), source=SOURCE, ts_ms=claim.now_ms)
        self.snapshots.finish_refresh(claim, markets=MarketsLoaded.ALL)

    def read_streams(self) -> None:
        """An ingest process is alive and reads both streams."""
        self.entries.lease(READER, "token", 60_000)
        for stream in (self.keys.plans, self.keys.results):
            self.entries.read(stream, READER, Window(size=10_000))

    def publish(self, stream: str, fields: Mapping[str, str]) -> StreamEntry:
        """An entry that was read and not yet acknowledged."""
        entry_id = str(self.client.xadd(stream, dict(fields)))
        self.read_streams()
        return StreamEntry(stream=stream, entry_id=entry_id)

    def judge(self, plan_id: str, symbol: str, action: str = "CLOSE_PARTIAL_75") -> Verdict | None:
        """Publish a plan and make its verdict."""
        fields = {"plan_id": plan_id, "symbol": symbol, "action": action, "decision": "EXECUTE"}
        entry = self.publish(self.keys.plans, fields)
        issued_ms = int(entry.entry_id.partition("-")[0])
        plan = Plan(
            plan_id=plan_id, symbol=symbol, action=action, close_factor=close_factor(action), issued_ms=issued_ms
        )
        return self.permits.judge(plan, entry)

    def execute(self, plan_id: str, symbol: str, order_id: str, side: OrderSide, quantity: str) -> None:
        """Publish an execution and record it."""
        fields = {"plan_id": plan_id, "symbol": symbol, "executed": "True", "order_id": order_id}
        entry = self.publish(self.keys.results, {**fields, "filled_qty": quantity})
        fill = Fill(order_id=order_id, side=side, cumulative_qty=Decimal(quantity))
        self.results.record(ExecutionResult(plan_id=plan_id, symbol=symbol, executed=True, fills=(fill,)), entry)


HOSTILE_PLAN_ID = "<script>alert(1)</script>\"'&\x1b[31m\u202e/../?a=b#c"
MIXED = {
    "BTCUSDT": "0.038",
    "ETHUSDT": "-1.2",
    "SOLUSDT": "250",
    "XRPUSDT": "-4100.5",
    "DOGEUSDT": "0",
    "ADAUSDT": "0",
    "BNBUSDT": "3.4",
}


def mixed(client: redis.Redis) -> World:
    """Seven symbols in seven states, and one verdict of each kind that a page should show."""
    world = World(client, (*MIXED, "LTCUSDT"))
    world.refresh(MIXED)
    world.judge("abc5f1f59a4df545", "BTCUSDT")
    world.execute("abc5f1f59a4df545", "BTCUSDT", "8205830455", OrderSide.SELL, "0.028")
    world.judge("9f2c71b0cafe0001", "BTCUSDT", "CLOSE_FULL")
    world.judge("9f2c71b0cafe0002", "ETHUSDT")
    world.judge("9f2c71b0cafe0003", "ETHUSDT")
    world.operator.set_hold("SOLUSDT", why="venue announced a delisting; asked desk <b>now</b>", by="op@desk")
    world.judge("9f2c71b0cafe0004", "SOLUSDT", "FULL_CLOSE_PROPOSED")
    client.hset(world.keys.ledger("XRPUSDT"), "last_known_amt", "-4000")
    world.judge("9f2c71b0cafe0005", "XRPUSDT")
    world.judge("9f2c71b0cafe0006", "DOGEUSDT")
    world.judge("9f2c71b0cafe0007", "PEPEUSDT")
    world.judge("9f2c71b0cafe0008", "BNBUSDT", "HOLD")
    world.judge(HOSTILE_PLAN_ID, "BNBUSDT", "<b>")
    world.execute("nobody-allowed-this", "SOLUSDT", "42", OrderSide.SELL, "1")
    world.dead_letters.dead_letter(world.publish(world.keys.plans, {"x": "1"}), "no plan_id", {"x": "1"})
    world.refresh({"BTCUSDT": "0.010"})
    return world
