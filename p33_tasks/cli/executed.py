"""Reads from the venue, for ``p33 ledger``, the orders that a position contains."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from p33_tasks.cli.failures import failure_of
from p33_tasks.cli.session import Session
from p33_tasks.domain.models import Leg
from p33_tasks.errors import ExchangeBudgetSpentError, ExchangeError
from p33_tasks.views.overview import read_overview

if TYPE_CHECKING:
    from p33_tasks.services.executed_orders import ExecutedOrders

SKEW_MS = 1_000
"""Added to the venue's read lag: the possible error of its timestamps."""
PATIENCE_SEC, PAUSE_SEC = 75.0, 5.0
"""The maximum wait for the next minute's request weight, and the pause between attempts."""

Ask = Callable[[str, Leg, Decimal], "ExecutedOrders"]


def asker(session: Session) -> Ask | None:
    """The function that reads a position's orders; None if the venue has no trade history, or no API key is set."""
    if session.settings.api_credentials[0] is None:
        return None
    from p33_tasks.cli.check_exchange import build_session_venue
    from p33_tasks.services.executed_orders import ReadsOwnTrades, executed_orders

    venue = build_session_venue(session, shared_budget=True)
    if not isinstance(venue, ReadsOwnTrades):
        return None

    def ask(symbol: str, leg: Leg, amount: Decimal) -> ExecutedOrders:
        view = read_overview(session.client, session.keys, (symbol,), source=session.source).symbols[0]
        return executed_orders(
            venue,
            symbol,
            leg,
            position_amt=amount,
            snapshot_age_ms=view.snapshot_age_ms or 0,
            lag_ms=session.settings.policy.read_lag_ms + SKEW_MS,
        )

    return ask


def asked(session: Session, symbol: str, leg: Leg, amount: Decimal, *, without_trades: bool) -> ExecutedOrders | None:
    """The orders that a position contains; None if the venue can't be queried, or this isn't wanted.

    Raises:
        Failure: They can't be read now; the text has the alternative.
    """
    ask = None if without_trades else asker(session)
    if ask is None:
        click.echo(
            "note: the venue's trades are not read; a late result of an earlier order would be applied", err=True
        )
        return None
    try:
        return ask(symbol, leg, amount)
    except ExchangeError as error:
        raise failure_of(
            error,
            f"the ledger of {symbol} was not adopted: the orders in its position are unknown: {error}\n"
            "Try again; or, if no result of an earlier order can come any more: --without-trades",
        ) from error


def patiently(ask: Ask, symbol: str, leg: Leg, amount: Decimal) -> ExecutedOrders:
    """As ``ask``; waits if this minute's request weight is used up, since refreshes have priority.

    Raises:
        ExchangeError: Any other failure; or the weight remains used up.
    """
    deadline = time.monotonic() + PATIENCE_SEC
    while True:
        try:
            return ask(symbol, leg, amount)
        except ExchangeBudgetSpentError:
            if time.monotonic() >= deadline:
                raise
            click.echo(f"{symbol}: waiting for the next minute's request weight", err=True)
            time.sleep(PAUSE_SEC)
