"""OKX's instruments, kept for one period of the market rules: contract sizes are needed more often than they change."""

from __future__ import annotations

import time

from p33_tasks.venues.okx.instrument_rows import Instruments, read_instruments
from p33_tasks.venues.okx.spec import INSTRUMENTS, SPEC
from p33_tasks.venues.session import VenueSession


class KeptInstruments:
    """The instruments as last asked for."""

    def __init__(self, session: VenueSession) -> None:
        self._session = session
        self._kept: tuple[float, Instruments] | None = None  # monotonic seconds before they were asked for

    def get(self) -> Instruments:
        """At most one period old. Raises ExchangeError."""
        if self._kept is not None and (time.monotonic() - self._kept[0]) * 1000 < SPEC.markets_period_ms:
            return self._kept[1]
        return self.fetch()

    def fetch(self) -> Instruments:
        """Asked for now. Raises ExchangeError."""
        asked = time.monotonic()
        instruments = read_instruments(self._session.ask(INSTRUMENTS))
        self._kept = asked, instruments
        return instruments
