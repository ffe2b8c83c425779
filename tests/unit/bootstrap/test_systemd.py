"""What systemd reads: one message when a service is ready, and each log line with its priority."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from p33_tasks.bootstrap import notify
from p33_tasks.bootstrap.journal import with_priority, writes_to_journal
from p33_tasks.log_events import LogEvent

ENV_OF_A_WRONG_SETTING = {"P33_POLL_SEC": "often", "P33_ENV_FILE": os.devnull}


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd would read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener
    notify._address.clear()


def test_ready_and_stopping_are_sent_to_the_socket_that_systemd_named(listening: socket.socket) -> None:
    notify.notify_ready("takes tasks")
    assert listening.recv(100) == b"READY=1\nSTATUS=takes tasks"
    assert "NOTIFY_SOCKET" not in os.environ, "a child must not speak for the service"
    notify.notify_stopping()
    assert listening.recv(100) == b"STOPPING=1"


def test_ready_again_after_a_reconnect_is_sent_again(listening: socket.socket) -> None:
    notify.notify_ready("takes tasks")
    notify.notify_ready("takes tasks")
    assert listening.recv(100) == listening.recv(100)


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"p33-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify.notify_ready("here")
        assert listener.recv(100).startswith(b"READY=1")
    notify._address.clear()


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify.notify_ready("here")
    notify.notify_stopping()


def test_a_socket_that_is_gone_ends_no_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with capture_logs() as logs:
        notify.notify_ready("here")
    assert [entry["event"] for entry in logs] == [LogEvent.NOTIFY_FAILED]
    notify._address.clear()


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.DEBUG, "<7>"),
        (logging.INFO, "<6>"),
        (logging.WARNING, "<4>"),
        (logging.ERROR, "<3>"),
        (logging.CRITICAL, "<2>"),
    ],
)
def test_each_line_of_a_text_has_its_priority(level: int, priority: str) -> None:
    assert with_priority("a\n    b", level) == f"{priority}a\n{priority}    b"


def test_a_file_is_not_the_journal_though_the_variable_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("w") as file, (tmp_path / "other").open("w") as other:
        found = os.fstat(file.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert writes_to_journal(file)
        assert not writes_to_journal(other)
        assert not writes_to_journal(None)
    assert not writes_to_journal(file), "closed"


def in_the_journal(code: str, folder: Path, **env: str) -> tuple[int, list[str]]:
    """Run Python with its standard error where JOURNAL_STREAM says; exit code and lines."""
    with (folder / "journal").open("wb") as journal:
        found = os.fstat(journal.fileno())
        done = subprocess.run(
            [sys.executable, *code.split()] if code.startswith("-m") else [sys.executable, "-c", code],
            stderr=journal,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}", **env},
            check=False,
            timeout=60,
        )
    return done.returncode, (folder / "journal").read_text().splitlines()


LOGGING = """
import logging
from p33_tasks.bootstrap.logs import configure_logging
from p33_tasks.settings import load_settings
configure_logging(load_settings({'P33_LOG_FORMAT': '%s'}))
try:
    raise ValueError('x')
except ValueError:
    logging.getLogger('p33.try').exception('failed')
logging.getLogger('p33.try').info('fine')
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_in_the_journal_an_error_and_its_traceback_are_errors(tmp_path: Path, form: str) -> None:
    exit_code, lines = in_the_journal(LOGGING % form, tmp_path)
    assert exit_code == 0
    *error, fine = lines
    assert len(error) >= (4 if form == "text" else 1)
    assert all(line.startswith("<3>") for line in error)
    assert fine.startswith("<6>")


PROCESSES = [
    "-m p33_tasks.celery.validate",
    "-m p33_tasks.celery.ingest",
    "-m p33_tasks.exporter",
    "-m p33_tasks.cli exporter",
    "-m p33_tasks.cli ingest",
    "-m celery -A p33_tasks worker",
    "-m celery -A p33_tasks beat",
]


@pytest.mark.parametrize("command", PROCESSES)
def test_a_wrong_setting_ends_each_process_with_2_and_one_text(tmp_path: Path, command: str) -> None:
    exit_code, lines = in_the_journal(command, tmp_path, **ENV_OF_A_WRONG_SETTING)
    assert exit_code == 2
    assert all(line.startswith("<3>") for line in lines)
    text = "\n".join(lines)
    assert "P33_POLL_SEC='often'" in text
    assert "Traceback" not in text
    assert len(lines) <= 3
