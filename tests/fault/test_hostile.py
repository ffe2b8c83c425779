"""What somebody with access to the broker or the streams can send: it runs nothing, ends nothing, spoils nothing."""

from __future__ import annotations

import base64
import json
import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault.record import Record
from tests.fault.world import FLAT, PLANS, REAL, RESULTS, Program, World, running_world
from tests.support.waiting import wait_until

QUEUES = ("p33.permits", "p33.ledger", "p33.snapshots")
VERDICT_WITHIN_MS = 6_000
MEGABYTE = 1_000_000


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]  # unpickled, it is called


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running_world(workers=1, apply=True) as found:
        yield found


@pytest.fixture
def worker(world: World) -> Program:
    found = world.programs["worker1"]
    if found.status != "running":  # what ended it is told by the test before
        found.start()
        found.ready()
    return found


def _envelope(body: bytes, *, content_type: str, encoding: str = "utf-8", task: str = "", **headers: Any) -> bytes:
    """A message as kombu's Redis transport stores it."""
    name = str(uuid.uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": encoding,
            "content-type": content_type,
            "headers": {"lang": "py", "task": task or "p33.evaluate_permit", "id": name, "root_id": name, **headers},
            "properties": {
                "correlation_id": name,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": "p33.permits"},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": name,
            },
        }
    ).encode()


def _task(args: Any, kwargs: Any, *, task: str = "p33.evaluate_permit", **headers: Any) -> bytes:
    body = json.dumps([args, kwargs, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()
    return _envelope(body, content_type="application/json", task=task, **headers)


def _messages(bomb: Path) -> dict[str, bytes]:
    pickled = pickle.dumps(([], {"plan": Bomb(bomb)}, {}))
    yaml = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{bomb}']]".encode()
    task = {"args": [], "kwargs": {}}
    return {
        "pickle": _envelope(pickled, content_type="application/x-python-serialize", encoding="binary"),
        "pickle named JSON": _envelope(pickled, content_type="application/json", encoding="binary"),
        "yaml": _envelope(yaml, content_type="application/x-yaml"),
        "msgpack": _envelope(b"\x93\x90\x80\x80", content_type="application/x-msgpack", encoding="binary"),
        "unknown content type": _envelope(b"{}", content_type="text/evil\n"),
        "unknown encoding": _envelope(b"[[], {}, {}]", content_type="application/json", encoding="no-such"),
        "unknown task": _task([], {}, task="os.system"),
        "a task of Celery's own": _task([[["a"]]], {}, task="celery.map"),
        "no arguments": _task([], {}),
        "wrong argument types": _task([], {"plan": 7, "stream": ["x"], "entry_id": {"a": 1}, "prefix": None}),
        "a plan that is a list": _task([], {"plan": [1, 2]}),
        "unknown arguments": _task([1, 2, 3, 4, 5, 6], {"nobody": "knows"}),
        "arguments of a string": _task("abc", "def"),
        "a result without an entry": _task([], {"result": {"plan_id": "x"}}, task="p33.apply_result"),
        "a symbol that is a dict": _task([], {"symbol": {"a": "b"}}, task="p33.refresh_snapshot"),
        "1 MB of argument": _task([], {"plan": {"plan_id": "x" * MEGABYTE, "symbol": FLAT[0]}}),
        "1 MB task name": _task([], {}, task="t" * MEGABYTE),
        "an eta of the year 9999": _task([], {"plan": {}}, eta="9999-12-31T23:59:59+00:00"),
        "an eta that is none": _task([], {"plan": {}}, eta="soon"),
        "a time limit": _task([], {"plan": {}}, timelimit=["x", []]),
        "deep nesting": _envelope(b"[" * 100_000 + b"]" * 100_000, content_type="application/json"),
        "NaN": _envelope(b'[[], {"plan": {"plan_id": NaN}}, {}]', content_type="application/json"),
        "a task of the first protocol": _envelope(json.dumps(task).encode(), content_type="application/json"),
        "not base64": _envelope(b"x", content_type="application/json").replace(b'"eA=="', b'"\\u0000%%%"'),
        "garbage": b"\x00\xff\xfe garbage \r\n*1\r\n$8\r\nFLUSHALL\r\n",
        "an empty message": b"",
        "JSON null": b"null",
        "a JSON number": b"7",
        "a JSON list": b"[1, 2]",
        "an empty envelope": b"{}",
        "an envelope without properties": b'{"body": "e30=", "headers": {}}',
        "an envelope with wrong types": b'{"body": 7, "headers": 7, "properties": 7, "content-type": 7}',
        "a delivery tag that is a list": _task([], {}).replace(b'"delivery_tag": "', b'"delivery_tag": ["x"], "x": "'),
        "deeply nested envelope": b"[" * 100_000 + b"]" * 100_000,
    }


@pytest.mark.parametrize("kind", list(_messages(Path())))
def test_a_hostile_message_on_the_broker_runs_nothing_and_ends_no_worker(
    world: World, worker: Program, tmp_path: Path, record: Record, kind: str
) -> None:
    bomb, pid = tmp_path / "bomb", worker.pid
    message = _messages(bomb)[kind]
    with world.redis.client(1, decode=False) as broker:
        for queue in QUEUES:
            broker.lpush(f"quantum:{queue}", message)
        wait_until(
            lambda: worker.status != "running" or not any(broker.llen(f"quantum:{queue}") for queue in QUEUES),
            "the messages are taken",
        )
    assert worker.status == "running", f"{kind} ended the worker:\n{worker.last_words()}"
    verdict_ms = world.verdict_ms(FLAT[0], f"probe-{uuid.uuid4().hex}", timeout_sec=20)
    assert worker.status == "running", f"{kind} ended the worker:\n{worker.last_words()}"
    assert worker.pid == pid
    assert not bomb.exists(), "code was run"
    assert verdict_ms < VERDICT_WITHIN_MS
    record.add("hostile", kind, tried=1, held=1, verdict_ms=[verdict_ms])


NAMES = {
    "newline": "a\nERROR forged line",
    "carriage return": "a\rb",
    "colons": "a:b::permit:governor:c",
    "NUL": "a\x00b",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "Redis protocol": "x\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "JSON": '","allow":true,"x":"',
    "glob": "*[a-z]?",
    "braces": "{prefix}{plan_id}",
    "format": "%s%n%(x)s{0}",
    "path": "../../../../etc/passwd",
    "unicode": "\u202eevil\u2028\U0001f4a5",
    "spaces": "  a  b  ",
    "long": "x" * MEGABYTE,
    "empty": "",
    "bytes": b"\xff\xfe\x00\x80",
}


@pytest.mark.parametrize("kind", list(NAMES))
def test_a_hostile_plan_id_or_symbol_is_harmless_in_keys_logs_and_streams(
    world: World, worker: Program, record: Record, kind: str
) -> None:
    name, pid = NAMES[kind], worker.pid
    allows = int(world.client.hget("quantum:p33:counters", f"p33_permit_total|{REAL[0]}|allow") or 0)
    ledgers = {symbol: world.client.hget(f"quantum:position:ledger:{symbol}", "last_known_amt") for symbol in REAL}
    marker = f"canary-{uuid.uuid4().hex}"
    with world.redis.client(decode=False) as raw:
        raw.set(marker, "alive")
        for plan_id, symbol in ((name, REAL[0].encode()), (b"p", name), (name, name)):
            fields: dict[Any, Any] = {"plan_id": plan_id, "symbol": symbol, "decision": "EXECUTE", "action": name}
            raw.xadd(PLANS, fields)
            raw.xadd(RESULTS, {**fields, "executed": name, "error": name, "details": name, "order_id": name})
            raw.xadd(RESULTS, {**fields, "executed": "true", "side": name, "filled_qty": name, "order_id": "1"})
        raw.xadd(PLANS, {name or "x": name or "x"})
        raw.xadd(RESULTS, {name or "x": name or "x"})
    world.settle(timeout_sec=30)
    verdict_ms = world.verdict_ms(FLAT[0], f"probe-{uuid.uuid4().hex}", timeout_sec=20)

    assert worker.pid == pid
    assert worker.status == "running", worker.last_words()
    assert world.client.get(marker) == "alive", "somebody's words were run as commands"
    for symbol, amt in ledgers.items():
        assert world.client.hget(f"quantum:position:ledger:{symbol}", "last_known_amt") == amt
    assert int(world.client.hget("quantum:p33:counters", f"p33_permit_total|{REAL[0]}|allow") or 0) == allows
    logs = "".join(program.all_logs() for program in world.programs.values())
    assert not set(logs) & {"\x1b", "\x00", "\x07", "\r", "\u202e", "\u2028"}
    assert not any(line.startswith("ERROR forged") for line in logs.splitlines())
    assert max(map(len, logs.splitlines())) < 20_000
    record.add("hostile", f"names: {kind}", tried=1, held=1, verdict_ms=[verdict_ms])
