"""Pure functions that read Binance USD-M positions, symbol by symbol.

Invariants, each held by a property test over arbitrary JSON:

1. A position is reported only if its row, or both of its hedge-mode legs, are complete; flat is never assumed.
2. A bad, missing or duplicated row is invalid, and affects its symbol and no other.
3. Every symbol asked for is either reported or invalid.
4. Quantities have the venue's own digits; a float in the decoded answer makes its row invalid.
5. A long leg is never below 0 and a short leg never above it.

Source: "Position Information V2" of Binance's USD-M futures documentation. A symbol in hedge mode has a LONG and a
SHORT row, and may have a BOTH row of 0 beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, LegPosition, Position
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import PositionReport
from p33_tasks.venues.rows import InvalidRowError, Row, number, optional_number, rows_by_symbol, shape

ONE_WAY = frozenset({Leg.BOTH})
HEDGED = (frozenset({Leg.LONG, Leg.SHORT}), frozenset(Leg))


def read_positions(answer: object, symbols: Iterable[str]) -> PositionReport:
    """Read the answer of ``GET /fapi/v2/positionRisk``.

    Args:
        answer: As decoded by ``exact_json.loads_exact``.
        symbols: The venue's ids of the symbols wanted; rows of others are ignored.

    Raises:
        MalformedResponseError: The answer is not a list of rows.
    """
    listed = rows_of(answer)
    positions: dict[str, Position] = {}
    invalid: dict[str, str] = {}
    for symbol, rows in rows_by_symbol(listed, symbols).items():
        try:
            positions[symbol] = _position(symbol, rows)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return PositionReport(positions=positions, invalid=invalid)


def rows_of(answer: object) -> list[Any]:
    """The rows of the answer. Raises MalformedResponseError."""
    if not isinstance(answer, list):
        raise MalformedResponseError(f"positions: a list of rows was expected, {shape(answer)} came")
    return answer


def _position(symbol: str, rows: list[Row]) -> Position:
    if not rows:
        raise InvalidRowError("the venue sent no row for it")
    legs: dict[Leg, Row] = {}
    for row in rows:
        side = row.get("positionSide")
        if not isinstance(side, str) or side not in set(Leg):
            raise InvalidRowError(f"positionSide is {side!r:.40}, not BOTH, LONG or SHORT")
        if side in legs:
            raise InvalidRowError(f"{len(rows)} rows, more than one of positionSide {side}")
        legs[Leg(side)] = row
    if legs.keys() == ONE_WAY:
        return _one_way(symbol, legs[Leg.BOTH])
    if legs.keys() in HEDGED:
        return _hedged(symbol, legs)
    raise InvalidRowError(f"only the {' and '.join(sorted(legs))} leg of a hedge-mode position came")


def _one_way(symbol: str, row: Row) -> Position:
    return Position(
        symbol=symbol,
        position_amt=number(row, "positionAmt"),
        entry_price=optional_number(row, "entryPrice"),
        mark_price=optional_number(row, "markPrice"),
        leverage=optional_number(row, "leverage"),
        unrealized_pnl=optional_number(row, "unRealizedProfit"),
    )


def _hedged(symbol: str, rows: Mapping[Leg, Row]) -> Position:
    """Both legs, and their net amount for display."""
    if Leg.BOTH in rows and (both := number(rows[Leg.BOTH], "positionAmt")) != 0:
        raise InvalidRowError(f"it has legs, and a position of {both} that is neither long nor short")
    long, short = (_leg(leg, rows[leg]) for leg in (Leg.LONG, Leg.SHORT))
    return Position(
        symbol=symbol,
        position_amt=q.add(long.position_amt, short.position_amt),
        mark_price=long.mark_price,
        hedge_mode=True,
        legs=(long, short),
    )


def _leg(leg: Leg, row: Row) -> LegPosition:
    amount = number(row, "positionAmt")
    if not leg.admits(amount):
        raise InvalidRowError(f"its {leg} leg is {amount}")
    return LegPosition(
        leg=leg,
        position_amt=amount,
        entry_price=optional_number(row, "entryPrice"),
        mark_price=optional_number(row, "markPrice"),
        leverage=optional_number(row, "leverage"),
        unrealized_pnl=optional_number(row, "unRealizedProfit"),
    )
