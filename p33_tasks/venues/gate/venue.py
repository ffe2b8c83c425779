"""This venue's ``VenueEntry``."""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.entry import VenueEntry
from p33_tasks.venues.gate.order_reports import RESULTS
from p33_tasks.venues.gate.orders import GateOrders
from p33_tasks.venues.gate.reader import Gate
from p33_tasks.venues.gate.spec import SPEC

VENUE: Final = VenueEntry(spec=SPEC, reader=Gate, orders=GateOrders, results=RESULTS)
