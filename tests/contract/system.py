"""What a contract test says to the running system and asks of it, in the names that the contract writes."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import redis

from tests.support.redis_server import RedisServer
from tests.support.simulator import SimControl
from tests.support.waiting import wait_until

PLANS, RESULTS, VERDICTS, DEAD = (
    f"quantum:stream:{name}" for name in ("apply.plan", "apply.result", "p33.decision", "p33.deadletter")
)
POLL_SEC, THRESHOLD_SEC, COOLDOWN_SEC, PERMIT_TTL_SEC = 0.5, 2, 3, 9
SIGNING_KEY = "contract-tests-signing-key"
# Synthetic contracts of the simulator: step size 1, 0.1, 0.01, 0.001, then again.
STEPS = ("1", "0.1", "0.01", "0.001")
LISTED = 240
"""Enough for the tests of one file: each symbol costs time at every poll, whether a test uses it or not."""
_FINEST = len(STEPS) - 1
SYMBOLS = tuple(f"SIM{n:03d}USDT" for n in range(LISTED) if n < 2 * len(STEPS) or n % len(STEPS) == _FINEST)


@dataclass(frozen=True)
class System:
    """One brain, its Redis and its exchange; each test takes symbols of its own."""

    redis: RedisServer
    exchange: SimControl
    environment: Mapping[str, str]
    metrics_port: int
    _taken: dict[str, Iterator[int]] = field(
        default_factory=lambda: {step: itertools.count(STEPS.index(step), len(STEPS)) for step in STEPS}
    )

    @cached_property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.redis.port, decode_responses=True, encoding_errors="replace", socket_timeout=10)

    # --- setting the scene ------------------------------------------------------------------------------------------

    def symbol(self, amt: str | None = None, *, ledger: str | None = "", step: str = "0.001") -> str:
        """A symbol of this test's own; with ``amt``, the position of the exchange, the snapshot and the ledger.

        ``ledger`` is another amount than the exchange's, or None for no ledger.
        """
        symbol = f"SIM{next(self._taken[step]):03d}USDT"
        if amt is not None:
            self.exchange.set_position(symbol, amt)
            self.await_snapshot(symbol, amt)
            if ledger is None:
                self.client.delete(f"quantum:position:ledger:{symbol}")
            else:
                self.set_ledger(symbol, ledger or amt)
        return symbol

    def set_ledger(self, symbol: str, amt: str) -> None:
        side = "FLAT" if Decimal(amt) == 0 else "LONG" if Decimal(amt) > 0 else "SHORT"
        fields = {"last_known_amt": amt, "last_known_side": side}
        self.client.hset(f"quantum:position:ledger:{symbol}", mapping=fields)

    def await_snapshot(self, symbol: str, amt: str) -> None:
        wait_until(lambda: self.snapshot(symbol).get("position_amt") == amt, f"snapshot of {symbol} shows {amt}")

    # --- acting -----------------------------------------------------------------------------------------------------

    def plan(self, symbol: str, action: str | None = "CLOSE_PARTIAL_75", plan_id: str = "", **fields: Any) -> str:
        plan_id = plan_id or f"plan-{uuid.uuid4().hex[:12]}"
        entry = {"plan_id": plan_id, "symbol": symbol, "decision": "EXECUTE", **fields}
        if action is not None:
            entry["action"] = action
        self.client.xadd(PLANS, {name: value for name, value in entry.items() if value is not None})
        return plan_id

    def judge(self, symbol: str, action: str | None = "CLOSE_PARTIAL_75", **fields: Any) -> dict[str, Any]:
        return self.verdict(self.plan(symbol, action, **fields))

    def allow(self, symbol: str, action: str = "CLOSE_PARTIAL_75") -> str:
        plan_id = self.plan(symbol, action)
        assert self.verdict(plan_id)["allow"] is True, self.verdict(plan_id)
        return plan_id

    def grant(self, plan_id: str, *, granted: Any = True) -> None:
        self.client.set(f"quantum:permit:governor:{plan_id}", json.dumps({"granted": granted}))

    def result(self, **fields: Any) -> None:
        """Publish an execution result and wait until it was taken in."""
        self.client.xadd(RESULTS, fields)
        self.await_read(RESULTS)

    def filled(self, symbol: str, order_id: str, quantity: str, side: str = "SELL", plan_id: str = "") -> None:
        """A result in the flat dialect."""
        self.result(
            plan_id=plan_id or f"plan-{uuid.uuid4().hex[:12]}", symbol=symbol, executed="True", side=side,
            order_id=order_id, filled_qty=quantity, order_status="FILLED",
        )  # fmt: skip

    # --- seeing -----------------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def snapshot(self, symbol: str) -> dict[str, str]:
        found: dict[str, str] = self.client.hgetall(f"quantum:position:snapshot:{symbol}")
        return found

    def ledger(self, symbol: str) -> dict[str, str]:
        found: dict[str, str] = self.client.hgetall(f"quantum:position:ledger:{symbol}")
        return found

    def verdict_text(self, plan_id: str) -> str:
        return str(wait_until(lambda: self.client.get(f"quantum:p33:decision:{plan_id}"), f"a verdict on {plan_id}"))

    def verdict(self, plan_id: str) -> dict[str, Any]:
        return exact(self.verdict_text(plan_id))

    def permit(self, plan_id: str) -> dict[str, Any] | None:
        text = self.client.get(f"quantum:permit:p33:{plan_id}")
        return None if text is None else exact(str(text))

    def reservation(self, symbol: str) -> str | None:
        found: str | None = self.client.get(f"quantum:position:inflight:{symbol}")
        return found

    def audit(self, plan_id: str) -> list[dict[str, str]]:
        return [fields for _, fields in self.client.xrange(VERDICTS) if fields.get("plan_id") == plan_id]

    def dead_letter(self, source_stream: str, source_id: str) -> dict[str, str]:
        def found() -> dict[str, str] | None:
            for _, fields in self.client.xrange(DEAD):
                if (fields["source_stream"], fields["source_id"]) == (source_stream, source_id):
                    letter: dict[str, str] = fields
                    return letter
            return None

        return wait_until(found, f"a dead letter of {source_stream} {source_id}") or {}

    def await_read(self, stream: str) -> None:
        """Every entry so far was read and acknowledged."""
        last = self.client.xinfo_stream(stream)["last-generated-id"]

        def read() -> bool:
            (group,) = (g for g in self.client.xinfo_groups(stream) if g["name"] == "p33")
            return bool(group["pending"] == 0 and _id(group["last-delivered-id"]) >= _id(last))

        wait_until(read, f"every entry of {stream} was read")

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of one series, whatever the order of its labels."""
        for line in self.metrics().splitlines():
            series, _, value = line.rpartition(" ")
            if series.split("{")[0] == name and all(f'{label}="{text}"' in series for label, text in labels.items()):
                return float(value)
        return None

    def run(self, *command: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return run(*command, environment={**self.environment, **environment}, stdin=stdin)


def run(
    *command: str, environment: Mapping[str, str], stdin: str = "", timeout_sec: float = 60
) -> subprocess.CompletedProcess[str]:
    """One of our programs, from start to end."""
    program = str(Path(sys.executable).with_name(command[0]))
    return subprocess.run(
        [program, *command[1:]], env={**os.environ, **environment}, input=stdin, capture_output=True, text=True,
        timeout=timeout_sec, check=False,
    )  # fmt: skip


def exact(text: str) -> Any:
    """JSON, with its numbers as they are written."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def signature(permit_text: str, key: str, prefix: str) -> str:
    """The contract's: HMAC-SHA256 over the prefix, a newline, and the permit without ``sig``, as sorted JSON.

    Numbers keep their literals: the text is taken apart and put together again without a number ever being read.
    """
    numbers: dict[str, str] = {}

    def literal(text: str) -> str:
        mark = f"\0{len(numbers)}\0"
        numbers[json.dumps(mark)] = text
        return mark

    permit = json.loads(permit_text, parse_float=literal, parse_int=literal)
    permit.pop("sig", None)
    canonical = json.dumps(permit, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for quoted, text in numbers.items():
        canonical = canonical.replace(quoted, text)
    return hmac.new(key.encode(), f"{prefix}\n{canonical}".encode(), hashlib.sha256).hexdigest()


def _id(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
