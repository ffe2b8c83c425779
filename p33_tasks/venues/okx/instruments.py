"""OKX's instruments, kept for one period of the market rules: contract sizes are needed more often than they change."""

from __future__ import annotations

from p33_tasks.venues.contracts import Kept
from p33_tasks.venues.okx.instrument_rows import Instruments, read_instruments
from p33_tasks.venues.okx.spec import INSTRUMENTS, SPEC
from p33_tasks.venues.session import VenueSession


def kept_instruments(session: VenueSession) -> Kept[Instruments]:
    """The instruments of the last request."""
    return Kept(lambda: read_instruments(session.ask(INSTRUMENTS)), period_ms=SPEC.markets_period_ms)
