"""Many symbols' plans in one moment: when the last verdict comes, and which process spends how much on a verdict."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from p33_tasks.contract.keys import GROUP
from tests.bench.programs import Brain, running_process
from tests.support.local_process import LocalProcess
from tests.support.waiting import wait_until

GIVES_UP_SEC = 1.2
"""The reference executor waits so long for a permit."""
ROLES = ("main", "ingest", "pool", "Redis")
PLANS_STREAM = "quantum:stream:apply.plan"
DECISIONS_STREAM = "quantum:stream:p33.decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What became of the plans of one burst, or of one time of overload."""

    plans: int
    verdicts: int
    allowed: int
    took_sec: Sequence[float]  # from each plan's entry to its verdict, by Redis' own clock, the quickest first
    cpu_ms: Mapping[str, float]  # per verdict, by role
    seconds: float  # from the first plan to the last verdict

    @property
    def last_sec(self) -> float:
        """When the last verdict came."""
        return self.took_sec[-1]

    @property
    def in_time(self) -> int:
        """Verdicts that an executor still waited for."""
        return sum(sec <= GIVES_UP_SEC for sec in self.took_sec)

    @property
    def p50_sec(self) -> float:
        """The median."""
        return statistics.median(self.took_sec)


@dataclass
class _Cpu:
    """CPU seconds of the processes that make verdicts, by role."""

    brain: Brain
    workers: Sequence[LocalProcess]
    before: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        self.before = self._seconds()

    def per_verdict_ms(self, verdicts: int) -> dict[str, float]:
        after = self._seconds()
        return {role: (after[role] - self.before[role]) * 1000 / max(1, verdicts) for role in ROLES}

    def _seconds(self) -> dict[str, float]:
        found = dict.fromkeys(ROLES, 0.0)
        for worker in self.workers:
            for process in worker.tree():
                role = "main" if process.pid == worker.pid else "pool"
                if "p33_tasks.celery.ingest" in " ".join(process.cmdline()):
                    role = "ingest"
                found[role] += _spent(process)
        found["Redis"] = _spent(psutil.Process(int(self.brain.server.client().info("server")["process_id"])))
        return found


def _spent(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def burst(
    brain: Brain,
    symbols: Sequence[str],
    plans: int,
    workers: Sequence[LocalProcess] = (),
    action: str = "CLOSE_PARTIAL_75",
) -> Burst:
    """Send so many plans at once, spread evenly over the symbols, and wait for every verdict."""
    fields = [_plan(number, symbols, action) for number in range(plans)]
    return _measured(brain, workers or [brain.worker], [(0.0, fields)])


def overload(brain: Brain, symbols: Sequence[str], *, per_sec: float, seconds: float, every_sec: float = 0.05) -> Burst:
    """Send plans at a rate that is too high for a while, and wait for every verdict."""
    parts = int(seconds / every_sec)
    size = int(per_sec * every_sec)
    sent = [(number * every_sec, [_plan(number * size + at, symbols) for at in range(size)]) for number in range(parts)]
    return _measured(brain, [brain.worker], sent)


def capacity(found: Burst) -> float:
    """Verdicts per second."""
    return found.verdicts / found.seconds


@contextmanager
def more_workers(brain: Brain, count: int, cores: Sequence[int]) -> Iterator[list[LocalProcess]]:
    """So many workers in all, each bound to cores of its own, in turn."""
    with contextlib.ExitStack() as stack:
        command = ["celery", "-A", "p33_tasks", "worker", "-c", "2", "-n"]
        more = [
            stack.enter_context(running_process(f"worker{number}", [*command, f"bench{number}@%h"], brain.settings))
            for number in range(2, count + 1)
        ]
        workers = [brain.worker, *more]
        wait_until(lambda: _readers(brain) >= count, "every ingest reads", timeout_sec=40)
        for number, worker in enumerate(workers):
            for process in worker.tree():
                process.cpu_affinity([cores[number % len(cores)]] if count > 1 else list(cores))
        yield workers


def _readers(brain: Brain) -> int:
    return sum(row["idle"] < 5_000 for row in brain.server.client().xinfo_consumers(PLANS_STREAM, GROUP))


def _plan(number: int, symbols: Sequence[str], action: str = "CLOSE_PARTIAL_75") -> dict[str, str]:
    plan_id = f"burst-{time.time_ns()}-{number}"
    symbol = symbols[number % len(symbols)]
    return {"plan_id": plan_id, "symbol": symbol, "action": action, "decision": "EXECUTE"}


def _measured(brain: Brain, workers: Sequence[LocalProcess], sent: list[tuple[float, list[dict[str, str]]]]) -> Burst:
    client = brain.server.client()
    last_known = client.xrevrange(DECISIONS_STREAM, count=1)
    start = f"({last_known[0][0]}" if last_known else "-"
    cpu = _Cpu(brain, workers)
    cpu.begin()
    began = time.perf_counter()
    ids: dict[str, int] = {}
    for at_sec, plans in sent:
        if (rest := began + at_sec - time.perf_counter()) > 0:
            time.sleep(rest)
        pipeline = client.pipeline(transaction=False)
        for fields in plans:
            pipeline.xadd(PLANS_STREAM, dict(fields))
        for fields, entry_id in zip(plans, pipeline.execute(), strict=True):
            ids[fields["plan_id"]] = _time_ms(entry_id)
    wait_until(lambda: _all_judged(client), "all are judged", timeout_sec=120, every_sec=0.05)
    seconds = time.perf_counter() - began
    spent = cpu.per_verdict_ms(len(ids))
    verdicts = [(fields, _time_ms(entry_id)) for entry_id, fields in client.xrange(DECISIONS_STREAM, start, "+")]
    took = sorted((at_ms - ids[one["plan_id"]]) / 1000 for one, at_ms in verdicts if one["plan_id"] in ids)
    allowed = sum(one["plan_id"] in ids and one["allow"] == "true" for one, _ in verdicts)
    return Burst(plans=len(ids), verdicts=len(took), allowed=allowed, took_sec=took, cpu_ms=spent, seconds=seconds)


def _all_judged(client: object) -> bool:
    (group,) = client.xinfo_groups(PLANS_STREAM)  # type: ignore[attr-defined]
    unread = client.xrange(PLANS_STREAM, f"({group['last-delivered-id']}", "+", count=1)  # type: ignore[attr-defined]
    return not unread and int(group["pending"]) == 0


def _time_ms(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
