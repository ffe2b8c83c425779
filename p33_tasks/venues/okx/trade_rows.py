"""Pure functions that read OKX's fills, in base units.

``billId`` identifies a fill: a liquidation's or ADL's ``tradeId`` is negative, and ``subType`` names the kind.

Source: "Get transaction details" and "Bill sub type" of OKX's v5 documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from p33_tasks.domain.trades import ForcedKind, Trade
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.contracts import in_base
from p33_tasks.venues.marked_trades import MarkedTrade
from p33_tasks.venues.okx.order_rows import LEGS, SIDES
from p33_tasks.venues.okx.spec import INST_TYPE
from p33_tasks.venues.rows import InvalidRowError, milliseconds_at, number

_FORCED: Final = {
    **dict.fromkeys(map(str, (*range(100, 108), 110, 111)), ForcedKind.LIQUIDATION),
    **dict.fromkeys(("125", "126", "127", "128"), ForcedKind.ADL),
    **dict.fromkeys(("112", "113"), ForcedKind.SETTLEMENT),
}


def read_fills(rows: Iterable[Any], symbol: str, size: Decimal) -> list[MarkedTrade]:
    """Every fill. Raises MalformedResponseError: one unreadable row makes the list incomplete."""
    return [_fill(row, symbol, size) for row in rows]


def _fill(row: object, symbol: str, size: Decimal) -> MarkedTrade:
    if not isinstance(row, dict) or row.get("instId") != symbol or row.get("instType") != INST_TYPE:
        raise MalformedResponseError(f"fills: one of {symbol} was expected, another came")
    bill_id, order_id, side, leg = row.get("billId"), row.get("ordId"), row.get("side"), row.get("posSide")
    trade_id, sub_type, time_ms = row.get("tradeId"), row.get("subType"), milliseconds_at(row, ("fillTime",))
    if not isinstance(bill_id, str) or not bill_id or not isinstance(order_id, str) or time_ms is None:
        raise MalformedResponseError("fills: billId, ordId or fillTime is missing")
    if side not in SIDES or leg not in LEGS or not isinstance(trade_id, str):
        raise MalformedResponseError(f"fills: side {side!r:.20}, posSide {leg!r:.20} or tradeId is not documented")
    forced = _FORCED.get(str(sub_type))
    if trade_id.startswith("-") and forced is None:
        raise MalformedResponseError(f"fills: a trade of the venue's own has subType {sub_type!r:.20}, not a known one")
    try:
        quantity = in_base(number(row, "fillSz"), size)
    except InvalidRowError as error:
        raise MalformedResponseError(f"fills: {error}") from error
    if quantity <= 0:
        raise MalformedResponseError(f"fills: fillSz is {quantity} in base units, not above 0")
    return MarkedTrade(
        trade=Trade(
            trade_id=bill_id,
            order_id=order_id or None,
            symbol=symbol,
            leg=LEGS[leg],
            side=SIDES[side],
            quantity=quantity,
            time_ms=time_ms,
        ),
        forced=forced,
    )
