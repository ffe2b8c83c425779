"""This venue's ``VenueEntry``."""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.entry import VenueEntry
from p33_tasks.venues.okx.order_reports import RESULTS
from p33_tasks.venues.okx.orders import OkxOrders
from p33_tasks.venues.okx.reader import Okx
from p33_tasks.venues.okx.spec import SPEC

VENUE: Final = VenueEntry(spec=SPEC, reader=Okx, orders=OkxOrders, results=RESULTS)
