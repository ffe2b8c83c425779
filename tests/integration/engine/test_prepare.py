"""A plan that was forecast gets its permit by the ingest, from a verdict that a worker prepared behind a refresh."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.integration.engine.brain import PLANS, plan, verdict
from tests.integration.engine.conftest import Start
from tests.support.redis_server import RedisServer
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

FORECASTS = "quantum:stream:apply.forecast"
PREPARED = "quantum:p33:prepared:BTCUSDT:1"


def test_a_forecast_plan_is_promoted_and_without_a_forecast_it_goes_the_ordinary_way(
    redis_server: RedisServer, start: Start
) -> None:
    redis_server.skip_first_pause()
    with running_simulator(symbols={"BTCUSDT": "0.040", "ETHUSDT": "-2"}) as sim, redis_server.client() as client:
        env = {
            "P33_EXCHANGE_BASE_URL": sim.base_url,
            "P33_ALLOWLIST": "BTCUSDT,ETHUSDT",
            "P33_LEDGER_BOOTSTRAP": "adopt",
            "P33_PREPARE": "on",
            "BINANCE_API_KEY": "demo",
            "BINANCE_API_SECRET": "demo",
        }
        worker = start("worker", "-c", "2", **env)
        start("beat", **env)
        client.xadd(FORECASTS, {"symbol": "BTCUSDT", "action": "CLOSE_FULL", "horizon_sec": "60", "note": "ignored"})
        client.xadd(FORECASTS, {"symbol": "BTCUSDT", "action": "CLOSE_FULL", "horizon_sec": "NaN"})
        wait_until(lambda: client.exists(PREPARED), "a verdict is prepared", timeout_sec=60)

        def promoted() -> bool:
            """Where a snapshot was written since the preparation, the plan goes the ordinary way."""
            client.delete("quantum:position:inflight:BTCUSDT")
            wait_until(lambda: client.exists(PREPARED), "a verdict is prepared", timeout_sec=20)
            plan_id = f"foreseen-{client.xlen(PLANS)}"
            client.xadd(PLANS, plan(plan_id, action="FULL_CLOSE"))
            found = verdict(client, plan_id)
            assert found["allow"] is True
            return bool(found.get("prepared"))

        wait_until(promoted, "a plan is promoted", timeout_sec=30)
        client.xadd(PLANS, plan("unforeseen", symbol="ETHUSDT"))
        found = verdict(client, "unforeseen")
        assert found["allow"] is True
        assert "prepared" not in found
        assert int(client.hget("quantum:p33:counters", "p33_prepared_total|hit") or 0) >= 1
        assert client.hget("quantum:p33:counters", "p33_forecast_ignored_total") == "1"
        assert "Traceback" not in worker.logs()
        replayed = subprocess.run(
            [sys.executable, "-m", "p33_tasks.cli", "replay", "--json"],
            env={**os.environ, **redis_server.environment, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        found = json.loads(replayed.stdout)
        assert replayed.returncode == 0, found["differences"]
        assert found["same"] == client.xlen("quantum:stream:p33.decision") == found["looked_at"]
        assert '"prepared_by":"' in str(client.xrange("quantum:stream:p33.decision"))
