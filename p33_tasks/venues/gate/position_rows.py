"""Pure functions that read Gate's positions, symbol by symbol, in base units.

Invariants:

1. A symbol without a row is flat only if every row of the answer names its contract, and is of the account's mode.
2. In single mode the position is one row, signed. In dual mode ``mode`` names the leg of a row; a short leg is
   documented below 0, but the sign is taken from ``mode``.
3. Contracts become base units exactly; without a contract size an open symbol is unknown.

Source: "Position" of gateapi-python's documentation; announcement 48788 for sizes as decimal strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, LegPosition, Position
from p33_tasks.ports import PositionReport
from p33_tasks.venues.contracts import in_base
from p33_tasks.venues.gate.account_rows import Contracts
from p33_tasks.venues.legs import HEDGE, hedged
from p33_tasks.venues.rows import InvalidRowError, Prices, Row, number, prices, rows_by_symbol

_MODES: Final = {"single": Leg.BOTH, "dual_long": Leg.LONG, "dual_short": Leg.SHORT}


def read_positions(
    rows: Sequence[Any], symbols: Iterable[str], *, contracts: Contracts, hedge_mode: bool
) -> PositionReport:
    """Read the rows of every page of ``GET /futures/usdt/positions``.

    Args:
        rows: As decoded by ``exact_json.loads_exact``.
        symbols: The venue's ids of the symbols wanted, e.g. ``BTC_USDT``.
        contracts: For the contract sizes.
        hedge_mode: The account's position mode.
    """
    doubt = _doubt(rows, hedge_mode=hedge_mode)
    positions: dict[str, Position] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(list(rows), symbols, name="contract").items():
        try:
            found = _rows_by_leg(own, hedge_mode=hedge_mode)
            if doubt is not None and len(found) < (len(HEDGE) if hedge_mode else 1):
                invalid[symbol] = doubt
                continue
            # A flat symbol needs no contract size: it may be delisted.
            size = contracts.size(symbol) if found else q.ZERO
            positions[symbol] = _dual(symbol, found, size) if hedge_mode else _single(symbol, found, size)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return PositionReport(positions=positions, invalid=invalid)


def margin_mode_of(row: Row) -> object:
    """The margin mode of a row. In rows without ``pos_margin_mode`` a leverage of 0 means cross margin."""
    leverage = row.get("leverage")
    if leverage is None or "pos_margin_mode" in row:
        return row.get("pos_margin_mode")
    return "cross" if str(leverage) == "0" else "isolated"


def _doubt(rows: Sequence[Any], *, hedge_mode: bool) -> str | None:
    """Why a missing row doesn't prove a symbol flat in this answer; None if it does."""
    for row in rows:
        contract = row.get("contract") if isinstance(row, dict) else None
        if not isinstance(contract, str):
            return "a row of the answer names no contract, and could be its own"
        if not contract.endswith("_USDT"):
            return f"the answer holds {contract!r:.30}, which isn't settled in USDT: it isn't what was asked for"
        if _leg_in(row, hedge_mode=hedge_mode) is None:
            return f"the answer holds a row of mode {row.get('mode')!r:.20}, which isn't the account's mode"
    return None


def _leg_in(row: Row, *, hedge_mode: bool) -> Leg | None:
    """The leg of a row; None if the account's mode has no such leg."""
    mode = row.get("mode")
    leg = _MODES.get(mode) if isinstance(mode, str) else None
    return None if leg is None or (leg is Leg.BOTH) is hedge_mode else leg


def _rows_by_leg(rows: Sequence[Row], *, hedge_mode: bool) -> dict[Leg, Row]:
    found: dict[Leg, Row] = {}
    for row in rows:
        leg = _leg_in(row, hedge_mode=hedge_mode)
        if leg is None:
            account = "dual" if hedge_mode else "single"
            raise InvalidRowError(f"mode is {row.get('mode')!r:.20}, and the account is in {account} mode")
        number(row, "size")
        if leg in found:
            raise InvalidRowError(f"{len(rows)} rows, more than one of mode {row.get('mode')}")
        found[leg] = row
    return found


def _single(symbol: str, rows: Mapping[Leg, Row], size: Decimal) -> Position:
    row = rows.get(Leg.BOTH)
    if row is None:
        return Position(symbol=symbol, position_amt=q.ZERO)
    return Position(symbol=symbol, position_amt=in_base(number(row, "size"), size), **_prices(row))


def _dual(symbol: str, rows: Mapping[Leg, Row], size: Decimal) -> Position:
    long, short = (_leg(leg, rows.get(leg), size) for leg in HEDGE)
    return hedged(symbol, long, short)


def _leg(leg: Leg, row: Row | None, size: Decimal) -> LegPosition:
    if row is None:
        return LegPosition(leg=leg, position_amt=q.ZERO)
    amount = in_base(number(row, "size"), size)
    if leg is Leg.SHORT:
        amount = q.negated(q.magnitude(amount))
    if not leg.admits(amount):
        raise InvalidRowError(f"its {leg} leg is {amount}")
    return LegPosition(leg=leg, position_amt=amount, **_prices(row))


def _prices(row: Row) -> Prices:
    leverage = "leverage" if "lever" not in row else "lever"
    return prices(row, entry="entry_price", mark="mark_price", leverage=leverage, pnl="unrealised_pnl")
