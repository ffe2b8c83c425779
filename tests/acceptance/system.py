"""What an acceptance test says to the running system, and asks of it: only the wire contract, no code of the brain."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import redis
from pytest_celery import CeleryTestNode

from p33_tasks.demo.exchange.client import SimControl
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

POLL_SEC, THRESHOLD_SEC, COOLDOWN_SEC = 1, 3, 4
READ_LAG_MS = 2_000  # the contract's least
SETTINGS = {
    "P33_POLL_SEC": str(POLL_SEC),
    "P33_STALE_THRESHOLD_SEC": str(THRESHOLD_SEC),
    "P33_COOLDOWN_SEC": str(COOLDOWN_SEC),
}
BINANCE = "binanceusdm"
# The simulator's synthetic contracts: SIM000 has step 1, SIM001 0.1, SIM002 0.01, SIM003 0.001, and so on.
SYMBOLS = tuple(f"SIM{number:03d}USDT" for number in range(60))


@dataclass(frozen=True)
class System:
    """The running programs, and the streams and keys that they and we share."""

    redis: RedisServer
    exchange: SimControl
    workers: list[CeleryTestNode]
    beat: CeleryTestNode
    neighbours: list[CeleryTestNode]
    symbols: tuple[str, ...] = SYMBOLS

    @cached_property
    def client(self) -> redis.Redis:
        return self.redis.client()

    def wait_until_up(self) -> None:
        for node in (*self.workers, self.beat, *self.neighbours):
            node.ready()
        wait_until(
            lambda: all(self.snapshot(symbol) for symbol in self.symbols), "every symbol has a snapshot", timeout_sec=30
        )
        wait_until(
            lambda: (
                {g["name"] for g in self.client.xinfo_groups("quantum:stream:apply.plan")}
                >= {"p33", "governor", "apply"}
            ),
            "brain, governor and apply layer read the plans",
            timeout_sec=30,
        )

    # --- setting the scene ------------------------------------------------------------------------------------------

    def hold_position(self, symbol: str, amt: str, *, ledger: str | None = None) -> None:
        """A position that exchange, snapshot and ledger agree on (or not, with ``ledger``)."""
        self.exchange.set_position(symbol, amt)
        self.await_snapshot(symbol, amt)
        self.set_ledger(symbol, ledger if ledger is not None else amt)

    def set_ledger(self, symbol: str, amt: str) -> None:
        side = "FLAT" if Decimal(amt) == 0 else "LONG" if Decimal(amt) > 0 else "SHORT"
        self.client.hset(f"quantum:position:ledger:{symbol}", mapping={"last_known_amt": amt, "last_known_side": side})

    def await_snapshot(self, symbol: str, amt: str) -> None:
        wait_until(
            lambda: self.snapshot(symbol).get("position_amt") == amt,
            f"snapshot of {symbol} shows {amt}",
            timeout_sec=15,
        )

    # --- acting -----------------------------------------------------------------------------------------------------

    def publish(self, symbol: str, action: str = "CLOSE_PARTIAL_75", plan_id: str = "", **fields: str) -> str:
        plan_id = plan_id or f"plan-{uuid.uuid4().hex[:12]}"
        entry = {"plan_id": plan_id, "symbol": symbol, "action": action, "decision": "EXECUTE", **fields}
        self.client.xadd("quantum:stream:apply.plan", dict(entry))
        return plan_id

    # --- seeing -----------------------------------------------------------------------------------------------------

    def snapshot(self, symbol: str) -> dict[str, str]:
        found: dict[str, str] = self.client.hgetall(f"quantum:position:snapshot:{symbol}")
        return found

    def ledger(self, symbol: str) -> Decimal:
        return Decimal(self.client.hget(f"quantum:position:ledger:{symbol}", "last_known_amt") or "NaN")

    def barrier_ms(self, symbol: str) -> int:
        """The least time of a snapshot that an allow may rest on: what was consumed could still be sent before it."""
        placed = self.client.hget(f"quantum:position:ledger:{symbol}", "barrier_ms")
        return int(placed) + READ_LAG_MS if placed else 0

    def verdict(self, plan_id: str, *, timeout_sec: float = 5) -> dict[str, Any]:
        """The tombstone, since an apply layer may have consumed the permit already."""
        key = f"quantum:p33:decision:{plan_id}"
        raw = wait_until(lambda: self.client.get(key), f"a verdict on {plan_id}", timeout_sec=timeout_sec)
        found: dict[str, Any] = json.loads(str(raw), parse_float=Decimal, parse_int=Decimal)
        return found

    def result(self, plan_id: str, *, timeout_sec: float = 10) -> dict[str, str]:
        """What the apply layer published about a plan."""
        found = wait_until(lambda: self.results(plan_id), f"a result of {plan_id}", timeout_sec=timeout_sec)
        assert len(found) == 1, f"{plan_id} has {len(found)} results"
        return found[0]

    def results(self, plan_id: str) -> list[dict[str, str]]:
        entries = self.client.xrange("quantum:stream:apply.result")
        return [fields for _, fields in entries if fields["plan_id"] == plan_id]

    def orders(self, symbol: str) -> list[dict[str, Any]]:
        return [order for order in self.exchange.orders() if order["symbol"] == symbol]

    def audit(self, plan_id: str) -> list[dict[str, str]]:
        entries = self.client.xrange("quantum:stream:p33.decision")
        return [fields for _, fields in entries if fields["plan_id"] == plan_id]

    def await_all_plans_read(self) -> None:
        """Every plan so far was read and acknowledged by the brain."""
        stream = "quantum:stream:apply.plan"

        def read() -> bool:
            (group,) = (g for g in self.client.xinfo_groups(stream) if g["name"] == "p33")
            last = self.client.xinfo_stream(stream)["last-generated-id"]
            return bool(group["pending"] == 0 and group["last-delivered-id"] == last)

        wait_until(read, "every plan was read")

    def assert_blocked(self, plan_id: str, symbol: str, *, orders_before: int = 0) -> None:
        """The apply layer said why it sent nothing, and it sent nothing."""
        result = self.result(plan_id)
        assert result["executed"].lower() == "false"
        assert result["error"] == "missing_or_denied_p33_permit"
        assert len(self.orders(symbol)) == orders_before

    def await_executed(self, plan_id: str, symbol: str, ledger: str) -> dict[str, str]:
        result = self.result(plan_id)
        assert result["executed"].lower() == "true", result
        wait_until(lambda: self.ledger(symbol) == Decimal(ledger), f"the ledger of {symbol} follows to {ledger}")
        return result
