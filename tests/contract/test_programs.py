"""CONTRACT section 2, 7, 8, 9: configuration, Celery, metrics, the command."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Producer, Queue

from tests.contract.system import PLANS, POLL_SEC, System, run
from tests.support.redis_server import free_port
from tests.support.waiting import wait_until

APP = ("celery", "-A", "p33_tasks")
PROGRAMS = [(*APP, "worker"), (*APP, "beat"), ("p33", "exporter"), ("p33", "ingest"), ("p33", "check", "--json")]
WRONG = {
    "P33_LOG_LEVEL": "LOUD", "REDIS_PORT": "99999", "REDIS_DB": "-1", "REDIS_TLS": "perhaps",
    "P33_KEY_PREFIX": "a b", "P33_POLL_SEC": "abc", "P33_ALLOWLIST": "BTC USDT", "P33_STALE_THRESHOLD_SEC": "61",
    "P33_COOLDOWN_SEC": "x", "P33_QTY_TOLERANCE_PCT": "10.1", "P33_POSITION_EPSILON": "NaN", "P33_PERMIT_TTL": "0",
    "P33_PLAN_MAX_AGE_SEC": "0", "P33_LEDGER_BOOTSTRAP": "yes", "P33_METRICS_PORT": "70000", "P33_EXCHANGE": "kraken",
    "P33_EXCHANGE_BASE_URL": "ftp://venue", "BINANCE_TESTNET": "maybe", "P33_GOVERNOR_PERMIT_KEY": "no template",
    "P33_REDIS_URL": "http://user:hunter2@host", "P33_BROKER_URL": "ftp://user:hunter2@host",
    "P33_PERMIT_SIGNING_KEY": "hunter2",
}  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=" ".join)
def test_every_program_reports_every_problem_at_once_masked_and_touches_nothing(
    system: System, program: tuple[str, ...]
) -> None:
    done = run(*program, environment={**system.redis.environment, **WRONG})
    told = done.stdout + done.stderr
    assert done.returncode == 2, told
    assert [name for name in WRONG if name not in told] == []
    assert "hunter2" not in told


@pytest.mark.parametrize("program", [PROGRAMS[0], PROGRAMS[1], PROGRAMS[4]], ids=" ".join)
def test_a_venue_without_a_strict_reader_is_refused_by_every_program(system: System, program: tuple[str, ...]) -> None:
    done = system.run(*program, P33_EXCHANGE="kraken")
    assert done.returncode == 2
    assert "P33_EXCHANGE='kraken'" in done.stdout + done.stderr


def test_a_named_env_file_must_exist_and_the_environment_wins_over_it(system: System, tmp_path: Path) -> None:
    absent = system.run("p33", "status", P33_ENV_FILE=str(tmp_path / "absent"))
    assert absent.returncode == 2
    assert "P33_ENV_FILE" in absent.stderr
    file = tmp_path / "p33.env"
    symbol = system.symbol("0.04")
    file.write_text(f"P33_ALLOWLIST={symbol}\nREDIS_PORT=1\n")
    rest = {name: value for name, value in system.environment.items() if name != "P33_ALLOWLIST"}
    done = run("p33", "status", "--json", environment={**rest, "P33_ENV_FILE": str(file)})
    assert done.returncode == 0, done.stderr
    assert [row["symbol"] for row in json.loads(done.stdout)["symbols"]] == [symbol]


@pytest.mark.parametrize(
    "urls",
    [
        {"P33_REDIS_URL": "sentinel://127.0.0.1:1;127.0.0.1:2/master"},
        {"P33_REDIS_URL": "redis://127.0.0.1:1/3"},
        {"P33_REDIS_URL": "rediss://u:p@127.0.0.1:1/0", "P33_BROKER_URL": "amqp://127.0.0.1:1//"},
    ],
)
def test_every_form_of_url_is_understood_and_an_unreachable_redis_is_no_configuration_error(
    urls: dict[str, str],
) -> None:
    done = run("p33", "status", environment=urls)
    assert done.returncode == 3, done.stderr
    assert "configuration is not usable" not in done.stdout + done.stderr


# --- Celery ---------------------------------------------------------------------------------------------------------


def send(system: System, task: str, arguments: list[Any], queue: str, content: Mapping[str, Any] | None = None) -> None:
    """As a producer that speaks Celery, but not a line of our code."""
    task_id = f"{task}-{uuid.uuid4().hex}"
    with Connection(system.redis.url(1), transport_options={"global_keyprefix": "quantum:"}) as connection:
        Producer(connection.default_channel).publish(
            [arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
            exchange=queue, routing_key=queue, declare=[Queue(queue, exchange=queue, routing_key=queue)],
            headers={"lang": "py", "task": task, "id": task_id, "root_id": task_id, "argsrepr": "", "retries": 0},
            correlation_id=task_id, **{"serializer": "json", **(content or {})},
        )  # fmt: skip


def plan_of(symbol: str, **fields: Any) -> dict[str, Any]:
    plan_id = f"celery-{uuid.uuid4().hex[:8]}"
    return {"plan_id": plan_id, "symbol": symbol, "decision": "EXECUTE", "action": "CLOSE_FULL", **fields}


def test_a_permit_task_from_a_producer_that_speaks_celery_has_its_age_in_issued_ms(system: System) -> None:
    symbol = system.symbol("0.04")
    plans = {
        "invalid_plan": plan_of(symbol),
        "plan_expired": plan_of(symbol, issued_ms=str(system.now_ms() - 61_000)),
        None: plan_of(symbol, issued_ms=str(system.now_ms())),
    }
    for plan in plans.values():
        send(system, "p33.evaluate_permit", [plan], "p33.permits")
    found = {reason: system.verdict(plan["plan_id"]).get("reason") for reason, plan in plans.items()}
    assert found == {reason: reason for reason in plans}


def test_a_refresh_task_of_one_symbol_is_understood(system: System) -> None:
    symbol = system.symbol("0.04")
    send(system, "p33.refresh_snapshot", [symbol], "p33.snapshots")
    start_ms = system.now_ms()
    wait_until(lambda: int(system.snapshot(symbol)["ts_ms"]) > start_ms, "refreshed")


def test_a_result_sent_as_a_task_is_not_applied(system: System) -> None:
    symbol = system.symbol("0.04")
    result = {"plan_id": "r", "symbol": symbol, "executed": "True", "side": "SELL", "order_id": "9", "filled_qty": "1"}
    send(system, "p33.apply_result", [result], "p33.ledger")
    plan = plan_of(symbol, issued_ms=str(system.now_ms()))
    send(system, "p33.evaluate_permit", [plan], "p33.permits")
    assert system.verdict(plan["plan_id"])["allow"] is True
    assert system.ledger(symbol)["last_known_amt"] == "0.04"


def test_json_is_the_only_content_type(system: System) -> None:
    symbol = system.symbol("0.04")
    refused, understood = (plan_of(symbol, issued_ms=str(system.now_ms())) for _ in range(2))
    send(system, "p33.evaluate_permit", [refused], "p33.permits", {"serializer": "pickle"})
    send(system, "p33.evaluate_permit", [understood], "p33.permits")
    assert system.verdict(understood["plan_id"])["allow"] is True
    assert not system.client.exists(f"quantum:p33:decision:{refused['plan_id']}")


def test_beat_refreshes_every_symbol_in_every_period(system: System) -> None:
    symbols = [system.symbol() for _ in range(3)]
    start_ms = system.now_ms()
    counts = {s: system.metric("p33_snapshot_total", symbol=s, status="ok") or 0 for s in symbols}
    wait_until(lambda: system.now_ms() > start_ms + 4_000 * POLL_SEC, "four periods")
    for symbol in symbols:
        more = (system.metric("p33_snapshot_total", symbol=symbol, status="ok") or 0) - counts[symbol]
        periods = (system.now_ms() - start_ms) / (1_000 * POLL_SEC)
        assert 2 <= more <= periods + 1, symbol


def test_the_brokers_keys_have_the_prefix(system: System) -> None:
    keys = list(system.redis.client(1).scan_iter(count=1000))
    assert keys
    assert [key for key in keys if not key.startswith("quantum:")] == []


# --- metrics --------------------------------------------------------------------------------------------------------

FAMILIES = {
    "p33_snapshot_total": ("counter", {"symbol", "status"}),
    "p33_ledger_update_total": ("counter", {"symbol"}),
    "p33_permit_total": ("counter", {"symbol", "decision"}),
    "p33_denial_total": ("counter", {"symbol", "reason"}),
    "p33_unpermitted_execution_total": ("counter", {"symbol"}),
    "p33_permit_breach_total": ("counter", {"symbol", "kind"}),
    "p33_drift_amt": ("gauge", {"symbol"}),
    "p33_unreadable_result_total": ("counter", {"symbol"}),
    "p33_unattributed_fill_total": ("counter", {"symbol"}),
    "p33_deadletter_total": ("counter", {"stream"}),
    "p33_last_snapshot_ts": ("gauge", {"symbol"}),
    "p33_position_amt": ("gauge", {"symbol"}),
    "p33_ledger_amt": ("gauge", {"symbol"}),
    "p33_snapshot_age_sec": ("gauge", {"symbol"}),
    "p33_stream_lag": ("gauge", {"stream"}),
    "p33_evaluation_duration_seconds": ("histogram", {"le"}),
    "p33_permit_latency_seconds": ("histogram", {"le"}),
}


def test_every_metric_is_there_with_its_type_and_labels_whatever_the_format(system: System) -> None:
    symbol = system.symbol("0.04")
    system.judge(symbol)
    system.judge(symbol, "HOLD")
    system.client.xadd(PLANS, {"nothing": "1"})
    system.await_read(PLANS)
    lines = system.metrics().splitlines()
    types = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE"))
    assert {name: types.get(name) for name in FAMILIES} == {name: kind for name, (kind, _) in FAMILIES.items()}
    for name, (kind, labels) in FAMILIES.items():
        series = name + ("_bucket" if kind == "histogram" else "")
        sample = next(line for line in lines if line.startswith(series + "{"))
        found = {part.split("=")[0] for part in sample.split("{")[1].split("}")[0].split(",")}
        assert found == labels, sample
    assert system.metric("p33_permit_total", symbol=symbol, decision="allow") == 1
    assert system.metric("p33_denial_total", symbol=symbol, reason="unknown_action") == 1
    assert system.metric("p33_position_amt", symbol=symbol) == system.metric("p33_ledger_amt", symbol=symbol) == 0.04


# --- the command ----------------------------------------------------------------------------------------------------


def answer(system: System, *command: str, code: int = 0, stdin: str = "") -> Any:
    done = system.run("p33", *command, "--json", stdin=stdin)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return json.loads(done.stdout)


def test_every_command_that_prints_prints_json_and_exits_by_its_answer(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.plan(symbol, "HOLD")
    system.verdict(plan_id)

    assert answer(system, "status", symbol)
    assert "unknown_action" in json.dumps(answer(system, "explain", plan_id))
    answer(system, "explain", "named-nowhere", code=1)
    assert "0.04" in json.dumps(answer(system, "ledger", "show", symbol))
    answer(system, "hold", "set", symbol, "--why", "test")
    assert system.client.exists(f"quantum:reconcile:hold:{symbol}")
    answer(system, "hold", "clear", symbol)
    assert not system.client.exists(f"quantum:reconcile:hold:{symbol}")
    answer(system, "hold", "clear", symbol, code=1)
    assert system.run("p33", "nonsense").returncode == 2
    assert system.run("p33", "explain").returncode == 2


def test_adopting_creates_a_ledger_and_replaces_one_only_when_told_and_asked(system: System) -> None:
    new, old = system.symbol("-0.04", ledger=None), system.symbol("0.04", ledger="0.01")

    answer(system, "ledger", "adopt", new, "--yes")
    assert system.ledger(new)["last_known_amt"] == "-0.04"
    assert system.ledger(new)["last_known_side"] == "SHORT"
    answer(system, "ledger", "adopt", old, "--yes", code=1)
    asked = system.run("p33", "ledger", "adopt", "--replace", old, stdin="n\n")
    assert asked.returncode == 1, asked.stdout + asked.stderr
    assert system.ledger(old)["last_known_amt"] == "0.01"
    answer(system, "ledger", "adopt", "--replace", "--yes", old)
    assert system.ledger(old)["last_known_amt"] == "0.04"
    assert system.judge(new)["allow"] is True


def test_adopting_is_refused_while_an_order_may_be_under_way(system: System) -> None:
    reserved, ordered = system.symbol("0.04"), system.symbol("0.04")
    system.allow(reserved)
    system.filled(ordered, "a1", "0.001")
    for symbol in (reserved, ordered):  # a long cooldown, since a command takes its time to start
        done = system.run("p33", "ledger", "adopt", "--replace", "--yes", symbol, P33_COOLDOWN_SEC="3600")
        assert done.returncode == 1, done.stdout
    assert system.ledger(ordered)["last_known_amt"] == "0.039"


def test_check_answers_in_json(system: System) -> None:
    done = system.run("p33", "check", "--json", P33_METRICS_PORT=str(free_port()))
    report = json.loads(done.stdout)
    assert done.returncode in ({1, 3} if report["grade"] == "fail" else {0}), report
    assert {"configuration", "redis", "exchange"} <= {finding["area"] for finding in report["findings"]}
