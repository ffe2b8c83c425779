"""``p33 ledger rebuild``: writes new ledgers after Redis lost them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from p33_tasks.cli.executed import Ask, asker, patiently
from p33_tasks.cli.failures import NO, Failure, json_option
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import amount, cell, console, print_json, seconds
from p33_tasks.cli.symbols import end_if_unlisted, symbol_of
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.timing import iso
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import ExchangeError
from p33_tasks.store.operator import OperatorStore
from p33_tasks.views.overview import read_overview
from p33_tasks.views.positions import SymbolView

if TYPE_CHECKING:
    from p33_tasks.services.executed_orders import ExecutedOrders


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One position: the ledger to write, or the reason for writing none."""

    symbol: str
    leg: Leg
    amount: Decimal | None = None  # None: nothing is written
    age_ms: int = 0
    executed: ExecutedOrders | None = None  # None: the venue isn't queried
    why_not: str = ""

    @property
    def position(self) -> str:  # noqa: D102 - its key
        return position_key(self.symbol, self.leg)


@click.command(short_help="Write missing ledgers after Redis lost them.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--without-trades", is_flag=True, help="Don't request the positions' trades from the venue.")
@click.option("--yes", is_flag=True, help="Skip the confirmation; for scripts that compared the amounts.")
@json_option
def rebuild(symbols: tuple[str, ...], without_trades: bool, yes: bool, as_json: bool) -> None:
    """Write a ledger for each position that has none. Without SYMBOL, for all of P33_ALLOWLIST.

    First it shows each amount and its origin: the exchange's position, and the orders of the last 7 days included in
    it. These orders are stored, so that a late result of one of them is not applied again. Each position is written
    separately. As with adopt, a position is refused with a reservation, within the cooldown, on a stale snapshot, or if
    the last trade is a few seconds old. Existing ledgers are not changed. Exit 1 if a ledger could not be written.

    \b
    Examples:
      p33 ledger rebuild
      p33 ledger rebuild BTCUSDT ETHUSDT --yes --json
    """
    if as_json and not yes:
        raise click.UsageError("--json has no confirmation; add --yes")
    session = open_session()
    names = tuple(map(symbol_of, symbols)) or session.settings.allowlist
    ask = None if without_trades else asker(session)
    rows = list(_rows(session, names, ask))
    if not as_json:
        _print(rows, asks=ask is not None)
    wanted = [row for row in rows if row.amount is not None]
    if wanted and not yes:
        click.confirm("Do these positions agree with your own records?", abort=True)
    results = {row.position: _write(session, row) for row in wanted}
    refused = {position: why for position, why in results.items() if why}
    lacking = {row.position: row.why_not for row in rows if row.amount is None and not row.why_not.startswith("kept")}
    if as_json:
        print_json({"positions": [_json(row, results.get(row.position)) for row in rows]})
    else:
        for position, why in refused.items():
            click.echo(f"{position}: not written: {why}", err=True)
        click.echo(f"{len(results) - len(refused)} of {len(rows)} ledgers written")
    end_if_unlisted(names, session, as_json=as_json)
    if refused or lacking:
        raise click.exceptions.Exit(NO)


def _rows(session: Session, names: tuple[str, ...], ask: Ask | None) -> Iterator[Row]:
    overview = read_overview(session.client, session.keys, names, source=session.source)
    for view in overview.symbols:
        yield _row(view, ask)


def _row(view: SymbolView, ask: Ask | None) -> Row:
    symbol, leg = view.symbol, view.leg
    if view.position_amt is None:
        return Row(symbol=symbol, leg=leg, why_not="no snapshot; see p33 check")
    if view.ledger_amt is not None:
        return Row(symbol=symbol, leg=leg, why_not=f"kept: it has a ledger, {amount(view.ledger_amt)}")
    try:
        executed = None if ask is None else patiently(ask, symbol, leg, view.position_amt)
    except ExchangeError as error:
        return Row(symbol=symbol, leg=leg, why_not=str(error)[:200])
    age_ms = view.snapshot_age_ms or 0
    return Row(symbol=symbol, leg=leg, amount=view.position_amt, age_ms=age_ms, executed=executed)


def _write(session: Session, row: Row) -> str:
    """Write one ledger. Returns the reason if it was not written; empty if it was."""
    if row.amount is None:
        raise Failure(row.why_not)
    done = OperatorStore(session.client, session.keys).adopt_ledger(
        row.symbol,
        row.leg,
        source=session.source,
        policy=session.settings.policy,
        by=operator(),
        shown_amt=canonical(row.amount),
        executed=None if row.executed is None else row.executed.orders,
        event="rebuilt",
    )
    return "" if done.adopted else f"{done.refusal} {done.found}".strip()


def _print(rows: list[Row], *, asks: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("position", "ledger will be", "exchange's, asked for", "last trade", "orders remembered", "note"):
        table.add_column(name, no_wrap=name != "note")
    for row in rows:
        known = row.executed
        last = "-" if known is None or known.last_trade_ms is None else iso(known.last_trade_ms)
        table.add_row(
            cell(row.position, "bold"),
            cell("-" if row.amount is None else amount(row.amount)),
            cell("-" if row.amount is None else f"{seconds(row.age_ms)} ago"),
            cell(last),
            cell("-" if known is None else str(len(known.orders))),
            cell(row.why_not, limit=200),
        )
    console().print(table)
    if not asks:
        click.echo("The venue's trades are not read: a late result of an earlier order would be applied.")


def _json(row: Row, result: str | None) -> dict[str, Any]:
    known = row.executed
    return {
        "position": row.position,
        "written": result == "",
        "amount": row.amount,
        "why_not": result or row.why_not or None,
        "last_trade_ms": None if known is None else known.last_trade_ms,
        "orders_remembered": None if known is None else len(known.orders),
    }
