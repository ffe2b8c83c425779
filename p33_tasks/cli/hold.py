"""``p33 hold``: stop symbols, release them, and list what is stopped."""

from __future__ import annotations

import click

from p33_tasks.cli.durations import DURATION
from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.findings import counted
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.cli.symbols import listed_symbol_of, say_if_unlisted, symbol_of
from p33_tasks.domain.holds import HeldBy
from p33_tasks.store.operator import OperatorStore
from p33_tasks.views.holds import HeldPosition, hold_sentence, read_holds


@click.group(short_help="Stop a symbol, or release it.")
def hold() -> None:
    """A hold denies every plan of a symbol (reconcile_hold_active) until it is cleared.

    \b
    Examples:
      p33 hold set BTCUSDT --why "position differs from the desk's records, ticket 4711"
      p33 hold set --all --for 2h --why "the venue's maintenance"
      p33 hold list
      p33 hold clear BTCUSDT
    """


_all = click.option("--all", "everything", is_flag=True, help="Every symbol of P33_ALLOWLIST, instead of SYMBOL.")


@hold.command("set", short_help="Deny every plan of a symbol.")
@click.argument("symbol", required=False)
@_all
@click.option("--why", required=True, help="The reason; shown by status and explain, and recorded in the audit stream.")
@click.option("--for", "for_ms", type=DURATION, help="End the hold after this time, e.g. 90s, 10m, 2h. Default: never.")
@json_option
def set_(symbol: str | None, everything: bool, why: str, for_ms: int | None, as_json: bool) -> None:
    """Stop SYMBOL now: every plan is denied, and no permit can be consumed.

    If SYMBOL already has a hold, that hold and its reason stay, unless it would end before the new one.

    \b
    Examples:
      p33 hold set BTCUSDT --why "position differs from the desk's records, ticket 4711"
      p33 hold set BTCUSDT --for 2h --why "manual trading until noon"
      p33 hold set --all --why "the executor is being replaced"
    """
    session = open_session()
    names = session.settings.allowlist if _is_all(symbol, everything) else (listed_symbol_of(symbol or "", session),)
    if not why.strip():
        raise click.BadParameter("give a reason, so that others know when to end the hold", param_hint="--why")
    store = OperatorStore(session.client, session.keys)
    changed = {name: store.set_hold(name, why=why, by=operator(), for_ms=for_ms) for name in names}
    found = {held.symbol: held for held in _operators_holds(session, names)}
    if as_json:
        print_json(_changes_json(changed, held=True))
        return
    for name, is_new in changed.items():
        held = found.get(name)
        if held is None:  # it ended before it was read again
            click.echo(f"{name} was put on hold, and the hold has ended")
        elif is_new:
            click.echo(f"{name} is {escaped(hold_sentence(held.hold), limit=800)}")
            click.echo(f"  {_ends(held)}")
        else:
            click.echo(f"{name} was on hold already and stays so, {escaped(hold_sentence(held.hold), limit=800)}")


@hold.command(short_help="Release a symbol.")
@click.argument("symbol", required=False)
@_all
@click.option("--yes", is_flag=True, help="With --all: don't ask.")
@json_option
def clear(symbol: str | None, everything: bool, yes: bool, as_json: bool) -> None:
    """Clear an operator's hold on SYMBOL. Exit 1 if there is none. For holds of the service: p33 reconcile release.

    \b
    Examples:
      p33 hold clear BTCUSDT
      p33 hold clear --all
    """
    session = open_session()
    if _is_all(symbol, everything):
        names = tuple(held.symbol for held in _operators_holds(session, session.settings.allowlist))
        _ask(names, yes=yes, as_json=as_json)
    else:
        names = (symbol_of(symbol or ""),)
    store = OperatorStore(session.client, session.keys)
    changed = {name: store.clear_hold(name, by=operator()) for name in names}
    left = read_holds(session.client, session.keys, names)
    if as_json:
        print_json(_changes_json(changed, held=False))
    for name, was_held in () if as_json else changed.items():
        click.echo(f"{name} {'is released by the operator' if was_held else 'was not on hold by an operator'}")
        for held in (held for held in left if held.symbol == name):
            click.echo(f"  {held.position} is still {escaped(hold_sentence(held.hold), limit=800)}")
            click.echo(f"  {_ends(held)}")
    if not any(changed.values()):
        say_if_unlisted(names, session)
        if not changed and not as_json:
            click.echo("no symbol is on hold by an operator")
        raise click.exceptions.Exit(NO)


@hold.command("list", short_help="List the holds: who set them, since when, why, and what ends them.")
@json_option
def list_(as_json: bool) -> None:
    """Show all holds on symbols of P33_ALLOWLIST: those of operators, and those of the service (p33 reconcile status).

    \b
    Example:
      p33 hold list
    """
    session = open_session()
    found = read_holds(session.client, session.keys, session.settings.allowlist)
    if as_json:
        print_json({"holds": {held.position: held.hold.reason for held in found}, "held": [*map(hold_json, found)]})
        return
    lines = [
        text
        for held in found
        for text in (f"{held.position}  {escaped(hold_sentence(held.hold), limit=800)}", f"    {_ends(held)}")
    ]
    none = f"none of {counted(len(session.settings.allowlist), 'symbol')} is on hold"
    print_lines(console(), (cell(line, limit=1_000) for line in lines or [none]))


def hold_json(held: HeldPosition) -> dict[str, object]:
    """One hold as JSON."""
    hold = held.hold
    return {
        "position": held.position,
        "held_by": str(hold.held_by),
        "reason": hold.reason,
        "why": hold.why,
        "by": hold.by,
        "since_ms": hold.since_ms,
        "until_ms": hold.until_ms,
        "ends": str(hold.ends),
        "remedy": held.remedy,
    }


def _operators_holds(session: Session, names: tuple[str, ...]) -> list[HeldPosition]:
    found = read_holds(session.client, session.keys, names)
    return [held for held in found if held.hold.held_by is HeldBy.OPERATOR]


def _is_all(symbol: str | None, everything: bool) -> bool:
    if everything == (symbol is not None):
        raise click.UsageError("name one symbol: SYMBOL, or --all")
    return everything


def _ask(names: tuple[str, ...], *, yes: bool, as_json: bool) -> None:
    if not names or yes:
        return
    if as_json:
        raise click.UsageError("--json has no confirmation; add --yes")
    click.confirm(f"Release {counted(len(names), 'symbol')}: {', '.join(names[:20])}?", abort=True)


def _ends(held: HeldPosition) -> str:
    return escaped(held.remedy, limit=400)


def _changes_json(changed: dict[str, bool], *, held: bool) -> dict[str, object]:
    rows = [{"symbol": name, "hold": held, "changed": is_changed} for name, is_changed in changed.items()]
    return dict(rows[0]) if len(rows) == 1 else {"symbols": rows}
