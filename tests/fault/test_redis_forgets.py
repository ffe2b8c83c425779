"""A Redis that comes back empty: nothing is allowed, it is said why, and one command per symbol is the way back."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.fault.record import Effort, Record
from tests.fault.world import PLANS, REAL, World, plan_entry, running_world
from tests.support.waiting import wait_until


def _publish(world: World, symbol: str, plan_id: str = "") -> str:
    plan_id = plan_id or f"plan-{uuid.uuid4().hex}"
    granted = json.dumps({"plan_id": plan_id, "symbol": symbol, "granted": True})
    world.client.set(f"quantum:permit:governor:{plan_id}", granted, ex=60)
    world.client.xadd(PLANS, dict(plan_entry(plan_id, symbol, "CLOSE_PARTIAL_25")))
    return plan_id


def _verdict(world: World, plan_id: str) -> dict[str, Any]:
    raw = wait_until(
        lambda: world.client.get(f"quantum:p33:decision:{plan_id}"), f"a verdict on {plan_id}", timeout_sec=20
    )
    found: dict[str, Any] = json.loads(raw)
    return found


def _p33(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("p33")), *arguments]
    environment = {**world.env, "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _executed(world: World, symbol: str) -> list[Decimal]:
    return [Decimal(o["executedQty"]) for o in world.exchange.orders() if o["symbol"] == symbol]


def _adopted(world: World, symbol: str) -> None:
    """The way back; within the cooldown it says when to try again."""

    def adopt() -> bool:
        done = _p33(world, "ledger", "adopt", symbol, "--yes", "--json")
        assert done.returncode == 0 or "Try again" in done.stderr or "refresh" in done.stderr, done.stderr
        return done.returncode == 0

    wait_until(adopt, f"the ledger of {symbol} is adopted", timeout_sec=30, every_sec=0.3)


def test_everything_lost_denies_until_the_ledger_is_adopted_and_no_plan_is_executed_twice(
    effort: Effort, record: Record
) -> None:
    rounds = effort.pick(1, len(REAL))  # each symbol once: a restart takes every ledger
    with running_world(workers=1) as world:
        for number in range(rounds):
            symbol = REAL[number]
            if number:
                _adopted(world, symbol)  # the round before took this one's ledger too
            before = len(_executed(world, symbol))
            executed = _publish(world, symbol)
            assert _verdict(world, executed)["allow"]
            wait_until(lambda s=symbol, n=before: len(_executed(world, s)) == n + 1, "it is executed")
            left = world.exchange.position(symbol)
            world.settle()  # its fill is recorded: told after the restart, it would begin a cooldown, which denies too

            world.redis.kill()
            world.redis.start()
            world.await_fresh()

            again, fresh = _publish(world, symbol, executed), _publish(world, symbol)
            for plan_id in (again, fresh):
                assert _verdict(world, plan_id)["reason"] == "reconcile_required_missing_ledger"
            world.settle()
            assert len(_executed(world, symbol)) == before + 1, "a forgotten decision was executed a second time"
            told = _p33(world, "explain", fresh)
            assert f"p33 ledger adopt {symbol}" in told.stdout + told.stderr

            _adopted(world, symbol)

            assert Decimal(world.client.hget(f"quantum:position:ledger:{symbol}", "last_known_amt")) == left
            after = _publish(world, symbol)
            assert _verdict(world, after)["allow"]
            wait_until(lambda s=symbol, n=before: len(_executed(world, s)) == n + 2, "work goes on")
            world.settle()
    record.add("redis", "restarted empty; back by p33 ledger adopt", tried=rounds, held=rounds)
