"""What OKX declares: hosts, endpoints, limits, error codes.

Limits are per endpoint: positions 10 requests per 2 s, configuration 5, instruments 20, time 10. The unit of the
budget is a request to the instruments, 600 a minute; the weight of the others follows from their own limits.
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
    RowCodes,
    VenueSpec,
)

INST_TYPE: Final = "SWAP"

CONFIG: Final = Endpoint(call="privateGetAccountConfig", shown="GET /api/v5/account/config", weight=4, signed=True)
INSTRUMENTS: Final = Endpoint(
    call="publicGetPublicInstruments",
    shown="GET /api/v5/public/instruments",
    weight=1,
    params=(("instType", INST_TYPE),),
)
POSITIONS: Final = Endpoint(
    call="privateGetAccountPositions",
    shown="GET /api/v5/account/positions",
    weight=2,
    signed=True,
    params=(("instType", INST_TYPE),),
)
PLACE: Final = Endpoint(
    call="privatePostTradeOrder", shown="POST /api/v5/trade/order", weight=0, signed=True, is_order=True
)
ORDER: Final = Endpoint(call="privateGetTradeOrder", shown="GET /api/v5/trade/order", weight=1, signed=True)
FILLS: Final = Endpoint(
    call="privateGetTradeFills",
    shown="GET /api/v5/trade/fills",
    weight=1,
    signed=True,
    params=(("instType", INST_TYPE), ("limit", "100")),
)
FILLS_HISTORY: Final = Endpoint(
    call="privateGetTradeFillsHistory",
    shown="GET /api/v5/trade/fills-history",
    weight=2,
    signed=True,
    params=(("instType", INST_TYPE), ("limit", "100")),
)
PENDING: Final = Endpoint(
    call="privateGetTradeOrdersPending",
    shown="GET /api/v5/trade/orders-pending",
    weight=1,
    signed=True,
    params=(("instType", INST_TYPE), ("limit", "100")),
)
ALGO_PENDING: Final = Endpoint(
    call="privateGetTradeOrdersAlgoPending",
    shown="GET /api/v5/trade/orders-algo-pending",
    weight=1,
    signed=True,
    params=(("instType", INST_TYPE), ("limit", "100")),
)
TIME: Final = Endpoint(call="publicGetPublicTime", shown="GET /api/v5/public/time", weight=2)

SPEC: Final = VenueSpec(
    exchange_id="okx",
    live_host="www.okx.com",
    test_host="www.okx.com",
    test_headers=(("x-simulated-trading", "1"),),
    testnet_variable="P33_TESTNET",
    credentials=(
        Credentials(key="P33_API_KEY", secret="P33_API_SECRET", password="P33_API_PASSWORD"),  # noqa: S106 - names
    ),
    requests=RequestLimit(
        weight_per_minute=600,
        own_weight_per_minute=300,
        stop_at_weight=570,
        used_header=None,
        pause_sec=2,
    ),
    order_limits=(OrderLimit(orders=60, window_sec=2),),
    errors=ErrorCodes(
        code_field="code",
        text_field="msg",
        is_error=re.compile(r"(?!0+\Z)[0-9]{1,6}"),
        credentials=frozenset(
            {"50100", "50101", "50103", "50104", "50105", "50106", "50107", "50110", "50111", "50113", "50114"}
            | {"50119", "50120"}
        ),
        clock=frozenset({"50102", "50112"}),
        rate_limited=frozenset({"50011"}),
        order_limited=frozenset({"50061"}),  # of the sub-account
        unavailable=frozenset({"50001", "50004", "50005", "50013", "50026"}),
        # Instrument, its state, and every bound of a quantity.
        market_refused=frozenset(
            {"51001", "51005", "51007", "51020", "51021", "51022", "51027", "51028", "51029", "51030"}
            | {"51100", "51120", "51121", "51201", "51202", "51203"}
        ),
        rows=RowCodes(rows_field="data", code_field="sCode", text_field="sMsg"),
    ),
    clock=ClockSpec(endpoint=TIME, path=("data", 0, "ts"), max_offset_ms=500),
    endpoints=(
        *(CONFIG, INSTRUMENTS, POSITIONS, TIME),
        *(PLACE, ORDER, FILLS, FILLS_HISTORY, PENDING, ALGO_PENDING),
    ),
    positions=(CONFIG, INSTRUMENTS, POSITIONS),  # the instruments only when they are older than their period
    markets=(INSTRUMENTS,),
    symbol_is_flat_by=FlatEvidence.ABSENCE,
    leg_is_flat_by=FlatEvidence.ABSENCE,
    contract_size=ContractSize.PER_SYMBOL,
    client_order_ids=ClientOrderIds(
        pattern=re.compile(r"[0-9A-Za-z]{1,32}"), max_chars=32, shown="0-9A-Za-z", own_prefix="p33"
    ),
    has_hedge_mode=True,
    read_lag_ms=2_000,
    request_window_ms=60_000,
    ccxt_options={"fetchCurrencies": False, "timeDifference": 0},
    scope=INST_TYPE,
)
