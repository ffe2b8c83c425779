"""``p33 limits``: limits of single symbols, instead of the configured ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from p33_tasks.cli.durations import DURATION
from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import cell, console, print_json, print_lines, seconds
from p33_tasks.cli.symbols import end_if_unlisted, listed_symbol_of, say_if_unlisted, symbol_of
from p33_tasks.cli.tables import limits_json, limits_text
from p33_tasks.contract import limits as written
from p33_tasks.domain.limits import MAX_LOOSER_MS, looser
from p33_tasks.domain.models import Policy, SymbolLimits
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.operator import OperatorStore
from p33_tasks.views.overview import read_overview
from p33_tasks.views.positions import SymbolView

_FIELD_OF = {
    "cooldown_ms": "cooldown_sec",
    "qty_tolerance_pct": "qty_tolerance_pct",
    "stale_threshold_ms": "stale_threshold_sec",
}


@click.group(short_help="Show, set or clear limits of one symbol.")
def limits() -> None:
    """Set a cooldown, drift tolerance or stale threshold for one symbol, instead of the configured value.

    A stricter value stays until it is cleared. A looser value ends after a time (--for, at most 24h); then the
    configured value is in force again. Every change is recorded in the audit stream, with your name.

    \b
    Examples:
      p33 limits show
      p33 limits set BTCUSDT --cooldown-sec 30
      p33 limits set BTCUSDT --cooldown-sec 30 --qty-tolerance-pct 2 --for 2h
      p33 limits clear BTCUSDT
    """


@limits.command(short_help="The limits in force.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@json_option
def show(symbols: tuple[str, ...], as_json: bool) -> None:
    """Show the limits in force and who set them. Without SYMBOL, all of P33_ALLOWLIST.

    \b
    Examples:
      p33 limits show
      p33 limits show BTCUSDT --json
    """
    session = open_session()
    wanted = tuple(map(symbol_of, symbols)) or session.settings.allowlist
    views, policy = _read(session, wanted), session.settings.policy
    if as_json:
        print_json({"configured": _configured(policy), "limits": {v.position: limits_json(v, policy) for v in views}})
    else:
        print_lines(console(), (cell(line, limit=700) for line in _lines(views, policy, named=bool(symbols))))
    end_if_unlisted(wanted, session, as_json=as_json)


@limits.command("set", short_help="Set a symbol's own limits.")
@click.argument("symbol")
@click.option("--cooldown-sec", metavar="SEC", help="Minimum time since the last order, 0 to 86400.")
@click.option("--qty-tolerance-pct", metavar="PCT", help="Allowed drift, percent of the exchange position, 0 to 10.")
@click.option("--stale-threshold-sec", metavar="SEC", help="Maximum snapshot age: above P33_POLL_SEC, at most 60.")
@click.option("--for", "for_ms", type=DURATION, help="Lifetime of looser values, e.g. 90s, 10m, 2h; at most 24h.")
@json_option
def set_(symbol: str, for_ms: int | None, as_json: bool, **values: str | None) -> None:
    """Set the limits of SYMBOL, instead of all earlier ones. A limit without its option has its configured value again.

    A plan whose evaluation is in progress is evaluated again.

    \b
    Examples:
      p33 limits set BTCUSDT --cooldown-sec 30
      p33 limits set BTCUSDT --qty-tolerance-pct 5 --for 30m
    """
    session = open_session()
    name, policy = listed_symbol_of(symbol, session), session.settings.policy
    given = {field: value.strip() for field, value in values.items() if value is not None}
    fields = _checked(given, policy, for_ms)
    stored = OperatorStore(session.client, session.keys).set_limits(name, fields, for_ms=for_ms, by=operator())
    view = _read(session, (name,))[0]
    if as_json:
        print_json({"symbol": name, "stored": dict(stored), "limits": limits_json(view, policy)})
    else:
        click.echo(f"{name}: {limits_text(view, policy) or 'as configured'}")


@limits.command(short_help="Go back to the configured limits.")
@click.argument("symbol")
@json_option
def clear(symbol: str, as_json: bool) -> None:
    """Remove the limits that an operator set for SYMBOL. Exit 1 when there were none.

    \b
    Example:
      p33 limits clear BTCUSDT
    """
    session, name = open_session(), symbol_of(symbol)
    changed = OperatorStore(session.client, session.keys).clear_limits(name, by=operator())
    if as_json:
        print_json({"symbol": name, "changed": changed})
    else:
        done = "has the configured limits again" if changed else "had no limits to clear"
        click.echo(f"{name} {done}")
    if not changed:
        say_if_unlisted((name,), session)
        raise click.exceptions.Exit(NO)


def _checked(given: Mapping[str, str], policy: Policy, for_ms: int | None) -> dict[str, str]:
    """The fields to store, in their canonical form.

    Raises:
        click.UsageError: Not a number, or out of bounds; a looser limit without a time, or a time without one.
    """
    if not given:
        raise click.UsageError("name at least one limit: --cooldown-sec, --qty-tolerance-pct, --stale-threshold-sec")
    try:
        wanted = SymbolLimits(
            cooldown_ms=_read_one(given, "cooldown_sec", written.cooldown_ms),
            qty_tolerance_pct=_read_one(given, "qty_tolerance_pct", written.tolerance_pct),
            stale_threshold_ms=_read_one(given, "stale_threshold_sec", written.stale_threshold_ms),
        )
    except CorruptStateError as error:
        raise click.UsageError(f"{error}; use a plain decimal number") from error
    if wanted.stale_threshold_ms is not None and wanted.stale_threshold_ms <= policy.poll_ms:
        raise click.UsageError(
            f"stale_threshold_sec {given['stale_threshold_sec']} must be above P33_POLL_SEC "
            f"({seconds(policy.poll_ms)}), or every snapshot is stale before the next one comes"
        )
    _check_time(tuple(_FIELD_OF[name] for name in looser(policy, wanted)), for_ms)
    texts = {
        "cooldown_sec": wanted.cooldown_ms is not None and written.seconds_text(wanted.cooldown_ms),
        "qty_tolerance_pct": wanted.qty_tolerance_pct is not None and canonical(wanted.qty_tolerance_pct),
        "stale_threshold_sec": wanted.stale_threshold_ms is not None
        and written.seconds_text(wanted.stale_threshold_ms),
    }
    return {name: text for name, text in texts.items() if text}


def _read_one(given: Mapping[str, str], name: str, read: Any) -> Any:
    return read(given[name]) if name in given else None


def _check_time(names: tuple[str, ...], for_ms: int | None) -> None:
    if names and for_ms is None:
        raise click.UsageError(f"{', '.join(names)}: looser than configured; add a time, e.g. --for 2h (at most 24h)")
    if for_ms is None:
        return
    if not names:
        raise click.UsageError(
            "no limit here is looser than configured, and a stricter limit stays until it is cleared: remove --for"
        )
    if for_ms > MAX_LOOSER_MS:
        raise click.UsageError("--for is at most 24h: put a permanent looser limit into the configuration")


def _read(session: Session, symbols: tuple[str, ...]) -> tuple[SymbolView, ...]:
    return read_overview(session.client, session.keys, symbols, source=session.source).symbols


def _configured(policy: Policy) -> dict[str, Any]:
    return {
        "cooldown_sec": written.seconds_text(policy.cooldown_ms),
        "qty_tolerance_pct": canonical(policy.qty_tolerance_pct),
        "stale_threshold_sec": written.seconds_text(policy.stale_threshold_ms),
    }


def _lines(views: tuple[SymbolView, ...], policy: Policy, *, named: bool) -> Iterator[str]:
    yield (
        f"configured: cooldown {seconds(policy.cooldown_ms)}, tolerance {canonical(policy.qty_tolerance_pct)} %, "
        f"stale threshold {seconds(policy.stale_threshold_ms)}"
    )
    shown = 0
    for view in views:
        text = limits_text(view, policy)
        ended = looser(policy, view.facts.limits) if view.policy_in_force(policy).limits_until_ms is None else ()
        if ended:
            text = f"{text or 'as configured'}; no longer counted: {', '.join(_FIELD_OF[name] for name in ended)}"
        if text or named:
            shown += 1
            yield f"{view.position}  {text or 'as configured'}"
    if not shown:
        yield "no symbol has special limits"
