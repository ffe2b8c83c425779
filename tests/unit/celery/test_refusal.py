"""Which messages a worker takes off the broker and doesn't run."""

from __future__ import annotations

import zlib

import kombu.compression
import pytest
from kombu.message import Message

from p33_tasks.celery.patches.no_decompression import refuse_compression
from p33_tasks.celery.refusal import MAX_BODY_CHARS, problem_of

HEADERS = {"task": "p33.evaluate_permit", "id": "permit-1", "timelimit": [None, None], "eta": None, "retries": 0}
OUTSIDE = {
    "content_type": "application/json",
    "content_encoding": "utf-8",
    "body": b"[[], {}, {}]",
    "tasks": {"p33.evaluate_permit", "p33.apply_result"},
}


def test_our_own_and_a_producers_tasks_are_taken():
    assert problem_of(HEADERS, **OUTSIDE) is None
    assert problem_of({**HEADERS, "timelimit": [30, 20.5], "origin": "gen1@host"}, **OUTSIDE) is None
    assert problem_of({"task": "p33.apply_result", "id": "x"}, **{**OUTSIDE, "content_encoding": "UTF-8"}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "os.system"},
        {"task": "celery.map"},
        {"task": ["p33.evaluate_permit"]},
        {"task": None},
        {"id": None},
        {"id": {"a": 1}},
        {"timelimit": ["x", []]},
        {"timelimit": [True, None]},
        {"timelimit": [float("nan"), None]},
        {"timelimit": [-1, None]},
        {"timelimit": "ab"},
        {"eta": 7},
        {"shadow": "x" * 1001},
        {"kwargsrepr": "x" * 4001},
        {"argsrepr": ["x"]},
        {"compression": "application/x-gzip"},
    ],
)
def test_a_header_that_would_break_the_workers_loop_is_refused(changes):
    assert problem_of({**HEADERS, **changes}, **OUTSIDE)


@pytest.mark.parametrize(
    "changes",
    [
        {"content_type": "application/x-python-serialize"},
        {"content_type": None},
        {"content_encoding": "binary"},
        {"content_encoding": None},
        {"body": {"a": 1}},
        {"body": "x" * (MAX_BODY_CHARS + 1)},
    ],
)
def test_only_json_of_a_sane_size_is_read(changes):
    assert problem_of(HEADERS, **{**OUTSIDE, **changes})


@pytest.mark.parametrize("headers", [None, [], 7, "headers", {}])
def test_a_message_without_headers_is_refused(headers):
    assert problem_of(headers, **OUTSIDE)


def test_no_message_is_unpacked_before_it_can_be_looked_at(monkeypatch):
    """400 MB in half a megabyte: the worker's main process grew by 740 MB, and a larger one would have ended it."""
    for table in ("_encoders", "_decoders"):
        monkeypatch.setattr(kombu.compression, table, dict(getattr(kombu.compression, table)))
    packed = zlib.compress(b"0" * 1_000_000)
    refuse_compression()
    for name in ["gzip", "zlib", "bzip2", *kombu.compression.encoders()]:
        message = Message(body=packed, headers={**HEADERS, "compression": name})
        assert message.body == packed, name
        assert problem_of(message.headers, **{**OUTSIDE, "body": message.body})
