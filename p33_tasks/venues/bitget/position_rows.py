"""Pure functions that read Bitget's positions, symbol by symbol.

Invariants:

1. A symbol without a row is flat only if every row of the answer names its symbol, is settled in USDT and is of the
   account's position mode.
2. ``total`` is never below 0; ``holdSide`` has its sign. In one-way mode one row is the position, in hedge mode one
   row each is the long and the short leg.
3. Two open rows of one side (crossed beside isolated margin) are two positions: no order closes both.

Source: "Get all positions" of Bitget's contract documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, LegPosition, Position
from p33_tasks.ports import PositionReport
from p33_tasks.venues.bitget.envelope import rows_of
from p33_tasks.venues.bitget.spec import MARGIN_COIN, POSITIONS
from p33_tasks.venues.legs import HEDGE, hedged
from p33_tasks.venues.rows import InvalidRowError, Prices, Row, number, prices, rows_by_symbol

MODES: Final = {"one_way_mode": False, "hedge_mode": True}
MARGIN_MODES: Final = ("crossed", "isolated")
_SIDES: Final = {"long": Leg.LONG, "short": Leg.SHORT}


def read_positions(answer: object, symbols: Iterable[str], *, hedge_mode: bool) -> PositionReport:
    """Read the answer of ``GET /api/v2/mix/position/all-position``.

    Args:
        answer: As decoded by ``exact_json.loads_exact``.
        symbols: The venue's ids of the symbols wanted, e.g. ``BTCUSDT``.
        hedge_mode: The account's position mode.

    Raises:
        MalformedResponseError: It isn't the documented answer.
    """
    rows = rows_of(answer, POSITIONS.shown)
    doubt = _doubt(rows, hedge_mode=hedge_mode)
    positions: dict[str, Position] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(rows, symbols).items():
        try:
            open_rows = rows_by_side(own, hedge_mode=hedge_mode)
            if doubt is not None and len(open_rows) < (len(HEDGE) if hedge_mode else 1):
                invalid[symbol] = doubt
                continue
            positions[symbol] = _hedged(symbol, open_rows) if hedge_mode else _one_way(symbol, open_rows)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return PositionReport(positions=positions, invalid=invalid)


def rows_by_side(rows: Sequence[Row], *, hedge_mode: bool) -> dict[Leg, Row]:
    """The row of each side that has one; if there are several, the open one. Raises InvalidRowError."""
    found: dict[Leg, Row] = {}
    for row in rows:
        side = _side_of(row, hedge_mode=hedge_mode)
        if side not in found or amount_of(found[side]) == 0:
            found[side] = row
        elif amount_of(row) != 0:
            modes = f"{found[side].get('marginMode')} and {row.get('marginMode')}"
            raise InvalidRowError(f"two open positions of holdSide {row.get('holdSide')} ({modes}); close one of them")
    if not hedge_mode:
        held = {side: row for side, row in found.items() if amount_of(row) != 0}
        if len(held) > 1:
            raise InvalidRowError("a long and a short position in one-way mode")
        return held or dict(list(found.items())[:1])
    return found


def amount_of(row: Row) -> Decimal:
    """The signed base quantity. Raises InvalidRowError."""
    total = number(row, "total")
    if total < 0:
        raise InvalidRowError(f"total is {total}, below 0; holdSide has the sign")
    return q.negated(total) if row.get("holdSide") == "short" and total else total


def _doubt(rows: Sequence[Any], *, hedge_mode: bool) -> str | None:
    """Why a missing row doesn't prove a symbol flat in this answer; None if it does."""
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("symbol"), str):
            return "a row of the answer names no symbol, and could be its own"
        if row.get("marginCoin") != MARGIN_COIN:
            return f"the answer holds a row of marginCoin {row.get('marginCoin')!r:.20}: it isn't what was asked for"
        if MODES.get(str(row.get("posMode"))) is not hedge_mode:
            return f"the answer holds a row of posMode {row.get('posMode')!r:.20}, which isn't the account's mode"
    return None


def _side_of(row: Row, *, hedge_mode: bool) -> Leg:
    if row.get("marginCoin") != MARGIN_COIN:
        raise InvalidRowError(f"a row of it has marginCoin {row.get('marginCoin')!r:.20}, not {MARGIN_COIN}")
    mode, side, margin = row.get("posMode"), row.get("holdSide"), row.get("marginMode")
    if not isinstance(mode, str) or MODES.get(mode) is not hedge_mode:
        account = "hedge" if hedge_mode else "one-way"
        raise InvalidRowError(f"posMode is {mode!r:.20}, and the account is in {account} mode")
    if margin not in MARGIN_MODES:
        raise InvalidRowError(f"marginMode is {margin!r:.20}, not crossed or isolated")
    leg = _SIDES.get(side) if isinstance(side, str) else None
    if leg is None:
        raise InvalidRowError(f"holdSide is {side!r:.20}, not long or short")
    amount_of(row)
    return leg


def _one_way(symbol: str, rows: Mapping[Leg, Row]) -> Position:
    for row in rows.values():
        return Position(symbol=symbol, position_amt=amount_of(row), **_prices(row))
    return Position(symbol=symbol, position_amt=q.ZERO)


def _hedged(symbol: str, rows: Mapping[Leg, Row]) -> Position:
    long, short = (_leg(leg, rows.get(leg)) for leg in HEDGE)
    return hedged(symbol, long, short)


def _leg(leg: Leg, row: Row | None) -> LegPosition:
    if row is None:
        return LegPosition(leg=leg, position_amt=q.ZERO)
    return LegPosition(leg=leg, position_amt=amount_of(row), **_prices(row))


def _prices(row: Row) -> Prices:
    return prices(row, entry="openPriceAvg", mark="markPrice", leverage="leverage", pnl="unrealizedPL")
