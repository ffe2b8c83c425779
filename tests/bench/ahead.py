"""Prepared verdicts: how quick a promotion is, and what living forecasts cost everybody else."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import burst, latency, work
from tests.bench.positions import give_free, hold_positions
from tests.bench.programs import Brain, running_bare, running_floor
from tests.support.waiting import wait_until

FORECASTS = "quantum:stream:apply.forecast"
FORESEEN, UNFORESEEN = "CLOSE_FULL", "CLOSE_PARTIAL_75"
PROMOTED = '"prepared":true'
ROUNDS = 3
HORIZON_SEC = 300
EACH = 20
"""Forecasts alive for each symbol."""
JUST_NOW_MS = 7_000
"""Left of the 10 s that a prepared verdict is kept: the next refresh, which voids it, is over a second away."""


def speed(console: Console, brain: Brain, symbols: Sequence[str], seconds: float) -> None:
    """One paired run, the ways in turn: who is measured first doesn't matter."""
    table = Table("plans/s", "", "p50 ms", "p99 ms", "worst ms", "other way", "missing", title="XADD to permit")
    hold_positions(brain, symbols)
    with running_floor(brain.server), running_bare(brain.server):
        for per_sec in (20, 200):
            found = _in_turn(brain, symbols, per_sec, seconds / ROUNDS)
            for name, got in found.items():
                times = (f"{got.p50:.2f}", f"{got.p99:.2f}", f"{got.worst:.1f}")
                table.add_row(str(per_sec), name, *times, str(got.others), str(got.missing))
            prepared = found["prepared"].p50
            told = (f"{prepared / found['one SET'].p50:.2f} of one SET (goal 0.6)",)
            told += (f"{prepared / found['bare script'].p50:.2f} of the bare script (goal 1.3)",)
            table.add_row(str(per_sec), "; ".join(told), *[""] * 5, end_section=True)
    console.print(table)
    console.print(
        "other way: plans for which nothing was prepared at that moment, judged by a task and not counted here"
    )


def _in_turn(brain: Brain, symbols: Sequence[str], per_sec: int, seconds: float) -> dict[str, latency.Latency]:
    rate: dict[str, Any] = {"per_sec": per_sec, "seconds": seconds}
    parts: dict[str, list[latency.Latency]] = {name: [] for name in ("bare script", "one SET", "prepared", "ordinary")}
    for _ in range(ROUNDS):
        parts["bare script"].append(latency.measure(brain.server, "bare", symbols, **rate))
        parts["one SET"].append(latency.measure(brain.server, "floor", symbols, **rate))
        foresee(brain, symbols)
        wait_until_prepared(brain, len(symbols))
        of_ours: dict[str, Any] = {**rate, "frees": True}
        parts["prepared"].append(
            latency.measure(brain.server, "quantum", symbols, action=FORESEEN, counts=PROMOTED, **of_ours)
        )
        parts["ordinary"].append(latency.measure(brain.server, "quantum", symbols, action=UNFORESEEN, **of_ours))
    return {name: latency.together(each) for name, each in parts.items()}


def foreseen_burst(console: Console, brain: Brain, symbols: Sequence[str]) -> None:
    """A plan for every symbol in one moment, all of them foreseen; and the same unforeseen."""
    table = Table(
        "plans at once", "last verdict s", "p50 s", "promoted", "CPU ms", *burst.ROLES, title="Foreseen burst"
    )
    for name, action in (("foreseen", FORESEEN), ("unforeseen", UNFORESEEN), ("foreseen", FORESEEN)):
        give_free(brain, symbols)
        foresee(brain, symbols)
        wait_until_prepared(brain, len(symbols))
        before = promoted(brain)
        found = burst.burst(brain, symbols, len(symbols), action=action)
        cpu = [f"{sum(found.cpu_ms.values()):.2f}", *(f"{ms:.2f}" for ms in found.cpu_ms.values())]
        goal = " (goal 0.4)" if name == "foreseen" else ""
        row = (f"{found.last_sec:.2f}{goal}", f"{found.p50_sec:.2f}", str(promoted(brain) - before))
        table.add_row(f"{found.plans} {name}", *row, *cpu)
    console.print(table)


def cost_of_forecasts(console: Console, brain: Brain, symbols: Sequence[str], seconds: float) -> None:
    """Snapshots and ordinary verdicts, without and with 20 living forecasts for each symbol, in turn."""
    table = Table("forecasts alive", "oldest snapshot s", "ordinary p50 ms", "p99 ms", "missing", title="Forecasts")
    for count in (0, EACH, 0, EACH):
        brain.server.client().delete(FORECASTS)
        foresee(brain, symbols, each=count)
        threading.Event().wait(6.0)  # a refresh has seen them
        got = latency.measure(
            brain.server, "quantum", symbols, action=UNFORESEEN, per_sec=20, seconds=seconds, frees=True
        )
        oldest = work.oldest_snapshot_sec(brain, list(symbols), max(12.0, seconds))
        table.add_row(f"{count} x {len(symbols)}", f"{oldest}", f"{got.p50:.2f}", f"{got.p99:.2f}", str(got.missing))
    console.print(table)


def foresee(brain: Brain, symbols: Sequence[str], each: int = 1) -> None:
    """So many forecasts for each symbol; the service keeps what it reads."""
    pipeline = brain.server.client().pipeline(transaction=False)
    for number in range(each):
        for symbol in symbols:
            entry = {"symbol": symbol, "action": FORESEEN, "horizon_sec": str(HORIZON_SEC)}
            pipeline.xadd(FORECASTS, {**entry, "source": f"bench {number}", "probability": f"0.{number + 10}"})
    pipeline.execute()


def wait_until_prepared(brain: Brain, count: int) -> None:
    """Wait until all of them are ready, on the latest snapshot: a refresh voids what was prepared before."""
    client = brain.server.client()

    def are_ready() -> bool:
        pipeline = client.pipeline(transaction=False)
        for key in client.scan_iter("quantum:p33:prepared:*:1", count=2_000):
            pipeline.pttl(key)
        left_ms = pipeline.execute()
        return len(left_ms) >= count and min(left_ms) > JUST_NOW_MS

    wait_until(are_ready, f"{count} verdicts are prepared", timeout_sec=60, every_sec=0.02)


def promoted(brain: Brain) -> int:
    """How many plans have got a prepared verdict."""
    return int(brain.server.client().hget("quantum:p33:counters", "p33_prepared_total|hit") or 0)
