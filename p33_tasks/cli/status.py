"""``p33 status``: every symbol in one table, the streams, the counters."""

from __future__ import annotations

from typing import Any

import click

from p33_tasks.cli import tables
from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.session import open_session
from p33_tasks.cli.show import console, print_json, print_lines
from p33_tasks.cli.symbols import end_if_unlisted, symbol_of
from p33_tasks.views.overview import Overview, read_overview


@click.command(short_help="One table: exchange, ledger and drift per symbol.")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@json_option
def status(symbols: tuple[str, ...], as_json: bool) -> None:
    """Show for each symbol the exchange's position, the ledger, and the verdict that a plan would get now.

    The column "gate now" is computed by the same rules as verdicts: "would allow", or the reason of a deny. Without
    SYMBOL, all of P33_ALLOWLIST. Exit 1 if no snapshot is fresh: then every plan is denied.

    \b
    Examples:
      p33 status
      p33 status BTCUSDT ETHUSDT
      p33 status --json | jq '.symbols[] | select(.gate != "open")'
    """
    session = open_session()
    wanted = tuple(map(symbol_of, symbols)) or session.settings.allowlist
    overview = read_overview(session.client, session.keys, wanted, source=session.source)
    policy = session.settings.policy
    if as_json:
        print_json({"redis": session.redis_place, **tables.overview_json(overview, policy)})
    else:
        _print(overview, session.redis_place, policy)
    end_if_unlisted(wanted, session, as_json=as_json)
    limit_ms = policy.stale_threshold_ms
    if not any(view.snapshot_age_ms is not None and 0 <= view.snapshot_age_ms <= limit_ms for view in overview.symbols):
        raise click.exceptions.Exit(NO)


def _print(overview: Overview, place: str, policy: Any) -> None:
    screen = console()
    screen.print(tables.symbols_table(overview, policy, width=screen.width))
    print_lines(screen, tables.service_lines(overview, place, policy))
