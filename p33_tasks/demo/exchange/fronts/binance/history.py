"""The signed endpoints about the past: trades, all orders, forced orders."""

from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Params, Trade, required
from p33_tasks.demo.exchange.faults import Faults
from p33_tasks.demo.exchange.fronts.binance.trading import DAY_MS, is_kept
from p33_tasks.demo.exchange.order_rows import order_json
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import money, plain

_LONGEST_SPAN_MS: Final = 7 * DAY_MS
_MOST_TRADES: Final = 1000
_DEFAULT_TRADES: Final = 500
_MOST_FORCED: Final = 100
_DEFAULT_FORCED: Final = 50
_DOUBLED_ID: Final = 10**12


def user_trades(sim: Simulation, params: Params) -> Any:
    """Executions of one symbol, oldest first: of a span of 7 days at most, or from a trade id on.

    A trade is listed `trade_delay_ms` after it happened. Raises -1127 and -1128.
    """
    symbol = sim.venue.listing(required(params, "symbol")).symbol
    order_id, from_id = _integer(params, "orderId"), _integer(params, "fromId")
    if from_id is not None and ("startTime" in params or "endTime" in params):
        raise refusal(-1128)
    since_ms, until_ms = _span(sim, params) if from_id is None and order_id is None else (0, sim.now_ms)
    shown_ms = sim.now_ms - sim.faults.trade_delay_ms
    found = [
        trade
        for trade in sim.venue.trades
        if trade.order.symbol == symbol
        and order_id in (None, trade.order.order_id)
        and trade.trade_id >= (from_id or 0)
        and since_ms <= trade.time_ms <= until_ms
        and trade.time_ms <= shown_ms
        and trade.trade_id not in sim.faults.trades_missing
    ]
    limit = _limit(params, _DEFAULT_TRADES, _MOST_TRADES)
    # From a start or an id on the oldest, else the latest.
    is_latest = from_id is None and "startTime" not in params
    return [
        row
        for trade in (found[-limit:] if is_latest else found[:limit])
        for row in _with_faults(_trade(trade), sim.faults)
    ]


def all_orders(sim: Simulation, params: Params) -> Any:
    """Orders of one symbol, oldest first, as long as the venue keeps them. Raises -1127."""
    symbol = sim.venue.listing(required(params, "symbol")).symbol
    since_ms, until_ms = _span(sim, params)
    found = [
        order
        for order in sim.venue.orders.all()
        if order.symbol == symbol and since_ms <= order.time_ms <= until_ms and is_kept(order, sim.now_ms)
    ]
    limit = _limit(params, _DEFAULT_TRADES, _MOST_TRADES)
    return [order_json(sim, order) for order in found[-limit:]]


def force_orders(sim: Simulation, params: Params) -> Any:
    """Liquidations, ADLs and settlements, latest first. Raises -1127."""
    symbol, wanted = params.get("symbol"), params.get("autoCloseType")
    since_ms, until_ms = _span(sim, params)
    found = [
        order
        for order in sim.venue.orders.all()
        if order.order_id in sim.venue.forced
        and symbol in (None, order.symbol)
        and wanted in (None, sim.venue.forced[order.order_id].upper())
        and since_ms <= order.time_ms <= until_ms
    ]
    limit = _limit(params, _DEFAULT_FORCED, _MOST_FORCED)
    return [order_json(sim, order) for order in reversed(found[-limit:])]


def _span(sim: Simulation, params: Params) -> tuple[int, int]:
    start, end = _integer(params, "startTime"), _integer(params, "endTime")
    until_ms = end if end is not None else (start + _LONGEST_SPAN_MS if start is not None else sim.now_ms)
    since_ms = start if start is not None else until_ms - _LONGEST_SPAN_MS
    if until_ms - since_ms > _LONGEST_SPAN_MS:
        raise refusal(-1127)
    return since_ms, until_ms


def _limit(params: Params, default: int, most: int) -> int:
    wanted = _integer(params, "limit")
    return default if wanted is None else max(1, min(wanted, most))


def _integer(params: Params, name: str) -> int | None:
    text = params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise refusal(-1102, name=name)
    return int(text)


def _with_faults(row: dict[str, Any], faults: Faults) -> list[dict[str, Any]]:
    if row["id"] in faults.trades_of_other_leg:
        row = row | {"positionSide": "SHORT" if row["positionSide"] == "LONG" else "LONG"}
    return [row, row | {"id": row["id"] + _DOUBLED_ID}] if row["id"] in faults.trades_doubled else [row]


def _trade(trade: Trade) -> dict[str, Any]:
    order = trade.order
    return {
        "symbol": order.symbol,
        "id": trade.trade_id,
        "orderId": order.order_id,
        "side": order.side,
        "price": plain(trade.price),
        "qty": plain(trade.qty),
        "realizedPnl": money(trade.realized_pnl),
        "quoteQty": plain(trade.qty * trade.price),
        "commission": "0",
        "commissionAsset": "USDT",
        "time": trade.time_ms,
        "positionSide": order.position_side,
        "buyer": order.side == "BUY",
        "maker": False,
    }
