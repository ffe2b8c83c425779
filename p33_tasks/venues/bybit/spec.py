"""What Bybit declares: hosts, endpoints, limits, error codes.

Limits are per endpoint and UID: 50 requests per second for positions, orders and executions. That is the unit of the
budget. Market data and the key's own data are limited by address, 600 requests per 5 s, which is more.
"""

from __future__ import annotations

import re
from typing import Final

from p33_tasks.venues.spec import (
    Ban,
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

CATEGORY: Final = "linear"
SETTLE_COIN: Final = "USDT"

POSITIONS: Final = Endpoint(
    call="privateGetV5PositionList",
    shown="GET /v5/position/list",
    weight=1,
    signed=True,
    params=(("category", CATEGORY), ("settleCoin", SETTLE_COIN), ("limit", "200")),
    pages=8,  # 600 positions are 3 pages and an empty one; more than one page is read twice
)
INSTRUMENTS: Final = Endpoint(
    call="publicGetV5MarketInstrumentsInfo",
    shown="GET /v5/market/instruments-info",
    weight=1,
    params=(("category", CATEGORY), ("limit", "1000")),
    pages=3,
)
SYMBOL_POSITION: Final = Endpoint(
    call=POSITIONS.call, shown="GET /v5/position/list?symbol", weight=1, signed=True, params=(("category", CATEGORY),)
)
PLACE: Final = Endpoint(
    call="privatePostV5OrderCreate", shown="POST /v5/order/create", weight=0, signed=True, is_order=True
)
ORDERS: Final = Endpoint(
    call="privateGetV5OrderRealtime",
    shown="GET /v5/order/realtime",
    weight=1,
    signed=True,
    params=(("category", CATEGORY),),
)
ORDER_HISTORY: Final = Endpoint(
    call="privateGetV5OrderHistory",
    shown="GET /v5/order/history",
    weight=1,
    signed=True,
    params=(("category", CATEGORY),),
)
EXECUTIONS: Final = Endpoint(
    call="privateGetV5ExecutionList",
    shown="GET /v5/execution/list",
    weight=1,
    signed=True,
    params=(("category", CATEGORY), ("limit", "100")),
)
TIME: Final = Endpoint(call="publicGetV5MarketTime", shown="GET /v5/market/time", weight=1)
KEY: Final = Endpoint(
    call="privateGetV5UserQueryApi", shown="GET /v5/user/query-api", weight=5, signed=True, period_ms=3_600_000
)
ACCOUNT: Final = Endpoint(call="privateGetV5AccountInfo", shown="GET /v5/account/info", weight=1, signed=True)

SPEC: Final = VenueSpec(
    exchange_id="bybit",
    live_host="api.bybit.com",
    test_host="api-testnet.bybit.com",
    testnet_variable="P33_TESTNET",
    credentials=(Credentials(key="P33_API_KEY", secret="P33_API_SECRET"),),  # noqa: S106 - names of variables
    requests=RequestLimit(
        weight_per_minute=3_000,  # 50 per second
        own_weight_per_minute=1_500,
        stop_at_weight=2_850,
        used_header=None,  # X-Bapi-Limit-Status counts one endpoint per second, not all per minute
        reset_header="x-bapi-limit-reset-timestamp",
        pause_sec=5,
    ),
    order_limits=(OrderLimit(orders=10, window_sec=1),),
    errors=ErrorCodes(
        code_field="retCode",
        text_field="retMsg",
        is_error=re.compile(r"(?!0+\Z)-?[0-9]{1,9}"),
        credentials=frozenset({"10003", "10004", "10005", "10007", "10008", "10009", "10010", "10024", "33004"}),
        clock=frozenset({"10002"}),
        rate_limited=frozenset({"10006", "10018"}),
        order_limited=frozenset(),  # for too many orders the code is 10006, too
        unavailable=frozenset({"10000", "10016", "10019"}),
        # Parameter (quantity, step), settlement in progress, no trading now, not live, notional.
        market_refused=frozenset({"10001", "110063", "110066", "110074", "110094"}),
        # "Terminate all sessions and wait for at least 10 minutes": each request in between would prolong it.
        bans=(Ban(status=403, text=re.compile(r"access too frequent", re.IGNORECASE), pause_sec=600),),
    ),
    clock=ClockSpec(endpoint=TIME, path=("time",), max_offset_ms=500),  # it refuses a timestamp 1 s ahead
    endpoints=(
        *(POSITIONS, INSTRUMENTS, TIME, KEY, ACCOUNT),
        *(SYMBOL_POSITION, PLACE, ORDERS, ORDER_HISTORY, EXECUTIONS),
    ),
    positions=(KEY, POSITIONS),
    markets=(INSTRUMENTS,),
    symbol_is_flat_by=FlatEvidence.ABSENCE,
    leg_is_flat_by=FlatEvidence.ABSENCE,
    contract_size=ContractSize.BASE,
    client_order_ids=ClientOrderIds(
        pattern=re.compile(r"[0-9A-Za-z_-]{1,36}"), max_chars=36, shown="0-9A-Za-z_-", own_prefix="p33-"
    ),
    has_hedge_mode=True,
    read_lag_ms=2_000,
    request_window_ms=60_000,
    ccxt_options={"fetchCurrencies": False, "fetchMargins": False},
    scope=f"{CATEGORY} {SETTLE_COIN}",
)
