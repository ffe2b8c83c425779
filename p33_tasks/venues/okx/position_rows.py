"""Pure functions that read OKX's positions, symbol by symbol, in base units.

Invariants:

1. A symbol without a row is flat only if every row of the answer names its instrument, is a SWAP and is of the
   account's position mode: one of the other mode shows that the mode was switched between the two requests.
2. In net mode the position is one row of posSide net, signed; in long/short mode one row each of long and short.
   A row of the other mode is invalid.
3. Two open rows of one side (cross beside isolated margin, or two settlement currencies) are two positions: an order
   reduces only the one of its own margin mode. One order can't close their sum, so the symbol is invalid.
   A row of 0 contracts beside an open one is a closed position and is ignored.
4. Contracts become base units exactly; without a contract size an open symbol is unknown.

Source: "Get positions" of OKX's v5 documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, LegPosition, Position
from p33_tasks.ports import PositionReport
from p33_tasks.venues.contracts import in_base
from p33_tasks.venues.legs import HEDGE, hedged
from p33_tasks.venues.okx.envelope import rows_of
from p33_tasks.venues.okx.instrument_rows import Instruments
from p33_tasks.venues.okx.spec import INST_TYPE, POSITIONS
from p33_tasks.venues.rows import InvalidRowError, Prices, Row, number, prices, rows_by_symbol

_SIDES: Final = {"net": Leg.BOTH, "long": Leg.LONG, "short": Leg.SHORT}
_MARGIN_MODES: Final = ("cross", "isolated")


def read_positions(
    answer: object, symbols: Iterable[str], *, instruments: Instruments, hedge_mode: bool
) -> PositionReport:
    """Read the answer of ``GET /api/v5/account/positions``.

    Args:
        answer: As decoded by ``exact_json.loads_exact``.
        symbols: The venue's ids of the symbols wanted, e.g. ``BTC-USDT-SWAP``.
        instruments: For the contract sizes.
        hedge_mode: The account's position mode.

    Raises:
        MalformedResponseError: It isn't the documented answer.
    """
    rows = rows_of(answer, POSITIONS.shown)
    doubt = _doubt(rows, hedge_mode=hedge_mode)
    positions: dict[str, Position] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(rows, symbols, name="instId").items():
        try:
            found = _rows_by_leg(own, hedge_mode=hedge_mode)
            if doubt is not None and len(found) < (len(HEDGE) if hedge_mode else 1):
                invalid[symbol] = doubt
                continue
            # A flat symbol needs no contract size: it may be delisted.
            size = instruments.contract_size(symbol) if found else q.ZERO
            positions[symbol] = _hedged(symbol, found, size) if hedge_mode else _net(symbol, found, size)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return PositionReport(positions=positions, invalid=invalid)


def _doubt(rows: Sequence[Any], *, hedge_mode: bool) -> str | None:
    """Why a missing row doesn't prove a symbol flat in this answer; None if it does."""
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("instId"), str):
            return "a row of the answer names no instrument, and could be its own"
        if row.get("instType") != INST_TYPE:
            return f"the answer holds a row of instType {row.get('instType')!r:.20}: it isn't what was asked for"
        if _SIDES.get(str(row.get("posSide"))) not in (HEDGE if hedge_mode else (Leg.BOTH,)):
            return f"the answer holds a row of posSide {row.get('posSide')!r:.20}, which isn't of the account's mode"
    return None


def _rows_by_leg(rows: Sequence[Row], *, hedge_mode: bool) -> dict[Leg, Row]:
    """The row of each leg that has one; if there are several, the open one."""
    found: dict[Leg, Row] = {}
    for row in rows:
        leg = _leg_of(row, hedge_mode=hedge_mode)
        if leg not in found or _contracts(found[leg]) == 0:
            found[leg] = row
        elif _contracts(row) != 0:
            modes = f"{found[leg].get('mgnMode')} and {row.get('mgnMode')}"
            raise InvalidRowError(f"two open positions of posSide {row.get('posSide')} ({modes}); close one of them")
    return found


def _leg_of(row: Row, *, hedge_mode: bool) -> Leg:
    if row.get("instType") != INST_TYPE:
        raise InvalidRowError(f"a row of it has instType {row.get('instType')!r:.20}, not {INST_TYPE}")
    if row.get("mgnMode") not in _MARGIN_MODES:
        raise InvalidRowError(f"mgnMode is {row.get('mgnMode')!r:.20}, not cross or isolated")
    side = row.get("posSide")
    leg = _SIDES.get(side) if isinstance(side, str) else None
    if leg is None:
        raise InvalidRowError(f"posSide is {side!r:.20}, not net, long or short")
    if (leg is Leg.BOTH) is hedge_mode:
        raise InvalidRowError(f"posSide is {side}, and the account is in {'long/short' if hedge_mode else 'net'} mode")
    _contracts(row)
    return leg


def _contracts(row: Row) -> Decimal:
    return number(row, "pos")


def _net(symbol: str, rows: Mapping[Leg, Row], size: Decimal) -> Position:
    row = rows.get(Leg.BOTH)
    if row is None:
        return Position(symbol=symbol, position_amt=q.ZERO)
    return Position(symbol=symbol, position_amt=in_base(_contracts(row), size), **_prices(row))


def _hedged(symbol: str, rows: Mapping[Leg, Row], size: Decimal) -> Position:
    long, short = (_leg(leg, rows.get(leg), size) for leg in HEDGE)
    return hedged(symbol, long, short)


def _leg(leg: Leg, row: Row | None, size: Decimal) -> LegPosition:
    """The leg of a row. A long leg below 0 is invalid; a short leg may be above or below 0: posSide has the sign."""
    if row is None:
        return LegPosition(leg=leg, position_amt=q.ZERO)
    amount = in_base(_contracts(row), size)
    if leg is Leg.SHORT:
        amount = q.negated(q.magnitude(amount))
    if not leg.admits(amount):
        raise InvalidRowError(f"its {leg} leg is {amount}")
    return LegPosition(leg=leg, position_amt=amount, **_prices(row))


def _prices(row: Row) -> Prices:
    return prices(row, entry="avgPx", mark="markPx", leverage="lever", pnl="upl")
