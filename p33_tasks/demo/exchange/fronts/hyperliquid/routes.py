"""Hyperliquid's ``/info``, over the core: coins of two dexes, the account of one address, its orders and fills.

Sources: "Info endpoint" of Hyperliquid's documentation; the recorded answers of its own client.
"""

from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core.orders import Order, Params, Trade, required
from p33_tasks.demo.exchange.core.positions import Position
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.fronts.common import orders_of, signed, trades_of
from p33_tasks.demo.exchange.fronts.hyperliquid.coins import OTHER_DEX, coin_of, dex_of, listed, mark_of
from p33_tasks.demo.exchange.fronts.hyperliquid.orders import CLIENT_ID, create
from p33_tasks.demo.exchange.fronts.hyperliquid.wallets import address_of
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.fronts.row_faults import with_row_fault
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import money, plain

_DEPLOYER: Final = "0x00000000000000000000000000000000000000d1"
_SIDES: Final = {"BUY": "B", "SELL": "A"}
_STATUSES: Final = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "EXPIRED": "canceled",
}
_FORCED: Final = {"adl": "Auto-Deleveraging", "settlement": "Settlement"}
_PAGE: Final = 2_000


def _is_account(sim: Simulation, params: Params) -> bool:
    return required(params, "user").lower() == sim.credentials.key.lower()


def _status(sim: Simulation, _params: Params) -> Any:
    return {"specialStatuses": None, "time": sim.server_ms}


def _role(sim: Simulation, params: Params) -> Any:
    user, account = required(params, "user").lower(), sim.credentials.key.lower()
    if user == account:
        return {"role": "user"}
    if user == address_of(sim.credentials.secret):
        return {"role": "agent", "data": {"user": account}}
    return {"role": "missing"}


def _dexes(_sim: Simulation, _params: Params) -> Any:
    other = {"name": OTHER_DEX, "fullName": "XYZ", "deployer": _DEPLOYER, "oracleUpdater": None}
    return [None, other | {"feeRecipient": _DEPLOYER, "assetToStreamingOiCap": []}]


def _meta(sim: Simulation, params: Params) -> Any:
    coins = [
        {
            "name": coin_of(listing.base),
            "szDecimals": listing.quantity_precision,
            "maxLeverage": listing.max_leverage,
            "marginTableId": listing.max_leverage,
            **({"isDelisted": True} if listing.symbol in sim.faults.delisted else {}),
        }
        for listing in listed(sim, dex_of(params))
    ]
    return {"universe": coins, "marginTables": [], "collateralToken": 0}


def _meta_and_prices(sim: Simulation, params: Params) -> Any:
    prices = [
        {
            "funding": "0.0000125",
            "openInterest": "1000.0",
            "prevDayPx": plain(listing.start_price),
            "dayNtlVlm": "1000000.0",
            "premium": "0.0",
            "oraclePx": plain(mark_of(sim, listing)),
            "markPx": plain(mark_of(sim, listing)),
            "midPx": plain(mark_of(sim, listing)),
            "dayBaseVlm": "1000.0",
        }
        for listing in listed(sim, dex_of(params))
    ]
    return [_meta(sim, params), prices]


def _mids(sim: Simulation, params: Params) -> Any:
    return {coin_of(listing.base): plain(mark_of(sim, listing)) for listing in listed(sim, dex_of(params))}


def _spot_meta(_sim: Simulation, _params: Params) -> Any:
    """The coin of the margin, without markets; clients request it when they load the markets."""
    token = {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "isCanonical": True}
    token |= {"tokenId": "0x00000000000000000000000000000001", "evmContract": None, "fullName": None}
    return {"tokens": [token], "universe": []}


def _state(sim: Simulation, params: Params) -> Any:
    """The positions that aren't flat; none for an unknown address or an API wallet."""
    dex, own = dex_of(params), _is_account(sim, params)
    rows = [row for listing in (listed(sim, dex) if own else []) for row in _rows_of(sim, listing)]
    sums = {"accountValue": money(sim.venue.balance_usdt if own else Decimal(0)), "totalNtlPos": "0.0"}
    sums |= {"totalRawUsd": sums["accountValue"], "totalMarginUsed": "0.0"}
    return {
        "marginSummary": sums,
        "crossMarginSummary": sums,
        "crossMaintenanceMarginUsed": "0.0",
        "withdrawable": sums["accountValue"],
        "assetPositions": rows,
        "time": sim.server_ms,
    }


def _rows_of(sim: Simulation, listing: Listing) -> list[Any]:
    held = sim.venue.positions.shown(listing.symbol, "BOTH", sim.now_ms)
    own = with_row_fault(
        [_position(sim, listing, held)] if held.amt else [], sim.row_fault(listing.symbol), amount="szi"
    )
    return [{"type": "oneWay", "position": row} for row in own]


def _position(sim: Simulation, listing: Listing, held: Position) -> dict[str, Any]:
    mark = sim.venue.mark(listing.symbol, sim.now_ms)
    return {
        "coin": coin_of(listing.base),
        "szi": plain(held.amt),
        "leverage": {"type": "cross", "value": sim.venue.leverage(listing.symbol)},
        "entryPx": plain(held.entry_price.quantize(listing.tick_size)),
        "positionValue": money(abs(held.amt) * mark),
        "unrealizedPnl": money(held.amt * (mark - held.entry_price)),
        "returnOnEquity": "0.0",
        "liquidationPx": None,
        "marginUsed": money(abs(held.amt) * mark / sim.venue.leverage(listing.symbol)),
        "maxLeverage": listing.max_leverage,
        "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
    }


def _order_status(sim: Simulation, params: Params) -> Any:
    wanted = required(params, "oid")
    by_client = wanted.startswith("0x")
    found = orders_of(sim, client_id=wanted) if by_client else orders_of(sim, order_id=wanted)
    if not found or not _is_account(sim, params):
        return {"status": "unknownOid"}
    order = found[0]
    shown = {"order": _order(sim, order), "status": _STATUSES[order.status], "statusTimestamp": order.update_ms}
    return {"status": "order", "order": shown}


def _open_orders(sim: Simulation, params: Params) -> Any:
    symbols = {listing.symbol for listing in listed(sim, dex_of(params))}
    found = [order for order in orders_of(sim) if order.is_open and order.symbol in symbols]
    return [_order(sim, order) for order in found] if _is_account(sim, params) else []


def _fills(sim: Simulation, params: Params) -> Any:
    """Oldest first from ``startTime``, else the latest; at most 2 000."""
    if not _is_account(sim, params):
        return []
    since_ms, until_ms = int(params.get("startTime", "0")), int(params.get("endTime", sim.now_ms))
    found = trades_of(sim, since_ms=since_ms, until_ms=until_ms)
    kept = found[::-1][:_PAGE] if "startTime" in params else found[:_PAGE]
    return [_fill(sim, trade) for trade in kept]


def _order(sim: Simulation, order: Order) -> dict[str, Any]:
    return {
        "coin": coin_of(sim.venue.listings[order.symbol].base),
        "side": _SIDES[order.side],
        "limitPx": plain(order.price),
        "sz": plain(order.open_qty),
        "oid": order.order_id,
        "timestamp": order.time_ms,
        "triggerCondition": "N/A",
        "isTrigger": False,
        "triggerPx": "0.0",
        "children": [],
        "isPositionTpsl": False,
        "reduceOnly": order.reduce_only,
        "orderType": "Limit",
        "origSz": plain(order.orig_qty),
        "tif": "Gtc" if order.time_in_force == "GTC" and order.type == "LIMIT" else "Ioc",
        "cloid": order.client_order_id if CLIENT_ID.fullmatch(order.client_order_id) else None,
    }


def _fill(sim: Simulation, trade: Trade) -> dict[str, Any]:
    order, kind = trade.order, sim.venue.forced.get(trade.order.order_id)
    is_buy = order.side == "BUY"
    closed, opened = ("Short", "Long") if is_buy else ("Long", "Short")
    what = f"Close {closed}" if kind or order.reduce_only else f"Open {opened}"
    liquidated = {"liquidatedUser": sim.credentials.key, "markPx": plain(trade.price), "method": "market"}
    return {
        "coin": coin_of(sim.venue.listings[order.symbol].base),
        "px": plain(trade.price),
        "sz": plain(trade.qty),
        "side": _SIDES[order.side],
        "time": trade.time_ms,
        "dir": _FORCED.get(kind or "", what),
        "closedPnl": money(trade.realized_pnl),
        "hash": f"0x{trade.trade_id:064x}",
        "oid": order.order_id,
        "crossed": True,
        "fee": "0.0",
        "tid": 100_000_000 + trade.trade_id,
        "feeToken": "USDC",
        **({"liquidation": liquidated} if kind == "liquidation" else {}),
        **({"cloid": order.client_order_id} if CLIENT_ID.fullmatch(order.client_order_id) else {}),
    }


def _info(kind: str, handler: Any, weight: int) -> tuple[tuple[str, str], Route]:
    return ("POST", f"/info {kind}"), Route(handler=handler, weight=weight)


ROUTES: Final[dict[tuple[str, str], Route]] = dict(
    (
        _info("exchangeStatus", _status, 2),
        _info("userRole", _role, 60),
        _info("perpDexs", _dexes, 20),
        _info("meta", _meta, 20),
        _info("metaAndAssetCtxs", _meta_and_prices, 20),
        _info("allMids", _mids, 2),
        _info("spotMeta", _spot_meta, 20),
        _info("clearinghouseState", _state, 2),
        _info("orderStatus", _order_status, 2),
        _info("openOrders", _open_orders, 20),
        _info("frontendOpenOrders", _open_orders, 20),
        _info("userFills", _fills, 20),
        _info("userFillsByTime", _fills, 20),
        (("POST", "/exchange order"), signed(create, is_order=True)),
    )
)
