"""What each role can cause at a real worker, over a real broker: docs/roles.md says it, these tests hold it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import redis
from celery import Celery
from celery.worker.control import Panel

from p33_tasks.celery.config import make_app
from p33_tasks.celery.control import ALLOWED
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.task_proof import task_hmac
from p33_tasks.settings import Settings
from tests.deployment.acl import ROLES, AclRedis, running_acl_redis
from tests.deployment.cluster import environment, program, running
from tests.factories import plan_entry
from tests.support.waiting import wait_until

KEYS = Keys()
SYMBOL = "BTCUSDT"
TASK_KEY = "a-task-key-of-32-characters-long"
SEP = "\x06\x16"
CONTROL_CHANNEL = "quantum:/1.celery.pidbox"


@pytest.fixture(scope="module", params=["bundled", "old"])
def acl(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclRedis]:
    """A Redis with roles and a worker that reads no stream: what it does, a message caused."""
    folder = tmp_path_factory.mktemp("roles")
    with running_acl_redis(request.param, folder) as server, ExitStack() as stack:
        env = environment(P33_REDIS_URL=server.url("p33-brain"), P33_INGEST="off", P33_TASK_KEY=TASK_KEY)
        worker = [program("celery"), "-A", "p33_tasks", "worker", "-c", "1"]
        stack.enter_context(running(worker, env, folder / "worker.log"))
        wait_until(lambda: ping(server), f"the worker answers: {folder}", timeout_sec=30)
        yield server


def app_of(acl: AclRedis, role: str) -> Celery:
    return make_app(Settings(P33_REDIS_URL=acl.url(role)))


def ping(acl: AclRedis) -> list[Any]:
    return app_of(acl, "p33-watch").control.ping(timeout=1) or []


def send(acl: AclRedis, task: str, task_id: str, **kwargs: Any) -> None:
    """A task, by the only role that may put one on the broker: it stands for whoever else could."""
    app = app_of(acl, "p33-brain")
    app.send_task(task, kwargs={"prefix": KEYS.prefix, **kwargs}, task_id=task_id, ignore_result=True)


def add(acl: AclRedis, stream: str, role: str, fields: dict[str, Any]) -> str:
    """An entry that the group has read and not acknowledged."""
    entry_id = acl.client(role).xadd(stream, fields)
    with acl.server.client() as admin:
        with suppress(redis.exceptions.ResponseError):  # it is there
            admin.xgroup_create(stream, GROUP, id="0")
        admin.xreadgroup(GROUP, "test", {stream: ">"})
    return str(entry_id)


def decision(acl: AclRedis, plan_id: str) -> str | None:
    found = acl.client("p33-operator").get(KEYS.decision(plan_id))
    return None if found is None else str(found)


def signed(plan_id: str, acl: AclRedis) -> dict[str, Any]:
    now_sec, _ = acl.client("p33-operator").time()
    plan = {**plan_entry(plan_id=plan_id), "issued_ms": now_sec * 1000}
    return {"plan": plan, "hmac": task_hmac(plan, prefix=KEYS.prefix, key=TASK_KEY)}


def everything_before_is_done(acl: AclRedis, name: str) -> None:
    """One process takes tasks in order: a signed plan is judged after all that was sent before it."""
    send(acl, "p33.evaluate_permit", f"last-{name}", **signed(f"last-{name}", acl))
    wait_until(lambda: decision(acl, f"last-{name}"), "the tasks before it are done", timeout_sec=20)


def test_no_control_command_of_the_watching_role_changes_a_worker(acl: AclRedis) -> None:
    control = app_of(acl, "p33-watch").control
    before = control.inspect(timeout=2).active_queues()
    pool = {name: row["pool"]["processes"] for name, row in control.inspect(timeout=2).stats().items()}
    assert before
    for name in sorted(set(Panel.data) - ALLOWED):
        control.broadcast(name, arguments={"queue": "p33.permits", "n": 1, "rate_limit": "1/h", "task_id": "x"})
    control.broadcast("add_consumer", arguments={"queue": "forged.celery.pidbox"})
    assert wait_until(lambda: ping(acl), "the worker is alive", timeout_sec=20)
    assert control.inspect(timeout=2).active_queues() == before
    after = {name: row["pool"]["processes"] for name, row in control.inspect(timeout=2).stats().items()}
    assert after == pool
    everything_before_is_done(acl, "control")


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"p33-brain", "p33-watch"}))
def test_other_roles_reach_no_worker(acl: AclRedis, role: str) -> None:
    client = acl.client(role)
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.publish(CONTROL_CHANNEL, "{}")
    for queue in ("p33.permits", "p33.ledger", "p33.snapshots", "forged.celery.pidbox"):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.lpush(f"quantum:{queue}", "{}")


def test_a_reply_that_is_bent_into_a_queue_is_no_task(acl: AclRedis) -> None:
    """The watching role writes the set that says where replies go: the worker then puts one into its own queue."""
    watch, control = acl.client("p33-watch", db=1), app_of(acl, "p33-watch").control
    key, member = "quantum:_kombu.binding.reply.celery.pidbox", f"{control.mailbox.oid}{SEP}{SEP}p33.permits"
    watch.sadd(key, member)
    try:
        assert wait_until(lambda: control.ping(timeout=1), "the reply comes to its sender as well", timeout_sec=20)
        everything_before_is_done(acl, "bent")
    finally:
        watch.srem(key, member)
    assert ping(acl)


def test_what_a_killed_inspector_left_on_the_broker_goes_once_nobody_asks_any_more(acl: AclRedis) -> None:
    """It stays in the set that says where replies go, until a worker removes that set when it is overdue."""
    table, deadlines = "quantum:_kombu.binding.reply.celery.pidbox", "quantum:_kombu.binding_deadlines"
    asking = [program("celery"), "-A", "p33_tasks", "inspect", "ping", "--timeout", "60"]
    env = environment(P33_REDIS_URL=acl.url("p33-watch"))
    with acl.server.client(db=1) as admin:
        before = admin.smembers(table)
        inspector = subprocess.Popen(asking, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: admin.smembers(table) - before, "it asks", timeout_sec=30)
        finally:
            inspector.kill()
            inspector.wait()
        assert admin.smembers(table) - before
        left_sec = admin.zscore(deadlines, "reply.celery.pidbox") / 1000 - admin.time()[0]
        assert 0 < left_sec <= 3_601
        admin.zadd(deadlines, {"reply.celery.pidbox": 1})
        with app_of(acl, "p33-brain").connection_for_write() as connection:
            connection.default_channel.sweep_bindings()
        assert not admin.exists(table)
        assert admin.exists("quantum:_kombu.binding.p33.permits"), "the way of tasks stays"
    assert ping(acl), "whoever asks next has an answer"


def test_forged_fields_under_a_real_entry_change_nothing(acl: AclRedis) -> None:
    real = plan_entry(plan_id="real", reduceOnly="false")
    entry_id = add(acl, KEYS.plans, "p33-producer", real)
    forged = {**real, "reduceOnly": "true", "action": "CLOSE_FULL"}
    send(acl, "p33.evaluate_permit", "permit-real", plan=forged, stream=KEYS.plans, entry_id=entry_id)
    verdict = wait_until(lambda: decision(acl, "real"), "the plan is judged", timeout_sec=20)
    assert "not_reduce_only" in str(verdict)


def test_another_plan_under_a_real_entry_is_refused_and_the_entry_stays(acl: AclRedis) -> None:
    entry_id = add(acl, KEYS.plans, "p33-producer", plan_entry(plan_id="mine"))
    forged = plan_entry(plan_id="forged")
    send(acl, "p33.evaluate_permit", "permit-forged", plan=forged, stream=KEYS.plans, entry_id=entry_id)
    send(acl, "p33.evaluate_permit", "permit-invented", plan=forged, stream=KEYS.plans, entry_id="1-1")
    everything_before_is_done(acl, "another")
    assert decision(acl, "mine") is None
    with acl.server.client() as admin:
        assert [row["message_id"] for row in admin.xpending_range(KEYS.plans, GROUP, entry_id, entry_id, 1)]
        held = admin.get(KEYS.decision("forged"))
        assert held is None or '"allow":false' in str(held)
        assert admin.exists(KEYS.permit("mine")) == 0


def test_a_plan_without_an_entry_needs_the_proof(acl: AclRedis) -> None:
    proven = signed("own", acl)
    send(acl, "p33.evaluate_permit", "own-1", plan=proven["plan"])
    send(
        acl,
        "p33.evaluate_permit",
        "own-2",
        plan={**proven["plan"], "action": "CLOSE_FULL", "x": "1"},
        hmac=proven["hmac"],
    )
    everything_before_is_done(acl, "unproven")
    assert decision(acl, "own") is None
    send(acl, "p33.evaluate_permit", "own-3", **proven)
    wait_until(lambda: decision(acl, "own"), "the proven plan is judged", timeout_sec=20)


def test_a_forged_fill_is_never_applied(acl: AclRedis) -> None:
    fill = {"plan_id": "p", "symbol": SYMBOL, "executed": "True", "order_id": "7", "side": "BUY", "filled_qty": "0.5"}
    send(acl, "p33.apply_result", "fill-1", result=fill, stream=KEYS.results, entry_id="1-1")
    send(acl, "p33.apply_result", "fill-2", result=fill)
    real = {"plan_id": "p", "symbol": SYMBOL, "executed": "False", "error": "rejected"}
    entry_id = add(acl, KEYS.results, "p33-apply", real)
    send(acl, "p33.apply_result", "fill-3", result=fill, stream=KEYS.results, entry_id=entry_id)
    reader = acl.client("p33-operator")
    wait_until(
        lambda: reader.xpending(KEYS.results, GROUP)["pending"] == 0, "the real result is recorded", timeout_sec=20
    )
    everything_before_is_done(acl, "fill")
    assert reader.exists(KEYS.fills(SYMBOL), KEYS.ledger(SYMBOL)) == 0
