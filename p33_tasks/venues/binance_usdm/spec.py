"""What Binance USD-M futures declares: hosts, endpoints and weights, limits, error codes."""

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

POSITION_RISK: Final = Endpoint(
    call="fapiPrivateV2GetPositionRisk", shown="GET /fapi/v2/positionRisk", weight=5, signed=True
)
EXCHANGE_INFO: Final = Endpoint(call="fapiPublicGetExchangeInfo", shown="GET /fapi/v1/exchangeInfo", weight=1)
TIME: Final = Endpoint(call="fapiPublicGetTime", shown="GET /fapi/v1/time", weight=1)
POSITION_MODE: Final = Endpoint(
    call="fapiPrivateGetPositionSideDual", shown="GET /fapi/v1/positionSide/dual", weight=30, signed=True
)
KEY_PERMISSIONS: Final = Endpoint(
    call="sapiGetAccountApiRestrictions", shown="GET /sapi/v1/account/apiRestrictions", weight=1, signed=True
)
PLACE: Final = Endpoint(call="fapiPrivatePostOrder", shown="POST /fapi/v1/order", weight=0, signed=True, is_order=True)
QUERY: Final = Endpoint(call="fapiPrivateGetOrder", shown="GET /fapi/v1/order", weight=1, signed=True)
USER_TRADES: Final = Endpoint(call="fapiPrivateGetUserTrades", shown="GET /fapi/v1/userTrades", weight=5, signed=True)
FORCE_ORDERS: Final = Endpoint(
    call="fapiPrivateGetForceOrders", shown="GET /fapi/v1/forceOrders", weight=20, signed=True
)
OPEN_ORDERS: Final = Endpoint(call="fapiPrivateGetOpenOrders", shown="GET /fapi/v1/openOrders", weight=40, signed=True)
OPEN_ALGO_ORDERS: Final = Endpoint(
    call="fapiPrivateGetOpenAlgoOrders", shown="GET /fapi/v1/openAlgoOrders", weight=40, signed=True
)

SPEC: Final = VenueSpec(
    exchange_id="binanceusdm",
    live_host="fapi.binance.com",
    test_host="demo-fapi.binance.com",
    testnet_variable="BINANCE_TESTNET",
    credentials=(
        Credentials(key="BINANCE_API_KEY", secret="BINANCE_API_SECRET"),  # noqa: S106 - names of variables
        Credentials(key="BINANCE_TESTNET_API_KEY", secret="BINANCE_TESTNET_API_SECRET"),  # noqa: S106 - as above
    ),
    requests=RequestLimit(
        weight_per_minute=2_400,
        own_weight_per_minute=1_200,  # half: the executor on the same address needs the rest
        stop_at_weight=2_280,  # 95 %
        used_header="x-mbx-used-weight-1m",
    ),
    order_limits=(OrderLimit(orders=300, window_sec=10), OrderLimit(orders=1_200, window_sec=60)),
    errors=ErrorCodes(
        code_field="code",
        text_field="msg",
        is_error=re.compile(r"-(?!0)[0-9]{1,10}"),
        credentials=frozenset({"-1002", "-1022", "-2008", "-2014", "-2015", "-2017"}),
        clock=frozenset({"-1021"}),
        rate_limited=frozenset({"-1003"}),
        order_limited=frozenset({"-1015"}),
        unavailable=frozenset({"-1000", "-1001", "-1004", "-1006", "-1007", "-1008", "-1016"}),
        # Precision, symbol, quantity, step, symbol status, notional.
        market_refused=frozenset({"-1111", "-1121", "-4003", "-4004", "-4005", "-4023", "-4140", "-4141", "-4164"}),
    ),
    clock=ClockSpec(endpoint=TIME, path=("serverTime",), max_offset_ms=500),  # it refuses a timestamp 1 s ahead
    endpoints=(
        POSITION_RISK,
        EXCHANGE_INFO,
        TIME,
        POSITION_MODE,
        KEY_PERMISSIONS,
        PLACE,
        QUERY,
        USER_TRADES,
        FORCE_ORDERS,
        OPEN_ORDERS,
        OPEN_ALGO_ORDERS,
    ),
    positions=(POSITION_RISK,),
    markets=(EXCHANGE_INFO,),
    resting=(OPEN_ORDERS, OPEN_ALGO_ORDERS),
    symbol_is_flat_by=FlatEvidence.ROW,
    leg_is_flat_by=FlatEvidence.ROW,
    contract_size=ContractSize.BASE,
    client_order_ids=ClientOrderIds(
        pattern=re.compile(r"[.A-Z:/a-z0-9_-]{1,36}"), max_chars=36, shown=".A-Z:/a-z0-9_-", own_prefix="p33-"
    ),
    has_hedge_mode=True,
    read_lag_ms=2_000,
    request_window_ms=60_000,
    # The first positions call must not request leverage brackets, and no call currencies from the spot host.
    ccxt_options={"fetchCurrencies": False, "fetchMargins": False, "leverageBrackets": {}},
)
