"""The rows of positionRisk, v2 and v3.

v2 has a row for every listed symbol, flat or not, and the leverage; v3 leaves out flat symbols without an open
order and has no leverage. Field names follow the documented example (v2) and a recorded answer (v3).
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from p33_tasks.demo.exchange.core.positions import FLAT, HEDGED, Position, PositionSide
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.core.venue import Venue
from p33_tasks.demo.exchange.fronts.row_faults import Row, RowFaults, with_row_fault
from p33_tasks.demo.exchange.wire import ZERO_8, fixed, money, plain

# Notional a position may have, USDT; one value, as the leverage brackets here have one step.
MAX_NOTIONAL_USDT: Final = "40000000"


def v2_rows(venue: Venue, symbols: list[str], now_ms: int, *, faults: RowFaults) -> list[Any]:
    """A row per symbol and position side."""
    rows: list[Any] = []
    for symbol in symbols:
        fault = faults(symbol)
        plain_rows = [
            _v2(venue, symbol, side, position, now_ms) for side, position in _shown(venue, symbol, now_ms, fault)
        ]
        rows.extend(with_row_fault(plain_rows, fault))
    return rows


def v3_rows(venue: Venue, symbols: list[str], now_ms: int, *, faults: RowFaults) -> list[Any]:
    """A row per symbol and side that is not flat or has an open order."""
    with_orders = {order.symbol for order in venue.orders.open()}
    rows: list[Any] = []
    for symbol in symbols:
        fault = faults(symbol)
        shown = [
            (side, position)
            for side, position in _shown(venue, symbol, now_ms, fault)
            if position.amt or symbol in with_orders
        ]
        rows.extend(with_row_fault([_v3(venue, symbol, side, position, now_ms) for side, position in shown], fault))
    return rows


def _shown(venue: Venue, symbol: str, now_ms: int, fault: str | None) -> Iterator[tuple[PositionSide, Position]]:
    if fault == "hedged" and not venue.hedged:
        position = venue.positions.shown(symbol, "BOTH", now_ms)
        for side in HEDGED:
            yield side, position if (side == "LONG") == (position.amt >= 0) else FLAT
        return
    for side in venue.sides:
        yield side, venue.positions.shown(symbol, side, now_ms)


def _v2(venue: Venue, symbol: str, side: PositionSide, position: Position, now_ms: int) -> Row:
    listing = venue.listings[symbol]
    mark = venue.prices.mark(listing, now_ms)
    flat = _flat_v2(symbol, side, listing.quantity_precision, venue.leverage(symbol))
    if position is FLAT:  # nearly all of 600 rows: only the price is new
        return flat | {"markPrice": plain(mark)}
    entry, profit, notional = _amounts(listing, position, mark)
    return flat | {
        "positionAmt": fixed(position.amt, listing.quantity_precision),
        "entryPrice": entry,
        "breakEvenPrice": entry,
        "markPrice": plain(mark),
        "unRealizedProfit": profit,
        "notional": notional,
        "updateTime": position.update_ms,
        "adlQuantile": 2 if position.amt else 0,
    }


@lru_cache(maxsize=8192)
def _flat_v2(symbol: str, side: PositionSide, quantity_precision: int, leverage: int) -> Row:
    return {
        "symbol": symbol,
        "positionAmt": fixed(FLAT.amt, quantity_precision),
        "entryPrice": "0.0",
        "breakEvenPrice": "0.0",
        "markPrice": "0",
        "unRealizedProfit": ZERO_8,
        "liquidationPrice": "0",
        "leverage": str(leverage),
        "maxNotionalValue": MAX_NOTIONAL_USDT,
        "marginType": "cross",
        "isolatedMargin": ZERO_8,
        "isAutoAddMargin": "false",
        "positionSide": side,
        "notional": "0",
        "isolatedWallet": "0",
        "updateTime": 0,
        "isolated": False,
        "adlQuantile": 0,
    }


def _v3(venue: Venue, symbol: str, side: PositionSide, position: Position, now_ms: int) -> Row:
    listing = venue.listings[symbol]
    mark = venue.prices.mark(listing, now_ms)
    entry, profit, notional = _amounts(listing, position, mark)
    value = abs(position.amt) * mark
    initial = money(value / venue.leverage(symbol))
    return {
        "symbol": symbol,
        "positionSide": side,
        "positionAmt": fixed(position.amt, listing.quantity_precision),
        "entryPrice": entry,
        "breakEvenPrice": entry,
        "markPrice": plain(mark),
        "unRealizedProfit": profit,
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": notional,
        "marginAsset": "USDT",
        "isolatedWallet": "0",
        "initialMargin": initial,
        "maintMargin": money(value * listing.maint_margin_ratio),
        "positionInitialMargin": initial,
        "openOrderInitialMargin": "0",
        "adl": 2 if position.amt else 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": position.update_ms,
    }


def _amounts(listing: Listing, position: Position, mark: Decimal) -> tuple[str, str, str]:
    """Entry price, unrealized profit and signed notional."""
    if not position.amt:
        return "0.0", ZERO_8, "0"
    entry = position.entry_price.quantize(Decimal(1).scaleb(-max(8, listing.price_precision))).normalize()
    return plain(entry), money(position.amt * (mark - position.entry_price)), money(position.amt * mark)
