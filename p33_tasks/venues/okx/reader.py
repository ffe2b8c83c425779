"""Reads OKX: positions, market rules, and the account's data for ``p33 check``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from p33_tasks.abilities import AccountReport, KeyPermissions
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues.okx.account_rows import read_account, read_account_id, read_hedge_mode, read_key
from p33_tasks.venues.okx.envelope import rows_of
from p33_tasks.venues.okx.history import OkxHistory
from p33_tasks.venues.okx.position_rows import read_positions
from p33_tasks.venues.okx.spec import CONFIG, POSITIONS
from p33_tasks.venues.rows import margin_modes
from p33_tasks.venues.session import VenueSession


class Okx(OkxHistory):
    """``ports.Venue``, history, and the account's data for ``p33 check``."""

    def __init__(self, session: VenueSession, source: str, is_testnet: bool) -> None:  # noqa: ARG002, FBT001 - VenueEntry
        super().__init__(session)
        self._source = source

    @property
    def source(self) -> str:
        """Venue, host and scope, e.g. ``okx www.okx.com SWAP demo``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All swap positions: reads account and position mode, contract sizes if due, then positions.

        A contract size is taken from instruments that are at most as old as the market rules' period.

        Raises:
            ExchangeError: Any subclass; then every symbol is unknown.
        """
        config = self._session.ask(CONFIG)
        hedge_mode, account = read_hedge_mode(config), read_account_id(config)
        instruments, answer = self._instruments.get(), self._session.ask(POSITIONS)
        report = read_positions(answer, symbols, instruments=instruments, hedge_mode=hedge_mode)
        return replace(report, account=account)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of market orders; works without credentials. Raises ExchangeError."""
        return self._instruments.fetch().rules(symbols)

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()

    def fetch_margin_modes(self, symbols: Iterable[str]) -> Mapping[str, str]:
        """Cross or isolated, of open positions. Raises ExchangeError."""
        rows = rows_of(self._session.ask(POSITIONS), POSITIONS.shown)
        return margin_modes(rows, symbols, name="instId", amount="pos", mode=lambda row: row.get("mgnMode"))

    def is_hedge_mode(self) -> bool:
        """Whether the account is in hedge mode. Raises ExchangeError."""
        return read_hedge_mode(self._session.ask(CONFIG))

    def fetch_key_permissions(self) -> KeyPermissions:
        """The API key's permissions, in demo trading too. Raises ExchangeError."""
        return read_key(self._session.ask(CONFIG))

    def fetch_account(self) -> AccountReport:
        """The account mode. Raises ExchangeError."""
        return read_account(self._session.ask(CONFIG))
