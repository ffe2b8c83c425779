"""Bybit v5 endpoints of linear contracts, over the core: positions, instruments, orders, executions, the account.

A page that isn't empty has a cursor, the last one too, as at the venue.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Order, OrderRequest, Params, Trade, number, required
from p33_tasks.demo.exchange.core.positions import Position, PositionSide
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.fronts.common import closes, orders_of, place, shown_legs, signed, trades_of, week_until
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.fronts.row_faults import with_row_fault
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import fixed, money, plain

_INDEX: Final[Mapping[PositionSide, int]] = {"BOTH": 0, "LONG": 1, "SHORT": 2}
_SIDES: Final[Mapping[str, PositionSide]] = {"0": "BOTH", "1": "LONG", "2": "SHORT"}
_STATUSES: Final = {
    "NEW": "New",
    "PARTIALLY_FILLED": "PartiallyFilled",
    "FILLED": "Filled",
    "CANCELED": "Cancelled",
    "EXPIRED": "Cancelled",
}
_FORCED: Final = {"liquidation": "BustTrade", "adl": "AdlTrade", "settlement": "Settle"}
_CLIENT_ID: Final = re.compile(r"[0-9A-Za-z_-]{0,36}")


def _time(sim: Simulation, _params: Params) -> Any:
    now_ms = sim.server_ms
    return {"timeSecond": str(now_ms // 1000), "timeNano": f"{now_ms}000000"}


def _instruments(sim: Simulation, params: Params) -> Any:
    _check_category(params)
    wanted = params.get("symbol")
    listed = [sim.venue.listings[symbol] for symbol in sim.symbols if wanted in {None, symbol}]
    return _page(params, [_instrument(listing) for listing in listed], default=500, most=1000)


def _positions(sim: Simulation, params: Params) -> Any:
    _check_category(params)
    symbol, coin = params.get("symbol"), params.get("settleCoin")
    if symbol is None and coin is None:
        raise refusal(-1102, name="symbol or settleCoin")
    if symbol is not None:
        rows = _rows_of(sim, sim.venue.listing(symbol).symbol, with_flat=True)
    else:
        rows = [row for each in (sim.symbols if coin == "USDT" else []) for row in _rows_of(sim, each, with_flat=False)]
    return _page(params, rows, default=20, most=200)


def _create(sim: Simulation, params: Params) -> Any:
    """Place an order; the answer is only an acknowledgement, even if the order is already executed."""
    order = place(sim, lambda: _request(sim, params))
    return {"orderId": str(order.order_id), "orderLinkId": order.client_order_id}


def _realtime(sim: Simulation, params: Params) -> Any:
    """Open orders, and by an id closed ones too."""
    by_id = "orderId" in params or "orderLinkId" in params
    found = [order for order in _orders(sim, params) if by_id or order.is_open]
    return _page(params, [_order(sim, order) for order in found], default=20, most=50)


def _history(sim: Simulation, params: Params) -> Any:
    found = [order for order in _orders(sim, params) if not order.is_open]
    return _page(params, [_order(sim, order) for order in found], default=20, most=50)


def _executions(sim: Simulation, params: Params) -> Any:
    _check_category(params)
    since_ms, until_ms = week_until(params, sim.now_ms)
    symbol, order_id = params.get("symbol"), params.get("orderId")
    found = trades_of(sim, since_ms=since_ms, until_ms=until_ms, symbol=symbol, order_id=order_id)
    return _page(params, [_execution(sim, trade) for trade in found], default=50, most=100)


def _account(_sim: Simulation, _params: Params) -> Any:
    return {"marginMode": "REGULAR_MARGIN", "updatedTime": "0", "unifiedMarginStatus": 6, "dcpStatus": "OFF"}


def _key(sim: Simulation, _params: Params) -> Any:
    wallet = ["AccountTransfer", *(["Withdraw"] if sim.faults.withdrawals_enabled else [])]
    return {
        "id": "1",
        "apiKey": sim.credentials.key,
        "readOnly": 0,
        "permissions": {"ContractTrade": ["Order", "Position"], "Wallet": wallet},
        "ips": ["127.0.0.1"],
        "uta": 1,
        "unified": 0,
        "userID": 1,
    }


def _coins(_sim: Simulation, _params: Params) -> Any:
    """An empty list: there is no wallet; ccxt requests it when it loads the markets."""
    return {"rows": []}


def _check_category(params: Params) -> None:
    if required(params, "category") != "linear":
        raise refusal(-1130, name="category")


def _page(params: Params, rows: Sequence[Any], *, default: int, most: int) -> Any:
    size = max(1, min(int(params.get("limit", default)), most))
    start = int(params.get("cursor", "0") or 0)
    page = list(rows[start : start + size])
    return {"category": "linear", "list": page, "nextPageCursor": str(start + len(page)) if page else ""}


def _rows_of(sim: Simulation, symbol: str, *, with_flat: bool) -> list[Any]:
    rows = [_position(sim, symbol, side, held) for side, held in shown_legs(sim, symbol) if with_flat or held.amt]
    return with_row_fault(rows, sim.row_fault(symbol), amount="size")


def _position(sim: Simulation, symbol: str, side: PositionSide, held: Position) -> dict[str, Any]:
    listing, mark = sim.venue.listings[symbol], sim.venue.mark(symbol, sim.now_ms)
    return {
        "positionIdx": _INDEX[side],
        "symbol": symbol,
        "side": "Buy" if held.amt > 0 else "Sell" if held.amt < 0 else "",
        "size": fixed(abs(held.amt), listing.quantity_precision) if held.amt else "0",
        "avgPrice": plain(held.entry_price.quantize(listing.tick_size)) if held.amt else "0",
        "positionValue": money(abs(held.amt) * held.entry_price),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "leverage": str(sim.venue.leverage(symbol)),
        "markPrice": plain(mark),
        "liqPrice": "",
        "positionIM": "0",
        "positionMM": "0",
        "unrealisedPnl": money(held.amt * (mark - held.entry_price)),
        "createdTime": str(held.update_ms),
        "updatedTime": str(held.update_ms),
        "seq": held.update_ms,
    }


def _request(sim: Simulation, params: Params) -> OrderRequest:
    _check_category(params)
    side, kind = required(params, "side"), required(params, "orderType")
    index, client_id = params.get("positionIdx", "0"), params.get("orderLinkId", "")
    if side not in {"Buy", "Sell"} or kind not in {"Market", "Limit"} or index not in _SIDES:
        raise refusal(-1130, name="side, orderType or positionIdx")
    if sim.venue.hedged is (index == "0"):
        raise refusal(-4061)
    if not _CLIENT_ID.fullmatch(client_id):
        raise refusal(-4015)
    return OrderRequest(
        symbol=required(params, "symbol"),
        side=side.upper(),
        type=kind.upper(),
        quantity=number("qty", required(params, "qty")),
        price=number("price", required(params, "price")) if kind == "Limit" else None,
        time_in_force="GTC",
        reduce_only=params.get("reduceOnly", "false") == "true",
        position_side=_SIDES[index],
        client_order_id=client_id or None,
    )


def _orders(sim: Simulation, params: Params) -> list[Order]:
    """Latest first."""
    _check_category(params)
    ids = {"order_id": params.get("orderId"), "client_id": params.get("orderLinkId")}
    return orders_of(sim, symbol=params.get("symbol"), **ids)


def _order(sim: Simulation, order: Order) -> dict[str, Any]:
    listing = sim.venue.listings[order.symbol]
    places = listing.quantity_precision
    average = order.cum_quote / order.executed_qty if order.executed_qty else Decimal(0)
    return {
        "orderId": str(order.order_id),
        "orderLinkId": order.client_order_id,
        "symbol": order.symbol,
        "price": plain(order.price),
        "qty": fixed(order.orig_qty, places),
        "side": order.side.title(),
        "positionIdx": _INDEX[order.position_side],
        "orderStatus": _STATUSES[order.status],
        "createType": "CreateByUser",
        "cancelType": "UNKNOWN",
        "rejectReason": "EC_NoError",
        "avgPrice": format(average, f".{listing.price_precision + 2}f") if order.executed_qty else "",
        "leavesQty": fixed(order.open_qty if order.is_open else Decimal(0), places),
        "cumExecQty": fixed(order.executed_qty, places),
        "cumExecValue": money(order.cum_quote),
        "cumExecFee": "0",
        "timeInForce": "IOC" if order.type == "MARKET" else order.time_in_force,
        "orderType": order.type.title(),
        "stopOrderType": "",
        "triggerPrice": "",
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": False,
        "createdTime": str(order.time_ms),
        "updatedTime": str(order.update_ms),
    }


def _execution(sim: Simulation, trade: Trade) -> dict[str, Any]:
    order = trade.order
    return {
        "symbol": order.symbol,
        "orderId": str(order.order_id),
        "orderLinkId": order.client_order_id,
        "side": order.side.title(),
        "orderPrice": plain(order.price),
        "orderQty": plain(order.orig_qty),
        "orderType": order.type.title(),
        "createType": "CreateByUser",
        "execId": f"exec-{trade.trade_id}",
        "execPrice": plain(trade.price),
        "execQty": plain(trade.qty),
        "execValue": money(trade.qty * trade.price),
        "execFee": "0",
        "feeRate": "0",
        "execType": _FORCED.get(sim.venue.forced.get(order.order_id, ""), "Trade"),
        "execTime": str(trade.time_ms),
        "isMaker": False,
        "closedSize": plain(trade.qty) if closes(order) else "0",
        "seq": trade.trade_id,
    }


def _instrument(listing: Listing) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": listing.base,
        "quoteCoin": "USDT",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(listing.price_precision),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": str(listing.max_leverage), "leverageStep": "0.01"},
        "priceFilter": {
            "minPrice": plain(listing.tick_size),
            "maxPrice": "1999999",
            "tickSize": plain(listing.tick_size),
        },
        "lotSizeFilter": {
            "maxOrderQty": plain(listing.max_qty),
            "minOrderQty": plain(listing.min_qty),
            "qtyStep": plain(listing.step_size),
            "postOnlyMaxOrderQty": plain(listing.max_qty),
            "maxMktOrderQty": plain(listing.max_market_qty),
            "minNotionalValue": plain(listing.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": "USDT",
    }


ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/v5/market/time"): Route(handler=_time),
    ("GET", "/v5/market/instruments-info"): Route(handler=_instruments),
    ("GET", "/v5/position/list"): signed(_positions),
    ("POST", "/v5/order/create"): signed(_create, is_order=True),
    ("GET", "/v5/order/realtime"): signed(_realtime),
    ("GET", "/v5/order/history"): signed(_history),
    ("GET", "/v5/execution/list"): signed(_executions),
    ("GET", "/v5/account/info"): signed(_account),
    ("GET", "/v5/user/query-api"): signed(_key),
    ("GET", "/v5/asset/coin/query-info"): signed(_coins),
}
