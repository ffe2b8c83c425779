"""``p33 proof``: the five acceptance cases, live."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

from p33_tasks.cli.failures import NO, Failure, json_option
from p33_tasks.cli.session import Session, open_session
from p33_tasks.cli.show import cell, console, escaped, print_json
from p33_tasks.cli.symbols import symbol_of
from p33_tasks.domain.models import Leg

USUAL_SYMBOL = "BTCUSDT"
ORDER = ("normal", "stale", "no position", "cooldown", "quantity mismatch")


@click.command(short_help="Run the five acceptance cases on a simulator.")
@click.option("--symbol", help=f"A symbol of P33_ALLOWLIST. Default: {USUAL_SYMBOL}, or the first of the list.")
@click.option("--side", type=click.Choice(["LONG", "SHORT"], case_sensitive=False), help="Which leg, in hedge mode.")
@json_option
def proof(symbol: str | None, side: str | None, as_json: bool) -> None:
    """Run the five acceptance cases on the running system: normal, stale, no position, cooldown, quantity mismatch.
    Each shows the expected and the actual result.

    It needs a worker and beat that use a simulator on this machine, and refuses any other exchange. If no executor or
    governor answers, it uses its own. At the end, the symbol's position and ledger are restored. Duration: about twice
    the cooldown plus the stale threshold.

    \b
    Examples:
      p33 up --no-producer         in one terminal; it prints how to use its settings in another:
      p33 proof
      p33 proof --symbol ETHUSDT --json
      p33 proof --side SHORT       after p33 up --hedge --no-producer
    """  # noqa: D205 - click shows the first paragraph whole
    session = open_session()
    chosen = symbol_of(symbol) if symbol else _usual_symbol(session)
    with _telling(as_json=as_json) as tell:
        proven, document = _run(session, chosen, Leg(side.upper()) if side else Leg.BOTH, tell)
    if as_json:
        print_json(document)
    else:
        _print(proven, document)
    if not document["ok"]:
        raise click.exceptions.Exit(NO)


def _usual_symbol(session: Session) -> str:
    allowlist = session.settings.allowlist
    return USUAL_SYMBOL if USUAL_SYMBOL in allowlist else allowlist[0]


def _run(session: Session, symbol: str, leg: Leg, tell: Callable[[str], None]) -> tuple[list[Any], dict[str, Any]]:
    from p33_tasks.demo.exchange.client import SimControlError
    from p33_tasks.demo.scenarios.environment import SetupTimeoutError
    from p33_tasks.demo.scenarios.proof_cases import Cases
    from p33_tasks.demo.scenarios.proof_setup import prepared

    proven = []
    try:
        with prepared(session, symbol, leg, tell) as setup:
            cases, amount = Cases(setup, tell), setup.environment.sim.position(symbol, leg)
            try:
                for case in cases.all():
                    proven.append(case)
                    tell(f"{'pass' if case.passed else 'FAIL'}  {case.name}")
            finally:
                tell("putting position and ledger back")
                cases.restore(amount)
    except (SetupTimeoutError, SimControlError) as error:
        raise Failure(f"after {len(proven)} of {len(ORDER)} cases: {error}. See p33 check") from error
    proven.sort(key=lambda case: ORDER.index(case.name))
    document = {
        "ok": len(proven) == len(ORDER) and all(case.passed for case in proven),
        "symbol": symbol,
        "position_side": str(leg),
        "executor_and_governor": setup.executor_and_governor,
        "restored_exchange_position_amt": amount,
        "cases": [
            {
                "case": case.name,
                "passed": case.passed,
                "expected": case.expected,
                "seen": case.seen,
                "failures": list(case.failures),
                **case.facts,
            }
            for case in proven
        ],
    }
    return proven, document


@contextlib.contextmanager
def _telling(*, as_json: bool) -> Iterator[Callable[[str], None]]:
    """Print progress on standard error, so that standard output has only the answer."""
    if as_json or not sys.stderr.isatty():
        yield lambda text: None if as_json else click.echo(f".. {escaped(text)}", err=True)
        return
    with console(stderr=True).status("") as spinner:
        yield lambda text: spinner.update(escaped(text))


def _print(proven: list[Any], document: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("", "case", "expected", "seen"):
        table.add_column(name, no_wrap=name in {"", "case"}, overflow="fold")
    for case in proven:
        seen = "; ".join([case.seen, *(f"WRONG: {failure}" for failure in case.failures)])
        style = "green" if case.passed else "bold red"
        table.add_row(
            cell("pass" if case.passed else "FAIL", style),
            cell(case.name),
            cell(case.expected, limit=300),
            cell(seen, limit=600),
        )
    screen = console()
    screen.print(table)
    number = sum(case.passed for case in proven)
    screen.print(cell(f"{number} of {len(ORDER)} on {document['symbol']}; {document['executor_and_governor']}", "bold"))
