"""A worker with an ACL file of the version before serves the queues that it may, and names what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from p33_tasks.contract.keys import Keys
from p33_tasks.store.rights import refused_commands
from tests.deployment.acl import AclRedis, running_acl_redis
from tests.deployment.cluster import environment, program, running
from tests.factories import plan_entry
from tests.support.waiting import wait_until

KEYS = Keys()
WORKER = [program("celery"), "-A", "p33_tasks", "worker", "-c", "1"]


@pytest.fixture(params=["bundled", "old"])
def acl(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AclRedis]:
    with running_acl_redis(request.param, tmp_path) as server:
        yield server


def take_queues_away(acl: AclRedis, *queues: str) -> None:
    """The brain's role as in an ACL file that doesn't know these queues."""
    with acl.server.client() as admin:
        [line] = [row for row in admin.acl_list() if " p33-brain " in row]
        others = (queue for queue in ("p33.permits", "p33.ledger", "p33.snapshots") if queue not in queues)
        line = line.replace("~quantum:p33.*", " ".join(f"~quantum:{queue}*" for queue in others))
        user, *rules = line.removeprefix("user ").split(" ", 1)
        words = re.findall(r"\([^)]*\)|\S+", rules[0])
        admin.execute_command("ACL", "SETUSER", user, "reset", *words)


def test_each_is_tried_and_none_is_carried_out(acl: AclRedis) -> None:
    client = acl.client("p33-brain")
    allowed = ("SET", KEYS.permit("a"), "{}")
    refused = ("LPUSH", "quantum:elsewhere", "x")
    assert refused_commands(client, [allowed, refused, ("BRPOP", "quantum:p33.permits", "0")]) == [refused]
    assert refused_commands(client, [allowed]) == []  # a transaction of which nothing was refused
    assert client.exists(KEYS.permit("a")) == 0
    # The connection is usable afterwards: no transaction is left open.
    assert client.set(KEYS.permit("b"), "{}")
    assert client.get(KEYS.permit("b")) == "{}"


def test_without_the_right_to_try_it_is_an_error(acl: AclRedis) -> None:
    client = acl.client("p33-producer")
    with pytest.raises(redis.exceptions.NoPermissionError):
        refused_commands(client, [("PING",)])
    client.xadd(KEYS.plans, {"plan_id": "x"})


def test_one_queue_that_is_not_permitted_stops_no_other(acl: AclRedis, tmp_path: Path) -> None:
    take_queues_away(acl, "p33.ledger")
    env = environment(P33_REDIS_URL=acl.url("p33-brain"), P33_LOG_FORMAT="json")
    log = tmp_path / "worker.log"
    with running(WORKER, env, log):
        acl.client("p33-producer").xadd(KEYS.plans, dict(plan_entry(plan_id="plan-1")))
        reader = acl.client("p33-operator")
        try:
            wait_until(lambda: reader.exists(KEYS.decision("plan-1")), "the plan is judged", timeout_sec=30)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{acl.refusals()}\n{log.read_text()[-3000:]}") from error
        verdict = str(reader.get(KEYS.decision("plan-1")))
        assert "no_exchange_snapshot" in verdict, f"a worker judged it, the ingest didn't give it up: {verdict}"
    text = log.read_text()
    assert "QUEUE_NOT_PERMITTED" in text
    assert "(+lpush +brpop +del +pexpire ~quantum:p33.ledger*)" in text


def test_without_any_queue_it_ends_with_2_and_says_why(acl: AclRedis, tmp_path: Path) -> None:
    take_queues_away(acl, "p33.ledger", "p33.permits", "p33.snapshots")
    env = environment(P33_REDIS_URL=acl.url("p33-brain"))
    log = tmp_path / "worker.log"
    with running(WORKER, env, log) as process:
        assert process.wait(40) == 2, log.read_text()[-2000:]
    assert "may read none of this worker's queues" in log.read_text()
    assert "~quantum:p33.permits*" in log.read_text()
