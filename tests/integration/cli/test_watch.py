"""``p33 watch``: as a command, and as a process that lives through an outage and ends by Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.domain.reasons import Reason
from tests.integration.cli.conftest import Call
from tests.integration.cli.running import P33
from tests.support.gate import OTHER, SYMBOL, Gate
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until

PAST = ("--since", "1h", "--for", "0.3s")


class Watch:
    """A running ``p33 watch``."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self._out, self._err = out, err

    @property
    def stdout(self) -> str:
        return self._out.read_text("utf-8")

    @property
    def stderr(self) -> str:
        return self._err.read_text("utf-8")

    def wait_for(self, seen: Callable[[], bool], what: str) -> None:
        def alive_and_seen() -> bool:
            found = seen()
            assert found or self.process.poll() is None, f"ended: {self.stdout}{self.stderr}"
            return found

        wait_until(alive_and_seen, what, timeout_sec=30)

    def end_by(self, signum: int) -> int:
        self.process.send_signal(signum)
        return self.process.wait(20)


@contextlib.contextmanager
def watching(server: RedisServer, *arguments: str) -> Iterator[Watch]:
    """Follow in a process of its own, from the beginning so that none is missed while it starts."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [P33, "watch", "--since", "1h", *arguments],
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, **server.environment},
            )
        try:
            yield Watch(process, out, err)
        finally:
            process.kill()
            process.wait(20)


def fill(gate: Gate) -> None:
    """An allow, and three denies of two symbols."""
    gate.make_ready("0.038").allow("good")
    gate.judge("held")
    gate.judge("other", symbol=OTHER)
    gate.judge("odd", action="HOLD", close_factor=None)


# --- as a command ---------------------------------------------------------------------------------------------------


def test_one_line_per_verdict_in_their_order(gate: Gate, call: Call) -> None:
    fill(gate)
    result = call("watch", *PAST)
    assert result.exit_code == 0
    lines = [line.split(" ", 1)[1] for line in result.stdout.splitlines()]
    assert lines[0].startswith(f"ALLOW symbol={SYMBOL} plan_id=good safe_close_qty=0.028 order_side=SELL ")
    assert lines[1].startswith(f"DENY reason=permit_in_flight symbol={SYMBOL} plan_id=held in_flight_plan_id=good ")
    assert [line.split("reason=")[1].split()[0] for line in lines[1:]] == [
        Reason.PERMIT_IN_FLIGHT,
        Reason.NO_EXCHANGE_SNAPSHOT,
        Reason.UNKNOWN_ACTION,
    ]
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["good", "held", "other", "odd"]),
        (("--denied",), ["held", "other", "odd"]),
        (("--symbol", "ethusdt"), ["other"]),
        (("--symbol", OTHER, "--symbol", SYMBOL), ["good", "held", "other", "odd"]),
        (("--reason", "unknown_action"), ["odd"]),
        (("--reason", "unknown_action", "--reason", "permit_in_flight"), ["held", "odd"]),
        (("--reason", "unknown_action", "--symbol", OTHER), []),
        (("--count", "2"), ["good", "held"]),
        (("--count", "1", "--denied"), ["held"]),
    ],
)
def test_what_is_asked_for_is_shown(gate: Gate, call: Call, arguments: tuple[str, ...], names: list[str]) -> None:
    fill(gate)
    result = call("watch", *PAST, "--json", *arguments)
    assert result.exit_code == 0
    assert [json.loads(line)["plan_id"] for line in result.stdout.splitlines()] == names


def test_json_lines_hold_the_verdict_exactly(gate: Gate, call: Call) -> None:
    fill(gate)
    first = json.loads(call("watch", *PAST, "--json").stdout.splitlines()[0], parse_float=Decimal)
    assert first["allow"] is True
    assert first["sound"] is True
    assert first["verdict"]["safe_close_qty"] == Decimal("0.028")


def test_without_since_the_past_is_left_alone(gate: Gate, call: Call) -> None:
    fill(gate)
    assert call("watch", "--for", "0.3s").stdout == ""


def test_entries_of_other_writers_are_shown_escaped_and_bounded(gate: Gate, call: Call) -> None:
    for fields in (
        {"plan_id": "\x1b[31m[bold red]x[/]", "symbol": ":boom:\nALLOW symbol=X", "allow": "true", "verdict": "{"},
        {"plan_id": "x" * 1_000_000, "verdict": json.dumps({"allow": False, "details": {"a": "y" * 1_000_000}})},
        {b"\xff": b"\xfe"},
    ):
        gate.redis.xadd(gate.keys.decisions, fields)
    for form in ((), ("--json",)):
        result = call("watch", *PAST, *form)
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        assert len(lines) == 3
        assert all(line.isprintable() and len(line) < 20_000 for line in lines)
    assert call("watch", *PAST, "--denied").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--reason", "no_such_reason"), "reconcile_hold_active"),
        (("--symbol", "\x1b[31m"), "BTCUSDT"),
        (("--since", "soon"), "10m"),
        (("--count", "0"), "--count"),
        (("--for", "0s"), "above 0"),
        (("--for", "60"), "no unit"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_what_is_allowed(call: Call, arguments: tuple[str, ...], word: str) -> None:
    result = call("watch", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert "\x1b" not in result.output


def test_a_reason_that_no_verdict_has_any_more_is_not_offered(call: Call) -> None:
    result = call("watch", "--reason", "hedge_mode_unsupported")
    assert result.exit_code == 2
    offered = result.stderr.partition("not one of")[2]
    assert "position_side_required" in offered
    assert "hedge_mode_unsupported" not in offered


def test_it_changes_nothing(gate: Gate, call: Call) -> None:
    fill(gate)
    before = gate.dump()
    call("watch", *PAST)
    assert gate.dump() == before


# --- as a process ---------------------------------------------------------------------------------------------------


def test_a_verdict_is_there_the_moment_it_is_made_also_in_a_pipe_and_ctrl_c_is_a_good_end(gate: Gate) -> None:
    with watching(gate.server) as watch:
        for name in ("a", "b", "c"):
            gate.judge(name)
            watch.wait_for(lambda word=f"plan_id={name}": word in watch.stdout, f"{name} is shown")
        assert watch.end_by(signal.SIGINT) == 0
        assert watch.stderr == ""
        assert len(watch.stdout.splitlines()) == 3


def test_an_outage_is_said_once_and_outlasted_and_nothing_is_lost_or_shown_twice() -> None:
    with running_redis(aof=True) as server:
        gate = Gate(server)
        gate.judge("before")
        with watching(server) as watch:
            watch.wait_for(lambda: "plan_id=before" in watch.stdout, "it follows")
            for number in (1, 2):
                server.kill()
                watch.wait_for(lambda n=number: watch.stderr.count("can't be reached") == n, "the outage is said")
                server.start()
                gate = Gate(server)
                gate.judge(f"after-{number}")
                watch.wait_for(lambda n=number: watch.stderr.count("Redis is back") == n, "the end of it is said")
                watch.wait_for(lambda n=number: f"plan_id=after-{n}" in watch.stdout, "it goes on")
            assert watch.end_by(signal.SIGINT) == 0
            assert [line.count("plan_id=") for line in watch.stdout.splitlines()] == [1, 1, 1]
            assert watch.stderr.count("can't be reached") == 2
            assert "Traceback" not in watch.stderr


def test_ctrl_c_during_an_outage_is_a_good_end() -> None:
    with running_redis() as server:
        Gate(server).judge("a")
        with watching(server) as watch:
            watch.wait_for(lambda: "plan_id=a" in watch.stdout, "it follows")
            server.kill()
            watch.wait_for(lambda: "still trying" in watch.stderr, "the outage is said")
            assert watch.end_by(signal.SIGINT) == 0


def test_a_long_outage_is_said_once_and_the_time_given_is_over_also_then() -> None:
    with running_redis() as server:
        Gate(server).judge("a")
        with watching(server, "--for", "4s") as watch:
            watch.wait_for(lambda: "plan_id=a" in watch.stdout, "it follows")
            server.kill()
            assert watch.process.wait(30) == 0
            assert watch.stderr.count("can't be reached") == 1


def test_in_a_terminal_allows_and_denies_have_their_colours(gate: Gate) -> None:
    fill(gate)
    main, side = pty.openpty()
    try:
        done = subprocess.run(
            [P33, "watch", "--since", "1h", "--count", "2"],
            stdout=side,
            stderr=subprocess.PIPE,
            env={**os.environ, **gate.server.environment, "TERM": "xterm-256color", "COLUMNS": "200"},
            timeout=60,
            check=True,
        )
    finally:
        os.close(side)
    with os.fdopen(main, "rb") as screen:
        shown = screen.read1()
    assert b"\x1b[32m" in shown
    assert b"\x1b[33m" in shown
    assert done.stderr == b""
