"""Adaptive cooldowns by a worker as a person would start it."""

from __future__ import annotations

import time

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.statistics import encode_statistics
from p33_tasks.domain.statistics import Statistics
from tests.integration.engine.conftest import Start
from tests.integration.engine.test_reconcile import settings
from tests.support.redis_server import RedisServer
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

KEYS = Keys("quantum")


def test_the_worker_that_refreshes_lengthens_the_cooldown_of_a_symbol_that_moves(
    redis_server: RedisServer, start: Start
) -> None:
    """Its past says that it moves twice as much as usual; what it does now is the simulator's."""
    with running_simulator(symbols={"BTCUSDT": "0.040"}) as sim, redis_server.client() as client:
        past = Statistics(
            mark=1.0, mark_ms=int(time.time() * 1000), observed_sec=600.0,
            fast=4.0, fast_weight=1.0, slow=1.0, slow_weight=1.0,
        )  # fmt: skip
        client.set(KEYS.statistics("BTCUSDT"), encode_statistics(past))
        env = settings(sim.base_url, P33_COOLDOWN_MODE="adaptive", P33_COOLDOWN_SEC="10", P33_COOLDOWN_MAX_SEC="25")
        start("worker", "-c", "2", "-Q", "p33.snapshots", **env)
        start("beat", **env)
        key = KEYS.adaptive_limits("BTCUSDT")
        wait_until(lambda: client.hget(key, "cooldown_by") == "volatility", "a longer cooldown", timeout_sec=60)
        assert 15 < float(client.hget(key, "cooldown_sec") or 0) <= 25
        assert client.pttl(key) > 0, "without refreshes it ends by itself"
