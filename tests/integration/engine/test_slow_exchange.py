"""A slow or dead exchange never delays a verdict: the apply layer gives up after 1.2 s."""

from __future__ import annotations

import time

import pytest

from tests.integration.engine.brain import PLANS, plan, verdict
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

GIVES_UP_SEC = 1.2
SYMBOLS = ",".join(["BTCUSDT", *(f"SIM{n:03d}USDT" for n in range(100))])


@pytest.mark.parametrize("latency_ms", [3_000])
def test_verdicts_come_in_time_while_the_exchange_hangs(redis_server, start, latency_ms):
    with running_simulator(latency_ms=latency_ms, extra_symbols=100) as exchange, redis_server.client() as client:
        env = {
            "P33_EXCHANGE_BASE_URL": exchange.base_url,
            "BINANCE_API_KEY": "demo",
            "BINANCE_API_SECRET": "demo",
            "P33_ALLOWLIST": SYMBOLS,
            "P33_POLL_SEC": "0.5",
        }
        start("worker", "-c", "2", **env)
        start("beat", **env)
        wait_until(lambda: client.hget("quantum:p33:refresh", "token"), "a request is under way", timeout_sec=20)
        slowest_sec = 0.0
        for n in range(40):
            began = time.monotonic()
            client.xadd(PLANS, plan(f"p{n}"))
            verdict(client, f"p{n}", timeout_sec=5)
            slowest_sec = max(slowest_sec, time.monotonic() - began)
        assert slowest_sec < GIVES_UP_SEC
        wait_until(
            lambda: client.exists("quantum:position:snapshot:BTCUSDT"),
            "the slow answer counts all the same",
            timeout_sec=20,
        )
