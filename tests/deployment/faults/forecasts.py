"""What a forecaster warns of before it happens."""

from __future__ import annotations

from collections.abc import Iterator

from tests.deployment.alert_world import KEYS, World
from tests.deployment.faults.registry import Again, fault
from tests.support.local_process import LocalProcess


@fault(
    "P33PlanWouldBeDenied",
    "operator: holds a position that a forecaster expects to be closed",
    "BTCUSDT: a plan is likely within 30 s and would be denied: reconcile_hold_active",
)
def hold_before_a_likely_plan(world: World) -> Iterator[Again]:
    from p33_tasks.forecaster.state import encode_state  # noqa: PLC0415 - the other faults need no extra
    from tests.support.forecasting import taught  # noqa: PLC0415

    with world.client() as client:
        client.set(KEYS.forecast_state, encode_state(taught(int(client.time()[0]) * 1000)))
    env = {**world.env, "P33_FORECAST": "on"}
    forecaster = LocalProcess("forecaster", ("p33", "forecaster"), env, is_ready=lambda log: "FORECASTER_READY" in log)
    try:
        forecaster.ready()
        world.p33("hold", "set", "BTCUSDT", "--why", "the alert is tried")
        yield None
    finally:
        world.p33("hold", "clear", "BTCUSDT")
        forecaster.teardown()
