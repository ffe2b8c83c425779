"""``p33 check``: configuration, rights and Redis; each thing that is wrong is named, with the fix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from p33_tasks.demo.exchange.client import SimControl
from tests.deployment.acl import AclRedis, running_acl_redis
from tests.integration.cli.checks import findings
from tests.integration.cli.conftest import KEY, Call
from tests.support.gate import OTHER, SYMBOL, Gate


@pytest.fixture(params=["bundled", "old"])
def acl(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AclRedis]:
    with running_acl_redis(request.param, tmp_path) as server:
        yield server


def login(acl: AclRedis, role: str) -> dict[str, str]:
    password = (acl.secrets / role).read_text().strip()
    return {"REDIS_PORT": str(acl.server.port), "REDIS_USERNAME": role, "REDIS_PASSWORD": password}


def test_a_cooldown_that_a_plain_get_and_del_executor_could_outlast_is_a_warning(call: Call) -> None:
    found = findings(call, "--no-exchange", P33_COOLDOWN_SEC="14", P33_STALE_THRESHOLD_SEC="10")
    assert found["configuration: cooldown"]["grade"] == "warn"
    assert "P33_COOLDOWN_SEC=15.0" in found["configuration: cooldown"]["fix"]
    assert "configuration: cooldown" not in findings(call, "--no-exchange", P33_COOLDOWN_SEC="15")


def test_a_misspelt_variable_is_a_warning_that_names_the_right_one(call: Call) -> None:
    row = findings(call, "--no-exchange", P33_COOLDOWN_SECS="60", P33_WHATEVER="x")["configuration: unknown variables"]
    assert row["grade"] == "warn"
    assert "P33_COOLDOWN_SECS (meant P33_COOLDOWN_SEC?)" in row["found"]
    assert "P33_WHATEVER" in row["found"]
    assert "configuration: unknown variables" not in findings(call, "--no-exchange")


def test_whether_a_plan_sent_as_a_task_needs_a_proof_is_said(call: Call) -> None:
    row = findings(call, "--no-exchange")["configuration: plans sent as tasks"]
    assert "every login with write access to the broker can cause verdicts" in row["found"]
    assert (row["grade"], "P33_TASK_KEY" in row["fix"]) == ("warn", True)
    found = findings(call, "--no-exchange", P33_TASK_KEY="k" * 32)["configuration: plans sent as tasks"]["found"]
    assert "need an HMAC" in found


def test_the_symbols_are_named(call: Call) -> None:
    found = findings(call, "--no-exchange")["configuration: settings"]["found"]
    assert f"2 symbols ({SYMBOL}, {OTHER})" in found


def test_redis_variables_that_the_url_stands_in_place_of_are_a_warning(gate: Gate, call: Call) -> None:
    left = findings(call, "--no-exchange", P33_REDIS_URL=gate.server.url(), REDIS_HOST="elsewhere.example")
    row = left["configuration: Redis's address"]
    assert row["grade"] == "warn"
    assert "REDIS_HOST" in row["found"]
    assert "configuration: Redis's address" not in findings(call, "--no-exchange")


def test_a_worker_has_every_right_that_is_tried_and_a_person_needs_none(call: Call, acl: AclRedis) -> None:
    found = findings(call, "--no-exchange", **login(acl, "p33-brain"))
    assert found["rights: worker's"]["grade"] == "ok", acl.refusals()
    assert found["rights: queues"]["grade"] == "ok"
    assert "p33-operator" in found["redis: reading"]["fix"]
    found = findings(call, "--no-exchange", **login(acl, "p33-operator"))
    assert "p33-operator is no worker's login" in found["rights: worker's"]["found"]
    assert "redis: reading" not in found


def test_a_right_that_a_worker_lacks_is_named_with_its_acl_line(call: Call, acl: AclRedis) -> None:
    """As on a host whose ACL file is that of the version before."""
    with acl.server.client() as admin:
        rules = " ".join(next(row for row in admin.acl_list() if " p33-brain " in row).split()[2:])
        rules = rules.replace("~quantum:p33.*", "~quantum:p33.permits* ~quantum:p33.snapshots*")
        rules = rules.replace("~quantum:permit:p33:*", "")
        words = re.findall(r"\([^)]*\)|\S+", rules)
        admin.execute_command("ACL", "SETUSER", "p33-brain", "reset", *words)
    found = findings(call, "--no-exchange", **login(acl, "p33-brain"))
    assert found["rights: worker's"]["grade"] == "fail"
    assert "SET quantum:permit:p33:check" in found["rights: worker's"]["found"]
    assert "~quantum:p33.ledger*" in found["rights: queues"]["found"]
    assert "make-acl.sh" in found["rights: queues"]["fix"]


def test_what_is_in_order_is_said_too(call: Call) -> None:
    found = findings(call, "--no-exchange")
    for what in (
        "redis: reachable",
        "redis: eviction",
        "redis: persistence",
        "redis: keys of ours",
        "broker: reachable",
    ):
        assert found[what]["grade"] == "ok", found[what]
        assert found[what]["fix"] is None


def test_a_redis_that_evicts_fails_and_the_command_that_fixes_it_does(gate: Gate, call: Call) -> None:
    gate.redis.config_set("maxmemory", "100mb")
    gate.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        row = findings(call, "--no-exchange")["redis: eviction"]
        assert row["grade"] == "fail"
        assert "allkeys-lru" in row["found"]
        gate.redis.execute_command(*row["fix"].split(",")[0].split())
        assert findings(call, "--no-exchange")["redis: eviction"]["grade"] == "ok"
    finally:
        gate.redis.config_set("maxmemory-policy", "noeviction")
        gate.redis.config_set("maxmemory", "0")


def test_a_full_redis_fails_and_the_exchange_is_not_blamed_for_it(gate: Gate, call: Call, sim: SimControl) -> None:
    """The weight of a request is written down before it is sent: without that the exchange isn't asked."""
    gate.redis.config_set("maxmemory", "1")
    try:
        found = findings(call, P33_EXCHANGE_BASE_URL=sim.base_url, **KEY)
        assert found["redis: eviction"]["grade"] == "fail"
        assert "full" in found["redis: eviction"]["found"]
        assert "not the exchange" in found["exchange: reachable"]["fix"]
    finally:
        gate.redis.config_set("maxmemory", "0")


def test_a_redis_without_aof_is_a_warning(gate: Gate, call: Call) -> None:
    gate.redis.config_set("appendonly", "no")
    try:
        assert findings(call, "--no-exchange")["redis: persistence"]["grade"] == "warn"
    finally:
        gate.redis.config_set("appendonly", "yes")


def test_a_key_of_another_type_is_named(gate: Gate, call: Call) -> None:
    gate.redis.set(gate.keys.ledger(SYMBOL), "x")
    row = findings(call, "--no-exchange")["redis: keys of ours"]
    assert row["grade"] == "fail"
    assert gate.keys.ledger(SYMBOL) in row["found"]


def test_redis_away_is_one_finding_and_the_exchange_is_looked_at_all_the_same(call: Call, sim: SimControl) -> None:
    found = findings(call, exit_code=3, REDIS_PORT="1", P33_EXCHANGE_BASE_URL=sim.base_url, **KEY)
    assert found["redis: reachable"]["grade"] == "fail"
    assert "127.0.0.1:1" in found["redis: reachable"]["found"]
    assert found["exchange: credentials"]["grade"] == "ok"


def test_a_refused_login_says_so_and_not_that_nobody_answers(gate: Gate, call: Call) -> None:
    gate.redis.config_set("requirepass", "the-password")
    try:
        without = findings(call, "--no-exchange")["redis: reachable"]
        assert "it wants a password" in without["found"]
        assert "HELLO" not in without["found"]
        wrong = findings(call, "--no-exchange", REDIS_PASSWORD="not-it")["redis: reachable"]
        assert "refused the login" in wrong["found"]
        assert "not-it" not in str(wrong)
        for row in (without, wrong):
            assert "REDIS_PASSWORD" in row["fix"]
            assert "start Redis" not in row["fix"]
    finally:
        gate.redis.config_set("requirepass", "")


def test_a_database_that_the_server_lacks_names_the_variable(call: Call) -> None:
    assert "REDIS_DB" in findings(call, "--no-exchange", REDIS_DB="999")["redis: reachable"]["fix"]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/1", "amqp://u:hunter2@127.0.0.1:1//"])
def test_a_broker_that_is_away_fails_without_its_password(call: Call, url: str) -> None:
    row = findings(call, "--no-exchange", exit_code=3, P33_BROKER_URL=url)["broker: reachable"]
    assert row["grade"] == "fail"
    assert "127.0.0.1:1" in row["found"]
    assert "hunter2" not in str(row)
