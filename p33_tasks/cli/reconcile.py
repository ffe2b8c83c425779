"""``p33 reconcile``: shows the service's holds and drifts, and ends a hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.hold import hold_json
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.cli.symbols import end_if_unlisted, say_if_unlisted, symbol_of
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.timing import iso
from p33_tasks.domain.holds import HeldBy
from p33_tasks.domain.models import Leg
from p33_tasks.store.scripts import translated_errors
from p33_tasks.store.service_holds import ServiceHoldStore
from p33_tasks.views.drifts import read_drifts
from p33_tasks.views.holds import HeldPosition, hold_sentence, read_holds

LATEST_EVENTS = 8


@click.group(short_help="Show or release holds that the service set.")
def reconcile() -> None:
    """The service itself holds a position if it can't explain a drift. For an operator's hold, use p33 hold.

    \b
    Examples:
      p33 reconcile status
      p33 reconcile release BTCUSDT --why "ticket 4711: executor fixed"
    """


@reconcile.command(short_help="Show the service's holds, with the reasons.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@json_option
def status(symbols: tuple[str, ...], as_json: bool) -> None:
    """Show the service's holds, the drifts in reconciliation, and the latest events.

    For a hold: reason, start time, and what ends it. For a drift: its class, why it isn't repaired, and the time of the
    next reading. Without SYMBOL, all of P33_ALLOWLIST. The events are of every symbol.

    \b
    Examples:
      p33 reconcile status
      p33 reconcile status BTCUSDT --json
    """
    session = open_session()
    wanted = tuple(map(symbol_of, symbols)) or session.settings.allowlist
    found = _holds(session, wanted)
    events, mode = _latest_events(session), str(session.settings.reconcile_mode)
    drifts = read_drifts(session.client, session.keys, wanted)
    if as_json:
        holds = {held.position: hold_json(held) for held in found}
        known = {drift.position: asdict(drift.known) for drift in drifts}
        print_json({"mode": mode, "events": events, "holds": holds, "drifts": known})
        end_if_unlisted(wanted, session, as_json=as_json)
        return
    lines = [f"P33_RECONCILE_MODE={mode}", *(text for held in found for text in _lines(held))]
    if not found:
        lines.append(f"the service holds no position{' of these' if symbols else ''}")
    lines += [f"{drift.position}  {escaped(drift.sentence, limit=600)}" for drift in drifts]
    if events:
        lines += [f"latest events, of {session.keys.reconcile_events}:", *map(_event, events)]
    print_lines(console(), (cell(line, limit=900) for line in lines))
    end_if_unlisted(wanted, session, as_json=as_json)


@reconcile.command(short_help="End the service's hold on a position.")
@click.argument("symbol")
@click.option("--side", type=click.Choice(["LONG", "SHORT"], case_sensitive=False), help="Which leg, in hedge mode.")
@click.option("--why", required=True, help="What you found; recorded in the audit stream.")
@json_option
def release(symbol: str, side: str | None, why: str, as_json: bool) -> None:
    """End the service's hold on SYMBOL; recorded with your name. An operator's hold stays. Exit 1 if there is none.

    \b
    Example:
      p33 reconcile release BTCUSDT --why "ticket 4711: executor fixed"
    """
    session, name = open_session(), symbol_of(symbol)
    if not why.strip():
        raise click.BadParameter("give a reason; it is recorded in the audit stream", param_hint="--why")
    store = ServiceHoldStore(session.client, session.keys)
    leg = Leg(side.upper()) if side else _only_leg(session, name)
    hold = store.release(name, leg, why=why, by=operator())
    position = position_key(name, leg)
    if as_json:
        print_json({"position": position, "released": hold is not None})
    elif hold is None:
        click.echo(f"the service does not hold {position}")
    else:
        click.echo(f"{position} is released; for its next plan only the other rules count")
        if _differs(session, name, leg):
            side_option = "" if leg is Leg.BOTH else f" --side {leg}"
            click.echo(
                f"ledger and exchange still differ, and the same drift is not held again; rules 3 and 4 deny until: "
                f"p33 ledger adopt --replace {name}{side_option}"
            )
    if hold is None:
        say_if_unlisted((name,), session)
        raise click.exceptions.Exit(NO)


def _holds(session: Session, symbols: Sequence[str]) -> list[HeldPosition]:
    found = read_holds(session.client, session.keys, symbols)
    return [held for held in found if held.hold.held_by is HeldBy.SERVICE]


def _differs(session: Session, symbol: str, leg: Leg) -> bool:
    with translated_errors():
        amount = session.client.hget(session.keys.snapshot(symbol, leg), "position_amt")
        ledger = session.client.hget(session.keys.ledger(symbol, leg), "last_known_amt")
    return amount != ledger


def _only_leg(session: Session, symbol: str) -> Leg:
    legs = [held.leg for held in _holds(session, (symbol,)) if held.leg is not Leg.BOTH]
    with translated_errors():
        is_hedge = session.client.hget(session.keys.snapshot(symbol), "position_mode") == "hedge"
    if legs or is_hedge:
        raise click.BadParameter(f"{symbol} has two legs; name one: LONG or SHORT", param_hint="--side")
    return Leg.BOTH


def _latest_events(session: Session) -> list[dict[str, str]]:
    with translated_errors():
        found: Any = session.client.xrevrange(session.keys.reconcile_events, count=LATEST_EVENTS)
    names = ("event", "position", "class", "before", "after", "why")
    return [
        {"id": str(entry_id)} | {name: escaped(str(fields.get(name, "")), limit=300) for name in names}
        for entry_id, fields in found
    ]


def _event(event: dict[str, str]) -> str:
    when = iso(int(event["id"].partition("-")[0]))
    of_class = f" ({event['class']})" if event["class"] else ""
    before, after = event["before"], event["after"]
    change = f"ledger {before or 'none'} to {after or 'none'}" if before or after else ""
    parts = (when, event["position"], f"{event['event']}{of_class}", change, event["why"])
    return "  " + "  ".join(filter(None, parts))


def _lines(held: HeldPosition) -> Iterator[str]:
    yield f"{held.position}  {escaped(hold_sentence(held.hold), limit=400)}"
    if held.hold.why:
        yield f"    {escaped(held.hold.why, limit=400)}"
    yield f"    {held.remedy}"
