"""Log lines: greppable, unforgeable, bounded, and without secrets."""

from __future__ import annotations

import json
import logging
from decimal import Decimal

import pytest
import structlog

from p33_tasks.bootstrap.logs import (
    MAX_VALUE_CHARS,
    Scrubber,
    as_json,
    as_text,
    configure_logging,
    secrets_of,
)
from p33_tasks.settings import load_settings


@pytest.fixture
def logged(tmp_path):
    """Configures logging into a file and reads it back; leaves no handler behind."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()

    def configure(**env):
        path = tmp_path / "log"
        options = {name: env.pop(name) for name in ("level",) if name in env}
        configure_logging(load_settings(env), logfile=str(path), **options)
        return path.read_text

    yield configure
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level
    structlog.configure(**before)


def test_a_verdict_is_one_line_of_key_and_value(logged):
    read = logged()
    structlog.get_logger("p33.verdict").info("DENY", reason="no_position", plan_id="abc", age_sec=Decimal("1.50"))
    (line,) = read().splitlines()
    time, rest = line.split(" ", 1)
    assert time.endswith("Z")
    assert rest == "INFO DENY reason=no_position plan_id=abc age_sec=1.50"


def test_json_on_request(logged):
    read = logged(P33_LOG_FORMAT="json")
    structlog.get_logger("p33.verdict").info("ALLOW", plan_id="a\nb", safe_close_qty=Decimal("0.028"))
    found = json.loads(read())
    assert found["event"] == "ALLOW"
    assert (found["plan_id"], found["safe_close_qty"], found["level"]) == ("a\nb", "0.028", "info")


def test_libraries_write_the_same_lines(logged):
    read = logged()
    logging.getLogger("some.library").warning("it is %s", "late")
    assert "WARNING it is late logger=some.library" in read()


@pytest.mark.parametrize("value", ["x\nALLOW plan_id=forged", "x\r\x1b[2J", "a\u2028b", "\udcff"])
def test_a_value_can_not_forge_a_line(value):
    line = as_text({"timestamp": "T", "level": "info", "event": "DENY", "plan_id": value})
    assert line.isprintable()
    assert line.startswith('T INFO DENY plan_id="')


def test_a_librarys_sentence_over_several_lines_is_one_line_without_escapes():
    line = as_text({"level": "error", "event": "Cannot connect..\nTrying again.\r\n", "logger": "celery.worker"})
    assert line == "ERROR Cannot connect.. Trying again. logger=celery.worker"


def test_nor_can_a_traceback():
    line = as_text({"event": "EVALUATION_FAILED", "exception": "ValueError: x\nALLOW plan_id=forged"})
    first, *rest = line.split("\n")
    assert first == "EVALUATION_FAILED"
    assert all(row.startswith("    ") for row in rest)


def test_values_are_bounded():
    assert len(as_text({"event": "E", "v": "x" * 1_000_000})) < MAX_VALUE_CHARS + 100
    assert len(as_json({"event": "E", "v": "x" * 1_000_000})) < MAX_VALUE_CHARS + 100


def test_quotes_and_blanks_are_quoted():
    assert as_text({"event": "E", "v": 'say "a=b"', "w": ""}) == 'E v="say \\"a=b\\"" w=""'


def test_secrets_are_in_no_line(logged):
    read = logged(
        BINANCE_API_KEY="key-of-the-account",
        BINANCE_API_SECRET="secret-of-the-account",
        P33_REDIS_URL="redis://user:pass-word@host:6379/0",
    )
    error = RuntimeError("GET https://h/fapi?x=1&signature=abcdef0123&timestamp=1 key-of-the-account")
    structlog.get_logger("p33.test").error(
        "failed", url="redis://user:pass-word@host:6379/0", secret="secret-of-the-account", exc_info=error
    )
    text = read()
    for secret in ("key-of-the-account", "secret-of-the-account", "pass-word", "abcdef0123"):
        assert secret not in text
    assert "timestamp=1" in text


def test_urls_lose_their_credentials_whoever_wrote_them():
    assert (
        Scrubber()("to amqp://u:p@host/v, sentinel://:pw@h:1") == "to amqp://********@host/v, sentinel://********@h:1"
    )


def test_every_secret_of_the_configuration_is_known():
    settings = load_settings({"REDIS_PASSWORD": "one-one", "P33_BROKER_URL": "redis://:two-two@h:1/0"})
    assert {"one-one", "two-two"} <= set(secrets_of(settings))


def test_celery_may_ask_for_more_but_not_for_less(logged):
    read = logged(level=logging.ERROR)
    logging.getLogger("p33.a").info("kept")
    logging.getLogger("p33.a").debug("left out")
    assert "kept" in read()
    assert "left out" not in read()
    read = logged(level=logging.DEBUG)
    logging.getLogger("p33.a").debug("wanted")
    assert "wanted" in read()


def test_celerys_lines_per_task_are_left_out(logged):
    read = logged()
    logging.getLogger("celery.app.trace").info("Task succeeded")
    logging.getLogger("celery.worker.strategy").info("Task received")
    logging.getLogger("celery.app.trace").error("Task raised")
    assert read().count("\n") == 1
