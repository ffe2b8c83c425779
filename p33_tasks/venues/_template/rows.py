"""Pure: the venue's decoded answers to positions and market rules, symbol by symbol.

A position is reported only if its row is complete. A row that can't be read is invalid and affects its symbol only.
This venue leaves flat symbols out: absence proves flat only in an answer that is marked complete and whose rows are
all of the requested kind.
"""

from __future__ import annotations

from collections.abc import Iterable

from p33_tasks.domain.models import MarketRules, Position
from p33_tasks.domain.quantities import ZERO
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues.rows import UNKNOWN_ACCOUNT, InvalidRowError, Row, number, optional_number, rows_by_symbol, shape


def read_positions(answer: object, symbols: Iterable[str]) -> PositionReport:
    """Read the answer of ``GET /v1/positions``.

    Raises:
        MalformedResponseError: It isn't the documented object, isn't complete, or has a row without a symbol.
    """
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(rows, list) or answer.get("complete") is not True:
        raise MalformedResponseError(f"positions: a complete list 'data' was expected, {shape(answer)} came")
    if not all(isinstance(row, dict) and isinstance(row.get("symbol"), str) for row in rows):
        # The row could be of any symbol, so absence proves nothing.
        raise MalformedResponseError("positions: a row names no symbol")
    positions: dict[str, Position] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(rows, symbols).items():
        try:
            positions[symbol] = _position(symbol, own)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    # The venue's id of the account, if an answer contains it; "" if the venue has none.
    return PositionReport(positions=positions, invalid=invalid, account=UNKNOWN_ACCOUNT)


def _position(symbol: str, rows: list[Row]) -> Position:
    if not rows:
        return Position(symbol=symbol, position_amt=ZERO)
    if len(rows) > 1:
        raise InvalidRowError(f"{len(rows)} rows of one symbol")
    row = rows[0]
    return Position(
        symbol=symbol,
        position_amt=number(row, "size"),
        entry_price=optional_number(row, "entryPrice"),
        mark_price=optional_number(row, "markPrice"),
    )


def read_markets(answer: object, symbols: Iterable[str]) -> MarketReport:
    """Read the answer of ``GET /v1/markets``. Raises MalformedResponseError."""
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise MalformedResponseError(f"markets: an object with a list 'data' was expected, {shape(answer)} came")
    markets: dict[str, MarketRules] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(rows, symbols).items():
        try:
            markets[symbol] = _rules(symbol, own)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return MarketReport(markets=markets, invalid=invalid)


def _rules(symbol: str, rows: list[Row]) -> MarketRules:
    if len(rows) != 1:
        raise InvalidRowError(f"the venue lists it {len(rows)} times; use the venue's own id")
    row = rows[0]
    if row.get("status") != "trading":
        raise InvalidRowError(f"its status is {row.get('status')!r:.40}, not trading")
    step, minimum = number(row, "step"), number(row, "min")
    if step <= 0 or minimum < 0:
        raise InvalidRowError(f"step {step} and minimum {minimum} are not usable")
    return MarketRules(symbol=symbol, step_size=step, min_qty=minimum, max_market_qty=None)
