"""Processes killed at random points, under load: nothing is lost, nothing is done twice, and soon it goes on."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import defaultdict

import psutil
import pytest

from tests.fault.load import Load
from tests.fault.promises import check
from tests.fault.record import Effort, Record, percentile
from tests.fault.world import FLAT, PLANS, Program, World, plan_entry, running_world
from tests.support.waiting import wait_until

VICTIMS = ("pool", "worker", "ingest", "beat", "apply")
GOAL_99_MS, GOAL_ALL_MS = 1_200, 3_000
AFTERMATH_MS = 3_000
"""Plans that were undecided at a kill, or came this soon after it, met the fault."""

FULL_RATE, FLOOR_RATE = 200, 50
"""Plans per second that the goals are meant for, where a machine can do twice as many; less than the second is a fault
of its own."""
BURST = 800

SETTLED_SEC = 300
"""Not a goal, only an end: on a machine that is busy with others a backlog takes its time."""

_PAUSE = threading.Event()


def _ingest_of(worker: Program) -> psutil.Process | None:
    found = [p for p in worker.tree()[1:] if "p33_tasks.celery.ingest" in " ".join(p.cmdline())]
    return found[0] if found else None


def _pool_of(worker: Program) -> list[psutil.Process]:
    return [p for p in worker.tree()[1:] if "p33_tasks.celery.ingest" not in " ".join(p.cmdline())]


def _kill(world: World, victim: str, chance: random.Random) -> bool:
    """Kill one process of a kind; False when there is none right now, or it is the last one that works."""
    with contextlib.suppress(psutil.NoSuchProcess):
        if victim in {"beat", "apply"}:
            program = world.programs[victim]
            if program.status != "running":
                return False
            program.kill_main()
            return True
        ready = [worker for worker in world.workers if worker.is_ready]
        if len(ready) < len(world.workers):
            return False
        worker = chance.choice(ready)
        if victim == "worker":
            worker.kill_main()
            return True
        processes = [_ingest_of(worker)] if victim == "ingest" else _pool_of(worker)
        process = chance.choice(processes) if processes else None
        if process is not None:
            process.kill()
            return True
    return False


def _after(kills: list[tuple[int, str]], lived: dict[str, tuple[int, int]]) -> dict[str, list[int]]:
    """By victim: how long each plan waited that met one of its kills."""
    waited: dict[str, list[int]] = defaultdict(list)
    for killed_ms, victim in kills:
        waited[victim] += [
            decided - published
            for published, decided in lived.values()
            if decided >= killed_ms and published <= killed_ms + AFTERMATH_MS
        ]
    return waited


def _half_of_all(world: World) -> int:
    """Plans per second that take half of this machine: the other half restarts what was killed, and catches up.

    All of it is what workers and executor do of a backlog, reports included, while nothing fails.
    """
    began = time.monotonic()
    pipeline = world.client.pipeline(transaction=False)
    for number in range(BURST):
        pipeline.xadd(PLANS, dict(plan_entry(f"burst-{number}", FLAT[number % len(FLAT)])))
    pipeline.execute()
    world.settle(timeout_sec=SETTLED_SEC)
    return int(BURST / (time.monotonic() - began) / 2)


def _round(seed: int, kills: int, rate: int | None, pace_sec: tuple[float, float], record: Record) -> list[int]:
    """One world and its kills; how long each plan waited, in ms. A rate of None is what suits the machine."""
    chance = random.Random(seed)
    done: list[tuple[int, str]] = []
    with running_world(workers=2) as world:
        plans_per_sec = rate or min(FULL_RATE, _half_of_all(world))
        assert plans_per_sec >= min(rate or FLOOR_RATE, FLOOR_RATE), f"{plans_per_sec} plans/s is half of all it can"
        began_ms, began = world.now_ms(), time.monotonic()
        with (
            world.supervised(),
            Load(
                world.redis.client, plans_per_sec=plans_per_sec, results_per_sec=plans_per_sec / 5, seed=seed
            ).running(),
        ):
            while len(done) < kills:
                _PAUSE.wait(chance.uniform(*pace_sec))
                victim = VICTIMS[len(done) % len(VICTIMS)]
                killed_ms = world.now_ms()
                wait_until(
                    lambda v=victim: _kill(world, v, chance), f"a {victim} to kill", timeout_sec=60, every_sec=0.05
                )
                done.append((killed_ms, victim))
            _PAUSE.wait(1)
            world.await_ready()
            lasted_sec = time.monotonic() - began
        world.settle(timeout_sec=SETTLED_SEC)
        found = check(world.client, world.exchange.orders(), world.exchange.position)
        logs = "\n".join(program.all_logs() for program in world.programs.values())
    waited = _after(done, found.lived)
    for victim in VICTIMS:
        tried = sum(1 for _, v in done if v == victim)
        record.add(
            "crash",
            f"{victim} killed -9 at {plans_per_sec} plans/s",
            tried=tried,
            held=0 if found.broken else tried,
            verdict_ms=waited[victim],
            note=f"of {found.plans} plans, {found.orders} orders, {found.fills} reported fills",
        )
    found.assert_held()
    assert found.orders > 5, found.reasons
    assert found.fills > 10
    for trouble in ("ENTRY_FAILED", "INGEST_FAILED", "ATTEMPT_FAILED", "EVALUATION_FAILED"):
        assert trouble not in logs, logs[logs.index(trouble) :][:3000]
    waits = [decided - published for published, decided in found.lived.values() if published >= began_ms]
    assert len(waits) >= 0.8 * plans_per_sec * lasted_sec, "the load was not what it is said to be"
    return waits


@pytest.mark.parametrize("seed", [1])
def test_killed_at_random_points_every_plan_gets_one_verdict_and_every_fill_counts_once(
    effort: Effort, record: Record, seed: int
) -> None:
    """A dozen kills, or hundreds; one worker is always up, as with a service manager and two of them."""
    rounds, kills, rate = effort.pick((1, 12, 30), (4, 100, None))
    pace_sec = effort.pick((0.2, 1.0), (1.0, 3.0))
    latencies: list[int] = []
    for number in range(rounds):
        latencies += _round(seed * 100 + number, kills, rate, pace_sec, record)
    p99, worst = percentile(latencies, 99), max(latencies)
    assert p99 is not None
    room = effort.pick(15, 1)  # the quick run shares its machine: there only an end is asked for
    assert p99 < GOAL_99_MS * room, (p99, worst)
    assert worst < GOAL_ALL_MS * room, (p99, worst)


def test_killed_at_the_full_rate_on_whatever_machine_the_same_holds(effort: Effort, record: Record) -> None:
    """Two cores that run executor, exchange and test too have little left then; the goals are the same."""
    kills = effort.pick(0, 100)
    if not kills:
        pytest.skip("only in the long run: --faults=long")
    latencies = _round(7, kills, FULL_RATE, (1.0, 3.0), record)
    p99, worst = percentile(latencies, 99), max(latencies)
    assert p99 is not None
    assert p99 < GOAL_99_MS, (p99, worst)
    assert worst < GOAL_ALL_MS, (p99, worst)
