"""Processes and servers that are gone, or hang."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests.deployment.alert_world import KEYS, World, frozen, killed
from tests.deployment.faults.registry import Again, fault


@fault("P33ExporterDown", "exporter: SIGKILL", "The exporter doesn't answer")
def exporter_killed(world: World) -> Iterator[Again]:
    with killed(world.exporter):
        yield None


@fault("P33ExporterDown", "exporter: SIGSTOP, its port still open", "The exporter doesn't answer")
def exporter_hangs(world: World) -> Iterator[Again]:
    with frozen(psutil.Process(world.exporter.pid)):
        yield None


@fault("P33RedisDown", "Redis: stopped, started again", "Redis doesn't answer the exporter")
def redis_stopped(world: World) -> Iterator[Again]:
    world.redis.stop()
    try:
        yield None
    finally:
        world.redis.start()


@fault("P33RedisDown", "Redis: SIGSTOP, its port still open", "Redis doesn't answer the exporter")
def redis_hangs(world: World) -> Iterator[Again]:
    with frozen(psutil.Process(world.redis.pid)):
        yield None


@fault("P33WorkersMissing", "worker: SIGKILL, with pool and ingest", "No process reads the plan stream")
def worker_killed(world: World) -> Iterator[Again]:
    with killed(world.worker):
        yield None


@fault("P33WorkersMissing", "ingest alone: SIGSTOP", "No process reads the result stream")
def ingest_hangs(world: World) -> Iterator[Again]:
    with frozen(*world.ingest()):
        yield None


@fault("P33BeatMissing", "beat: SIGKILL", "No refresh was begun for ", "P33SnapshotStale")
def beat_killed(world: World) -> Iterator[Again]:
    with killed(world.beat):
        yield None


@fault("P33BeatMissing", "snapshot worker: SIGSTOP, with its pool", "No refresh was begun for ")
def snapshot_worker_hangs(world: World) -> Iterator[Again]:
    with frozen(*world.snapshots.tree()):
        yield None


@fault("P33BeatMissing", "beat: SIGKILL; Redis: lost its data on refreshes", "No refresh was ever begun")
def refreshes_forgotten(world: World) -> Iterator[Again]:
    with killed(world.beat), world.client() as client:
        client.delete(KEYS.refresh)
        yield None


NO_VERDICTS = "Plans arrive and none is judged"


@fault("P33NoVerdicts", "worker: SIGKILL; a plan is published", NO_VERDICTS, "P33WorkersMissing", "P33StreamLag")
def plan_without_worker(world: World) -> Iterator[Again]:
    with killed(world.worker):
        world.publish_plan()
        yield None


NOTHING_IS_WRITTEN = ("P33WorkersMissing", "P33StreamLag", "P33BeatMissing", "P33SnapshotStale")


@fault("P33NoVerdicts", "Redis: full while a plan waits; the worker lives", NO_VERDICTS, *NOTHING_IS_WRITTEN)
def redis_full(world: World) -> Iterator[Again]:
    with world.client() as client:
        with frozen(*world.worker.tree()):
            world.publish_plan()
            client.config_set("maxmemory", "1")
        try:
            yield None
        finally:
            client.config_set("maxmemory", "0")


@fault("P33NoVerdicts", "broker: SIGSTOP; a plan is published", NO_VERDICTS, *NOTHING_IS_WRITTEN[1:])
def broker_hangs(world: World) -> Iterator[Again]:
    with frozen(psutil.Process(world.broker.pid)):
        world.publish_plan()
        yield None


@fault("P33CeleryExporterDown", "celery-exporter: SIGKILL", "celery-exporter doesn't answer")
def celery_exporter_killed(world: World) -> Iterator[Again]:
    if world.queue_metrics is None:
        pytest.skip("no celery-exporter here: make it with `make celery-exporter`")
    with killed(world.queue_metrics):
        yield None
