"""What a pool process tells its worker of a failure: all that people need, in one write of the pipe between them."""

from __future__ import annotations

import logging

import billiard
import pytest
from billiard.connection import Connection
from celery import Celery, Task
from celery.app.trace import build_tracer

from p33_tasks.celery.task import LeanTask
from p33_tasks.errors import StoreUnavailableError


class ForgottenError(Exception):
    """Of a library that puts everything into its exceptions."""


def _deep(depth, error):
    if depth:
        _deep(depth - 1, error)
    raise error from ConnectionError("Redis went away")


def _told(base, error, depth=12):
    """The result of a task that fails, as the pool process sends it."""
    app = Celery("t", task_cls=base, broker="memory://")

    @app.task(name="t.fails", throws=(StoreUnavailableError,))
    def fails():
        _deep(depth, error)

    trace = build_tracer("t.fails", fails, app=app)
    failure = trace("id", (), {}, {"id": "id", "args": (), "kwargs": {}, "delivery_info": {}}).retval
    return 1, (17, None, (True, (1, failure, 0.1)), 33)


def _writes(message, monkeypatch):
    """How billiard's own pipe sends it: the sizes of its writes."""
    reader, writer = billiard.Pipe(duplex=False)
    sizes = []
    monkeypatch.setattr(Connection, "_send", lambda _, data: sizes.append(len(data)))
    writer.send(message)
    reader.close()
    writer.close()
    return sizes


def test_celerys_own_telling_needs_two_writes(monkeypatch):
    """Why there is a base of our own; when this fails, Celery has learnt it and ours can go."""
    assert len(_writes(_told(Task, StoreUnavailableError("away")), monkeypatch)) == 2


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailableError("away"),
        StoreUnavailableError("\N{HEAVY CHECK MARK}" * 100_000),
        ForgottenError(list(range(50_000))),
    ],
    ids=["ours", "a long text", "a large exception"],
)
def test_a_failure_is_told_in_one_write(monkeypatch, error):
    (size,) = _writes(_told(LeanTask, error), monkeypatch)
    assert size < 16_384


def test_a_failure_says_what_and_where():
    failure = _told(LeanTask, StoreUnavailableError("away"))[1][2][1][1]
    assert failure.exception.args == ("away",)
    assert "in _deep" in failure.traceback
    assert failure.traceback.rstrip().endswith("StoreUnavailableError: away")


def test_an_unexpected_failure_is_logged_with_its_frames(caplog):
    with caplog.at_level(logging.ERROR, "celery.app.trace"):
        _told(LeanTask, ZeroDivisionError("a bug"))
    (record,) = caplog.records
    assert record.exc_info is not None
    frames = []
    trace = record.exc_info[2]
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames.count("_deep") == 13
