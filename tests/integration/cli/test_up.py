"""``p33 up`` with real processes: it runs, it shows, it ends, and nothing of it stays behind."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

P33 = str(Path(sys.executable).with_name("p33"))
CHILDREN = {"exchange", "worker", "beat", "exporter", "governor", "apply", "producer"}

pytestmark = pytest.mark.timeout(180)


class Up:
    """A running ``p33 up``, and everything that it started."""

    def __init__(self, process: subprocess.Popen[str], output: Path, errors: Path) -> None:
        self.process = process
        self._output = output
        self._errors = errors
        self.family: dict[int, psutil.Process] = {}

    @property
    def stdout(self) -> str:
        return self._output.read_text("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self._errors.read_text("utf-8", "replace")

    @property
    def folder(self) -> Path:
        """The run's directory, as it says itself."""
        found = wait_until(
            lambda: re.search(r"(\S+/p33-up-\w+)/logs", self.stdout + self.stderr), "it says where", timeout_sec=30
        )
        return Path(found.group(1))

    def look(self) -> dict[int, psutil.Process]:
        """Remember every descendant there is."""
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.process.pid)
            self.family.update({child.pid: child for child in [main, *main.children(recursive=True)]})
        return self.family

    def wait_for(self, text: str) -> None:
        """Wait until it shows ``text``."""

        def shown() -> bool:
            self.look()
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stdout}{self.stderr}"
            return text in self.stdout

        wait_until(shown, f"p33 up shows {text!r}", timeout_sec=60, every_sec=0.1)

    def wait_for_end(self) -> int:
        """Wait until it has ended; its exit code."""
        wait_until(
            lambda: self.look() and self.process.poll() is not None, "p33 up ends", timeout_sec=90, every_sec=0.1
        )
        return int(self.process.wait())

    def survivors(self) -> list[str]:
        """Descendants that are still there."""
        return [f"{p.pid} {p.cmdline()}" for p in self.family.values() if _is_alive(p)]

    def child(self, word: str) -> psutil.Process:
        """The descendant whose command line holds ``word``, without honcho's helpers."""
        for process in self.look().values():
            with contextlib.suppress(psutil.NoSuchProcess):
                if word in process.cmdline():
                    return process
        raise AssertionError(f"no child {word}: {self.family}")


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def up(*arguments: str, terminal: bool = False, **env: str) -> Iterator[Up]:
    """Start ``p33 up``; whatever happens, nothing of it outlives the block."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "out", Path(folder) / "err"
        with output.open("w") as out, errors.open("w") as err:
            process = _on_a_terminal(arguments, env, output) if terminal else _plain(arguments, env, out, err)
        running = Up(process, output, errors)
        try:
            yield running
        finally:
            for child in running.look().values():
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            process.wait(30)


def _plain(arguments: tuple[str, ...], env: dict[str, str], out: IO[str], err: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [P33, "up", *arguments], stdout=out, stderr=err, text=True, env={**os.environ, **env}, start_new_session=True
    )


def _on_a_terminal(arguments: tuple[str, ...], env: dict[str, str], output: Path) -> subprocess.Popen[str]:
    main, side = pty.openpty()
    process = subprocess.Popen(
        [P33, "up", *arguments],
        text=True,
        env={**os.environ, **env, "TERM": "xterm-256color", "COLUMNS": "150", "LINES": "45"},
        preexec_fn=lambda: os.login_tty(side),  # noqa: PLW1509 - nothing else runs in this process
    )
    os.close(side)
    process.terminal = main  # type: ignore[attr-defined]
    copy = subprocess.Popen(["cat"], stdin=main, stdout=output.open("wb"), stderr=subprocess.DEVNULL)
    process.copier = copy  # type: ignore[attr-defined]
    return process


@pytest.fixture(scope="module")
def live() -> Iterator[RedisServer]:
    """A configured Redis that a demo must not touch."""
    with running_redis() as server:
        yield server


def untouched(server: RedisServer) -> bool:
    """Whether nobody but a test has ever talked to this server."""
    with server.client() as client:
        names = {name for name in client.info("commandstats") if "client" not in name}
        return client.dbsize() == 0 and names <= {"cmdstat_info", "cmdstat_dbsize", "cmdstat_ping", "cmdstat_hello"}


def test_a_run_without_a_person_proves_itself_and_leaves_nothing(live: RedisServer) -> None:
    """Also: it never touches a configured Redis, with whatever variable that is configured."""
    env = {
        **live.environment,
        "P33_REDIS_URL": live.url(),
        "P33_BROKER_URL": live.url(1),
        "P33_ENV_FILE": "/nowhere/live.env",
        "P33_ALLOWLIST": "LIVEUSDT",
        "BINANCE_API_KEY": "live",
        "BINANCE_API_SECRET": "live",
        "BINANCE_TESTNET": "false",
    }
    with up("--for", "15", "--json", **env) as run:
        folder = run.folder
        assert run.wait_for_end() == 0, run.stdout + run.stderr
        assert run.survivors() == []
        summary: dict[str, Any] = json.loads(run.stdout)
    assert summary["ok"] is True
    assert min(summary["allowed"], summary["executed"], summary["denied"]) >= 1
    assert (summary["unpermitted_executions"], summary["unpermitted_orders"]) == (0, 0)
    assert summary["cases"]["played"] == summary["cases"]["as_expected"] > 0
    assert {process["name"] for process in summary["processes"]} == CHILDREN
    assert {process["exit_code"] for process in summary["processes"]} == {0}
    assert not folder.exists()
    assert untouched(live)


def test_sigterm_stops_everything_in_good_order() -> None:
    with up() as run:
        run.wait_for("EXEC ")
        folder = run.folder
        run.process.send_signal(signal.SIGTERM)
        assert run.wait_for_end() == 0, run.stderr
        assert run.survivors() == []
    assert not folder.exists()


def test_killing_it_outright_leaves_no_process_behind() -> None:
    with up() as run:
        run.wait_for("ALLOW")
        folder = run.folder
        run.look()
        os.kill(run.process.pid, signal.SIGKILL)
        wait_until(lambda: not run.survivors(), "every descendant has ended", timeout_sec=30, every_sec=0.1)
    _remove(folder)


def test_a_child_that_dies_ends_the_run_with_a_reason_and_its_log() -> None:
    with up("--for", "100", "--json") as run:
        governor = wait_until(lambda: _find(run, "p33_tasks.neighbours.governor"), "the governor", timeout_sec=30)
        folder = run.folder
        log = folder / "logs" / "governor.log"
        wait_until(lambda: log.exists() and "GOVERNOR" in log.read_text(), "the governor works", timeout_sec=30)
        governor.kill()
        assert run.wait_for_end() == 1
        assert run.survivors() == []
        assert "governor ended with exit code -9; its last lines:" in run.stderr
        assert "GOVERNOR" in run.stderr
        summary = json.loads(run.stdout)
    assert summary["ok"] is False
    assert "governor ended on its own with exit code -9" in summary["reasons"]
    assert [entry.name for entry in folder.iterdir()] == ["logs"]
    _remove(folder)


def test_in_a_terminal_ctrl_c_ends_it_and_gives_the_screen_back() -> None:
    with up(terminal=True) as run:
        run.wait_for("ALLOW")
        folder = run.folder
        assert "\x1b[?1049h" in run.stdout  # the picture has a screen of its own
        os.write(run.process.terminal, b"\x03")  # type: ignore[attr-defined]
        assert run.wait_for_end() == 0
        assert run.survivors() == []
        wait_until(lambda: "as expected" in run.stdout.rpartition("\x1b[?1049l")[2], "the summary on the usual screen")
    assert not folder.exists()


def test_no_demo_checks_first_and_starts_nothing_when_something_is_wrong(live: RedisServer) -> None:
    with up("--no-demo", **live.environment, P33_EXCHANGE_BASE_URL="http://127.0.0.1:1") as run:
        assert run.wait_for_end() == 1
        assert "exchange: reachable" in run.stderr
        assert len(run.family) == 1


def test_no_demo_runs_the_service_with_your_settings_and_sends_no_order() -> None:
    with running_redis() as server, running_simulator(symbols={"BTCUSDT": "0.038"}) as sim:
        env = {
            **server.environment,
            "P33_EXCHANGE_BASE_URL": sim.base_url,
            "BINANCE_API_KEY": "demo",
            "BINANCE_API_SECRET": "demo",
            "P33_METRICS_PORT": "0",
            "P33_POLL_SEC": "1",
            "P33_LEDGER_BOOTSTRAP": "adopt",
        }
        with up("--no-demo", **env) as run, server.client() as client:
            wait_until(
                lambda: run.look() and client.hget("quantum:position:ledger:BTCUSDT", "last_known_amt") == "0.038",
                "worker and beat work",
                timeout_sec=40,
                every_sec=0.1,
            )
            plan = {"plan_id": "p1", "symbol": "BTCUSDT", "decision": "EXECUTE", "action": "CLOSE_PARTIAL_75"}
            client.xadd("quantum:stream:apply.plan", plan)
            run.wait_for("ALLOW")
            assert not any("neighbours" in " ".join(p.cmdline()) for p in run.look().values())
            run.process.send_signal(signal.SIGINT)
            assert run.wait_for_end() == 0, run.stderr
            assert run.survivors() == []
        assert sim.orders() == []


def _find(run: Up, word: str) -> psutil.Process | None:
    with contextlib.suppress(AssertionError):
        return run.child(word)
    return None


def _remove(folder: Path) -> None:
    subprocess.run(["rm", "-rf", "--", str(folder)], check=True)
