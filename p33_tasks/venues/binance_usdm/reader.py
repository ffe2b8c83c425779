"""Reads Binance USD-M futures: positions, market rules, and the account's data for ``p33 check``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from p33_tasks.abilities import KeyPermissions, RestingReport
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues.binance_usdm.history import BinanceHistory
from p33_tasks.venues.binance_usdm.market_rows import read_markets
from p33_tasks.venues.binance_usdm.position_rows import read_positions, rows_of
from p33_tasks.venues.binance_usdm.resting_rows import read_resting
from p33_tasks.venues.binance_usdm.spec import (
    EXCHANGE_INFO,
    KEY_PERMISSIONS,
    OPEN_ALGO_ORDERS,
    OPEN_ORDERS,
    POSITION_MODE,
    POSITION_RISK,
)
from p33_tasks.venues.rows import margin_modes, shape
from p33_tasks.venues.session import VenueSession


class BinanceUsdm(BinanceHistory):
    """``ports.Venue``, history, and the account's data for ``p33 check``."""

    def __init__(self, session: VenueSession, source: str, is_testnet: bool) -> None:  # noqa: FBT001 - VenueEntry.reader
        super().__init__(session)
        self._source = source
        self._has_key_permissions = not is_testnet

    @property
    def source(self) -> str:
        """Venue and host, e.g. ``binanceusdm demo-fapi.binance.com``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions in one request of weight 5, whatever the number of symbols.

        Raises:
            ExchangeError: Any subclass; then every symbol is unknown.
        """
        return read_positions(self._session.ask(POSITION_RISK), symbols)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of market orders in one request of weight 1; works without credentials.

        Raises:
            ExchangeError: Any subclass.
        """
        return read_markets(self._session.ask(EXCHANGE_INFO), symbols)

    def fetch_all_resting_orders(self, symbols: Iterable[str]) -> RestingReport:
        """Every open order of the account in two requests of weight 40, whatever the number of symbols.

        Algo orders are read first: one that triggers between the requests is then in both answers instead of in none.

        Raises:
            ExchangeError: Any subclass; then every symbol is unknown.
        """
        algo_orders = self._session.ask(OPEN_ALGO_ORDERS)
        return read_resting(self._session.ask(OPEN_ORDERS), algo_orders, symbols)

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()

    def fetch_margin_modes(self, symbols: Iterable[str]) -> Mapping[str, str]:
        """Cross or isolated, of open positions. Raises ExchangeError."""
        rows = rows_of(self._session.ask(POSITION_RISK))
        return margin_modes(rows, symbols, amount="positionAmt", mode=lambda row: row.get("marginType"))

    def is_hedge_mode(self) -> bool:
        """Whether the account is in hedge mode (weight 30). Raises ExchangeError."""
        body = self._session.ask(POSITION_MODE)
        dual = body.get("dualSidePosition") if isinstance(body, dict) else None
        if not isinstance(dual, bool):
            raise MalformedResponseError(
                f"position mode: dualSidePosition true or false was expected, {shape(body)} came"
            )
        return dual

    def fetch_key_permissions(self) -> KeyPermissions | None:
        """The API key's permissions; None where the venue has no such endpoint (its demo environment).

        The request goes to ``api.binance.com``, the spot host: for ``p33 check`` on a live account, never in a worker.

        Raises:
            ExchangeError: Any subclass.
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
