"""What the venue declares. Each number has its source in the venue's documentation."""

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

POSITIONS: Final = Endpoint(call="privateGetPositions", shown="GET /v1/positions", weight=5, signed=True)
MARKETS: Final = Endpoint(call="publicGetMarkets", shown="GET /v1/markets", weight=1)
TIME: Final = Endpoint(call="publicGetTime", shown="GET /v1/time", weight=1)

SPEC: Final = VenueSpec(
    exchange_id="template",
    live_host="api.venue.example",
    test_host="test.venue.example",
    testnet_variable="P33_TESTNET",
    credentials=(Credentials(key="P33_API_KEY", secret="P33_API_SECRET"),),  # noqa: S106 - names of variables
    requests=RequestLimit(weight_per_minute=1_200, own_weight_per_minute=600, stop_at_weight=1_140, used_header=None),
    order_limits=(OrderLimit(orders=10, window_sec=1),),
    errors=ErrorCodes(
        code_field="code",
        text_field="msg",
        is_error=re.compile(r"(?!0+\Z)[0-9]{1,9}"),  # "0" is a success, every other number an error
        credentials=frozenset({"10003", "10004"}),
        clock=frozenset({"10002"}),
        rate_limited=frozenset({"10006"}),
        order_limited=frozenset({"10429"}),
        unavailable=frozenset({"10016"}),
        market_refused=frozenset({"10001"}),
    ),
    clock=ClockSpec(endpoint=TIME, path=("time",), max_offset_ms=500),
    endpoints=(POSITIONS, MARKETS, TIME),
    positions=(POSITIONS,),
    markets=(MARKETS,),
    symbol_is_flat_by=FlatEvidence.ABSENCE,
    leg_is_flat_by=FlatEvidence.ABSENCE,
    contract_size=ContractSize.BASE,
    client_order_ids=ClientOrderIds(
        pattern=re.compile(r"[0-9A-Za-z]{1,32}"), max_chars=32, shown="0-9A-Za-z", own_prefix="p33"
    ),
    has_hedge_mode=False,
    read_lag_ms=2_000,
    request_window_ms=None,
)
