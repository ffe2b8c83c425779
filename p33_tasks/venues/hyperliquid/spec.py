"""What Hyperliquid declares: hosts, endpoints, limits, and the meaning of its error texts.

A weight of 1 200 per minute and IP address. An order weighs 1; the number of orders is also limited by the account's
traded volume, and above that to one in 10 s.
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

MOST_DEXES: Final = 4
"""The maximum number of dexes in one refresh; each needs a request."""


def _info(kind: str, *, weight: int = 20, pages: int = 1, period_ms: int = 0) -> Endpoint:
    return Endpoint(
        call="publicPostInfo",
        shown=f"POST /info {kind}",
        weight=weight,
        params=(("type", kind),),
        pages=pages,
        period_ms=period_ms,
    )


ROLE: Final = _info("userRole", weight=60, period_ms=120_000)
POSITIONS: Final = _info("clearinghouseState", weight=2, pages=MOST_DEXES)
META: Final = _info("meta", pages=MOST_DEXES)
TIME: Final = _info("exchangeStatus", weight=2)
ORDER: Final = _info("orderStatus", weight=2)
RESTING: Final = _info("frontendOpenOrders")
DEXES: Final = _info("perpDexs")
PRICES: Final = _info("metaAndAssetCtxs")
PLACE: Final = Endpoint(call="privatePostExchange", shown="POST /exchange order", weight=0, signed=True, is_order=True)
FILLS: Final = _info("userFillsByTime", weight=120)  # 20, and 1 more for each 20 of at most 2 000 fills

SPEC: Final = VenueSpec(
    exchange_id="hyperliquid",
    live_host="api.hyperliquid.xyz",
    test_host="api.hyperliquid-testnet.xyz",
    testnet_variable="P33_TESTNET",
    credentials=(Credentials(key="P33_API_KEY", secret="P33_API_SECRET"),),  # noqa: S106 - names of variables
    requests=RequestLimit(weight_per_minute=1_200, own_weight_per_minute=600, stop_at_weight=1_140, used_header=None),
    order_limits=(OrderLimit(orders=500, window_sec=60),),  # of the 1 200; the rest is for our own requests
    errors=ErrorCodes(
        code_field="status",
        text_field="response",
        is_error=re.compile(r"err( [a-z]+)?"),
        credentials=frozenset({"err wallet"}),
        clock=frozenset({"err nonce"}),
        rate_limited=frozenset(),  # HTTP 429
        order_limited=frozenset({"err requests"}),
        unavailable=frozenset(),
        market_refused=frozenset({"err market"}),
        # Every error has the status "err"; only its text shows which error it is. The first match counts.
        texts=(
            ("err wallet", re.compile(r"does not exist|[Mm]ust deposit|[Uu]nable to recover signer")),
            ("err duplicate", re.compile(r"duplicate nonce")),
            ("err nonce", re.compile(r"[Nn]once")),
            ("err requests", re.compile(r"Too many cumulative requests")),
            ("err market", re.compile(r"invalid size|zero size|minimum value|divisible by tick size")),
            (
                "err order",
                re.compile(
                    r"Reduce only order would increase|could not immediately match|No liquidity available|"
                    r"Insufficient margin|more than 80% away|too far from oracle|more aggressive than oracle|"
                    r"increase open interest|exceed margin tier"
                ),
            ),
        ),
    ),
    clock=ClockSpec(endpoint=TIME, path=("time",), max_offset_ms=1_000),
    endpoints=(ROLE, POSITIONS, META, TIME, ORDER, RESTING, DEXES, PRICES, PLACE, FILLS),
    positions=(ROLE, POSITIONS),
    markets=(META,),
    symbol_is_flat_by=FlatEvidence.ABSENCE,
    leg_is_flat_by=FlatEvidence.ABSENCE,
    contract_size=ContractSize.BASE,
    client_order_ids=ClientOrderIds(
        pattern=re.compile(r"0x[0-9a-f]{32}"),
        max_chars=34,
        shown="0x and 32 of 0-9a-f",
        own_prefix="0x703333",  # "p33" in hex
    ),
    has_hedge_mode=False,
    read_lag_ms=2_000,
    request_window_ms=60_000,  # expiresAfter, which is signed; the venue documents no maximum
    account=re.compile(r"0x[0-9a-fA-F]{40}"),
    ccxt_options={"timeDifference": 0},
    test_ccxt_options={"sandboxMode": True},  # a signature names the network
)
