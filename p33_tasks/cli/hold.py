"""``p33 hold``: stop a symbol, release it, and list what is stopped."""

from __future__ import annotations

from difflib import get_close_matches

import click

from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.findings import counted
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.cli.symbols import symbol_of
from p33_tasks.store.operator import OperatorStore
from p33_tasks.views.overview import read_overview


@click.group(short_help="Stop a symbol, or release it.")
def hold() -> None:
    """A hold denies every plan of a symbol (reconcile_hold_active) until it is cleared.

    \b
    Examples:
      p33 hold set BTCUSDT --why "position differs from the desk's records, ticket 4711"
      p33 hold list
      p33 hold clear BTCUSDT
    """


@hold.command("set", short_help="Deny every plan of a symbol.")
@click.argument("symbol")
@click.option("--why", required=True, help="For those who find it: shown by status and explain, kept in the audit.")
@json_option
def set_(symbol: str, why: str, as_json: bool) -> None:
    """Stop SYMBOL: every plan is denied, and no permit can be consumed, from this moment on.

    \b
    Example:
      p33 hold set BTCUSDT --why "position differs from the desk's records, ticket 4711"
    """
    session, name = open_session(), symbol_of(symbol)
    if not why.strip():
        raise click.BadParameter("say why; whoever finds the hold has to know what ends it", param_hint="--why")
    changed = OperatorStore(session.client, session.keys).set_hold(name, why=why, by=operator())
    _tell(
        as_json,
        {"symbol": name, "hold": True, "changed": changed},
        f"{name} is on hold; release it with: p33 hold clear {name}"
        if changed
        else f"{name} was on hold already; the hold and its reason are as they were (p33 hold list)",
    )
    warn_if_unlisted(session, name, "It is not on hold by this")


@hold.command(short_help="Release a symbol.")
@click.argument("symbol")
@json_option
def clear(symbol: str, as_json: bool) -> None:
    """Clear the hold on SYMBOL. Exit 1 when there was none.

    \b
    Example:
      p33 hold clear BTCUSDT
    """
    session, name = open_session(), symbol_of(symbol)
    changed = OperatorStore(session.client, session.keys).clear_hold(name, by=operator())
    _tell(
        as_json,
        {"symbol": name, "hold": False, "changed": changed},
        f"{name} is released; its next plan is judged by the other rules" if changed else f"{name} was not on hold",
    )
    if not changed:
        raise click.exceptions.Exit(NO)


@hold.command("list", short_help="What is on hold, and why.")
@json_option
def list_(as_json: bool) -> None:
    """Show the holds on symbols of P33_ALLOWLIST.

    \b
    Example:
      p33 hold list
    """
    session = open_session()
    overview = read_overview(session.client, session.keys, session.settings.allowlist, source=session.source)
    held = {view.position: view.hold_why for view in overview.symbols if view.hold_why is not None}
    if as_json:
        print_json({"holds": held})
        return
    lines = [f"{symbol}  {escaped(why, limit=500)}" for symbol, why in held.items()]
    none = f"none of {counted(len(session.settings.allowlist), 'symbol')} is on hold"
    print_lines(console(), (cell(line, limit=600) for line in lines or [none]))


def _tell(as_json: bool, document: dict[str, object], sentence: str) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(sentence)


def warn_if_unlisted(session: Session, symbol: str, not_done: str) -> None:
    """Say on standard error that no plan of this symbol is judged here."""
    if symbol not in session.settings.allowlist:
        like = get_close_matches(symbol, session.settings.allowlist, 1, 0.8)
        meant = f". Did you mean {like[0]}? {not_done}" if like else ""
        click.echo(
            f"note: {symbol} is not in P33_ALLOWLIST here; its plans are denied symbol_not_allowed{meant}", err=True
        )
