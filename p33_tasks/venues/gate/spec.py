"""What Gate declares: hosts, endpoints, limits, error labels.

Limits are per endpoint and UID: 200 requests per 10 s, which is the unit of the budget (announcement of 2024-01; the
rate headers of today are not verified).
"""

from __future__ import annotations

import re
from typing import Final

from p33_tasks.venues.spec import (
    ClientOrderIds,
    ClockSpec,
    ContractSize,
    Credentials,
    Endpoint,
    ErrorCodes,
    FlatEvidence,
    OrderLimit,
    RequestLimit,
    VenueSpec,
)

SETTLE: Final = "usdt"
PAGE: Final = 100  # the venue's default page size: every page but the last has as many rows
_SETTLE: Final = (("settle", SETTLE),)
_PAGE: Final = (*_SETTLE, ("limit", str(PAGE)))

ACCOUNT: Final = Endpoint(
    call="privateFuturesGetSettleAccounts", shown="GET /futures/usdt/accounts", weight=1, signed=True, params=_SETTLE
)
CONTRACTS: Final = Endpoint(
    call="publicFuturesGetSettleContracts", shown="GET /futures/usdt/contracts", weight=1, params=_SETTLE
)
POSITIONS: Final = Endpoint(
    call="privateFuturesGetSettlePositions",
    shown="GET /futures/usdt/positions",
    weight=1,
    signed=True,
    params=(*_PAGE, ("holding", "true")),
    pages=14,  # 600 positions are 7 pages, and more than one page is read twice
)
PLACE: Final = Endpoint(
    call="privateFuturesPostSettleOrders",
    shown="POST /futures/usdt/orders",
    weight=0,
    signed=True,
    params=_SETTLE,
    is_order=True,
)
ORDER: Final = Endpoint(
    call="privateFuturesGetSettleOrdersOrderId",
    shown="GET /futures/usdt/orders/{order_id}",
    weight=1,
    signed=True,
    params=_SETTLE,
)
ORDERS: Final = Endpoint(
    call="privateFuturesGetSettleOrders", shown="GET /futures/usdt/orders", weight=1, signed=True, params=_PAGE
)
PRICE_ORDERS: Final = Endpoint(
    call="privateFuturesGetSettlePriceOrders",
    shown="GET /futures/usdt/price_orders",
    weight=1,
    signed=True,
    params=(*_PAGE, ("status", "open")),
)
TRADES: Final = Endpoint(
    call="privateFuturesGetSettleMyTradesTimerange",
    shown="GET /futures/usdt/my_trades_timerange",
    weight=1,
    signed=True,
    params=_PAGE,
)
ORDER_TRADES: Final = Endpoint(
    call="privateFuturesGetSettleMyTrades",
    shown="GET /futures/usdt/my_trades",
    weight=1,
    signed=True,
    params=_PAGE,
)
DETAIL: Final = Endpoint(call="privateAccountGetDetail", shown="GET /account/detail", weight=1, signed=True)
KEYS: Final = Endpoint(call="privateAccountGetMainKeys", shown="GET /account/main_keys", weight=1, signed=True)
TIME: Final = Endpoint(call="publicSpotGetTime", shown="GET /spot/time", weight=1)

SPEC: Final = VenueSpec(
    exchange_id="gate",
    live_host="api.gateio.ws",
    test_host="api-testnet.gateapi.io",
    testnet_variable="P33_TESTNET",
    credentials=(Credentials(key="P33_API_KEY", secret="P33_API_SECRET"),),  # noqa: S106 - names of variables
    headers=(("X-Gate-Size-Decimal", "1"),),
    requests=RequestLimit(
        weight_per_minute=1_200,  # 200 per 10 s
        own_weight_per_minute=600,
        stop_at_weight=1_140,
        used_header=None,
        pause_sec=10,
    ),
    order_limits=(OrderLimit(orders=200, window_sec=10),),
    errors=ErrorCodes(
        code_field="label",
        text_field="message",
        is_error=re.compile(r"[A-Z][A-Z_]{1,60}"),
        credentials=frozenset(
            {"ACCOUNT_LOCKED", "AUTHENTICATION_FAILED", "FORBIDDEN", "INVALID_CREDENTIALS", "INVALID_KEY"}
            | {"INVALID_SIGNATURE", "IP_FORBIDDEN", "MISSING_REQUIRED_HEADER", "READ_ONLY"}
        ),
        clock=frozenset({"REQUEST_EXPIRED"}),
        rate_limited=frozenset({"TOO_FAST", "TOO_MANY_REQUESTS"}),
        order_limited=frozenset(),  # for too many orders the code is TOO_MANY_REQUESTS, too
        unavailable=frozenset({"INTERNAL", "SERVER_ERROR", "TOO_BUSY"}),
        # The contract, its state, and every bound of a size.
        market_refused=frozenset(
            {"CONTRACT_IN_DELISTING", "CONTRACT_NOT_FOUND", "INVALID_ARGUMENT", "INVALID_PARAM_VALUE"}
            | {"SIZE_TOO_LARGE", "SIZE_TOO_SMALL"}
        ),
    ),
    clock=ClockSpec(endpoint=TIME, path=("server_time",), max_offset_ms=1_000),  # requests are signed in whole seconds
    endpoints=(
        *(ACCOUNT, CONTRACTS, POSITIONS, PLACE, ORDER, ORDERS, PRICE_ORDERS),
        *(TRADES, ORDER_TRADES, DETAIL, KEYS, TIME),
    ),
    positions=(ACCOUNT, CONTRACTS, POSITIONS),  # the contracts only when they are older than their period
    markets=(CONTRACTS,),
    symbol_is_flat_by=FlatEvidence.ABSENCE,
    leg_is_flat_by=FlatEvidence.ABSENCE,
    contract_size=ContractSize.PER_SYMBOL,
    client_order_ids=ClientOrderIds(
        pattern=re.compile(r"t-[0-9A-Za-z_.-]{1,28}"),
        max_chars=30,
        shown="0-9A-Za-z_.- behind t-",
        own_prefix="t-p33-",
    ),
    has_hedge_mode=True,
    read_lag_ms=2_000,
    request_window_ms=60_000,
    ccxt_options={"fetchCurrencies": False, "timeDifference": 0},
    scope=SETTLE,
)
