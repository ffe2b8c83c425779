"""Plans that are denied, late, not judged at all, or gone around."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deployment.alert_world import KEYS, World, frozen
from tests.deployment.faults.registry import Again, fault
from tests.support.waiting import wait_until


@fault("P33DenyRatioHigh", "producer: asks for an action that doesn't exist, ever again", "unknown_action")
def producer_is_wrong(world: World) -> Iterator[Again]:
    yield lambda: world.publish_plan(action="CLOSE_SOME")


NOT_JUDGED = "BTCUSDT: a plan could not be judged"


@fault("P33InternalError", "pool: SIGSTOP, the ingest lives; a plan is published", NOT_JUDGED)
def pool_hangs(world: World) -> Iterator[Again]:
    with frozen(*world.pool()):
        world.publish_plan()
        yield None


@fault("P33InternalError", "broker: stopped; a plan is published", NOT_JUDGED, "P33BeatMissing", "P33SnapshotStale")
def broker_stopped(world: World) -> Iterator[Again]:
    world.broker.stop()
    try:
        world.publish_plan()
        yield None
    finally:
        world.broker.start()


@fault(
    "P33PermitsSlow",
    "worker: frozen until plans have waited for 1.5 s, again and again",
    "of the permits came after 1.2 s",
)
def worker_stutters(world: World) -> Iterator[Again]:
    def stutter() -> None:
        with frozen(*world.worker.tree()):
            plan_id = world.publish_plan()
            with world.client() as client:
                published_ms = int(client.xrevrange(KEYS.plans, count=1)[0][0].partition("-")[0])
                wait_until(lambda: client.time()[0] * 1000 >= published_ms + 1_500, "1.5 s have gone by")
        with world.client() as client:
            wait_until(lambda: client.exists(KEYS.decision(plan_id)), "the plan is judged")

    yield stutter


@fault("P33UnpermittedExecution", "executor: reports an order that was never allowed", "BTCUSDT: ")
def executor_goes_around_the_gate(world: World) -> Iterator[Again]:
    world.exchange.set_position("BTCUSDT", "0.03")
    world.publish_fill("0.01")
    try:
        yield None
    finally:
        world.restore("BTCUSDT")


@fault("P33PermitBreach", "executor: reports more than its permit allows", "BTCUSDT: an executor did what")
def executor_sells_too_much(world: World) -> Iterator[Again]:
    with world.client() as client:
        plan_id = world.publish_plan(action="CLOSE_PARTIAL_25")
        wait_until(lambda: client.exists(KEYS.decision(plan_id)), "the plan is judged")
    world.publish_fill("0.03", plan_id=plan_id)
    try:
        yield None
    finally:
        world.try_p33("reconcile", "release", "BTCUSDT", "--why", "the fault is over")
        world.restore("BTCUSDT")


@fault(
    "P33PositionHeld", "executor: reports more than its permit allows; nobody releases", "BTCUSDT: the service itself"
)
def breach_holds(world: World) -> Iterator[Again]:
    with executor_sells_too_much(world):
        yield None


@fault("P33EmergencyClose", "operator: asks for an emergency close", "BTCUSDT: somebody asked for an emergency close")
def operator_closes_past_the_ledger(world: World) -> Iterator[Again]:
    with world.client() as client:
        client.hset(KEYS.ledger("BTCUSDT"), "last_known_amt", "0.001")
    world.p33("emergency-close", "BTCUSDT", "--fraction", "0.25", "--why", "a fault", "--yes")
    try:
        yield None
    finally:
        world.restore("BTCUSDT")


@fault("P33UnreadableResult", "executor: reports an execution without an order", "BTCUSDT: a result could not be read")
def executor_names_no_order(world: World) -> Iterator[Again]:
    with world.client() as client:
        client.xadd(KEYS.results, {"plan_id": "rogue-unreadable", "symbol": "BTCUSDT", "executed": "True"})
    yield None
