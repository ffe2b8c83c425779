"""A drift, from the venue's own trade to the confirmed repair, by workers as a person would start them."""

from __future__ import annotations

import pytest

from tests.integration.engine.conftest import Start
from tests.support.redis_server import RedisServer
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

LEDGER = "quantum:position:ledger:BTCUSDT"
SNAPSHOT = "quantum:position:snapshot:BTCUSDT"
WATERMARK = "quantum:p33:watermark:BTCUSDT"
EVENTS = "quantum:stream:p33.reconcile"


def settings(base_url: str, **more: str) -> dict[str, str]:
    return {
        "P33_EXCHANGE_BASE_URL": base_url,
        "P33_LEDGER_BOOTSTRAP": "adopt",
        "BINANCE_API_KEY": "demo",
        "BINANCE_API_SECRET": "demo",
        **more,
    }


def test_an_adl_is_repaired_and_confirmed_by_the_worker_that_refreshes(redis_server: RedisServer, start: Start) -> None:
    with running_simulator(symbols={"BTCUSDT": "0.040"}) as sim, redis_server.client() as client:
        env = settings(sim.base_url, P33_RECONCILE_MODE="repair")
        start("worker", "-c", "2", "-Q", "p33.snapshots", **env)
        start("beat", **env)
        wait_until(lambda: client.exists(WATERMARK), "a watermark", timeout_sec=60)
        sim.trade("BTCUSDT", "-0.010", kind="adl")
        wait_until(lambda: client.hget(LEDGER, "last_known_amt") == "0.03", "the repair", timeout_sec=20)
        wait_until(lambda: client.xlen(EVENTS) == 2, "its confirmation", timeout_sec=20)
        events = [fields for _, fields in client.xrange(EVENTS)]
        assert (events[0]["event"], events[0]["class"], events[1]["event"]) == ("repaired", "adl", "confirmed")


@pytest.mark.parametrize("queues", [(), ("-Q", "p33.snapshots")])
def test_off_there_is_no_queue_no_request_and_no_key_of_it(
    redis_server: RedisServer, start: Start, queues: tuple[str, ...]
) -> None:
    with running_simulator(symbols={"BTCUSDT": "0.040"}) as sim, redis_server.client() as client:
        env = settings(sim.base_url)
        worker = start("worker", "-c", "2", *queues, **env)
        start("beat", **env)
        wait_until(lambda: client.hget(LEDGER, "last_known_amt") == "0.04", "the ledger", timeout_sec=60)
        sim.trade("BTCUSDT", "-0.010", kind="adl")
        wait_until(lambda: client.hget(SNAPSHOT, "position_amt") == "0.03", "the drift", timeout_sec=20)
        later = int(client.hget(SNAPSHOT, "ts_ms") or 0) + 2_000
        wait_until(lambda: int(client.hget(SNAPSHOT, "ts_ms") or 0) > later, "later refreshes", timeout_sec=20)
        assert client.hget(LEDGER, "last_known_amt") == "0.04"
        assert "p33.reconcile" not in worker.logs()
        asked = sim.requests()
        assert asked.count("GET /fapi/v1/userTrades") == 0
        own = [key for key in client.scan_iter("*") if "reconcile" in key or "watermark" in key or "hold" in key]
        assert own == []
