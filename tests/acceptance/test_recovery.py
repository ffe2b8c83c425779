"""Crashes in the middle of the work: the verdict still comes, once, and nothing is applied twice."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from decimal import Decimal

import psutil
from pytest_celery import CeleryTestNode

from tests.acceptance.system import System
from tests.support.waiting import wait_until

VERDICT_AFTER_KILL_MS = 2_000
SYMBOL_COUNT = 8


@contextlib.contextmanager
def _frozen(node: CeleryTestNode) -> Iterator[None]:
    node.kill(signal="SIGSTOP", reload_container=False)
    try:
        yield
    finally:
        node.kill(signal="SIGCONT", reload_container=False)


@contextlib.contextmanager
def _replaced(worker: CeleryTestNode) -> Iterator[None]:
    """A killed one is started again, also after a failure: the tests behind this one use the same system."""
    try:
        yield
    finally:
        if worker.container.status != "running":
            worker.container.start()
        worker.ready()


def test_a_worker_killed_between_reading_a_plan_and_its_verdict_is_replaced_within_two_seconds(system: System) -> None:
    """The victim's pool is frozen, so that what it read stays undecided until the kill.

    The apply layer is frozen too: it gives up after 1.2 s, and a plan given up has its verdict by that.
    """
    victim = system.workers[0]
    with _frozen(system.neighbours[1]), _replaced(victim):
        system.hold_position("SIM003USDT", "0.04")
        main, *children = victim.container.tree()
        for child in children:
            if child.ppid() == main.pid and "p33_tasks.celery.ingest" not in " ".join(child.cmdline()):
                child.send_signal(signal.SIGSTOP)
        plans = [system.publish("SIM003USDT", "HOLD") for _ in range(30)]
        undecided = [plan_id for plan_id in plans if not system.client.exists(f"quantum:p33:decision:{plan_id}")]

        killed_ms = _now_ms(system)
        victim.kill()

        assert undecided, "the frozen worker had read nothing"
        for plan_id in plans:
            verdict = system.verdict(plan_id)
            assert verdict["reason"] == "unknown_action"
            assert len(system.audit(plan_id)) == 1
            assert _decided_ms(system, plan_id) - killed_ms < VERDICT_AFTER_KILL_MS
        assert not _alive(main, *children), "nothing of the killed worker is left"


def test_the_ingest_of_a_worker_that_is_killed_alone_ends_too(system: System) -> None:
    """Only the main process is killed, as the kernel's out-of-memory killer would."""
    victim = system.workers[1]
    main, *children = victim.container.tree()
    assert any("p33_tasks.celery.ingest" in " ".join(child.cmdline()) for child in children)

    main.kill()

    wait_until(lambda: not _alive(*children), "pool and ingest end with their worker", timeout_sec=15)
    victim.container.start()
    victim.ready()


def test_after_a_restart_of_redis_nothing_is_applied_twice_and_verdicts_go_on(system: System) -> None:
    symbol = "SIM007USDT"
    system.hold_position(symbol, "0.04")
    before = system.publish(symbol, "CLOSE_PARTIAL_50")
    system.await_executed(before, symbol, "0.02")

    system.redis.kill()
    system.redis.start()

    system.await_snapshot(symbol, "0.02")
    run_id = system.client.info("server")["run_id"]
    wait_until(lambda: system.snapshot(symbol)["run_id"] == run_id, "a snapshot of this life of Redis", timeout_sec=15)
    wait_until(lambda: _may_order(system, symbol), "the cooldown is over", timeout_sec=15)
    system.publish(symbol, plan_id=before)  # what was decided before stays decided
    after = system.publish(symbol, "CLOSE_FULL")
    system.await_executed(after, symbol, "0")
    assert len(system.audit(before)) == 1
    assert sorted(Decimal(order["executedQty"]) for order in system.orders(symbol)) == [Decimal("0.02")] * 2


def _may_order(system: System, symbol: str) -> bool:
    ledger = system.client.hgetall(f"quantum:position:ledger:{symbol}")
    fetched_ms = int(system.snapshot(symbol)["ts_ms"])
    return fetched_ms > max(int(ledger["last_order_time_ms"]) + 4_000, system.barrier_ms(symbol))


def _now_ms(system: System) -> int:
    seconds, micros = system.client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def _decided_ms(system: System, plan_id: str) -> int:
    entries = system.client.xrange("quantum:stream:p33.decision")
    (entry_id,) = (entry_id for entry_id, fields in entries if fields["plan_id"] == plan_id)
    return int(str(entry_id).partition("-")[0])


def _alive(*processes: psutil.Process) -> list[psutil.Process]:
    alive = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
    return alive
