"""p33 check: the exchange, and whether the service is up and has the same settings."""

from __future__ import annotations

import re

import pytest

from p33_tasks.contract.keys import Keys
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.ingest.consumer_name import ConsumerName
from p33_tasks.settings import Settings
from p33_tasks.store.entries import RedisEntries, ahead_counter
from tests.integration.cli.checks import exchange, findings
from tests.integration.cli.conftest import KEY, Call
from tests.support.gate import OTHER, SYMBOL, Gate


def alive(gate: Gate, **settings: str) -> None:
    """A worker's sign of life, as it leaves it with such settings."""
    worker = Settings(**{**gate.server.environment, **settings})
    name = ConsumerName(RedisEntries(gate.redis, Keys(worker.key_prefix)), "host", marks=worker.marks)
    name.keep()


SIGNING, OTHER_SIGNING = "a-signing-key-of-workers", "another-key-of-workers"


MARKED_KEYS = {"signing": "P33_PERMIT_SIGNING_KEY", "reconcile": "P33_RECONCILE_KEY", "task": "P33_TASK_KEY"}


def test_a_healthy_exchange_is_in_order(call: Call, sim: SimControl) -> None:
    found = exchange(call, sim)
    assert {what: row["grade"] for what, row in found.items() if row["grade"] != "ok"} == {"exchange: API key": "warn"}
    assert "2 open, 0 flat" in found["exchange: positions"]["found"]


def test_it_asks_little_and_places_nothing(call: Call, sim: SimControl) -> None:
    sim.forget_requests()
    exchange(call, sim)
    assert sim.requests().weight < 50
    assert sim.orders() == []


def test_refused_credentials_fail_and_their_secret_stays_out(call: Call, sim: SimControl) -> None:
    found = exchange(call, sim, BINANCE_API_SECRET="a-wrong-secret")
    assert found["exchange: credentials"]["grade"] == "fail"
    assert "a-wrong-secret" not in str(found)
    assert "the-api-key" not in str(found)


@pytest.mark.parametrize(("testnet", "refused"), [("true", "its live account"), ("false", "its test environment")])
def test_a_refused_key_hints_at_the_other_environment(call: Call, sim: SimControl, testnet: str, refused: str) -> None:
    row = exchange(call, sim, BINANCE_API_KEY="of-the-other-environment", BINANCE_TESTNET=testnet)[
        "exchange: credentials"
    ]
    assert row["grade"] == "fail"
    assert "-2015" in row["found"]
    assert f"BINANCE_TESTNET is {testnet}: the venue refuses a key of {refused} there" in row["fix"]


def test_missing_credentials_say_which_variables(call: Call, sim: SimControl) -> None:
    found = findings(call, P33_EXCHANGE_BASE_URL=sim.base_url)
    assert "BINANCE_API_KEY" in found["exchange: credentials"]["found"]


def test_the_position_mode_is_said(call: Call, sim: SimControl) -> None:
    sim.fault(hedge_mode=True)
    row = exchange(call, sim)["exchange: position mode"]
    assert row["grade"] == "ok"
    assert "name a leg" in row["found"]


def test_the_margin_mode_of_open_positions_is_said(call: Call, sim: SimControl) -> None:
    sim.set_position(SYMBOL, "0.036")
    sim.set_position("ETHUSDT", "-1")
    assert exchange(call, sim)["exchange: margin mode"]["found"] == f"cross for {SYMBOL}, ETHUSDT"
    for symbol in (SYMBOL, "ETHUSDT"):
        sim.set_position(symbol, "0")
    assert "no position is open" in exchange(call, sim)["exchange: margin mode"]["found"]


def test_a_symbol_that_the_venue_does_not_know_is_named(call: Call, sim: SimControl) -> None:
    found = exchange(call, sim, P33_ALLOWLIST=f"{SYMBOL},NOPEUSDT")
    for what in ("exchange: symbols", "exchange: positions"):
        assert found[what]["grade"] == "fail"
        assert "NOPEUSDT" in found[what]["found"]


def test_a_clock_that_is_off_is_a_warning(call: Call, sim: SimControl) -> None:
    sim.fault(clock_skew_ms=900)
    assert exchange(call, sim)["exchange: clock"]["grade"] == "warn"


def test_a_key_that_may_withdraw_is_a_warning(call: Call, sim: SimControl) -> None:
    sim.fault(withdrawals_enabled=True)
    row = exchange(call, sim)["exchange: API key"]
    assert row["grade"] == "warn"
    assert "may withdraw" in row["found"]


@pytest.mark.parametrize("body", ["empty", "null", "html", "truncated", "drop"])
def test_a_broken_answer_is_a_finding_not_a_traceback(call: Call, sim: SimControl, body: str) -> None:
    sim.fault(body=body, paths=["positionRisk"])
    exit_code = 3 if body == "drop" else 1  # a connection that ends without an answer
    assert exchange(call, sim, exit_code=exit_code)["exchange: positions"]["grade"] == "fail"


def test_an_exchange_that_is_away_is_one_finding(call: Call) -> None:
    found = findings(call, exit_code=3, P33_EXCHANGE_BASE_URL="http://127.0.0.1:1", **KEY)
    assert [what for what in found if what.startswith("exchange")] == ["exchange: reachable"]


def test_no_exchange_sends_nothing(call: Call, sim: SimControl) -> None:
    sim.forget_requests()
    findings(call, "--no-exchange", P33_EXCHANGE_BASE_URL=sim.base_url, **KEY)
    assert sim.requests().total == 0


def test_without_workers_and_beat_it_says_how_to_start_them(call: Call) -> None:
    found = findings(call, "--no-exchange")
    for what, command in (
        ("workers: reading plans", "celery -A p33_tasks worker"),
        ("workers: reading results", "celery -A p33_tasks worker"),
        ("beat: refresh", "celery -A p33_tasks beat"),
    ):
        assert found[what]["grade"] == "fail"
        assert command in found[what]["fix"]


def test_a_worker_that_has_not_been_given_an_entry_yet_is_seen(gate: Gate, call: Call) -> None:
    gate.redis.set(gate.keys.consumer_lease("host-1"), "token", px=60_000)
    assert "host-1" in findings(call, "--no-exchange")["workers: reading plans"]["found"]


def test_workers_with_this_processes_settings_are_said_to_have_them(gate: Gate, call: Call) -> None:
    keys = dict.fromkeys(MARKED_KEYS.values(), SIGNING)
    alive(gate, **keys)
    found = findings(call, "--no-exchange", **keys)
    rows = [found[f"workers: {name}"] for name in ("broker", *MARKED_KEYS)]
    assert [(row["grade"], "is the workers' own" in row["found"]) for row in rows] == [("ok", True)] * 4


def test_a_key_that_nobody_has_is_not_called_the_workers_own(gate: Gate, call: Call) -> None:
    alive(gate)
    found = findings(call, "--no-exchange")
    for name, variable in MARKED_KEYS.items():
        row = found[f"workers: {name}"]
        assert (row["grade"], row["found"]) == ("ok", f"{variable} is set neither here nor there")


@pytest.mark.parametrize(
    ("name", "workers", "here", "grade"),
    [
        *((name, {key: SIGNING}, {key: OTHER_SIGNING}, "warn") for name, key in MARKED_KEYS.items()),
        *((name, {}, {key: SIGNING}, "warn") for name, key in MARKED_KEYS.items()),
        *((name, {key: SIGNING}, {}, "ok") for name, key in MARKED_KEYS.items()),
        ("broker", {"P33_BROKER_URL": "redis://u:secret@10.0.0.5:6379/1"}, {}, "warn"),
    ],
)
def test_a_setting_other_than_the_workers_is_noticed(
    gate: Gate, call: Call, name: str, workers: dict[str, str], here: dict[str, str], grade: str
) -> None:
    alive(gate, **workers)
    row = findings(call, "--no-exchange", **here)[f"workers: {name}"]
    assert (row["grade"], "host-1" in row["found"]) == (grade, True)
    lease = str(gate.redis.get(gate.keys.consumer_lease("host-1")))
    assert not [secret for secret in (SIGNING, OTHER_SIGNING, "secret", "10.0.0.5") if secret in lease]


def test_the_prefix_of_the_workers_that_are_there_is_named(gate: Gate, call: Call) -> None:
    alive(gate, P33_KEY_PREFIX="second")
    row = findings(call, "--no-exchange")["workers: key prefix"]
    assert row["grade"] == "fail"
    assert "quantum here; the workers on this Redis have second" in row["found"]


def test_a_worker_of_before_that_leaves_no_mark_of_its_settings_is_no_finding(gate: Gate, call: Call) -> None:
    gate.redis.set(gate.keys.consumer_lease("host-1"), "token", px=60_000)
    found = findings(call, "--no-exchange", P33_PERMIT_SIGNING_KEY=SIGNING)
    assert not {"workers: broker", "workers: signing", "workers: reconcile"} & set(found)


def test_a_stuck_entry_is_seen(gate: Gate, call: Call) -> None:
    _, entry = gate.publish("p1")
    gate.redis.xclaim(entry.stream, "p33", "test", 0, [entry.entry_id], idle=120_000)
    row = findings(call, "--no-exchange")["streams: plans"]
    assert row["grade"] == "fail"
    assert "120" in row["found"]


def test_an_entry_that_is_claimed_again_and_again_is_seen_by_its_age(gate: Gate, call: Call) -> None:
    """A worker whose queues were cancelled takes no task; each claim starts the idleness again."""
    entry_id = gate.redis.xadd(gate.keys.plans, {"plan_id": "p1"}, id=f"{gate.now_ms() - 120_000}-0")
    gate.redis.xreadgroup("p33", "test", {gate.keys.plans: ">"})
    gate.redis.xclaim(gate.keys.plans, "p33", "test", 0, [entry_id])
    row = findings(call, "--no-exchange")["streams: plans"]
    assert row["grade"] == "fail"
    assert "120" in row["found"]


def test_ids_that_no_clock_of_this_redis_gave_are_said(gate: Gate, call: Call) -> None:
    gate.redis.xadd(gate.keys.plans, {"plan_id": "p1"}, id=f"{gate.now_ms() + 900}-0")
    assert "streams: ids of plans" not in findings(call, "--no-exchange")
    gate.redis.xadd(gate.keys.plans, {"plan_id": "p1"}, id=f"{gate.now_ms() + 3_600_000}-0")
    row = findings(call, "--no-exchange")["streams: ids of plans"]
    assert row["grade"] == "warn"
    assert "ahead of Redis's clock" in row["found"]
    gate.redis.hset(gate.keys.counters, ahead_counter("plans"), 3)
    assert "3 entries" in findings(call, "--no-exchange")["streams: ids of plans"]["found"]
    gate.redis.xadd(gate.keys.results, {"plan_id": "p1"}, id=f"{2**64 - 1}-{2**64 - 1}")
    row = findings(call, "--no-exchange")["streams: ids of results"]
    assert row["grade"] == "fail"
    assert "RENAME" in row["fix"]


def test_a_reservation_without_an_expiry_is_said(gate: Gate, call: Call) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1", ex=60)
    assert "symbols: reservations" not in findings(call, "--no-exchange")
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1")
    row = findings(call, "--no-exchange")["symbols: reservations"]
    assert row["grade"] == "fail"
    assert SYMBOL in row["found"]


@pytest.mark.parametrize(
    ("env", "what"),
    [
        ({"P33_PERMIT_TTL": "3600"}, "permit lifetime"),
        ({"P33_POSITION_EPSILON": "1"}, "epsilon"),
        ({"P33_PLAN_MAX_AGE_SEC": "0.001"}, "plan age"),
        ({"P33_POLL_SEC": "2", "P33_STALE_THRESHOLD_SEC": "2.001"}, "stale threshold"),
    ],
)
def test_a_value_that_is_hardly_meant_is_a_warning_with_a_better_one(
    call: Call, env: dict[str, str], what: str
) -> None:
    row = findings(call, "--no-exchange", **env)[f"configuration: {what}"]
    assert row["grade"] == "warn"
    assert "P33_" in row["fix"]
    assert f"configuration: {what}" not in findings(call, "--no-exchange")


def test_a_position_without_a_ledger_a_hold_and_a_drift_are_warnings(gate: Gate, call: Call) -> None:
    gate.put_position("0.038")
    gate.make_ready("-1.2", symbol=OTHER).put_ledger("-1.3", symbol=OTHER)
    gate.redis.set(gate.keys.hold(OTHER), "x")
    found = findings(call, "--no-exchange")
    for what, symbol in (("symbols: ledgers", SYMBOL), ("symbols: drift", OTHER), ("symbols: holds", OTHER)):
        assert found[what]["grade"] == "warn"
        assert symbol in found[what]["found"]


def test_a_pause_that_the_exchange_asked_for_is_said(gate: Gate, call: Call) -> None:
    gate.budget.pause(300)
    row = findings(call, "--no-exchange")["beat: pause"]
    assert row["grade"] == "fail"
    assert re.search(r"(299|300)\.\d s", row["found"])


def test_the_table_is_escaped(gate: Gate, call: Call) -> None:
    gate.redis.hset(gate.keys.refresh, mapping={"error": "\x1b[31m[red]x", "started_ms": gate.now_ms()})
    result = call("check", "--no-exchange")
    assert all(line.isprintable() for line in result.stdout.splitlines())
    assert "to fix" in result.stdout
