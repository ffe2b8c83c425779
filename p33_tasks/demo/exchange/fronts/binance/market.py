"""Public market data: time, contracts and their filters, mark prices."""

from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from p33_tasks.demo.exchange.core import matching
from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Params
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import plain

_FUNDING_PERIOD_MS: Final = 28_800_000
_PERPETUAL_DELIVERY_MS: Final = 4_133_404_800_000
_ONBOARD_MS: Final = 1_569_398_400_000


def ping(_sim: Simulation, _params: Params) -> Any:
    """An empty object, as at the venue."""
    return {}


def server_time(sim: Simulation, _params: Params) -> Any:
    """The venue's clock."""
    return {"serverTime": sim.server_ms}


def chosen(sim: Simulation, params: Params) -> list[str]:
    """The requested symbol, or all. Raises -1121."""
    symbol = params.get("symbol")
    if symbol is None:
        return sim.symbols
    if symbol in sim.faults.delisted:
        raise refusal(-1121)
    return [sim.venue.listing(symbol).symbol]


def exchange_info(sim: Simulation, _params: Params) -> Any:
    """Limits, assets and contracts with all filters."""
    limits = sim.limiter.settings
    return {
        "timezone": "UTC",
        "serverTime": sim.server_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute),
            _limit("ORDERS", "MINUTE", 1, limits.orders_per_minute),
            _limit("ORDERS", "SECOND", 10, limits.orders_per_10s),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_contract(sim.venue.listings[symbol]) for symbol in sim.symbols],
    }


def premium_index(sim: Simulation, params: Params) -> Any:
    """Mark price and funding, of one symbol or of all."""
    now_ms = sim.now_ms
    rows = [_premium(sim, symbol, now_ms) for symbol in chosen(sim, params)]
    return rows[0] if "symbol" in params else rows


def ticker_price(sim: Simulation, params: Params) -> Any:
    """The last price, of one symbol or of all; here the mark price on the tick grid."""
    now_ms = sim.now_ms
    rows = [{"symbol": symbol, "price": _last(sim, symbol, now_ms), "time": now_ms} for symbol in chosen(sim, params)]
    return rows[0] if "symbol" in params else rows


def book_ticker(sim: Simulation, params: Params) -> Any:
    """Best bid and ask, one tick around the last price."""
    now_ms = sim.now_ms
    rows = [_best(sim, symbol, now_ms) for symbol in chosen(sim, params)]
    return rows[0] if "symbol" in params else rows


def _limit(kind: str, interval: str, count: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}


def _last(sim: Simulation, symbol: str, now_ms: int) -> str:
    return plain(matching.round_price(sim.venue.listings[symbol], sim.venue.mark(symbol, now_ms)))


def _best(sim: Simulation, symbol: str, now_ms: int) -> dict[str, Any]:
    listing = sim.venue.listings[symbol]
    last = matching.round_price(listing, sim.venue.mark(symbol, now_ms))
    qty = plain(listing.max_market_qty)
    return {
        "symbol": symbol,
        "bidPrice": plain(last - listing.tick_size),
        "bidQty": qty,
        "askPrice": plain(last + listing.tick_size),
        "askQty": qty,
        "time": now_ms,
        "lastUpdateId": now_ms,
    }


def _premium(sim: Simulation, symbol: str, now_ms: int) -> dict[str, Any]:
    mark = plain(sim.venue.mark(symbol, now_ms))
    return {
        "symbol": symbol,
        "markPrice": mark,
        "indexPrice": mark,
        "estimatedSettlePrice": mark,
        "lastFundingRate": "0.00010000",
        "interestRate": "0.00010000",
        "nextFundingTime": (now_ms // _FUNDING_PERIOD_MS + 1) * _FUNDING_PERIOD_MS,
        "time": now_ms,
    }


@lru_cache(maxsize=4096)
def _contract(listing: Listing) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "pair": listing.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _PERPETUAL_DELIVERY_MS,
        "onboardDate": _ONBOARD_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": listing.price_precision,
        "quantityPrecision": listing.quantity_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(listing),
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _filters(listing: Listing) -> list[dict[str, Any]]:
    tick, step = plain(listing.tick_size), plain(listing.step_size)
    lot = {"minQty": plain(listing.min_qty), "stepSize": step}
    highest = matching.round_price(listing, listing.start_price * 20)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": plain(highest), "tickSize": tick},
        {"filterType": "LOT_SIZE", "maxQty": plain(listing.max_qty), **lot},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": plain(listing.max_market_qty), **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": plain(listing.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": _four_places(matching.PERCENT_UP),
            "multiplierDown": _four_places(matching.PERCENT_DOWN),
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def _four_places(value: Decimal) -> str:
    return format(value, ".4f")
