"""``make bench``: the figures, each beside its floor in the same run, and the goals. Nothing is asserted.

A machine's absolute speed says little; the ratios hold when it is slower or busier.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.venues.build import venue_spec
from tests.bench import burst
from tests.bench.positions import give_free, hold_positions
from tests.bench.programs import Brain, running_brain, running_floor

ALL = ("latency", "throughput", "burst", "overload", "workers", "prepared", "forecasts", "drift", "exchange", "memory")
BURST_CPU = ("CPU ms", *burst.ROLES)
USUAL_POLL_MS = 5_000
SYMBOLS = [f"SIM{number:03d}USDT" for number in range(600)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(ALL)} (default: all)")
    parser.add_argument("--seconds", type=float, default=15, help="length of each measurement (default: 15)")
    parser.add_argument(
        "--venue",
        choices=("all", *FRONTS),
        action="append",
        default=[],
        help="of exchange: 600 positions on this venue's simulator, beside its documented limit",
    )
    parser.add_argument("--symbols", type=int, default=600, help="of drift: symbols that are refreshed (default: 600)")
    chosen = parser.parse_args()
    wanted = set(chosen.what or ALL)
    if unknown := wanted - set(ALL):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    console = Console(width=130)
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if wanted & {"latency", "throughput"}:
        _speed(console, wanted, chosen.seconds)
    if wanted & {"burst", "overload", "workers"}:
        _bursts(console, wanted)
    if wanted & {"prepared", "forecasts"}:
        _ahead(console, wanted, chosen.seconds)
    if "drift" in wanted:
        _drift(console, chosen.symbols, chosen.seconds)
    if chosen.venue and "exchange" in wanted:
        _venues(console, FRONTS if "all" in chosen.venue else chosen.venue, chosen.seconds)
        wanted -= {"exchange"}
    if wanted & {"exchange", "memory"}:
        _load(console, wanted, chosen.seconds)


def _speed(console: Console, wanted: set[str], seconds: float) -> None:
    os.environ.setdefault("P33_LOG_LEVEL", "WARNING")
    with running_brain(SYMBOLS[:1]) as brain:
        os.environ["REDIS_PORT"] = str(brain.server.port)
        from tests.bench import latency, work  # noqa: PLC0415 - the floor reads REDIS_PORT when it is imported

        with running_floor(brain.server) as floor_worker:
            if "latency" in wanted:
                table = Table("plans/s", "", "p50 ms", "p99 ms", "worst ms", "missing", title="XADD to permit")
                for per_sec in (20, 200):
                    floor = latency.measure(brain.server, "floor", SYMBOLS[0], per_sec=per_sec, seconds=seconds)
                    ours = latency.measure(brain.server, "quantum", SYMBOLS[0], per_sec=per_sec, seconds=seconds)
                    for name, got in (("one SET (floor)", floor), ("verdict", ours)):
                        table.add_row(
                            str(per_sec), name, f"{got.p50:.1f}", f"{got.p99:.1f}", f"{got.worst:.1f}", str(got.missing)
                        )
                    ratio = (f"{ours.p50 / floor.p50:.2f} (goal 1.5)", f"{ours.p99 / floor.p99:.2f} (goal 2)")
                    table.add_row(str(per_sec), "ratio", *ratio, "", "", end_section=True)
                console.print(table)
            if "throughput" in wanted:
                broker = brain.server.client(1)
                bare = work.noops_per_sec(broker, floor_worker)
                sets = work.floor_per_sec(brain.server.client())
                verdicts = work.verdicts_per_sec(brain, SYMBOLS[0])
        if "throughput" in wanted:
            with running_floor(brain.server, FLOOR_STOCK="1") as stock_worker:
                noops = work.noops_per_sec(broker, stock_worker)
            table = Table("one worker, two pool processes", "per second", title="Throughput")
            table.add_row("no-op tasks, Celery's own consumer and acknowledgements", f"{noops:.0f}")
            table.add_row("no-op tasks, our consumer and settings", f"{bare:.0f}")
            table.add_row("one-SET tasks fed from a stream", f"{sets:.0f}")
            table.add_row("verdicts", f"{verdicts:.0f}")
            table.add_row("verdicts / no-ops of Celery's own", f"{verdicts / noops:.2f} (goal 0.7)")
            table.add_row("verdicts / no-ops of ours", f"{verdicts / bare:.2f}")
            table.add_row("verdicts / one-SET tasks", f"{verdicts / sets:.2f}")
            console.print(table)
            trips = work.round_trips_per_verdict(brain, SYMBOLS[0])
            console.print(f"Redis round trips per verdict: {trips:.2f} (goal 2)")


def _ahead(console: Console, wanted: set[str], seconds: float) -> None:
    os.environ.setdefault("P33_LOG_LEVEL", "WARNING")
    from tests.bench import ahead  # noqa: PLC0415 - imports the floor, see above

    if "prepared" in wanted:
        with running_brain(SYMBOLS[:20], P33_PREPARE="on") as brain:
            ahead.speed(console, brain, SYMBOLS[:20], seconds)
    with running_brain(SYMBOLS, latency_ms=100, P33_PREPARE="on") as brain:
        hold_positions(brain, SYMBOLS)
        if "prepared" in wanted:
            burst.burst(brain, SYMBOLS, 600)  # everything is loaded, every window has been used
            ahead.foreseen_burst(console, brain, SYMBOLS)
        if "forecasts" in wanted:
            ahead.cost_of_forecasts(console, brain, SYMBOLS, seconds)


def _drift(console: Console, count: int, seconds: float) -> None:
    os.environ.setdefault("P33_LOG_LEVEL", "WARNING")
    from tests.bench import drift  # noqa: PLC0415 - imports the floor, see above

    symbols = SYMBOLS[:count]
    with running_brain(symbols, latency_ms=100, P33_RECONCILE_MODE="repair") as brain:
        hold_positions(brain, symbols)
        burst.burst(brain, symbols, len(symbols))  # everything is loaded
        give_free(brain, symbols)
        drift.cost_of_a_drift(console, brain, symbols, seconds)


def _bursts(console: Console, wanted: set[str]) -> None:
    os.environ.setdefault("P33_LOG_LEVEL", "WARNING")
    with running_brain(SYMBOLS, latency_ms=100) as brain:
        burst.burst(brain, SYMBOLS, 600)  # everything is loaded, every window has been used
        hold_positions(brain, SYMBOLS)
        if "burst" in wanted:
            table = Table(
                "plans at once",
                "allowed",
                "last verdict s",
                "p50 s",
                "in 1.2 s",
                "per second",
                *BURST_CPU,
                title="Burst",
            )
            for plans in (100, 600, 2_000):
                give_free(brain, SYMBOLS)
                found = burst.burst(brain, SYMBOLS, plans)
                share = f"{found.in_time / found.plans:.0%}"
                goal = {600: " (goal 0.6)", 2_000: " (goal 2.0)"}.get(plans, "")
                row = (f"{found.last_sec:.2f}{goal}", f"{found.p50_sec:.2f}", share, f"{burst.capacity(found):.0f}")
                table.add_row(str(plans), str(found.allowed), *row, *_cpu(found))
            console.print(table)
            console.print(
                "600 symbols with a position each are refreshed meanwhile, 100 ms latency; a second plan of one is "
                "denied; CPU in ms per verdict (goal 1.0 in all)"
            )
        if "overload" in wanted:
            full = burst.burst(brain, SYMBOLS, 4_000)
            able = burst.capacity(full)
            seconds = 4.0
            found = burst.overload(brain, SYMBOLS, per_sec=3 * able, seconds=seconds)
            console.print(
                f"Overload: capacity {able:.0f}/s; {found.plans} plans in {seconds:.0f} s, 3 times that: "
                f"{found.in_time} verdicts within 1.2 s, {found.in_time / seconds / able:.0%} of capacity (goal 100%); "
                f"the last after {found.last_sec:.1f} s, {found.plans - found.verdicts} missing"
            )
        if "workers" in wanted:
            _by_workers(console, brain)


def _by_workers(console: Console, brain: Brain) -> None:
    cores = sorted(os.sched_getaffinity(0))
    table = Table("workers", "verdicts/s", *BURST_CPU, title="By workers, each bound to a core of its own")
    for count in (1, 2, 4):
        with burst.more_workers(brain, count, cores) as workers:
            burst.burst(brain, SYMBOLS, 600, workers)
            found = burst.burst(brain, SYMBOLS, 4_000, workers)
            table.add_row(str(count), f"{burst.capacity(found):.0f}", *_cpu(found))
    console.print(table)
    console.print(f"{len(cores)} cores; one worker by itself may use all of them")


def _cpu(found: burst.Burst) -> list[str]:
    return [f"{sum(found.cpu_ms.values()):.2f}", *(f"{ms:.2f}" for ms in found.cpu_ms.values())]


def _venues(console: Console, venues: Iterable[str], seconds: float) -> None:
    """At the service's usual period, or the shortest that the venue's limit leaves."""
    from tests.bench import work  # noqa: PLC0415 - imports the floor, see above

    names = ("venue", "period s", "requests/min", "weight/min, by the spec", "venue's limit/min", "oldest snapshot s")
    table = Table(*names, title="600 positions, 100 ms latency")
    for exchange in venues:
        spec, symbol_of = venue_spec(exchange), FRONTS[exchange].symbol
        symbols = [symbol_of(f"SIM{number:03d}") for number in range(len(SYMBOLS))]
        poll_ms = max(USUAL_POLL_MS, spec.least_poll_ms)
        held = {symbol: "-10" if number % 2 else "10" for number, symbol in enumerate(symbols)}
        with running_brain(
            symbols, exchange=exchange, held=held, latency_ms=100, P33_POLL_SEC=f"{poll_ms / 1000:g}"
        ) as brain:
            requests, _ = work.exchange_load(brain, max(30.0, seconds))
            age = work.oldest_snapshot_sec(brain, symbols, max(12.0, seconds))
        table.add_row(
            exchange,
            f"{poll_ms / 1000:g}",
            f"{requests:.0f}",
            f"{spec.weight_per_minute(poll_ms):.0f}",
            str(spec.requests.weight_per_minute),
            f"{age} (goal {poll_ms / 1000 + 1.5:g})",
        )
    console.print(table)


def _load(console: Console, wanted: set[str], seconds: float) -> None:
    from tests.bench import work  # noqa: PLC0415 - imports the floor, see above

    table = Table("symbols", "requests/min", "weight/min", "oldest snapshot s", title="Exchange, 100 ms latency")
    for count in (1, 50, 600):
        with running_brain(SYMBOLS[:count], latency_ms=100) as brain:
            if "exchange" in wanted:
                requests, weight = work.exchange_load(brain, max(30.0, seconds))
                age = work.oldest_snapshot_sec(brain, SYMBOLS[:count], max(12.0, seconds))
                goal = " (goal 6.5)" if count == len(SYMBOLS) else ""
                table.add_row(str(count), f"{requests:.0f}", f"{weight:.0f}", f"{age}{goal}")
            if "memory" in wanted and count == 1:
                parts = work.memory_mb(brain)
                shown = ", ".join(f"{name} {mb:.0f}" for name, mb in parts.items())
                console.print(
                    f"Memory of a worker with two pool processes, PSS: {sum(parts.values()):.0f} MB ({shown})"
                )
                console.print("  goal: under 250 MB")
        if wanted == {"memory"}:
            return
    if "exchange" in wanted:
        console.print(table)


if __name__ == "__main__":
    main()
