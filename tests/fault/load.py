"""Work at a steady rate: plans to deny, plans to execute, and reports of an executor that is the test itself."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import redis

from tests.fault.world import BOOK, FLAT, PLANS, REAL, RESULTS, plan_entry

TICK_SEC = 0.02
REAL_EVERY_SEC = 0.5
"""A plan per real symbol: most are denied (cooldown, in flight), the rest are executed one after the other."""


class Load:
    """Publishes from a thread. What it published stands in the streams: where Redis was away, nobody knows else."""

    def __init__(
        self,
        client: Callable[[], redis.Redis],
        *,
        plans_per_sec: float,
        results_per_sec: float = 20,
        seed: int = 0,
        grants: bool = True,
        maxlen: int | None = None,
    ) -> None:
        """What to publish.

        Args:
            client: Makes a connection of the load's own.
            plans_per_sec: In all.
            results_per_sec: Of the executor that is the test itself.
            seed: Of all chances.
            grants: Also write the governor's permits; False where a governor runs.
            maxlen: Trim the streams to about so many entries, as producers do; None keeps everything for the checker.
        """
        self._grants = grants
        self._maxlen = maxlen
        self._make_client = client
        self._plans_per_sec = plans_per_sec
        self._results_per_sec = results_per_sec
        self._random = random.Random(seed)
        self._run = f"{time.time_ns():x}"
        self._number = 0
        self._orders_from = time.time_ns()
        self._done = threading.Event()
        self._open_orders: dict[str, tuple[str, str, str, Decimal]] = {}
        self.lost_calls = 0  # publishes that Redis didn't confirm
        self.failure: BaseException | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[Load]:
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join(30)
        if self.failure is not None:
            raise AssertionError("the load ended early") from self.failure

    def _work(self) -> None:
        try:
            self._publish_all()
        except BaseException as failure:  # noqa: BLE001 - told by ``running``, in the test's own thread
            self.failure = failure

    def _publish_all(self) -> None:
        began = time.monotonic()
        plans = results = reals = 0
        client = self._make_client()
        while not self._done.is_set():
            elapsed = time.monotonic() - began
            pipeline = client.pipeline(transaction=False)
            while reals < elapsed * min(len(REAL) / REAL_EVERY_SEC, self._plans_per_sec / 2):
                self._add_real(pipeline, REAL[reals % len(REAL)])
                reals += 1
            while plans + reals < elapsed * self._plans_per_sec:
                plans += 1
                action = self._random.choice(("CLOSE_FULL", "CLOSE_PARTIAL_50", "HOLD"))
                self._add(pipeline, PLANS, plan_entry(self._next("plan"), self._random.choice(FLAT), action))
            while results < elapsed * self._results_per_sec:
                results += 1
                self._add_report(pipeline)
            try:
                if len(pipeline):
                    pipeline.execute()
            except redis.RedisError:
                self.lost_calls += 1
                client.close()
                began, plans, results, reals = time.monotonic(), 0, 0, 0  # what was missed isn't made up for
            self._done.wait(TICK_SEC)

    def _next(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._run}-{self._number}"

    def _add_real(self, pipeline: redis.client.Pipeline, symbol: str) -> None:
        plan_id = self._next("real")
        if self._grants:
            granted = json.dumps({"plan_id": plan_id, "symbol": symbol, "granted": True})
            pipeline.set(f"quantum:permit:governor:{plan_id}", granted, ex=60)
        self._add(pipeline, PLANS, plan_entry(plan_id, symbol, "CLOSE_PARTIAL_25"))

    def _add(self, pipeline: redis.client.Pipeline, stream: str, fields: dict[str, Any]) -> None:
        pipeline.xadd(stream, dict(fields), maxlen=self._maxlen)

    def _add_report(self, pipeline: redis.client.Pipeline) -> None:
        """A partial fill, then the whole of it, sometimes told twice, in any of the three dialects."""
        symbol = self._random.choice(BOOK)
        plan_id, order_id, side, quantity = self._open_orders.pop(symbol, ("", "", "", Decimal(0)))
        if order_id:
            filled = quantity
        else:
            plan_id = self._next("book")
            order_id, side = str(self._orders_from + self._number), self._random.choice(("BUY", "SELL"))
            quantity = Decimal(self._random.randint(2, 900)) / 100
            filled = quantity if self._random.random() < 0.5 else quantity / 2
            if filled < quantity:
                self._open_orders[symbol] = (plan_id, order_id, side, quantity)
        fields = report_entry(plan_id, symbol, order_id, side, filled, dialect=self._random.choice("ABC"))
        for _ in range(2 if self._random.random() < 0.2 else 1):
            self._add(pipeline, RESULTS, fields)


def report_entry(
    plan_id: str, symbol: str, order_id: str, side: str, filled: Decimal, *, dialect: str
) -> dict[str, Any]:
    """A result of CONTRACT section 4; ``x_`` fields are for our own checker, the brain ignores them."""
    own = {"x_order": order_id, "x_side": side, "x_filled": str(filled)}
    if dialect == "A":
        step = {"step": "CLOSE_FULL", "status": "success", "order_id": order_id, "side": side}
        steps = json.dumps([{**step, "quantity": str(filled), "executed_qty": str(filled), "reduce_only": True}])
        told = {"decision": "EXECUTE", "executed": "True", "would_execute": "True", "steps_results": steps, "error": ""}
    elif dialect == "B":
        told = {"executed": "True", "action": "CLOSE_FULL", "side": side, "close_qty": str(filled)}
        told |= {"filled_qty": str(filled), "order_id": order_id, "order_status": "FILLED", "reduceOnly": "true"}
    else:
        details = {"side": side, "qty": str(filled), "order_id": int(order_id), "filled_qty": str(filled)}
        told = {"event_type": "apply.result", "executed": "true", "source": "executor", "details": json.dumps(details)}
    return {"plan_id": plan_id, "symbol": symbol, **told, **own}
