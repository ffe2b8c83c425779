"""``python -m tests.fault.soak``: hours of steady work, and whether anything grows.

Plans and results, the apply layer, the governor, two workers, a beat, the exporter and somebody who looks at it, on
the simulated exchange. Once a minute a line: memory (PSS: shared pages counted once) and file descriptors per program,
Redis's memory and keys. At the end a verdict. A verdict is kept for a day, so Redis grows with the plans; what must
stand still is what it keeps per plan, and the number of keys that never expire.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import psutil

from tests.fault.load import Load
from tests.fault.promises import ms_of
from tests.fault.record import percentile
from tests.fault.world import DECISIONS, PLANS, REAL, START_AMT, World, running_world
from tests.support.redis_server import free_port

SAMPLE_SEC = 10
WARM_UP = 0.25  # of the run: caches and pools fill
MIN_SAMPLES = 12
MAXLEN = 20_000
LOW_AMT = 1_000

GROWTH_MB_PER_HOUR, GROWTH_PERCENT_PER_HOUR = 6.0, 5.0
MAX_MORE_FDS = 4
MAX_MORE_LASTING_KEYS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at everything."""

    at_sec: float
    plans: int
    pss_mb: dict[str, float]
    fds: dict[str, int]
    redis_mb: float
    keys: int
    lasting_keys: int  # that never expire
    p99_ms: int | None  # of the newest verdicts

    def line(self) -> str:
        memory = " ".join(f"{name}={mb:.0f}MB/{self.fds[name]}fd" for name, mb in self.pss_mb.items())
        return (
            f"{self.at_sec / 60:6.1f} min  plans={self.plans} p99={self.p99_ms}ms redis={self.redis_mb:.1f}MB "
            f"keys={self.keys} lasting={self.lasting_keys}  {memory}"
        )


def take(world: World, at_sec: float) -> Sample:
    """Look at everything."""
    pss: dict[str, float] = {}
    fds: dict[str, int] = {}
    for role, process in _roles(world):
        pss[role] = pss.get(role, 0.0) + process.memory_full_info().pss / 2**20
        fds[role] = fds.get(role, 0) + process.num_fds()
    info = world.client.info()
    keyspace = [info[name] for name in info if name.startswith("db")]
    return Sample(
        at_sec=at_sec,
        plans=int(world.client.xinfo_stream(PLANS).get("entries-added") or _counted(world)),
        pss_mb=pss,
        fds=fds,
        redis_mb=info["used_memory"] / 2**20,
        keys=sum(db["keys"] for db in keyspace),
        lasting_keys=sum(db["keys"] - db["expires"] for db in keyspace),
        p99_ms=_p99_ms(world),
    )


def _counted(world: World) -> int:
    """Verdicts so far (Redis 6 doesn't number a stream's entries)."""
    counters = world.client.hgetall("quantum:p33:counters")
    return sum(int(value) for name, value in counters.items() if name.startswith("p33_permit_total|"))


def _roles(world: World) -> Iterator[tuple[str, psutil.Process]]:
    for name, program in world.programs.items():
        for process in program.tree():
            if not name.startswith("worker"):
                yield name, process
            elif process.pid == program.pid:
                yield f"{name}-main", process
            else:
                ingest = "p33_tasks.celery.ingest" in " ".join(process.cmdline())
                yield f"{name}-{'ingest' if ingest else 'pool'}", process
    yield "redis", psutil.Process(world.redis.pid)


def _p99_ms(world: World) -> int | None:
    """Plan to verdict of the newest thousand."""
    plans = {fields["plan_id"]: ms_of(i) for i, fields in world.client.xrevrange(PLANS, count=1_000)}
    newest = world.client.xrevrange(DECISIONS, count=1_000)
    return percentile([ms_of(i) - plans[f["plan_id"]] for i, f in newest if f["plan_id"] in plans], 99)


def grown(samples: Sequence[Sample]) -> list[str]:
    """What isn't flat; empty is the good verdict."""
    steady = [s for s in samples if s.at_sec >= samples[-1].at_sec * WARM_UP]
    if len(steady) < MIN_SAMPLES:
        return [f"{len(steady)} samples after the warm-up, at least {MIN_SAMPLES} are needed: run longer"]
    found = []
    times = [s.at_sec / 3600 for s in steady]
    for role in steady[-1].pss_mb:
        if role == "redis":
            continue
        sizes = [s.pss_mb.get(role, 0.0) for s in steady]
        slope, size = _slope(times, sizes), statistics.median(sizes)
        limit = max(GROWTH_MB_PER_HOUR, size * GROWTH_PERCENT_PER_HOUR / 100)
        # In a short run a step of a few pages looks steep: what was really added counts too.
        if slope > limit and slope * (times[-1] - times[0]) > 2:
            found.append(f"{role}: {size:.0f} MB, growing by {slope:.1f} MB per hour (limit {limit:.1f})")
        more = steady[-1].fds.get(role, 0) - steady[0].fds.get(role, 0)
        if more > MAX_MORE_FDS:
            found.append(f"{role}: {more} more file descriptors (limit {MAX_MORE_FDS})")
    lasting = steady[-1].lasting_keys - steady[0].lasting_keys
    if lasting > MAX_MORE_LASTING_KEYS:
        found.append(f"{lasting} more keys that never expire (limit {MAX_MORE_LASTING_KEYS})")
    return found


def _slope(times: Sequence[float], values: Sequence[float]) -> float:
    """The median of all slopes between two samples (Theil and Sen): an outlier doesn't move it."""
    slopes = [
        (values[j] - values[i]) / (times[j] - times[i]) for i in range(len(times)) for j in range(i + 1, len(times))
    ]
    return statistics.median(slopes)


def _refill(world: World) -> None:
    """Positions are closed by a quarter at a time; those that are nearly closed begin again."""
    for symbol, amt in START_AMT.items():
        if abs(world.exchange.position(symbol)) < LOW_AMT and not world.client.exists(
            f"quantum:position:inflight:{symbol}"
        ):
            world.exchange.set_position(symbol, amt)
            world.set_ledgers({symbol: amt})


def run(minutes: float, plans_per_sec: float, stop: threading.Event) -> list[Sample]:
    """Work and look, until the time is over or told to stop."""
    samples: list[Sample] = []
    with running_world(workers=2) as world:
        world.add_governor()
        port = free_port()
        world.add_exporter(port)
        world.await_ready()
        began_ms = world.now_ms()
        load = Load(
            world.redis.client,
            plans_per_sec=plans_per_sec,
            results_per_sec=plans_per_sec / 4,
            grants=False,
            maxlen=MAXLEN,
        )
        with load.running():
            while not stop.wait(SAMPLE_SEC) and world.now_ms() - began_ms < minutes * 60_000:
                for path in ("metrics", "readyz", ""):
                    _look(port, path)
                samples.append(take(world, (world.now_ms() - began_ms) / 1000))
                if len(samples) % (60 // SAMPLE_SEC) == 1:
                    _say(samples[-1].line())
                    _refill(world)
        orders = len(world.exchange.orders())
        around = [world.client.hget("quantum:p33:counters", f"p33_unpermitted_execution_total|{s}") for s in REAL]
        _say(f"{orders} orders executed; executions around the gate: {sum(int(n or 0) for n in around)}")
        alive = {name: program.status for name, program in world.programs.items() if program.status != "running"}
        if alive:
            raise AssertionError(f"ended meanwhile: {alive}")
    return samples


def _look(port: int, path: str) -> None:
    """As Prometheus and an operator do."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
        answer.read()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 0 when everything is flat."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--plans-per-sec", type=float, default=20)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every sample")
    chosen = parser.parse_args(argv)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    samples = run(chosen.minutes, chosen.plans_per_sec, stop)
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(sample) for sample in samples], indent=1) + "\n")
    if not samples:
        _say("not a single sample: run longer")
        return 1
    first, last = samples[len(samples) // 4], samples[-1]
    plans = max(1, last.plans - first.plans)
    _say(f"Redis: {(last.redis_mb - first.redis_mb) * 1024 / plans:.2f} KB and {(last.keys - first.keys) / plans:.2f} "
          f"keys per plan, kept for a day")  # fmt: skip
    found = grown(samples)
    _say("\n".join(["not flat:", *found]) if found else "flat")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
