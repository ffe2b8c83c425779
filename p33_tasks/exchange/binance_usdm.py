"""Binance USD-M futures: endpoints, weights, error codes, and the venue that is read from them.

``GET /fapi/v2/positionRisk`` and not v3: v2 sends a row per symbol, so that flat is proven; v3 leaves flat symbols
out. Not ccxt's ``fetch_positions`` either: it drops rows, rounds to floats, and reads an empty body as no positions.
``load_markets`` is never called: with keys set it also asked the spot host.

Sources: Binance's USD-M futures REST documentation, error codes included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from p33_tasks.errors import MalformedResponseError
from p33_tasks.exchange.errors_map import Codes
from p33_tasks.exchange.market_rows import read_markets
from p33_tasks.exchange.rows import read_positions, shape
from p33_tasks.exchange.session import Dialect, Endpoint, VenueSession
from p33_tasks.ports import MarketReport, PositionReport

EXCHANGE_ID: Final = "binanceusdm"
LIVE_HOST: Final = "fapi.binance.com"
TESTNET_HOST: Final = "demo-fapi.binance.com"

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

MARKET_REFUSALS: Final = frozenset({"-1111", "-1121", "-4003", "-4004", "-4005", "-4023", "-4140", "-4141", "-4164"})
"""Of an order: its precision, symbol, quantity, step, or notional isn't (any more) what the market rules say."""

DIALECT: Final = Dialect(
    exchange_id=EXCHANGE_ID,
    codes=Codes(
        credentials=frozenset({-1002, -1022, -2008, -2014, -2015, -2017}),
        clock=frozenset({-1021}),
        rate_limited=frozenset({-1003}),
        order_limited=frozenset({-1015}),
        unavailable=frozenset({-1000, -1001, -1004, -1006, -1007, -1008, -1016}),
    ),
    used_weight_header="x-mbx-used-weight-1m",
    time_endpoint=TIME,
    time_field="serverTime",
    credentials_advice=(
        "set BINANCE_API_KEY and BINANCE_API_SECRET "
        "(or BINANCE_TESTNET_API_KEY and BINANCE_TESTNET_API_SECRET), and BINANCE_TESTNET to match"
    ),
    # The first positions call must not ask for leverage brackets, nor anything here for currencies on the spot host.
    options={"fetchCurrencies": False, "fetchMargins": False, "leverageBrackets": {}},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What an API key may do; this service needs reading only, the executor needs futures."""

    reading: bool
    futures: bool
    withdrawals: bool
    ip_restricted: bool


class BinanceUsdm:
    """The venue as ``ports.Venue``, and what ``p33 check`` asks about the account."""

    def __init__(self, session: VenueSession, *, source: str, has_key_permissions: bool) -> None:
        self._session = session
        self._source = source
        self._has_key_permissions = has_key_permissions

    @property
    def source(self) -> str:
        """Venue and host, e.g. ``binanceusdm demo-fapi.binance.com``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions in one request of weight 5, whatever the number of symbols.

        Raises:
            ExchangeError: One of its kinds; then nothing is known about any symbol.
        """
        return read_positions(self._session.ask(POSITION_RISK), symbols)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of market orders in one request of weight 1; works without credentials.

        Raises:
            ExchangeError: One of its kinds.
        """
        return read_markets(self._session.ask(EXCHANGE_INFO), symbols)

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()

    def is_hedge_mode(self) -> bool:
        """Whether the account keeps separate long and short legs (weight 30). Raises ExchangeError."""
        body = self._session.ask(POSITION_MODE)
        dual = body.get("dualSidePosition") if isinstance(body, dict) else None
        if not isinstance(dual, bool):
            raise MalformedResponseError(
                f"position mode: dualSidePosition true or false was expected, {shape(body)} came"
            )
        return dual

    def fetch_key_permissions(self) -> KeyPermissions | None:
        """What the key may do; None where the venue has no such endpoint (its demo environment).

        This one asks ``api.binance.com``, the spot host: it is for ``p33 check`` on a live account, never for a worker.

        Raises:
            ExchangeError: One of its kinds.
        """
        if not self._has_key_permissions:
            return None
        body = self._session.ask(KEY_PERMISSIONS)
        names = ("enableReading", "enableFutures", "enableWithdrawals", "ipRestrict")
        found = [body.get(name) if isinstance(body, dict) else None for name in names]
        if not all(isinstance(value, bool) for value in found):
            raise MalformedResponseError(f"key permissions: {', '.join(names)} were expected, {shape(body)} came")
        reading, futures, withdrawals, restricted = map(bool, found)
        return KeyPermissions(reading=reading, futures=futures, withdrawals=withdrawals, ip_restricted=restricted)
