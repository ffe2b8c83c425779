"""``p33 reconcile``: what the service itself holds, and a person's word that it is over."""

from __future__ import annotations

from typing import Any

import click

from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.cli.symbols import symbol_of
from p33_tasks.contract.holds import decode_hold
from p33_tasks.contract.positions import position_key
from p33_tasks.domain.holds import HeldBy, Hold
from p33_tasks.domain.models import Leg
from p33_tasks.store.service_holds import ServiceHoldStore


@click.group(short_help="What the service itself holds; release it.")
def reconcile() -> None:
    """The service holds a position by itself where a drift can't be explained (p33 hold is an operator's).

    \b
    Examples:
      p33 reconcile status
      p33 reconcile release BTCUSDT --why "ticket 4711: executor fixed"
    """


@reconcile.command(short_help="The positions that the service holds, and why.")
@json_option
def status(as_json: bool) -> None:
    """Show the service's own holds on P33_ALLOWLIST: reason, since when, what ends each.

    \b
    Example:
      p33 reconcile status
    """
    session = open_session()
    found = {
        (symbol, leg): hold
        for symbol in session.settings.allowlist
        for leg, hold in _holds(ServiceHoldStore(session.client, session.keys), symbol).items()
    }
    if as_json:
        print_json({"holds": {position_key(symbol, leg): _json(hold) for (symbol, leg), hold in found.items()}})
        return
    lines = [_line(symbol, leg, hold) for (symbol, leg), hold in found.items()]
    print_lines(console(), (cell(line, limit=600) for line in lines or ["the service holds no position"]))


@reconcile.command(short_help="End the service's hold on a position.")
@click.argument("symbol")
@click.option("--side", type=click.Choice(["LONG", "SHORT"], case_sensitive=False), help="Which leg, in hedge mode.")
@click.option("--why", required=True, help="What was found; kept in the audit.")
@json_option
def release(symbol: str, side: str | None, why: str, as_json: bool) -> None:
    """End the service's hold on SYMBOL, audited under your name. An operator's hold stays. Exit 1 when there was none.

    \b
    Example:
      p33 reconcile release BTCUSDT --why "ticket 4711: executor fixed"
    """
    session, name = open_session(), symbol_of(symbol)
    if not why.strip():
        raise click.BadParameter("say what was found; the audit keeps it", param_hint="--why")
    store = ServiceHoldStore(session.client, session.keys)
    leg = Leg(side.upper()) if side else _only_leg(session, store, name)
    hold = store.release(name, leg, why=why, by=operator())
    position = position_key(name, leg)
    if as_json:
        print_json({"position": position, "released": hold is not None})
    elif hold is None:
        click.echo(f"the service does not hold {position}")
    else:
        click.echo(f"{position} is released; its next plan is judged by the other rules")
    if hold is None:
        raise click.exceptions.Exit(NO)


def _holds(store: ServiceHoldStore, symbol: str) -> dict[Leg, Hold]:
    found = ((leg, decode_hold(HeldBy.SERVICE, store.read(symbol, leg))) for leg in Leg)
    return {leg: hold for leg, hold in found if hold is not None}


def _only_leg(session: Session, store: ServiceHoldStore, symbol: str) -> Leg:
    legs = [leg for leg in _holds(store, symbol) if leg is not Leg.BOTH]
    is_hedge = session.client.hget(session.keys.snapshot(symbol), "position_mode") == "hedge"
    if legs or is_hedge:
        raise click.BadParameter(f"{symbol} has two legs; say which: LONG or SHORT", param_hint="--side")
    return Leg.BOTH


def _line(symbol: str, leg: Leg, hold: Hold) -> str:
    side = "" if leg is Leg.BOTH else str(leg)
    head = f"{position_key(symbol, leg)}  {escaped(hold.reason, limit=200)}  ends: {hold.ends}."
    return f"{head} {hold.remedy(symbol, side)}"


def _json(hold: Hold) -> dict[str, Any]:
    return {"reason": hold.reason, "since_ms": hold.since_ms, "ends": str(hold.ends)}
