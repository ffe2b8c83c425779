"""What it costs everybody else's verdicts that one position among many drifts again and again, and is repaired."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from tests.bench import latency, work
from tests.bench.programs import Brain
from tests.support.waiting import wait_until

ROUNDS = 3
PER_SEC = 20
EVENTS = "quantum:stream:p33.reconcile"


def cost_of_a_drift(console: Console, brain: Brain, symbols: Sequence[str], seconds: float) -> None:
    """Verdicts and snapshots of all other symbols, without and with a drifting one, in turn.

    Mode ``repair`` all the time. The first symbol drifts: its watermark is the first that is taken.
    """
    drifting, others = symbols[0], symbols[1:]
    client = brain.server.client()
    wait_until(lambda: client.exists(f"quantum:p33:watermark:{drifting}"), "its watermark", timeout_sec=120)
    table = Table("drift", "repairs", "p50 ms", "p99 ms", "missing", "oldest snapshot s", title="One drift among many")
    parts: dict[str, list[latency.Latency]] = {"none": [], "again and again": []}
    for _ in range(ROUNDS):
        for name, found in parts.items():
            before = _repairs(brain)
            with _drifting(brain, drifting, on=name != "none"):
                found.append(
                    latency.measure(brain.server, "quantum", others, per_sec=PER_SEC, seconds=seconds, frees=True)
                )
                oldest = work.oldest_snapshot_sec(brain, list(symbols), max(12.0, seconds))
            got = found[-1]
            row = (f"{got.p50:.2f}", f"{got.p99:.2f}", str(got.missing), f"{oldest}")
            table.add_row(name, str(_repairs(brain) - before), *row)
    none, drift = (latency.together(each) for each in parts.values())
    pairs = zip(parts["again and again"], parts["none"], strict=True)
    ratios = [one.p50 / other.p50 for one, other in pairs]
    console.print(table)
    console.print(
        f"with a drift / without: p50 {drift.p50 / none.p50:.2f}, p99 {drift.p99 / none.p99:.2f}; "
        f"p50 of the pairs {min(ratios):.2f} to {max(ratios):.2f}, median {statistics.median(ratios):.2f} (goal 1)"
    )


@contextmanager
def _drifting(brain: Brain, symbol: str, *, on: bool) -> Iterator[None]:
    """While it lasts, the venue trades the position by itself as soon as the last such trade was repaired."""
    ended = threading.Event()
    thread = threading.Thread(target=_drift, args=(brain, symbol, ended), daemon=True)
    if on:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if on:
            thread.join()


def _drift(brain: Brain, symbol: str, ended: threading.Event) -> None:
    client = brain.server.client()
    repairs = _repairs(brain)
    brain.exchange.trade(symbol, "-1", kind="adl")
    while not ended.wait(0.1):
        if _repairs(brain) > repairs:
            repairs = _repairs(brain)
            brain.exchange.trade(symbol, "-1", kind="adl")
    ledger, amount = f"quantum:position:ledger:{symbol}", str(brain.exchange.position(symbol))
    wait_until(lambda: client.hget(ledger, "last_known_amt") == amount, "the last repair", timeout_sec=120)


def _repairs(brain: Brain) -> int:
    events = brain.server.client().xrange(EVENTS)
    return sum(fields["event"] == "repaired" for _, fields in events)
