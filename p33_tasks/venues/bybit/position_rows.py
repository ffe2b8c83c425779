"""Pure functions that read Bybit's positions, symbol by symbol.

Invariants:

1. A symbol without a row is flat only if no row of the answer could be of this symbol or is of another settle coin.
2. ``positionIdx`` 0 is a one-way position; 1 and 2 are the long and the short leg. Both kinds at once are invalid.
3. ``size`` is never below 0. Its sign is the side's; without a side it must be 0; leg and side must agree.
4. A position that the venue is closing (``positionStatus`` Liq or Adl) and one of an unknown status are invalid.

Source: "Get Position Info" of Bybit's v5 documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, LegPosition, Position
from p33_tasks.ports import PositionReport
from p33_tasks.venues.bybit.envelope import rows_of
from p33_tasks.venues.bybit.spec import POSITIONS, SETTLE_COIN
from p33_tasks.venues.legs import HEDGE, hedged
from p33_tasks.venues.rows import InvalidRowError, Prices, Row, number, prices, rows_by_symbol

_SETTLED_HERE: Final = re.compile(rf"[0-9A-Z]+{SETTLE_COIN}(?:-[0-9]{{1,2}}[A-Z]{{3}}[0-9]{{2}})?")
_LEGS: Final = {0: Leg.BOTH, 1: Leg.LONG, 2: Leg.SHORT}
_NO_SIDE: Final = ("", "None")  # "None" on older accounts


def read_positions(pages: Sequence[object], symbols: Iterable[str]) -> PositionReport:
    """Read every page of ``GET /v5/position/list``.

    Args:
        pages: As decoded by ``exact_json.loads_exact``, to the last one.
        symbols: The venue's ids of the symbols wanted, e.g. ``BTCUSDT``.

    Raises:
        MalformedResponseError: A page isn't the documented one, or is of another category.
    """
    rows = [row for page in pages for row in rows_of(page, POSITIONS.shown)]
    doubt = _doubt(rows)
    positions: dict[str, Position] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(rows, symbols).items():
        try:
            positions[symbol] = _position(symbol, own, doubt)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return PositionReport(positions=positions, invalid=invalid)


def is_settled_here(symbol: str) -> bool:
    """Whether the answer about the settle coin covers a symbol: ``BTCUSDT`` yes, ``BTCPERP`` (USDC) no."""
    return _SETTLED_HERE.fullmatch(symbol) is not None


def _doubt(rows: Sequence[Any]) -> str | None:
    """Why a missing row doesn't prove a symbol flat in this answer; None if it does."""
    for row in rows:
        symbol = row.get("symbol") if isinstance(row, dict) else None
        if not isinstance(symbol, str):
            return "a row of the answer names no symbol, and could be its own"
        if not is_settled_here(symbol):
            return f"the answer holds {symbol!r:.30}, which isn't settled in {SETTLE_COIN}: it isn't what was asked for"
    return None


def _position(symbol: str, rows: Sequence[Row], doubt: str | None) -> Position:
    if not is_settled_here(symbol):
        raise InvalidRowError(f"it isn't a linear contract settled in {SETTLE_COIN}; others are not read")
    legs: dict[Leg, Row] = {}
    for row in rows:
        leg = _leg_of(row)
        if leg in legs:
            raise InvalidRowError(f"{len(rows)} rows, more than one of positionIdx {row.get('positionIdx')}")
        legs[leg] = row
    if legs.keys() == {Leg.BOTH}:
        return _one_way(symbol, legs[Leg.BOTH])
    if Leg.BOTH in legs:
        raise InvalidRowError("it has a one-way position and legs")
    if doubt is not None and legs.keys() != {Leg.LONG, Leg.SHORT}:
        raise InvalidRowError(doubt)
    # The mode is per symbol, and only a row shows it.
    return _hedged(symbol, legs) if legs else Position(symbol=symbol, position_amt=q.ZERO, hedge_mode=None)


def _leg_of(row: Row) -> Leg:
    index = row.get("positionIdx")
    leg = _LEGS.get(index) if isinstance(index, int) and not isinstance(index, bool) else None
    if leg is None:
        raise InvalidRowError(f"positionIdx is {index!r:.20}, not 0, 1 or 2")
    return leg


def _one_way(symbol: str, row: Row) -> Position:
    return Position(symbol=symbol, position_amt=_amount(row), **_prices(row))


def _hedged(symbol: str, rows: Mapping[Leg, Row]) -> Position:
    long, short = (_leg(leg, rows.get(leg)) for leg in HEDGE)
    return hedged(symbol, long, short)


def _leg(leg: Leg, row: Row | None) -> LegPosition:
    if row is None:
        return LegPosition(leg=leg, position_amt=q.ZERO)
    amount = _amount(row)
    if not leg.admits(amount):
        raise InvalidRowError(f"its {leg} leg (positionIdx {row.get('positionIdx')}) is {amount}")
    return LegPosition(leg=leg, position_amt=amount, **_prices(row))


def _amount(row: Row) -> Decimal:
    """The signed base quantity."""
    size, side, status = number(row, "size"), row.get("side"), row.get("positionStatus")
    if status != "Normal":
        raise InvalidRowError(f"positionStatus is {status!r:.20}, not Normal")
    if size < 0:
        raise InvalidRowError(f"size is {size}, below 0; the side has the sign")
    if side == "Buy":
        return size
    if side == "Sell":
        return q.negated(size)
    if side in _NO_SIDE and size == 0:
        return q.ZERO
    raise InvalidRowError(f"side is {side!r:.20} at size {size}, not Buy or Sell")


def _prices(row: Row) -> Prices:
    return prices(row, entry="avgPrice", mark="markPrice", leverage="leverage", pnl="unrealisedPnl")
