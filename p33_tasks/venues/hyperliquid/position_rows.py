"""Pure functions that read Hyperliquid's positions.

Invariants:

1. A coin without a row is flat only if every row of the answer names a coin of the requested dex.
2. ``szi`` is signed and in base units. Each row is ``oneWay``; two rows of one coin are not one position.

Source: "Retrieve user's perpetuals account summary" of Hyperliquid's info endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import Final

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Position
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import PositionReport
from p33_tasks.venues.hyperliquid.coins import dex_of, named
from p33_tasks.venues.hyperliquid.spec import POSITIONS
from p33_tasks.venues.rows import (
    InvalidRowError,
    Row,
    milliseconds_at,
    number,
    optional_number,
    prices,
    rows_by_symbol,
    shape,
)

_TWELVE_DIGITS: Final = Context(prec=12)


def read_positions(answer: object, symbols: Iterable[str], *, dex: str) -> PositionReport:
    """Read ``clearinghouseState`` of one dex.

    Args:
        answer: As decoded by ``exact_json.loads_exact``.
        symbols: The symbols wanted, of that dex.
        dex: The requested dex; empty: the venue's own.

    Raises:
        MalformedResponseError: It isn't the documented answer.
    """
    found = rows_of_state(answer)
    doubt = _doubt(found, dex)
    positions: dict[str, Position] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(found, symbols).items():
        try:
            positions[symbol] = _position(symbol, own, doubt)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return PositionReport(positions=positions, invalid=invalid)


def rows_of_state(answer: object) -> list[Row]:
    """The rows of the answer, flattened. Raises MalformedResponseError."""
    rows = answer.get("assetPositions") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or milliseconds_at(answer, ("time",)) is None:
        raise MalformedResponseError(
            f"{POSITIONS.shown}: an object with a list 'assetPositions' and its time was expected, {shape(answer)} came"
        )
    return [_flattened(row) for row in rows]


def _flattened(row: object) -> Row:
    position = named(row.get("position") if isinstance(row, dict) else None, "coin")
    leverage = position.get("leverage")
    return {
        **position,
        "kind": row.get("type") if isinstance(row, dict) else None,
        "leverage": leverage.get("value") if isinstance(leverage, dict) else None,
        "margin_mode": leverage.get("type") if isinstance(leverage, dict) else None,
    }


def _doubt(rows: Sequence[Row], dex: str) -> str | None:
    """Why a missing row doesn't prove a symbol flat in this answer; None if it does."""
    for row in rows:
        if row["symbol"] is None:
            return "a row of the answer names no coin, and could be its own"
        if dex_of(row["symbol"]) != dex:
            return f"the answer holds a row of {row['symbol']:.30}: it isn't of the dex that was asked for"
    return None


def _position(symbol: str, rows: Sequence[Row], doubt: str | None) -> Position:
    if not rows and doubt is not None:
        raise InvalidRowError(doubt)
    if not rows:
        return Position(symbol=symbol, position_amt=q.ZERO)
    if len(rows) > 1:
        raise InvalidRowError(f"{len(rows)} rows of one coin")
    row = rows[0]
    if row["kind"] != "oneWay":
        raise InvalidRowError(f"its type is {row['kind']!r:.20}, not oneWay")
    amount = number(row, "szi")
    shown = prices(
        {**row, "mark": _mark(row, amount)}, entry="entryPx", mark="mark", leverage="leverage", pnl="unrealizedPnl"
    )
    return Position(symbol=symbol, position_amt=amount, **shown)


def _mark(row: Row, amount: Decimal) -> Decimal | None:
    """The mark price, computed because the answer has none: position value per base unit, to 12 digits."""
    value = optional_number(row, "positionValue")
    return None if value is None or not amount else _TWELVE_DIGITS.divide(q.magnitude(value), q.magnitude(amount))
