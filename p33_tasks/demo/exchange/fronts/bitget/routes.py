"""Bitget v2 endpoints of USDT-M futures, over the core.

In hedge mode an order's ``side`` is the position's: closing a long is buy and close. Lists are newest first, in pages
of 100 behind ``idLessThan``; an empty one is null.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Order, OrderRequest, Params, Trade, number, required
from p33_tasks.demo.exchange.core.positions import Position, PositionSide
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.fronts.common import (
    STATES,
    average_price,
    closes,
    nothing,
    orders_of,
    place,
    shown_legs,
    shows_legs_alone,
    signed,
    trades_of,
    week_until,
)
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.fronts.row_faults import with_row_fault
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import fixed, money, plain

_MARGIN_MODE: Final = "crossed"
_LEGS: Final[Mapping[str, PositionSide]] = {"buy": "LONG", "sell": "SHORT"}
_FORCED: Final = {"liquidation": "burst", "adl": "dte_sys_adl", "settlement": "delivery"}
_CLIENT_ID: Final = re.compile(r"[0-9A-Za-z_-]{0,50}")


def _time(sim: Simulation, _params: Params) -> Any:
    return {"serverTime": str(sim.server_ms)}


def _contracts(sim: Simulation, params: Params) -> Any:
    if required(params, "productType") != "USDT-FUTURES":
        return []
    wanted = params.get("symbol")
    return [_contract(sim.venue.listings[symbol]) for symbol in sim.symbols if wanted in {None, "", symbol}]


def _account(sim: Simulation, params: Params) -> Any:
    _check_product(params)
    return {
        "marginCoin": "USDT",
        "locked": "0",
        "available": money(sim.venue.balance_usdt),
        "accountEquity": money(sim.venue.balance_usdt),
        "marginMode": _MARGIN_MODE,
        "posMode": _mode(sim),
        "assetMode": "single",
    }


def _key(sim: Simulation, _params: Params) -> Any:
    rights = ["coow", "cpow", "stor", *(["wwow"] if sim.faults.withdrawals_enabled else [])]
    return {"userId": "1", "inviterId": "", "ips": "127.0.0.1", "authorities": rights, "parentId": 1}


def _all_positions(sim: Simulation, params: Params) -> Any:
    _check_product(params)
    return [row for symbol in sim.symbols for row in _rows_of(sim, symbol)]


def _one_position(sim: Simulation, params: Params) -> Any:
    _check_product(params)
    return _rows_of(sim, sim.venue.listing(required(params, "symbol")).symbol)


def _create(sim: Simulation, params: Params) -> Any:
    """Place an order; the answer is only an acknowledgement, even if the order is already executed."""
    order = place(sim, lambda: _request(sim, params))
    return {"clientOid": order.client_order_id, "orderId": str(order.order_id)}


def _detail(sim: Simulation, params: Params) -> Any:
    found = _orders(sim, params)
    if not found:
        raise refusal(-2013)
    return _order(sim, found[0], status="state")


def _pending(sim: Simulation, params: Params) -> Any:
    rows = [_order(sim, order, status="status") for order in _orders(sim, params) if order.is_open]
    return _page(params, rows, "entrustedList", "orderId")


def _plan_pending(_sim: Simulation, params: Params) -> Any:
    required(params, "planType")
    return _page(params, [], "entrustedList", "orderId")


def _fills(sim: Simulation, params: Params) -> Any:
    _check_product(params)
    since_ms, until_ms = week_until(params, sim.now_ms)
    asked = {"symbol": params.get("symbol"), "order_id": params.get("orderId")}
    rows = [_fill(sim, trade) for trade in trades_of(sim, since_ms=since_ms, until_ms=until_ms, **asked)]
    return _page(params, rows, "fillList", "tradeId")


def _check_product(params: Params) -> None:
    if required(params, "productType").upper() != "USDT-FUTURES":
        raise refusal(-1130, name="productType")


def _mode(sim: Simulation) -> str:
    return "hedge_mode" if sim.venue.hedged else "one_way_mode"


def _page(params: Params, rows: Sequence[dict[str, Any]], name: str, key: str) -> Any:
    size, before = max(1, min(int(params.get("limit", "100")), 100)), params.get("idLessThan")
    start = next((place + 1 for place, row in enumerate(rows) if row[key] == before), 0) if before else 0
    page = list(rows[start : start + size])
    return {name: page or None, "endId": page[-1][key] if page else None}


def _rows_of(sim: Simulation, symbol: str) -> list[Any]:
    mode = "hedge_mode" if shows_legs_alone(sim, symbol) else _mode(sim)
    rows = [_position(sim, symbol, held, mode) for _side, held in shown_legs(sim, symbol) if held.amt]
    return with_row_fault(rows, sim.row_fault(symbol), amount="total")


def _position(sim: Simulation, symbol: str, held: Position, mode: str) -> dict[str, Any]:
    listing, mark = sim.venue.listings[symbol], sim.venue.mark(symbol, sim.now_ms)
    amount = fixed(abs(held.amt), listing.quantity_precision)
    return {
        "marginCoin": "USDT",
        "symbol": symbol,
        "holdSide": "long" if held.amt > 0 else "short",
        "openDelegateSize": "0",
        "marginSize": "0",
        "available": amount,
        "locked": "0",
        "total": amount,
        "leverage": str(sim.venue.leverage(symbol)),
        "achievedProfits": "0",
        "openPriceAvg": plain(held.entry_price.quantize(listing.tick_size)),
        "marginMode": _MARGIN_MODE,
        "posMode": mode,
        "unrealizedPL": money(held.amt * (mark - held.entry_price)),
        "liquidationPrice": "0",
        "keepMarginRate": plain(listing.maint_margin_ratio),
        "markPrice": plain(mark),
        "cTime": str(held.update_ms),
        "uTime": str(held.update_ms),
    }


def _request(sim: Simulation, params: Params) -> OrderRequest:
    _check_product(params)
    side, kind = required(params, "side"), required(params, "orderType")
    action, client_id = params.get("tradeSide", "").lower(), params.get("clientOid", "")
    if side not in _LEGS or kind not in {"market", "limit"} or required(params, "marginMode") != _MARGIN_MODE:
        raise refusal(-1130, name="side, orderType or marginMode")
    if sim.venue.hedged and action not in {"open", "close"}:
        raise refusal(-4061)
    if not _CLIENT_ID.fullmatch(client_id):
        raise refusal(-4015)
    is_close = sim.venue.hedged and action == "close"
    direction = {"buy": "sell", "sell": "buy"}[side] if is_close else side
    return OrderRequest(
        symbol=required(params, "symbol"),
        side=direction.upper(),
        type=kind.upper(),
        quantity=number("size", required(params, "size")),
        price=number("price", required(params, "price")) if kind == "limit" else None,
        time_in_force="GTC",
        reduce_only=not sim.venue.hedged and params.get("reduceOnly", "NO").upper() == "YES",
        position_side=_LEGS[side] if sim.venue.hedged else "BOTH",
        client_order_id=client_id or None,
    )


def _orders(sim: Simulation, params: Params) -> list[Order]:
    """Latest first."""
    _check_product(params)
    ids = {"order_id": params.get("orderId"), "client_id": params.get("clientOid")}
    return orders_of(sim, symbol=params.get("symbol"), **ids)


def _sides(order: Order) -> dict[str, str]:
    """Side, leg and what the order does, in the venue's words."""
    if order.position_side == "BOTH":
        return {"side": order.side.lower(), "posSide": "net", "tradeSide": f"{order.side.lower()}_single"}
    return {
        "side": "buy" if order.position_side == "LONG" else "sell",
        "posSide": order.position_side.lower(),
        "tradeSide": "close" if closes(order) else "open",
    }


def _order(sim: Simulation, order: Order, *, status: str) -> dict[str, Any]:
    places = sim.venue.listings[order.symbol].quantity_precision
    return {
        "symbol": order.symbol,
        "size": fixed(order.orig_qty, places),
        "orderId": str(order.order_id),
        "clientOid": order.client_order_id,
        "baseVolume": fixed(order.executed_qty, places),
        "quoteVolume": money(order.cum_quote),
        "fee": "0",
        "price": plain(order.price) if order.price else "",
        "priceAvg": plain(average_price(sim, order)) if order.executed_qty else "",
        status: STATES[order.status],
        **_sides(order),
        "force": "gtc",
        "totalProfits": "0",
        "marginCoin": "USDT",
        "marginMode": _MARGIN_MODE,
        "leverage": str(sim.venue.leverage(order.symbol)),
        "posMode": "one_way_mode" if order.position_side == "BOTH" else "hedge_mode",
        "orderType": order.type.lower(),
        "orderSource": order.type.lower(),
        "enterPointSource": "API",
        "reduceOnly": "YES" if order.reduce_only else "NO",
        "cTime": str(order.time_ms),
        "uTime": str(order.update_ms),
    }


def _fill(sim: Simulation, trade: Trade) -> dict[str, Any]:
    order, sides = trade.order, _sides(trade.order)
    kind = sim.venue.forced.get(order.order_id)
    if kind is not None:
        what = f"{order.side.lower()}_{'in_single_side_mode' if kind == 'adl' else 'single'}"
        if order.position_side != "BOTH":
            what = f"close_{order.position_side.lower()}"
        sides["tradeSide"] = f"{_FORCED[kind]}_{what}"
    return {
        "tradeId": str(500_000 + trade.trade_id),
        "symbol": order.symbol,
        "orderId": str(order.order_id),
        "price": plain(trade.price),
        "baseVolume": plain(trade.qty),
        "quoteVolume": money(trade.qty * trade.price),
        "feeDetail": [{"deduction": "no", "feeCoin": "USDT", "totalDeductionFee": "0", "totalFee": "0"}],
        "side": sides["side"],
        "tradeSide": sides["tradeSide"],
        "profit": money(trade.realized_pnl),
        "enterPointSource": "api",
        "posMode": "one_way_mode" if order.position_side == "BOTH" else "hedge_mode",
        "tradeScope": "taker",
        "cTime": str(trade.time_ms),
    }


def _contract(listing: Listing) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "baseCoin": listing.base,
        "quoteCoin": "USDT",
        "buyLimitPriceRatio": "0.05",
        "sellLimitPriceRatio": "0.05",
        "makerFeeRate": "0.0002",
        "takerFeeRate": "0.0006",
        "supportMarginCoins": ["USDT"],
        "minTradeNum": plain(listing.min_qty),
        "priceEndStep": "1",
        "volumePlace": str(listing.quantity_precision),
        "pricePlace": str(listing.price_precision),
        "sizeMultiplier": plain(listing.step_size),
        "symbolType": "perpetual",
        "minTradeUSDT": plain(listing.min_notional),
        "maxMarketOrderQty": plain(listing.max_market_qty),
        "maxOrderQty": plain(listing.max_qty),
        "symbolStatus": "normal",
        "offTime": "-1",
        "limitOpenTime": "-1",
        "deliveryTime": "",
        "deliveryStartTime": "",
        "launchTime": "",
        "fundInterval": "8",
        "minLever": "1",
        "maxLever": str(listing.max_leverage),
    }


ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/api/v2/public/time"): Route(handler=_time),
    ("GET", "/api/v2/mix/market/contracts"): Route(handler=_contracts),
    ("GET", "/api/v2/spot/public/coins"): Route(handler=nothing),
    ("GET", "/api/v2/spot/account/info"): signed(_key),
    ("GET", "/api/v2/mix/account/account"): signed(_account),
    ("GET", "/api/v2/mix/position/all-position"): signed(_all_positions),
    ("GET", "/api/v2/mix/position/single-position"): signed(_one_position),
    ("POST", "/api/v2/mix/order/place-order"): signed(_create, is_order=True),
    ("GET", "/api/v2/mix/order/detail"): signed(_detail),
    ("GET", "/api/v2/mix/order/orders-pending"): signed(_pending),
    ("GET", "/api/v2/mix/order/orders-plan-pending"): signed(_plan_pending),
    ("GET", "/api/v2/mix/order/fill-history"): signed(_fills),
    ("GET", "/api/v2/mix/order/fills"): signed(_fills),
}
