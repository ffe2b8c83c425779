"""Reads the venue: positions and market rules. Add a protocol of ``p33_tasks.abilities`` for each other ability."""

from __future__ import annotations

from collections.abc import Iterable

from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues._template.rows import read_markets, read_positions
from p33_tasks.venues._template.spec import MARKETS, POSITIONS
from p33_tasks.venues.session import VenueSession


class TemplateVenue:
    """Implements ``ports.Venue``."""

    def __init__(self, session: VenueSession, source: str, is_testnet: bool) -> None:  # noqa: ARG002, FBT001 - VenueEntry
        self._session = session
        self._source = source

    @property
    def source(self) -> str:
        """Venue and host, e.g. ``template test.venue.example``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions in one request. Raises ExchangeError: nothing is known about any symbol."""
        return read_positions(self._session.ask(POSITIONS), symbols)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of market orders in one request. Raises ExchangeError."""
        return read_markets(self._session.ask(MARKETS), symbols)

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()
