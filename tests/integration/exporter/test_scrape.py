"""``GET /metrics`` of a real exporter process, on state written by the real stores."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
from prometheus_client.parser import text_string_to_metric_families

from p33_tasks.contract.statistics import encode_statistics
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.statistics import Statistics
from p33_tasks.store.connection import connect
from p33_tasks.views.overview import read_overview
from tests.integration.exporter.conftest import Exporter
from tests.integration.exporter.world import MIXED, SOURCE, World, mixed
from tests.support.redis_server import RedisServer, Version, running_redis

SYMBOLS = (*MIXED, "LTCUSDT")
FIXED_BY_CONTRACT = {"p33_snapshot_age_sec metric names should not contain abbreviated units"}
"""CONTRACT section 8 fixes this name; it is the one that promtool would rather have another way."""

Samples = dict[tuple[str, ...], float]


def scrape(exporter: Exporter) -> Samples:
    answer = exporter.get("/metrics")
    assert answer.status == 200
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture(scope="module", params=["bundled", "old", "system"])
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    version: Version = request.param
    with running_redis(version) as server:
        yield server


@pytest.fixture(scope="module")
def world(redis_server: RedisServer) -> World:
    return mixed(connect(redis_server.url()))


@pytest.fixture(scope="module")
def exporter(redis_server: RedisServer, world: World, exporters: Callable[..., Exporter]) -> Exporter:
    return exporters(**redis_server.environment, P33_ALLOWLIST=",".join(SYMBOLS))


def test_the_scrape_tells_what_the_stores_wrote(exporter: Exporter) -> None:
    found = scrape(exporter)
    expected = {
        ("p33_up",): 1,
        ("p33_position_amt", "ETHUSDT"): -1.2,
        ("p33_position_amt", "DOGEUSDT"): 0,
        ("p33_ledger_amt", "BTCUSDT"): 0.01,
        ("p33_ledger_amt", "XRPUSDT"): -4000,
        ("p33_hold_active", "operator", "SOLUSDT"): 1,
        ("p33_hold_active", "service", "SOLUSDT"): 0,
        ("p33_hold_active", "operator", "BTCUSDT"): 0,
        ("p33_reservation_active", "ETHUSDT"): 1,
        ("p33_snapshot_usable", "BTCUSDT"): 1,
        ("p33_snapshot_usable", "LTCUSDT"): 0,
        ("p33_snapshot_total", "ok", "BTCUSDT"): 2,
        ("p33_snapshot_total", "error", "LTCUSDT"): 0,
        ("p33_permit_total", "allow", "BTCUSDT"): 1,
        ("p33_permit_total", "deny", "BTCUSDT"): 1,
        ("p33_permit_total", "deny", "_other"): 1,
        ("p33_denial_total", "reconcile_required_qty_mismatch", "XRPUSDT"): 1,
        ("p33_denial_total", "symbol_not_allowed", "_other"): 1,
        ("p33_ledger_update_total", "BTCUSDT"): 1,
        ("p33_unpermitted_execution_total", "SOLUSDT"): 1,
        ("p33_deadletter_total", "plan"): 1,
        ("p33_deadletter_total", "result"): 0,
        ("p33_stream_lag", "plan"): 0,
        ("p33_consumers", "plan"): 1,
        ("p33_refresh_failing",): 0,
        ("p33_unreadable_keys",): 0,
        ("p33_permit_latency_seconds_count",): 10,
        ("p33_evaluation_duration_seconds_count",): 10,
    }
    assert {key: found.get(key) for key in expected} == expected
    assert found["p33_drift_pct", "XRPUSDT"] == pytest.approx(2.450921)
    assert 0 < found["p33_cooldown_remaining_seconds", "SOLUSDT"] <= 15
    assert ("p33_position_amt", "LTCUSDT") not in found


def test_a_symbols_volatility_is_told_once_it_is_known(exporter: Exporter, world: World) -> None:
    weights = {"fast_weight": 1.0, "slow_weight": 1.0}
    known = Statistics(observed_sec=600.0, fast=4.0, slow=1.0, **weights)
    world.client.set(world.keys.statistics("ETHUSDT"), encode_statistics(known))
    world.client.set(world.keys.statistics("BTCUSDT"), "no statistics")
    found = scrape(exporter)
    assert found["p33_volatility_ratio", "ETHUSDT"] == 2.0
    assert ("p33_volatility_ratio", "BTCUSDT") not in found


def test_the_snapshots_age_is_the_one_at_the_scrape_by_redis_time(exporter: Exporter, world: World) -> None:
    before_ms = world.now_ms()
    found = scrape(exporter)
    after_ms = world.now_ms()
    ts_ms = int(world.client.hget(world.keys.snapshot("ETHUSDT"), "ts_ms") or 0)
    assert before_ms - ts_ms <= found["p33_snapshot_age_sec", "ETHUSDT"] * 1000 <= after_ms - ts_ms
    assert found["p33_last_snapshot_ts", "ETHUSDT"] * 1000 == pytest.approx(ts_ms, abs=1)


def test_counters_never_go_back_between_two_scrapes(exporter: Exporter, world: World) -> None:
    first = scrape(exporter)
    world.judge("one-more", "ADAUSDT")
    world.execute("one-more", "ADAUSDT", "77", OrderSide.BUY, "5")
    second = scrape(exporter)
    counters = {key for key in first if key[0].endswith(("_total", "_bucket", "_count"))}
    assert all(second[key] >= first[key] for key in counters)
    assert second["p33_ledger_update_total", "ADAUSDT"] == first["p33_ledger_update_total", "ADAUSDT"] + 1


def test_the_lag_counts_entries_unread_and_unacknowledged_and_the_oldest_tells_its_age(
    exporter: Exporter, world: World
) -> None:
    """Redis 7 tells the number of unread entries, 6.2 doesn't: both give the same metric."""
    read = [world.publish(world.keys.plans, {"plan_id": "waits"}) for _ in range(2)]
    unread = [world.client.xadd(world.keys.plans, {"plan_id": "waits"}) for _ in range(3)]
    try:
        found = scrape(exporter)
        now_ms = world.now_ms()
    finally:
        world.read_streams()
        world.client.xack(world.keys.plans, "p33", *(entry.entry_id for entry in read), *map(str, unread))
    assert found["p33_stream_lag", "plan"] == 5
    assert found["p33_stream_pending", "plan"] == 2
    oldest_ms = int(read[0].entry_id.partition("-")[0])
    assert 0 <= found["p33_stream_oldest_seconds", "plan"] * 1000 <= now_ms - oldest_ms
    assert scrape(exporter)["p33_stream_lag", "plan"] == 0


def test_a_foreign_value_under_any_key_of_ours_spoils_that_key_only(exporter: Exporter, world: World) -> None:
    client, keys = world.client, world.keys
    invalid = [keys.counters, keys.refresh, keys.budget, keys.plans, keys.snapshot("BNBUSDT"), keys.ledger("BNBUSDT")]
    for key in invalid:
        client.rename(key, f"aside:{key}") if client.exists(key) else None
        client.set(key, "foreign")
    try:
        found = scrape(exporter)
        page = exporter.get("/")
    finally:
        for key in invalid:
            client.delete(key)
            client.rename(f"aside:{key}", key) if client.exists(f"aside:{key}") else None
    assert found["p33_up",] == 1
    assert found["p33_unreadable_keys",] == len(invalid)
    assert found["p33_position_amt", "ETHUSDT"] == -1.2
    assert ("p33_position_amt", "BNBUSDT") not in found
    assert page.status == 200


def test_a_counter_that_no_redis_can_count_to_spoils_itself_only(exporter: Exporter, world: World) -> None:
    client, counters = world.client, world.keys.counters
    invalid = ("p33_trimmed_total|plan", "p33_evaluation_duration_seconds|sum", "p33_permit_latency_seconds|bucket|5")
    before = {field: client.hget(counters, field) for field in invalid}
    for field in invalid:
        client.hset(counters, field, "9" * 400)
    try:
        found = scrape(exporter)
    finally:
        client.hdel(counters, *invalid)
        client.hset(
            counters, mapping={field: value for field, value in before.items() if value is not None} or {"x": 0}
        )
    assert found["p33_up",] == 1
    assert found["p33_trimmed_total", "plan"] == 0


@pytest.mark.parametrize("text", ["soon", "9" * 400, "-1", ""])
def test_a_consumption_in_no_time_of_ours_ends_no_story(exporter: Exporter, world: World, text: str) -> None:
    key = world.keys.consumed("9f2c71b0cafe0006")
    world.client.hset(key, mapping={"consume_id": "c", "consumed_ms": text, "place_before_ms": text})
    try:
        assert exporter.get("/plan/9f2c71b0cafe0006").status == 200
    finally:
        world.client.delete(key)


def test_names_pass_promtool_but_for_the_one_that_the_contract_fixes(exporter: Exporter) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH; Debian has it in the package prometheus")
    text = exporter.get("/metrics").text
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert {line for line in (done.stdout + done.stderr).splitlines() if line} <= FIXED_BY_CONTRACT


def test_openmetrics_is_spoken_to_a_scraper_that_asks_for_it(exporter: Exporter) -> None:
    answer = exporter.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_six_hundred_symbols_take_as_many_round_trips_as_one(
    redis_server: RedisServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round trip is one write to the socket: pipelines are sent whole."""
    client = connect(redis_server.url())
    client.ping()
    sent: list[int] = []
    connection = client.connection_pool.get_connection()
    original = type(connection).send_packed_command
    client.connection_pool.release(connection)

    def counted(self: object, command: object, *args: object, **kwargs: object) -> object:
        sent[-1] += 1
        return original(self, command, *args, **kwargs)  # type: ignore[arg-type]  # redis-py's own

    monkeypatch.setattr(type(connection), "send_packed_command", counted)
    for symbols in (("BTCUSDT",), tuple(f"S{i}USDT" for i in range(600))):
        sent.append(0)
        read_overview(client, world.keys, symbols, source=SOURCE)
    assert sent == [2, 2]


def test_six_hundred_symbols_are_scraped_in_under_200_ms(exporters: Callable[..., Exporter], record_property) -> None:
    """Measured beside a PING of the same Redis in the same run."""
    with running_redis("bundled") as server:
        symbols = tuple(f"S{i}USDT" for i in range(600))
        client = connect(server.url())
        world = World(client, symbols)
        world.refresh({symbol: f"{i - 300}.5" for i, symbol in enumerate(symbols)})
        for i in range(0, 600, 7):
            world.judge(f"p{i}", symbols[i])
        exporter = exporters(**server.environment, P33_ALLOWLIST=",".join(symbols))
        exporter.get("/metrics")
        pings, scrapes, pages = list[float](), list[float](), list[float]()
        deadline = time.monotonic() + 30
        # Neighbours on a busy machine only add to what a scrape costs (and to the PING): so the fastest counts.
        while len(scrapes) < 9 or (min(scrapes) >= 200 and time.monotonic() < deadline):
            pings.append(_ms(client.ping))
            scrapes.append(_ms(lambda: exporter.get("/metrics", headers={"Accept-Encoding": "identity"})))
            pages.append(_ms(lambda: exporter.get("/?all=1")))
        found = scrape(exporter)
    told = {
        name: {"fastest": round(min(times), 2), "median": round(median(times), 2)}
        for name, times in (("ping_ms", pings), ("scrape_ms", scrapes), ("whole_page_ms", pages))
    }
    record_property("measured", told)
    assert len([key for key in found if key[0] == "p33_position_amt"]) == 600
    assert min(scrapes) < 200, told
    assert min(pages) < 400, told


def _ms(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000
