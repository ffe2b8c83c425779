"""``p33 ledger``: show the ledgers, and adopt the exchange's position as ledger."""

from __future__ import annotations

from typing import Any

import click

from p33_tasks.cli.executed import asked
from p33_tasks.cli.failures import Failure, json_option
from p33_tasks.cli.rebuild import rebuild
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import amount, cell, console, escaped, print_json, seconds
from p33_tasks.cli.symbols import end_if_unlisted, symbol_of, unlisted_text
from p33_tasks.cli.tables import drift_text
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import canonical, sec
from p33_tasks.store.operator import Adoption, OperatorStore
from p33_tasks.views.overview import Overview, read_overview
from p33_tasks.views.positions import SymbolView


@click.group(short_help="Show a ledger, or adopt the exchange's position.")
def ledger() -> None:
    """The ledger is this service's own record of each position, computed from reported fills.

    Plans are denied if the ledger is missing or differs from the exchange.

    \b
    Examples:
      p33 ledger show
      p33 ledger adopt BTCUSDT             the symbol has no ledger yet
      p33 ledger adopt --replace BTCUSDT   it has one, and the exchange is right
      p33 ledger adopt --side LONG BTCUSDT in hedge mode: one leg
      p33 ledger rebuild                   Redis lost all ledgers
    """


ledger.add_command(rebuild)


@ledger.command(short_help="Show ledgers and exchange positions.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@json_option
def show(symbols: tuple[str, ...], as_json: bool) -> None:
    """Show ledgers and exchange positions. Without SYMBOL, all of P33_ALLOWLIST.

    \b
    Examples:
      p33 ledger show
      p33 ledger show BTCUSDT --json
    """
    session = open_session()
    wanted = tuple(map(symbol_of, symbols)) or session.settings.allowlist
    overview = _read(session, wanted)
    if as_json:
        print_json({"ledgers": [_json(view) for view in overview.symbols]})
    else:
        _show(overview)
    end_if_unlisted(wanted, session, as_json=as_json)


def _show(overview: Overview) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("symbol", "ledger", "exchange", "drift", "last order", "recorded"):
        table.add_column(name, justify="left" if name in {"symbol", "last order"} else "right", no_wrap=True)
    for view in overview.symbols:
        record = view.facts.ledger
        ordered = None if record is None or not record.last_order_time_ms else record.last_order_time_ms
        table.add_row(
            cell(view.position, "bold"),
            cell(amount(view.ledger_amt) if record is not None else view.facts.ledger_problem or "none", limit=60),
            cell(amount(view.position_amt)),
            cell(drift_text(view.drift_pct)),
            cell(record.last_order_id if record is not None and record.last_order_id else "-", limit=40),
            cell("-" if ordered is None else f"{seconds(overview.now_ms - ordered)} ago"),
        )
    console().print(table)


@ledger.command(short_help="Set the ledger to the exchange's position.")
@click.argument("symbol")
@click.option("--side", type=click.Choice(["LONG", "SHORT"], case_sensitive=False), help="The leg, in hedge mode.")
@click.option("--replace", is_flag=True, help="Replace an existing ledger.")
@click.option("--without-trades", is_flag=True, help="Don't request the position's trades from the venue.")
@click.option("--yes", is_flag=True, help="Skip the confirmation; for scripts that compared the amounts.")
@json_option
def adopt(*, symbol: str, side: str | None, replace: bool, without_trades: bool, yes: bool, as_json: bool) -> None:
    """Set SYMBOL's ledger to the exchange's position; recorded in the audit stream, with your name.

    Compare the position with your own records first: afterwards the service cannot detect a fill that it missed before.
    Refused while an order can be in flight: with a reservation, within the cooldown, or on a stale snapshot. With an
    API key, the trades of the last 7 days are read, so that a late result of an included order is not applied again.

    \b
    Examples:
      p33 ledger adopt BTCUSDT
      p33 ledger adopt --replace BTCUSDT
      p33 ledger adopt --replace --yes BTCUSDT --json
      p33 ledger adopt --side LONG BTCUSDT
    """
    name, session = symbol_of(symbol), open_session()
    view = _position(session, name, side)
    if view.position_amt is None:
        raise Failure(_refusal_text(session, view, Adoption(adopted=False, refusal="no_snapshot")))
    if view.ledger_amt is not None and not replace:
        same = view.ledger_amt == view.position_amt
        known = Adoption(
            adopted=False, refusal="ledger_agrees" if same else "ledger_exists", found=amount(view.ledger_amt)
        )
        raise Failure(_refusal_text(session, view, known))
    before = amount(view.ledger_amt) if view.facts.ledger is not None else "none"
    if not as_json:
        shown = f"{amount(view.position_amt)} (the exchange's, {seconds(view.snapshot_age_ms)} old)"
        click.echo(f"{view.position}: ledger {before} -> {shown}")
    if not yes and not as_json:
        click.confirm("Does the exchange's position agree with your own records?", abort=True)
    if not yes and as_json:
        raise click.UsageError("--json has no confirmation; add --yes")
    executed = asked(session, name, view.leg, view.position_amt, without_trades=without_trades)
    done = OperatorStore(session.client, session.keys).adopt_ledger(
        name,
        view.leg,
        source=session.source,
        policy=session.settings.policy,
        by=operator(),
        replace=replace,
        shown_amt=view.facts.as_stored[0],
        executed=None if executed is None else executed.orders,
    )
    if not done.adopted:
        raise Failure(_refusal_text(session, view, done))
    if as_json:
        leg = {} if view.leg is Leg.BOTH else {"position_side": str(view.leg)}
        print_json({"symbol": name, **leg, "adopted": True, "before": done.before or None, "after": done.after})
    else:
        was = escaped(done.before) or "none"
        click.echo(f"adopted: the ledger of {view.position} is {escaped(done.after)} (it was {was})")


def _position(session: Session, symbol: str, side: str | None) -> SymbolView:
    """The selected position.

    Raises:
        click.UsageError: In hedge mode no leg is named; or the named leg doesn't exist.
        Failure: There is no snapshot.
    """
    views = _read(session, (symbol,)).symbols
    leg = Leg(side.upper()) if side else Leg.BOTH
    found = next((view for view in views if view.leg is leg), None)
    if found is not None:
        return found
    mode = "one_way" if views[0].leg is Leg.BOTH else "hedge"
    if views[0].leg is Leg.BOTH and views[0].facts.snapshot is None:
        raise Failure(_refusal_text(session, views[0], Adoption(adopted=False, refusal="no_snapshot")))
    refused = Adoption(adopted=False, refusal="position_mode", found=mode)
    raise click.UsageError(_refusal_text(session, views[0], refused))


def _read(session: Session, symbols: tuple[str, ...]) -> Overview:
    return read_overview(session.client, session.keys, symbols, source=session.source)


_REFUSALS = {
    "no_snapshot": "there is no snapshot of it. Is it in P33_ALLOWLIST, and does beat run? See p33 check",
    "other_source": "its snapshot comes from {found}, and this configuration's venue is {source}. "
    "Start workers with this configuration, or use theirs",
    "other_run": "its snapshot is from before Redis restarted or failed over. Wait for the next refresh and try again",
    "position_mode": "it is in {found} mode. In hedge mode name the leg with --side LONG or --side SHORT; "
    "in one-way mode leave --side out",
    "stale_snapshot": "its snapshot is {found_sec} s old, the limit is {limit_sec} s. Wait for a refresh; "
    "if none comes: p33 check",
    "reserved": "it is reserved for plan {found}, whose order may be in flight. Wait for its result or its expiry "
    "({ttl_sec} s at most), then try again",
    "barrier": "a permit was consumed recently, and the snapshot may not include its order: it must be requested "
    "later than the time to place the order plus the venue's read lag. Try again in {found_sec} s",
    "cooldown": "an order was recorded shortly before: the snapshot must be fetched later than that plus the cooldown. "
    "Try again in {found_sec} s",
    "limits_unreadable": "its limits can't be read ({found}). See p33 limits show SYMBOL",
    "ledger_agrees": "it already has one, {found}, equal to the exchange's position. There is nothing to do",
    "ledger_exists": "it already has one, {found}. Find out why both differ, then: p33 ledger adopt --replace {symbol}",
    "fills_moved": "a result of order {found} was recorded since the amounts were shown. Run the command again",
    "position_changed": "the exchange's position changed to {found} since it was shown. Run the command again",
}


def _refusal_text(session: Session, view: SymbolView, refused: Adoption) -> str:
    settings = session.settings
    policy = view.policy_in_force(settings.policy)
    found_ms = int(refused.found) if refused.found.isdecimal() else 0
    words = _REFUSALS.get(refused.refusal, f"{refused.refusal}: {refused.found}").format(
        symbol=view.symbol if view.leg is Leg.BOTH else f"--side {view.leg} {view.symbol}",
        found=escaped(refused.found),
        # Rounded up, so that a retry after this time isn't too early; a snapshot must be fetched after it, too.
        found_sec=-(-found_ms // 1000)
        + (int(settings.poll_sec) + 1 if refused.refusal in {"cooldown", "barrier"} else 0),
        limit_sec=canonical(sec(policy.stale_threshold_ms)),
        ttl_sec=canonical(sec(policy.cooldown_ms + policy.permit_ttl_ms)),
        source=session.source,
    )
    name = view.symbol if refused.refusal == "position_mode" else view.position
    return f"the ledger of {name} was not adopted: {words}. {unlisted_text((view.symbol,), session)}".rstrip()


def _json(view: SymbolView) -> dict[str, Any]:
    record = view.facts.ledger
    return {
        "symbol": view.symbol,
        "position_side": str(view.leg),
        "ledger_position_amt": view.ledger_amt,
        "exchange_position_amt": view.position_amt,
        "diff_pct": view.drift_pct,
        "last_order_id": None if record is None else record.last_order_id,
        "last_order_time_ms": None if record is None else record.last_order_time_ms,
        "problem": view.facts.ledger_problem,
    }
