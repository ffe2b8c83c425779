"""The whole gate over a test's own Redis: stores, services and the executor's client, with short words for each act.

Nothing in it stands in for the product, except that a test says what the exchange answered (``put_position``).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from p33_tasks.apply import Consumed, PermitClient, PermitRefused
from p33_tasks.contract.emergency import EmergencyProof
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.life import life_of
from p33_tasks.domain.close_factors import close_factor
from p33_tasks.domain.models import (
    Fill,
    Leg,
    LegPosition,
    MarketRules,
    OrderSide,
    Plan,
    Policy,
    Position,
    Snapshot,
    Verdict,
)
from p33_tasks.domain.quantities import canonical
from p33_tasks.ports import ExecutionResult, MarketReport, ResultStatus, StreamEntry
from p33_tasks.services.issue_permit import PermitService
from p33_tasks.services.record_fill import ResultService
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.connection import connect
from p33_tasks.store.dead_letters import RedisDeadLetters
from p33_tasks.store.operator import OperatorStore
from p33_tasks.store.results import RedisResultStore
from p33_tasks.store.scripts import Scripts
from p33_tasks.store.service_holds import ServiceHoldStore
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from p33_tasks.store.verdicts import RedisVerdictStore
from tests.support.redis_server import RedisServer

SYMBOL = "BTCUSDT"
OTHER = "ETHUSDT"
SOURCE = "binanceusdm test.example"
EPOCH = "e" * 32
CONSUMER = "test"
LONG = Decimal("0.040")


class Gate:
    """Everything of one account."""

    def __init__(
        self,
        server: RedisServer,
        *,
        prefix: str = "quantum",
        source: str = SOURCE,
        signing_key: str | None = None,
        emergency_key: str | None = None,
        bootstrap: Any = "deny",
        adoption_wait_ms: int = 0,
        **limits: Any,
    ) -> None:
        self.server, self.source = server, source
        self.url = server.url()
        self.keys = Keys(prefix)
        self.policy = Policy(allowlist=frozenset({SYMBOL, OTHER}), **limits)
        self.redis = server.client()
        client = connect(self.url)
        self.scripts = Scripts(client)
        allowlist, policy = self.policy.allowlist, self.policy
        self.verdicts = RedisVerdictStore(client, self.keys, source=source, signing_key=signing_key)
        self.dead_letters = RedisDeadLetters(client, self.keys)
        proof = EmergencyProof(prefix=prefix, key=emergency_key)
        self.permits = PermitService(self.verdicts, self.dead_letters, policy, emergency=proof)
        self.results = RedisResultStore(client, self.keys, allowlist=allowlist, permit_ttl_ms=policy.permit_ttl_ms)
        self.recorder = ResultService(self.results)
        times = RefreshTimes(
            poll_ms=policy.poll_ms,
            cooldown_ms=policy.cooldown_ms,
            read_lag_ms=policy.read_lag_ms,
            adoption_wait_ms=adoption_wait_ms,
        )
        self.snapshots = RedisSnapshotStore(client, self.keys, allowlist=allowlist, times=times, bootstrap=bootstrap)
        self.operator = OperatorStore(client, self.keys)
        self.service_holds = ServiceHoldStore(client, self.keys)
        self.budget = RedisRequestBudget(client, self.keys, own_weight=1_200, venue_weight=2_280)
        # As if this life of the store had begun long ago.
        self.redis.set(self.keys.epoch, EPOCH, nx=True)
        self.redis.hset(self.keys.refresh, "life", self.life)
        for stream in (self.keys.plans, self.keys.results):
            if not self.redis.exists(stream):
                self.redis.xgroup_create(stream, GROUP, id="0", mkstream=True)

    # --- the server -------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        seconds, micros = self.redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    @property
    def run_id(self) -> str:
        return str(self.redis.info("server")["run_id"])

    @property
    def life(self) -> str:
        replication = self.redis.info("replication")
        epoch = self.redis.get(self.keys.epoch) if self.redis.type(self.keys.epoch) == "string" else None
        return life_of(self.run_id, replication["master_replid"], epoch)

    def until_after(self, ms: int) -> None:
        """Wait until the server's time is later than ``ms``."""
        while self.now_ms() <= ms:
            pass

    def dump(self) -> dict[str, tuple[bytes, bool]]:
        """Every key: its whole value, and whether it expires."""
        raw = self.server.client(decode=False)
        found = {}
        for key in raw.scan_iter(count=1000):
            found[key.decode()] = (raw.dump(key), raw.ttl(key) >= 0)
        raw.close()
        return found

    # --- facts ------------------------------------------------------------------------------------------------------

    def put_position(
        self, amount: str | Decimal = LONG, *, symbol: str = SYMBOL, age_ms: int = 0, **changes: Any
    ) -> str:
        """A refresh found this position; returns what the store did with it."""
        position = Position(symbol=symbol, position_amt=Decimal(amount), hedge_mode=changes.pop("hedge_mode", False))
        return self._put(position, age_ms, changes)

    def put_legs(self, long: str, short: str, *, symbol: str = SYMBOL, age_ms: int = 0, **changes: Any) -> str:
        """A refresh found the symbol in hedge mode, with these signed amounts."""
        legs = tuple(
            LegPosition(leg=leg, position_amt=Decimal(amount)) for leg, amount in ((Leg.LONG, long), (Leg.SHORT, short))
        )
        net = legs[0].position_amt + legs[1].position_amt
        position = Position(symbol=symbol, position_amt=net, hedge_mode=True, legs=legs)
        return self._put(position, age_ms, changes)

    def put(self, position: Position) -> str:
        """A refresh found this."""
        return self._put(position, 0, {})

    def _put(self, position: Position, age_ms: int, changes: dict[str, Any]) -> str:
        fields = {
            "ts_ms": self.now_ms() - age_ms,
            "source": self.source,
            "run_id": self.run_id,
            "life": self.life,
            **changes,
        }
        return self.snapshots.put_snapshots([Snapshot(position=position, **fields)])[position.symbol]

    def put_ledger(
        self, amount: str | Decimal = LONG, *, symbol: str = SYMBOL, leg: Leg = Leg.BOTH, **fields: str
    ) -> None:
        self.redis.hset(self.keys.ledger(symbol, leg), mapping={"last_known_amt": canonical(Decimal(amount)), **fields})

    def put_market(
        self, *symbols: str, step: str = "0.001", age_ms: int = 0, source: str | None = None, problem: str | None = None
    ) -> None:
        """The venue's market rules, or its word why there are none."""
        wanted = symbols or (SYMBOL,)
        rules = {
            symbol: MarketRules(
                symbol=symbol, step_size=Decimal(step), min_qty=Decimal(step), max_market_qty=Decimal(120)
            )
            for symbol in wanted
        }
        report = MarketReport(markets=rules) if problem is None else _without_rules(wanted, problem)
        self.snapshots.put_markets(report, source=source or self.source, ts_ms=self.now_ms() - age_ms)

    def make_ready(self, amount: str | Decimal = LONG, *, symbol: str = SYMBOL) -> Gate:
        """A symbol that can be closed: exchange and ledger agree."""
        self.put_ledger(amount, symbol=symbol)
        self.put_position(amount, symbol=symbol)
        self.put_market(symbol)
        return self

    def make_hedged(self, long: str = "0.040", short: str = "-0.020") -> Gate:
        """A symbol in hedge mode of which both legs can be closed."""
        self.put_legs(long, short)
        self.put_ledger(long, leg=Leg.LONG)
        self.put_ledger(short, leg=Leg.SHORT)
        self.put_market()
        return self

    def snapshot(self, symbol: str = SYMBOL, leg: Leg = Leg.BOTH) -> dict[str, str]:
        return self.redis.hgetall(self.keys.snapshot(symbol, leg))

    def ledger(self, symbol: str = SYMBOL, leg: Leg = Leg.BOTH) -> dict[str, str]:
        return self.redis.hgetall(self.keys.ledger(symbol, leg))

    def ledger_amt(self, symbol: str = SYMBOL, leg: Leg = Leg.BOTH) -> str | None:
        return self.redis.hget(self.keys.ledger(symbol, leg), "last_known_amt")

    def reserved_by(self, symbol: str = SYMBOL, leg: Leg = Leg.BOTH) -> str | None:
        return self.redis.get(self.keys.reservation(symbol, leg))

    def end_cooldown(self, symbol: str = SYMBOL, leg: Leg = Leg.BOTH) -> None:
        """As if the last order were as long ago as the cooldown takes, and the last consumption's barrier behind."""
        then_ms = self.now_ms() - self.policy.cooldown_ms - 1
        self.redis.hset(
            self.keys.ledger(symbol, leg),
            mapping={"last_order_time_ms": then_ms, "last_order_time_epoch": then_ms // 1000},
        )
        self.redis.hdel(self.keys.ledger(symbol, leg), "barrier_ms")

    # --- plans ------------------------------------------------------------------------------------------------------

    def plan(self, plan_id: str = "plan-1", **changes: Any) -> Plan:
        fields: dict[str, Any] = {"symbol": SYMBOL, "action": "CLOSE_PARTIAL_75", "issued_ms": self.now_ms(), **changes}
        fields.setdefault("close_factor", close_factor(fields["action"]))
        return Plan(plan_id=plan_id, **fields)

    def publish(self, plan_id: str = "plan-1", **changes: Any) -> tuple[Plan, StreamEntry]:
        """A plan on its stream, read by a worker and not yet acknowledged."""
        plan = self.plan(plan_id, **changes)
        fields = {"plan_id": plan_id, "symbol": plan.symbol, "action": plan.action, "decision": "EXECUTE"}
        entry = self._add(self.keys.plans, fields)
        issued_ms = changes.get("issued_ms", int(entry.entry_id.partition("-")[0]))
        return self.plan(plan_id, **{**changes, "issued_ms": issued_ms}), entry

    def judge(self, plan_id: str = "plan-1", **changes: Any) -> Verdict | None:
        """Publish a plan and judge it."""
        return self.permits.judge(*self.publish(plan_id, **changes))

    def allow(self, plan_id: str = "plan-1", **changes: Any) -> dict[str, Any]:
        """Publish a plan that must be allowed; returns its permit."""
        self.judge(plan_id, **changes)
        permit = self.permit(plan_id)
        assert permit is not None
        assert permit["allow"] is True, permit
        return permit

    def permit(self, plan_id: str = "plan-1") -> dict[str, Any] | None:
        return _read(self.redis.get(self.keys.permit(plan_id)))

    def decision(self, plan_id: str = "plan-1") -> dict[str, Any] | None:
        return _read(self.redis.get(self.keys.decision(plan_id)))

    def reason(self, plan_id: str = "plan-1") -> str:
        """Why a plan was denied; ``allow`` when it was not."""
        decision = self.decision(plan_id)
        assert decision is not None, "no verdict"
        return "allow" if decision["allow"] else decision["reason"]

    def why_not(self, plan_id: str = "plan-1", **changes: Any) -> str:
        """Judge a plan and say why it was denied; ``allow`` when it was not."""
        self.judge(plan_id, **changes)
        return self.reason(plan_id)

    # --- the executor -----------------------------------------------------------------------------------------------

    def grant(self, plan_id: str = "plan-1", text: str = '{"granted":true}') -> None:
        self.redis.set(self.keys.governor_permit(plan_id), text, ex=60)

    def client(self, **options: Any) -> PermitClient:
        return PermitClient(self.url, prefix=self.keys.prefix, **options)

    def consume(self, plan_id: str = "plan-1", symbol: str = SYMBOL, **options: Any) -> Consumed:
        self.grant(plan_id)
        return self.client(**options).consume(plan_id, symbol)

    def refusal(self, plan_id: str = "plan-1", symbol: str = SYMBOL, **options: Any) -> tuple[str, str | None]:
        """Try to consume, be refused; returns error and reason."""
        try:
            consumed = self.consume(plan_id, symbol, **options)
        except PermitRefused as refused:
            return refused.error, refused.reason
        raise AssertionError(f"consumed: {consumed}")

    def report(
        self,
        plan_id: str = "plan-1",
        *fills: tuple[str, str, str],
        symbol: str = SYMBOL,
        executed: bool = True,
        entry: StreamEntry | None = None,
        **changes: Any,
    ) -> ResultStatus:
        """A result with fills ``(order id, side, cumulative quantity)`` is published and recorded."""
        result = make_result(plan_id, *fills, symbol=symbol, executed=executed, **changes)
        return self.recorder.record(result, entry or self.publish_result(plan_id))

    def publish_result(self, plan_id: str = "plan-1") -> StreamEntry:
        return self._add(self.keys.results, {"plan_id": plan_id})

    # --- what is left behind ----------------------------------------------------------------------------------------

    def pending(self, stream: str) -> int:
        return int(self.redis.xpending(stream, GROUP)["pending"])

    def count(self, name: str) -> int:
        return int(self.redis.hget(self.keys.counters, name) or 0)

    def audit(self) -> list[dict[str, str]]:
        return [fields for _, fields in self.redis.xrange(self.keys.decisions)]

    def events(self) -> list[str]:
        return [fields["event"] for _, fields in self.redis.xrange(self.keys.audit)]

    def dead(self) -> list[dict[str, str]]:
        return [fields for _, fields in self.redis.xrange(self.keys.dead_letters)]

    def _add(self, stream: str, fields: dict[Any, Any]) -> StreamEntry:
        entry_id = str(self.redis.xadd(stream, fields))
        self.redis.xreadgroup(GROUP, CONSUMER, {stream: ">"})
        return StreamEntry(stream=stream, entry_id=entry_id)


def make_result(
    plan_id: str = "plan-1",
    *fills: tuple[str, str | None, str],
    symbol: str = SYMBOL,
    executed: bool = True,
    **changes: Any,
) -> ExecutionResult:
    """A result as the parser would give it."""
    return ExecutionResult(
        plan_id=plan_id,
        symbol=symbol,
        executed=executed,
        fills=tuple(
            Fill(order_id=order_id, side=OrderSide(side) if side else None, cumulative_qty=Decimal(quantity))
            for order_id, side, quantity in fills
        ),
        **changes,
    )


def race(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run ``act(0) ... act(count - 1)`` in as many threads, let go at one moment; exceptions are results too."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait(30)
        try:
            return act(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def _without_rules(symbols: tuple[str, ...], problem: str) -> MarketReport:
    return MarketReport(markets={}, invalid=dict.fromkeys(symbols, problem))


def _read(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text, parse_float=Decimal)
