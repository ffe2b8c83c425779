"""Pure reading of Binance USD-M rows: a decoded answer to positions and market rules, symbol by symbol.

Invariants, each held by a property test over arbitrary JSON:

1. A position is reported only if its row, or both of its hedge-mode legs, say so in full; flat is never assumed.
2. A bad, missing or duplicated row spoils its symbol and no other.
3. Every symbol asked for is either reported or spoiled, never both and never neither.
4. Quantities are the venue's own digits; no float is involved, and one that arrives spoils its symbol.

Sources: "Position Information V2" and "Exchange Information" of Binance's USD-M futures documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Position
from p33_tasks.errors import InvalidQuantityError, MalformedResponseError
from p33_tasks.ports import PositionReport

SIDES = frozenset({"BOTH", "LONG", "SHORT"})
ONE_WAY = frozenset({"BOTH"})
HEDGED = (frozenset({"LONG", "SHORT"}), SIDES)

Row = Mapping[str, Any]


class SpoiledError(ValueError):
    """What is wrong with one symbol; it never leaves this package."""


def read_positions(answer: object, symbols: Iterable[str]) -> PositionReport:
    """Read the answer of ``GET /fapi/v2/positionRisk``.

    Args:
        answer: As decoded by ``exact_json.loads_exact``.
        symbols: The venue's ids of the symbols wanted; rows of others are passed over.

    Raises:
        MalformedResponseError: The answer is no list of rows.
    """
    if not isinstance(answer, list):
        raise MalformedResponseError(f"positions: a list of rows was expected, {shape(answer)} came")
    positions: dict[str, Position] = {}
    spoiled: dict[str, str] = {}
    for symbol, rows in rows_by_symbol(answer, symbols).items():
        try:
            positions[symbol] = _position(symbol, rows)
        except SpoiledError as problem:
            spoiled[symbol] = str(problem)
    return PositionReport(positions=positions, spoiled=spoiled)


def rows_by_symbol(answer: list[Any], symbols: Iterable[str]) -> dict[str, list[Row]]:
    """The rows of each wanted symbol. A row whose symbol can't be read is nobody's: its symbol then has none."""
    found: dict[str, list[Row]] = {symbol: [] for symbol in symbols}
    for row in answer:
        symbol = row.get("symbol") if isinstance(row, dict) else None
        if isinstance(symbol, str) and symbol in found:
            found[symbol].append(row)
    return found


def _position(symbol: str, rows: list[Row]) -> Position:
    if not rows:
        raise SpoiledError("the venue sent no row for it")
    legs: dict[str, Row] = {}
    for row in rows:
        side = row.get("positionSide")
        if not isinstance(side, str) or side not in SIDES:
            raise SpoiledError(f"positionSide is {side!r:.40}, not BOTH, LONG or SHORT")
        if side in legs:
            raise SpoiledError(f"{len(rows)} rows, more than one of positionSide {side}")
        legs[side] = row
    if legs.keys() == ONE_WAY:
        return _one_way(symbol, legs["BOTH"])
    if legs.keys() in HEDGED:
        return _hedged(symbol, legs)
    raise SpoiledError(f"only the {' and '.join(sorted(legs))} leg of a hedge-mode position came")


def _one_way(symbol: str, row: Row) -> Position:
    return Position(
        symbol=symbol,
        position_amt=number(row, "positionAmt"),
        entry_price=optional_number(row, "entryPrice"),
        mark_price=optional_number(row, "markPrice"),
        leverage=optional_number(row, "leverage"),
        unrealized_pnl=optional_number(row, "unRealizedProfit"),
    )


def _hedged(symbol: str, legs: Mapping[str, Row]) -> Position:
    """One signed amount can't tell two legs; their sum is for people to read, the mode is what the brain denies."""
    total = q.ZERO
    for row in legs.values():
        total = q.add(total, number(row, "positionAmt"))
    return Position(
        symbol=symbol,
        position_amt=total,
        mark_price=optional_number(next(iter(legs.values())), "markPrice"),
        hedge_mode=True,
    )


def number(row: Row, name: str) -> Decimal:
    """A field that must be a plain number, as a string or an exact JSON number. Raises SpoiledError."""
    if name not in row:
        raise SpoiledError(f"{name} is missing")
    try:
        return q.parse_quantity(row[name])
    except (InvalidQuantityError, TypeError) as error:
        raise SpoiledError(f"{name} is {row[name]!r:.40}, not a plain number") from error


def optional_number(row: Row, name: str) -> Decimal | None:
    """A field for people to read: absent or null is None, but what is there must be a number."""
    return None if row.get(name) is None else number(row, name)


def shape(value: object) -> str:
    """What kind of JSON came, for messages; its content stays out of them."""
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "null" if value is None else f"a {type(value).__name__}"
