"""What Bitget declares: hosts, endpoints, limits, error codes.

Limits are per endpoint and UID: positions 5 requests per second, the account, orders and fills 10, the key's own data
1; contracts 20 per address. The unit of the budget is a request to the positions, 300 a minute.
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

PRODUCT_TYPE: Final = "USDT-FUTURES"
MARGIN_COIN: Final = "USDT"
_PRODUCT: Final = (("productType", PRODUCT_TYPE),)
_SCOPE: Final = (*_PRODUCT, ("marginCoin", MARGIN_COIN))
_PAGE: Final = (*_PRODUCT, ("limit", "100"))

ACCOUNT: Final = Endpoint(
    call="privateMixGetV2MixAccountAccount",
    shown="GET /api/v2/mix/account/account",
    weight=1,
    signed=True,
    params=(("symbol", "BTCUSDT"), *_SCOPE),  # a symbol must be named; the position mode is the product type's
)
POSITIONS: Final = Endpoint(
    call="privateMixGetV2MixPositionAllPosition",
    shown="GET /api/v2/mix/position/all-position",
    weight=1,
    signed=True,
    params=_SCOPE,
)
CONTRACTS: Final = Endpoint(
    call="publicMixGetV2MixMarketContracts", shown="GET /api/v2/mix/market/contracts", weight=1, params=_PRODUCT
)
POSITION: Final = Endpoint(
    call="privateMixGetV2MixPositionSinglePosition",
    shown="GET /api/v2/mix/position/single-position",
    weight=1,
    signed=True,
    params=_SCOPE,
)
PLACE: Final = Endpoint(
    call="privateMixPostV2MixOrderPlaceOrder",
    shown="POST /api/v2/mix/order/place-order",
    weight=0,
    signed=True,
    params=_SCOPE,
    is_order=True,
)
ORDER: Final = Endpoint(
    call="privateMixGetV2MixOrderDetail",
    shown="GET /api/v2/mix/order/detail",
    weight=1,
    signed=True,
    params=_PRODUCT,
)
FILL_HISTORY: Final = Endpoint(
    call="privateMixGetV2MixOrderFillHistory",
    shown="GET /api/v2/mix/order/fill-history",
    weight=1,
    signed=True,
    params=_PAGE,
)
ORDER_FILLS: Final = Endpoint(
    call="privateMixGetV2MixOrderFills", shown="GET /api/v2/mix/order/fills", weight=1, signed=True, params=_PAGE
)
PENDING: Final = Endpoint(
    call="privateMixGetV2MixOrderOrdersPending",
    shown="GET /api/v2/mix/order/orders-pending",
    weight=1,
    signed=True,
    params=_PAGE,
)
PLAN_PENDING: Final = Endpoint(
    call="privateMixGetV2MixOrderOrdersPlanPending",
    shown="GET /api/v2/mix/order/orders-plan-pending",
    weight=1,
    signed=True,
    params=_PAGE,
)
KEY: Final = Endpoint(
    call="privateSpotGetV2SpotAccountInfo",
    shown="GET /api/v2/spot/account/info",
    weight=5,
    signed=True,
    period_ms=3_600_000,
)
TIME: Final = Endpoint(call="publicCommonGetV2PublicTime", shown="GET /api/v2/public/time", weight=1)

SPEC: Final = VenueSpec(
    exchange_id="bitget",
    live_host="api.bitget.com",
    test_host="api.bitget.com",
    test_headers=(("PAPTRADING", "1"),),
    testnet_variable="P33_TESTNET",
    credentials=(
        Credentials(key="P33_API_KEY", secret="P33_API_SECRET", password="P33_API_PASSWORD"),  # noqa: S106 - names
    ),
    requests=RequestLimit(
        weight_per_minute=300,  # 5 per second
        own_weight_per_minute=150,
        stop_at_weight=285,
        used_header=None,
    ),
    order_limits=(OrderLimit(orders=10, window_sec=1),),
    errors=ErrorCodes(
        code_field="code",
        text_field="msg",
        is_error=re.compile(r"(?!0+\Z)[0-9]{1,6}"),
        # 40085: the account is a unified one, which these requests don't cover. 40099: a live key in demo trading, or
        # the other way round.
        credentials=frozenset(
            {"40001", "40002", "40003", "40006", "40009", "40011", "40012", "40014", "40016", "40018", "40031"}
            | {"40037", "40085", "40099"}
        ),
        clock=frozenset({"40004", "40005", "40008"}),
        rate_limited=frozenset({"429", "1001"}),
        order_limited=frozenset(),  # for too many orders the code is 429, too
        # 40010 is "request timed out" in the venue's list, and a wrong signature in older ones.
        unavailable=frozenset({"40010", "40015", "40200", "40604", "40725"}),
        # The contract, its state, and every bound of a quantity.
        market_refused=frozenset({"40102", "40108", "40308", "40309", "40808", "41114", "43115", "45110", "45113"}),
    ),
    clock=ClockSpec(endpoint=TIME, path=("data", "serverTime"), max_offset_ms=500),
    endpoints=(
        *(ACCOUNT, POSITIONS, CONTRACTS, POSITION, PLACE, ORDER),
        *(FILL_HISTORY, ORDER_FILLS, PENDING, PLAN_PENDING, KEY, TIME),
    ),
    positions=(KEY, ACCOUNT, POSITIONS),
    markets=(CONTRACTS,),
    symbol_is_flat_by=FlatEvidence.ABSENCE,
    leg_is_flat_by=FlatEvidence.ABSENCE,
    contract_size=ContractSize.BASE,
    client_order_ids=ClientOrderIds(
        pattern=re.compile(r"[0-9A-Za-z_-]{1,36}"), max_chars=36, shown="0-9A-Za-z_-", own_prefix="p33-"
    ),
    has_hedge_mode=True,
    read_lag_ms=6_000,  # 2 s, and the time limit of a request, since an order carries no time limit of its own
    request_window_ms=None,
    ccxt_options={"fetchCurrencies": False, "timeDifference": 0},
    scope=PRODUCT_TYPE,
)
