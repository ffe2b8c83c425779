"""The frame of the command: it answers at once, teaches, and never shows a traceback for a user's mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from p33_tasks.cli.root import SECTIONS, cli

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = [name for section in SECTIONS.values() for name in section]
NOWHERE = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1"}
HEAVY = ("ccxt", "celery", "kombu", "aiohttp", "flower")


def every_command() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in command.list_commands(click.Context(command))]
    return found


def modules_after(arguments: list[str]) -> set[str]:
    """The modules that a process has imported when the command is over."""
    program = (
        "import sys, json\n"
        "from p33_tasks.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True, env=NOWHERE
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_imports_neither_exchange_nor_worker_nor_redis() -> None:
    assert not modules_after(["--help"]) & {*HEAVY, "redis", "rich", "pydantic", "structlog", "honcho"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "--json"],
        ["explain", "x"],
        ["ledger", "show"],
        ["hold", "list"],
        ["watch"],
        ["replay"],
        ["up", "--help"],
    ],
    ids=" ".join,
)
def test_looking_imports_neither_exchange_nor_worker(arguments: list[str]) -> None:
    assert not modules_after(arguments) & set(HEAVY)


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_help_teaches_with_examples(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"p33 {path[0]}" in result.output


def test_the_overview_names_every_command_with_what_it_does() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    for section in SECTIONS.values():
        for name, entry in section.items():
            assert name in text
            assert entry.summary.split(".")[0][:30] in text


def test_an_unknown_command_is_wrong_usage_and_says_which_there_are() -> None:
    result = CliRunner().invoke(cli, ["stauts"])
    assert result.exit_code == 2
    assert "status" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["check"],
        ["explain", "x"],
        ["ledger", "show"],
        ["hold", "list"],
        ["watch"],
        ["replay"],
        ["proof"],
    ],
    ids=" ".join,
)
def test_a_configuration_that_cannot_be_used_is_exit_2_and_names_the_variable(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments, env={"P33_STALE_THRESHOLD_SEC": "300"})
    assert result.exit_code == 2, result.output
    assert "P33_STALE_THRESHOLD_SEC" in result.output
    assert "Traceback" not in result.output


ASKS_REDIS = {
    "check": ["--no-exchange"],
    "status": [],
    "watch": [],
    "explain": ["x"],
    "deadletters list": [],
    "deadletters show": ["1-1"],
    "deadletters retry": ["1-1"],
    "replay": [],
    "proof": [],
    "ledger show": [],
    "ledger adopt": ["BTCUSDT", "--yes"],
    "ledger rebuild": ["--yes"],
    "limits show": [],
    "limits set": ["BTCUSDT", "--cooldown-sec", "60"],
    "limits clear": ["BTCUSDT"],
    "hold set": ["BTCUSDT", "--why", "x"],
    "hold clear": ["BTCUSDT"],
    "hold list": [],
    "reconcile status": [],
    "forecast status": [],
    "reconcile release": ["BTCUSDT", "--why", "x"],
    "emergency-close": ["BTCUSDT", "--why", "x", "--yes"],
}
ASKS_NO_REDIS = {"alive", "up", "exporter", "ingest", "ledger", "limits", "hold", "reconcile", "deadletters"}
ASKS_NO_REDIS |= {"forecast", "forecaster"}
"""They look at this host, bring a Redis of their own, or wait for one; the others are groups."""


def test_of_every_command_it_is_known_whether_it_asks_redis() -> None:
    assert {" ".join(path) for path in every_command()} == set(ASKS_REDIS) | ASKS_NO_REDIS


@pytest.mark.parametrize("command", [command for command in ASKS_REDIS if command not in {"check", "proof"}])
def test_redis_away_is_exit_3_and_says_where_it_was_sought_and_what_to_do(command: str) -> None:
    env = {**NOWHERE, "P33_RECONCILE_KEY": "k" * 16, "BINANCE_API_KEY": "", "BINANCE_TESTNET_API_KEY": ""}
    result = CliRunner().invoke(cli, [*command.split(), *ASKS_REDIS[command]], env=env)
    assert result.exit_code == 3, result.output
    assert "127.0.0.1:1" in result.stderr
    assert "REDIS_HOST" in result.stderr
    assert "Traceback" not in result.output


def test_with_json_a_failure_is_a_document_too() -> None:
    result = CliRunner().invoke(cli, ["status", "--json"], env=NOWHERE)
    assert result.exit_code == 3
    assert "127.0.0.1:1" in json.loads(result.stdout)["error"]


def test_redis_away_is_exit_3_of_check_too() -> None:
    result = CliRunner().invoke(cli, ["check", "--no-exchange", "--json"], env=NOWHERE)
    assert result.exit_code == 3
    assert "127.0.0.1:1" in result.stdout


def test_help_and_documents_name_the_exit_codes() -> None:
    text = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
    for code, meaning in ((0, "fine"), (1, "the answer is no"), (2, "wrong usage"), (3, "Redis, the broker or the")):
        assert f"{code} {meaning}" in text
    for page in ("README.md", "docs/contract.md"):
        words = " ".join((ROOT / page).read_text("utf-8").split())
        assert "3: Redis, the broker or the exchange can't be reached" in words, page


def test_check_says_what_is_wrong_with_the_configuration_as_a_finding() -> None:
    result = CliRunner().invoke(cli, ["check", "--json"], env={"REDIS_PORT": "x"})
    assert result.exit_code == 2
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding["grade"] == "fail"
    assert "REDIS_PORT" in finding["found"]


def test_a_password_never_comes_out() -> None:
    env = {"P33_REDIS_URL": "redis://user:hunter2secret@127.0.0.1:1/0"}
    for arguments in (["status"], ["check", "--no-exchange"]):
        assert "hunter2secret" not in CliRunner().invoke(cli, arguments, env=env).output


@pytest.mark.parametrize("symbol", ["BTC USDT", "\x1b[31m", "../x", "*", "a" * 50])
def test_a_symbol_that_cannot_be_one_is_wrong_usage(symbol: str) -> None:
    result = CliRunner().invoke(cli, ["hold", "set", symbol, "--why", "x"], env=NOWHERE)
    assert result.exit_code == 2
    assert "\x1b" not in result.output


def test_the_demos_scenarios_need_its_executor() -> None:
    result = CliRunner().invoke(cli, ["up", "--no-executor"])
    assert result.exit_code == 2
    assert "--no-producer" in result.stderr


def test_a_command_whose_extra_is_not_installed_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("p33_tasks.demo.up", "honcho"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "honcho", None)
    result = CliRunner().invoke(cli, ["up"])
    assert result.exit_code == 2
    assert "pip install '/path/to/this/checkout[demo]'" in result.stderr
