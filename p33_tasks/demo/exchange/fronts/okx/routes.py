"""OKX v5 endpoints of linear swaps, over the core: quantities are contracts, and an order's refusal is a row's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.core.orders import Order, OrderRequest, Params, Trade, number, required
from p33_tasks.demo.exchange.core.positions import Position, PositionSide
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.fronts.common import (
    STATES,
    TIMED_OUT,
    TOO_MANY_ORDERS,
    average_price,
    contract_size,
    nothing,
    orders_of,
    place,
    signed,
    trades_of,
)
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.fronts.row_faults import with_row_fault
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import money, plain

_MARGIN_MODE: Final = "cross"
_SIDES: Final[Mapping[PositionSide, str]] = {"BOTH": "net", "LONG": "long", "SHORT": "short"}
_LEGS: Final[Mapping[str, PositionSide]] = {"net": "BOTH", "long": "LONG", "short": "SHORT"}
_ROW_CODES: Final = {-2022: "51169", -4116: "51016", -2019: "51008", -4003: "51020", -4004: "51020", -4005: "51202"}
_SUB_TYPES: Final = {"liquidation": ("106", "107"), "adl": ("127", "128"), "settlement": ("112", "113")}
_CLIENT_ID: Final = re.compile(r"[0-9A-Za-z]{0,32}")


@dataclass(frozen=True, slots=True)
class Refused:
    """A row of an order that was not taken; the HTTP status is 200."""

    row: dict[str, Any]


def symbol_of(base: str) -> str:
    """The swap of a base asset."""
    return f"{base}-USDT-SWAP"


def _time(sim: Simulation, _params: Params) -> Any:
    return [{"ts": str(sim.server_ms)}]


def _instruments(sim: Simulation, params: Params) -> Any:
    if required(params, "instType") != "SWAP":
        return []
    wanted = _listed(sim, params)
    return [_instrument(sim.venue.listings[symbol]) for symbol in ([wanted] if wanted else sim.symbols)]


def _config(sim: Simulation, _params: Params) -> Any:
    rights = "read_only,trade,withdraw" if sim.faults.withdrawals_enabled else "read_only,trade"
    mode = "long_short_mode" if sim.venue.hedged else "net_mode"
    return [{"acctLv": "2", "posMode": mode, "perm": rights, "ip": "127.0.0.1", "uid": "1", "mainUid": "1"}]


def _positions(sim: Simulation, params: Params) -> Any:
    wanted = params.get("instId")
    symbols = [wanted] if wanted else sim.symbols
    rows: list[Any] = []
    for symbol in symbols:
        sim.venue.listing(symbol)
        shown = [(side, sim.venue.positions.shown(symbol, side, sim.now_ms)) for side in sim.venue.sides]
        own = [_position(sim, symbol, side, held) for side, held in shown if held.amt]
        rows.extend(with_row_fault(own, sim.row_fault(symbol), amount="pos"))
    return rows


def _create(sim: Simulation, params: Params) -> Any:
    """Place an order; the answer is only an acknowledgement, even if the order is already executed."""
    try:
        order = place(sim, lambda: _request(sim, params))
    except VenueError as error:
        if error.code in {TIMED_OUT, TOO_MANY_ORDERS}:  # of the request, not of a row
            raise
        code, client_id = _ROW_CODES.get(error.code, "51000"), params.get("clOrdId", "")
        return Refused({"clOrdId": client_id, "ordId": "", "sCode": code, "sMsg": error.text, "tag": ""})
    return [{"clOrdId": order.client_order_id, "ordId": str(order.order_id), "sCode": "0", "sMsg": "", "tag": ""}]


def _get_order(sim: Simulation, params: Params) -> Any:
    found = _orders(sim, params)
    if not found:
        raise refusal(-2013)
    return [_order(sim, found[0])]


def _pending(sim: Simulation, params: Params) -> Any:
    rows = [_order(sim, order) for order in _orders(sim, params) if order.is_open]
    return _page(params, rows, "ordId")


def _algo_pending(_sim: Simulation, params: Params) -> Any:
    required(params, "ordType")
    return []


def _fills(sim: Simulation, params: Params) -> Any:
    begin, end = int(params.get("begin", "0")), int(params.get("end", sim.now_ms))
    wanted, order_id = _listed(sim, params), params.get("ordId")
    found = trades_of(sim, since_ms=begin, until_ms=end, symbol=wanted, order_id=order_id)
    return _page(params, [_fill(sim, trade) for trade in found], "billId")


def _listed(sim: Simulation, params: Params) -> str | None:
    """The requested symbol, if any. Raises -1121."""
    return sim.venue.listing(params["instId"]).symbol if params.get("instId") else None


def _page(params: Params, rows: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Newest first, behind the id in ``after``."""
    size, after = max(1, min(int(params.get("limit", "100")), 100)), params.get("after")
    start = next((place + 1 for place, row in enumerate(rows) if row[key] == after), 0) if after else 0
    return list(rows[start : start + size])


def _position(sim: Simulation, symbol: str, side: PositionSide, held: Position) -> dict[str, Any]:
    listing, mark = sim.venue.listings[symbol], sim.venue.mark(symbol, sim.now_ms)
    contracts = held.amt / contract_size(listing)
    return {
        "instType": "SWAP",
        "instId": listing.symbol,
        "mgnMode": _MARGIN_MODE,
        "posId": f"{symbol}-{side}",
        "posSide": _SIDES[side],
        "pos": plain(contracts if side == "BOTH" else abs(contracts)),
        "posCcy": "",
        "ccy": "USDT",
        "avgPx": plain(held.entry_price.quantize(listing.tick_size)),
        "markPx": plain(mark),
        "lever": str(sim.venue.leverage(symbol)),
        "upl": money(held.amt * (mark - held.entry_price)),
        "uplRatio": "0",
        "notionalUsd": money(abs(held.amt) * mark),
        "liqPx": "",
        "margin": "",
        "imr": "0",
        "mmr": "0",
        "mgnRatio": "",
        "cTime": str(held.update_ms),
        "uTime": str(held.update_ms),
        "tradeId": "1",
    }


def _request(sim: Simulation, params: Params) -> OrderRequest:
    side, kind = required(params, "side"), required(params, "ordType")
    leg, client_id = params.get("posSide") or "net", params.get("clOrdId", "")  # "" is what clients send for none
    if side not in {"buy", "sell"} or kind not in {"market", "limit"} or leg not in _LEGS:
        raise refusal(-1130, name="side, ordType or posSide")
    if required(params, "tdMode") != _MARGIN_MODE:
        raise refusal(-1130, name="tdMode")
    if sim.venue.hedged is (leg == "net"):
        raise refusal(-4061)
    if not _CLIENT_ID.fullmatch(client_id):
        raise refusal(-4015)
    symbol = required(params, "instId")
    return OrderRequest(
        symbol=symbol,
        side=side.upper(),
        type=kind.upper(),
        quantity=number("sz", required(params, "sz")) * contract_size(sim.venue.listing(symbol)),
        price=number("px", required(params, "px")) if kind == "limit" else None,
        time_in_force="GTC",
        reduce_only=leg == "net" and params.get("reduceOnly", "false") == "true",
        position_side=_LEGS[leg],
        client_order_id=client_id or None,
    )


def _orders(sim: Simulation, params: Params) -> list[Order]:
    """Latest first."""
    ids = {"order_id": params.get("ordId"), "client_id": params.get("clOrdId")}
    return orders_of(sim, symbol=_listed(sim, params), **ids)


def _order(sim: Simulation, order: Order) -> dict[str, Any]:
    listing = sim.venue.listings[order.symbol]
    size = contract_size(listing)
    return {
        "instType": "SWAP",
        "instId": listing.symbol,
        "ordId": str(order.order_id),
        "clOrdId": order.client_order_id,
        "tag": "",
        "px": plain(order.price) if order.price else "",
        "sz": plain(order.orig_qty / size),
        "accFillSz": plain(order.executed_qty / size),
        "avgPx": plain(average_price(sim, order)) if order.executed_qty else "",
        "side": order.side.lower(),
        "posSide": _SIDES[order.position_side],
        "tdMode": _MARGIN_MODE,
        "ordType": order.type.lower(),
        "state": STATES[order.status],
        "reduceOnly": "true" if order.reduce_only else "false",
        "category": "normal",
        "fee": "0",
        "feeCcy": "USDT",
        "lever": str(sim.venue.leverage(order.symbol)),
        "pnl": "0",
        "cTime": str(order.time_ms),
        "uTime": str(order.update_ms),
    }


def _fill(sim: Simulation, trade: Trade) -> dict[str, Any]:
    order, listing = trade.order, sim.venue.listings[trade.order.symbol]
    kind = sim.venue.forced.get(order.order_id)
    is_sell = order.side == "SELL"
    return {
        "instType": "SWAP",
        "instId": listing.symbol,
        "billId": f"{700_000 + trade.trade_id}",
        "tradeId": str(-trade.trade_id if kind else trade.trade_id),
        "ordId": str(order.order_id),
        "clOrdId": order.client_order_id,
        "side": order.side.lower(),
        "posSide": _SIDES[order.position_side],
        "fillSz": plain(trade.qty / contract_size(listing)),
        "fillPx": plain(trade.price),
        "fillPnl": money(trade.realized_pnl),
        "fee": "0",
        "feeCcy": "USDT",
        "subType": _SUB_TYPES[kind][is_sell] if kind else ("2" if is_sell else "1"),
        "execType": "" if kind else "T",
        "tag": "",
        "fillTime": str(trade.time_ms),
        "ts": str(trade.time_ms),
    }


def _instrument(listing: Listing) -> dict[str, Any]:
    size = contract_size(listing)
    return {
        "instType": "SWAP",
        "instId": listing.symbol,
        "instFamily": f"{listing.base}-USDT",
        "uly": f"{listing.base}-USDT",
        "baseCcy": "",
        "quoteCcy": "",
        "settleCcy": "USDT",
        "ctVal": plain(size),
        "ctMult": "1",
        "ctValCcy": listing.base,
        "ctType": "linear",
        "lever": str(listing.max_leverage),
        "tickSz": plain(listing.tick_size),
        "lotSz": plain(listing.step_size / size),
        "minSz": plain(listing.min_qty / size),
        "maxLmtSz": plain(listing.max_qty / size),
        "maxMktSz": plain(listing.max_market_qty / size),
        "listTime": "1573557408000",
        "expTime": "",
        "state": "live",
        "alias": "",
        "category": "1",
    }


ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/api/v5/public/time"): Route(handler=_time),
    ("GET", "/api/v5/public/instruments"): Route(handler=_instruments),
    ("GET", "/api/v5/account/config"): signed(_config),
    ("GET", "/api/v5/account/positions"): signed(_positions),
    ("POST", "/api/v5/trade/order"): signed(_create, is_order=True),
    ("POST", "/api/v5/trade/batch-orders"): signed(_create, is_order=True),  # of one order
    ("GET", "/api/v5/trade/order"): signed(_get_order),
    ("GET", "/api/v5/trade/fills"): signed(_fills),
    ("GET", "/api/v5/trade/fills-history"): signed(_fills),
    ("GET", "/api/v5/trade/orders-pending"): signed(_pending),
    ("GET", "/api/v5/trade/orders-algo-pending"): signed(_algo_pending),
    ("GET", "/api/v5/asset/currencies"): signed(nothing),
}
