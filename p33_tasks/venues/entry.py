"""``VenueEntry``: a venue's spec, and the functions that build its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from p33_tasks.abilities import Orders
from p33_tasks.ports import ResultReader, Venue
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import VenueSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueEntry:
    """One venue."""

    spec: VenueSpec
    reader: Callable[[VenueSession, str, bool], Venue]  # session, source, whether it is the test environment
    orders: Callable[[VenueSession], Orders] | None = None  # None: the reference executor can't trade there
    results: ResultReader | None = None  # of raw and ccxt orders in results; None: such a result is unreadable
