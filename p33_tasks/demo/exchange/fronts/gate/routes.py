"""Gate v4 endpoints of USDT futures, over the core: sizes are signed contracts, ids numbers, times seconds.

An order is found by its ``text`` while it is open and for 60 s after it ended.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Order, OrderRequest, Params, Trade, number, required
from p33_tasks.demo.exchange.core.positions import Position, PositionSide
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.fronts.common import (
    average_price,
    closes,
    contract_size,
    nothing,
    orders_of,
    place,
    shown_legs,
    signed,
    trades_of,
)
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.fronts.row_faults import with_row_fault
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import money, plain

DECIMAL: Final = "X-Gate-Size-Decimal"
_FOUND_BY_TEXT_MS: Final = 60_000
_TEXT: Final = re.compile(r"t-[0-9A-Za-z_.-]{1,28}")
_MODES: Final[Mapping[PositionSide, str]] = {"BOTH": "single", "LONG": "dual_long", "SHORT": "dual_short"}
_FORCED: Final = {"liquidation": "liquidation", "adl": "auto_deleveraging", "settlement": "settlement"}
_FINISHED: Final = {"FILLED": "filled", "CANCELED": "cancelled", "EXPIRED": "ioc"}


def symbol_of(base: str) -> str:
    """The contract of a base asset."""
    return f"{base}_USDT"


def _size(params: Params, amount: Decimal, listing: Listing) -> Any:
    """Contracts as the venue writes them: text with the header, else a whole number, cut off."""
    contracts = amount / contract_size(listing) if amount else Decimal(0)  # never -0
    return plain(contracts) if params.get(DECIMAL) == "1" else int(contracts)


def _seconds(time_ms: int) -> float:
    return time_ms / 1000


def _time(sim: Simulation, _params: Params) -> Any:
    return {"server_time": sim.server_ms}


def _contracts(sim: Simulation, _params: Params) -> Any:
    return [_contract(sim.venue.listings[symbol]) for symbol in sim.symbols]


def _one_contract(sim: Simulation, params: Params) -> Any:
    return _contract(sim.venue.listing(params["contract"]))


def _account(sim: Simulation, _params: Params) -> Any:
    return {
        "user": 1,
        "total": money(sim.venue.balance_usdt),
        "available": money(sim.venue.balance_usdt),
        "currency": "USDT",
        "in_dual_mode": sim.venue.hedged,
        "position_mode": "dual" if sim.venue.hedged else "single",
    }


def _detail(_sim: Simulation, _params: Params) -> Any:
    return {"user_id": 1, "ip_whitelist": ["127.0.0.1"], "currency_pairs": [], "key": {"mode": 1}, "tier": 0}


def _keys(sim: Simulation, _params: Params) -> Any:
    names = ["futures", "account", *(["wallet"] if sim.faults.withdrawals_enabled else [])]
    rights = [{"name": name, "read_only": False} for name in names]
    return [{"state": 1, "mode": 1, "name": "demo", "user_id": 1, "perms": rights, "ip_whitelist": ["127.0.0.1"]}]


def _positions(sim: Simulation, params: Params) -> Any:
    with_flat = params.get("holding", "").lower() != "true"  # the venue's own client writes True
    rows = [row for symbol in sim.symbols for row in _rows_of(sim, params, symbol, with_flat=with_flat)]
    return _page(params, rows)


def _create(sim: Simulation, params: Params) -> Any:
    """Place an order; the answer is the complete order."""
    order = place(sim, lambda: _request(sim, params))
    return _order(sim, params, order)


def _get_order(sim: Simulation, params: Params) -> Any:
    wanted = params["order_id"]
    for order in orders_of(sim):
        is_recent = order.is_open or sim.now_ms - order.update_ms <= _FOUND_BY_TEXT_MS
        if str(order.order_id) == wanted or (order.client_order_id == wanted and is_recent):
            return _order(sim, params, order)
    raise refusal(-2013)


def _list_orders(sim: Simulation, params: Params) -> Any:
    status = required(params, "status")
    found = [order for order in orders_of(sim, symbol=_listed(sim, params)) if order.is_open is (status == "open")]
    return _page(params, [_order(sim, params, order) for order in found])


def _price_orders(_sim: Simulation, params: Params) -> Any:
    required(params, "status")
    return []


def _trades(sim: Simulation, params: Params) -> Any:
    begin_ms, end_ms = int(params.get("from", "0")) * 1000, int(params.get("to", sim.now_ms // 1000 + 1)) * 1000
    wanted, order_id = _listed(sim, params), params.get("order")
    found = trades_of(sim, since_ms=begin_ms, until_ms=end_ms, symbol=wanted, order_id=order_id)
    return _page(params, [_trade(sim, params, trade) for trade in found])


def _listed(sim: Simulation, params: Params) -> str | None:
    """The requested symbol, if any. Raises -1121."""
    return sim.venue.listing(params["contract"]).symbol if params.get("contract") else None


def _page(params: Params, rows: Sequence[Any]) -> list[Any]:
    size, start = max(1, min(int(params.get("limit", "100")), 1000)), int(params.get("offset", "0"))
    return list(rows[start : start + size])


def _rows_of(sim: Simulation, params: Params, symbol: str, *, with_flat: bool) -> list[Any]:
    shown = shown_legs(sim, symbol)
    rows = [_position(sim, params, symbol, side, held) for side, held in shown if with_flat or held.amt]
    return with_row_fault(rows, sim.row_fault(symbol), amount="size")


def _position(sim: Simulation, params: Params, symbol: str, side: PositionSide, held: Position) -> dict[str, Any]:
    listing, mark = sim.venue.listings[symbol], sim.venue.mark(symbol, sim.now_ms)
    return {
        "contract": listing.symbol,
        "mode": _MODES[side],
        "size": _size(params, held.amt, listing),
        "value": money(abs(held.amt) * mark),
        "leverage": "0",
        "lever": str(sim.venue.leverage(symbol)),
        "entry_price": plain(held.entry_price.quantize(listing.tick_size)),
        "mark_price": plain(mark),
        "unrealised_pnl": money(held.amt * (mark - held.entry_price)),
        "realised_pnl": "0",
        "margin": "0",
        "liq_price": "0",
        "maintenance_rate": plain(listing.maint_margin_ratio),
        "cross_leverage_limit": str(sim.venue.leverage(symbol)),
        "pending_orders": 0,
        "adl_ranking": 5 if held.amt else 6,
        "update_time": held.update_ms // 1000,
        "update_id": 1,
        "pos_margin_mode": "cross",
    }


def _request(sim: Simulation, params: Params) -> OrderRequest:
    symbol = required(params, "contract")
    text, size = params.get("text", ""), required(params, "size")
    is_sell, reduces = size.startswith("-"), params.get("reduce_only", "false") == "true"
    contracts = number("size", size.removeprefix("-"))
    if params.get(DECIMAL) != "1" and contracts != contracts.to_integral_value():
        raise refusal(-1130, name="size")
    if text and not _TEXT.fullmatch(text):
        raise refusal(-4015)
    is_market = number("price", params.get("price", "0")) == 0
    if is_market and params.get("tif", "gtc") != "ioc":
        raise refusal(-1115)
    leg: PositionSide = "BOTH"
    if sim.venue.hedged:
        leg = "LONG" if is_sell is reduces else "SHORT"
    return OrderRequest(
        symbol=symbol,
        side="SELL" if is_sell else "BUY",
        type="MARKET" if is_market else "LIMIT",
        quantity=contracts * contract_size(sim.venue.listing(symbol)),
        price=None if is_market else number("price", params["price"]),
        time_in_force="GTC",
        reduce_only=reduces and not sim.venue.hedged,
        position_side=leg,
        client_order_id=text or None,
    )


def _order(sim: Simulation, params: Params, order: Order) -> dict[str, Any]:
    listing = sim.venue.listings[order.symbol]
    sign = 1 if order.side == "BUY" else -1
    ended = {} if order.is_open else {"finish_as": _FINISHED[order.status], "finish_time": _seconds(order.update_ms)}
    return {
        "id": order.order_id,
        "user": 1,
        "contract": listing.symbol,
        "create_time": _seconds(order.time_ms),
        "size": _size(params, sign * order.orig_qty, listing),
        "left": _size(params, sign * order.open_qty, listing),
        "price": plain(order.price) if order.price else "0",
        "fill_price": plain(average_price(sim, order)),
        "status": "open" if order.is_open else "finished",
        **ended,
        "tif": "ioc" if order.type == "MARKET" else "gtc",
        "text": order.client_order_id,
        "is_reduce_only": closes(order),
        "is_close": False,
        "is_liq": order.order_id in sim.venue.forced,
        "iceberg": 0,
    }


def _trade(sim: Simulation, params: Params, trade: Trade) -> dict[str, Any]:
    order, listing = trade.order, sim.venue.listings[trade.order.symbol]
    kind = sim.venue.forced.get(order.order_id)
    size = _size(params, trade.qty if order.side == "BUY" else -trade.qty, listing)
    return {
        "id": trade.trade_id,
        "trade_id": str(trade.trade_id),
        "create_time": _seconds(trade.time_ms),
        "contract": listing.symbol,
        "order_id": str(order.order_id),
        "size": size,
        "close_size": size if kind or closes(order) else "0",
        "price": plain(trade.price),
        "role": "taker",
        "text": _FORCED[kind] if kind else order.client_order_id,
        "fee": "0",
        "point_fee": "0",
    }


def _contract(listing: Listing) -> dict[str, Any]:
    size = contract_size(listing)
    return {
        "name": listing.symbol,
        "type": "direct",
        "quanto_multiplier": plain(size),
        "mark_type": "index",
        "order_price_round": plain(listing.tick_size),
        "mark_price_round": plain(listing.tick_size),
        "order_size_min": plain(listing.min_qty / size),
        "order_size_max": plain(listing.max_qty / size),
        "market_order_size_max": plain(listing.max_market_qty / size),
        "enable_decimal": True,
        "leverage_min": "1",
        "leverage_max": str(listing.max_leverage),
        "maintenance_rate": plain(listing.maint_margin_ratio),
        "maker_fee_rate": "-0.0001",
        "taker_fee_rate": "0.00075",
        "order_price_deviate": "0.5",
        "in_delisting": False,
        "status": "trading",
        "create_time": 1758124392,
        "funding_interval": 28800,
    }


ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/api/v4/spot/time"): Route(handler=_time),
    ("GET", "/api/v4/futures/usdt/contracts"): Route(handler=_contracts),
    ("GET", "/api/v4/futures/usdt/contracts/{contract}"): Route(handler=_one_contract),
    ("GET", "/api/v4/futures/usdt/accounts"): signed(_account),
    ("GET", "/api/v4/futures/usdt/positions"): signed(_positions),
    ("POST", "/api/v4/futures/usdt/orders"): signed(_create, is_order=True),
    ("GET", "/api/v4/futures/usdt/orders"): signed(_list_orders),
    ("GET", "/api/v4/futures/usdt/orders/{order_id}"): signed(_get_order),
    ("GET", "/api/v4/futures/usdt/price_orders"): signed(_price_orders),
    ("GET", "/api/v4/futures/usdt/my_trades"): signed(_trades),
    ("GET", "/api/v4/futures/usdt/my_trades_timerange"): signed(_trades),
    ("GET", "/api/v4/spot/currencies"): Route(handler=nothing),
    ("GET", "/api/v4/futures/btc/contracts"): Route(handler=nothing),
    ("GET", "/api/v4/account/detail"): signed(_detail),
    ("GET", "/api/v4/account/main_keys"): signed(_keys),
}
