"""Reads Bybit: positions, market rules, and the account's data for ``p33 check``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from p33_tasks.abilities import AccountReport, KeyPermissions
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues.bybit.account_rows import read_account, read_account_id, read_key
from p33_tasks.venues.bybit.envelope import pages, rows_of
from p33_tasks.venues.bybit.history import BybitHistory
from p33_tasks.venues.bybit.market_rows import read_markets
from p33_tasks.venues.bybit.position_rows import read_positions
from p33_tasks.venues.bybit.spec import ACCOUNT, INSTRUMENTS, KEY, POSITIONS
from p33_tasks.venues.contracts import Kept
from p33_tasks.venues.legs import steady
from p33_tasks.venues.rows import UNKNOWN_ACCOUNT
from p33_tasks.venues.session import VenueSession


class Bybit(BybitHistory):
    """``ports.Venue``, history, and the account's data for ``p33 check``."""

    def __init__(self, session: VenueSession, source: str, is_testnet: bool) -> None:  # noqa: FBT001 - VenueEntry.reader
        super().__init__(session)
        self._source = source
        self._shows_keys = not is_testnet
        self._user = Kept(lambda: read_account_id(session.ask(KEY)), period_ms=KEY.period_ms)

    @property
    def source(self) -> str:
        """Venue, host and scope, e.g. ``bybit api.bybit.com linear USDT``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions settled in USDT, and from time to time the account's id.

        Pages are read one after the other: a row that moves to another page meanwhile can be missed and would look
        flat. So several pages are read twice, and a symbol that differs between the readings is invalid.

        Raises:
            ExchangeError: Any subclass; then every symbol is unknown.
        """
        wanted, account = tuple(symbols), self._user.get() if self._shows_keys else UNKNOWN_ACCOUNT
        first = list(pages(self._session, POSITIONS))
        report = replace(read_positions(first, wanted), account=account)
        if sum(bool(rows_of(page, POSITIONS.shown)) for page in first) <= 1:
            return report
        return steady(report, read_positions(list(pages(self._session, POSITIONS)), wanted))

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of market orders; works without credentials. Raises ExchangeError."""
        return read_markets(list(pages(self._session, INSTRUMENTS)), symbols)

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()

    def fetch_key_permissions(self) -> KeyPermissions | None:
        """The API key's permissions; None in the test environment. Raises ExchangeError."""
        return read_key(self._session.ask(KEY)) if self._shows_keys else None

    def fetch_account(self) -> AccountReport:
        """The kind of account. Raises ExchangeError."""
        return read_account(self._session.ask(ACCOUNT))
