"""What a pool process reports of a failure: all that people need, in one write of the pipe to its worker."""

from __future__ import annotations

import logging
import pickle

import billiard
import pytest
from billiard.connection import Connection
from billiard.einfo import ExceptionInfo
from celery import Celery
from celery.app.trace import build_tracer
from celery.exceptions import Ignore

from p33_tasks.celery.patches.short_failures import shorten_failures
from p33_tasks.errors import StoreUnavailableError

ONE_WRITE_BYTES = 16_384
"""billiard.connection, ``Connection._send_bytes``."""


class ForgottenError(Exception):
    """Of a library that puts everything into its exceptions."""


class UnpicklableError(Exception):
    """Of a library that can't be pickled."""

    def __reduce__(self):
        raise TypeError("not this one")


@pytest.fixture
def short(monkeypatch):
    """As in a worker."""
    monkeypatch.setattr(ExceptionInfo, "__getstate__", None, raising=False)  # taken back afterwards
    shorten_failures()


def _deep(depth, error):
    if depth:
        _deep(depth - 1, error)
    raise error from ConnectionError("Redis went away")


def _failure(error, kwargs):
    """What is left of a task that fails."""
    app = Celery("t", broker="memory://")

    @app.task(name="t.fails", shared=False, throws=(StoreUnavailableError,))
    def fails():
        _deep(12, error)

    trace = build_tracer("t.fails", fails, app=app)
    return trace("id", (), kwargs, {"id": "id", "args": (), "kwargs": {}, "delivery_info": {}}).retval


def _writes(failure, monkeypatch):
    """How billiard's own pipe sends it: the sizes of its writes."""
    reader, writer = billiard.Pipe(duplex=False)
    sizes = []
    monkeypatch.setattr(Connection, "_send", lambda _, data: sizes.append(len(data)))
    writer.send((1, (17, None, (True, (1, failure, 0.1)), 33)))
    reader.close()
    writer.close()
    return sizes


def test_billiard_needs_two_writes_for_a_failure(monkeypatch):
    """When this fails, p33_tasks/celery/patches/short_failures.py can go."""
    if "__getstate__" in vars(ExceptionInfo):  # some test before started a worker in this process
        monkeypatch.delattr(ExceptionInfo, "__getstate__")
    assert len(_writes(_failure(StoreUnavailableError("away"), {}), monkeypatch)) == 2


@pytest.mark.parametrize(
    ("error", "kwargs"),
    [
        (StoreUnavailableError("away"), {}),
        (StoreUnavailableError("\N{HEAVY CHECK MARK}" * 100_000), {}),
        (ForgottenError(list(range(50_000))), {}),
        (ForgottenError(UnpicklableError()), {}),
        (Ignore(), {}),
        (StoreUnavailableError("away"), []),
    ],
    ids=["ours", "a long text", "a large exception", "none that can be pickled", "Celery's own", "before the task"],
)
@pytest.mark.filterwarnings("ignore:Exception raised outside body")
@pytest.mark.usefixtures("short")
def test_a_failure_is_sent_in_one_write(monkeypatch, error, kwargs):
    (size,) = _writes(_failure(error, kwargs), monkeypatch)
    assert size <= ONE_WRITE_BYTES


@pytest.mark.usefixtures("short")
def test_what_a_task_breaks_on_outside_of_it_is_sent_in_one_write(monkeypatch):
    """Billiard's own net, with the exception as it is."""
    try:
        _deep(12, UnpicklableError())
    except UnpicklableError:
        failure = ExceptionInfo()
    (size,) = _writes(failure, monkeypatch)
    assert size <= ONE_WRITE_BYTES


@pytest.mark.usefixtures("short")
def test_a_failure_says_what_and_where():
    told = pickle.loads(pickle.dumps(_failure(StoreUnavailableError("away"), {})))  # noqa: S301 - our own
    assert (told.type, told.exception.args) == (StoreUnavailableError, ("away",))
    assert "in _deep" in told.traceback
    assert told.traceback.rstrip().endswith("StoreUnavailableError: away")
    assert told.exc_info == (told.type, told.exception, None), "as the worker's log takes it"


@pytest.mark.usefixtures("short")
def test_an_unexpected_failure_is_logged_with_its_frames(caplog):
    with caplog.at_level(logging.ERROR, "celery.app.trace"):
        _failure(ZeroDivisionError("a bug"), {})
    assert "raise error from ConnectionError" in logging.Formatter().format(caplog.records[0])
