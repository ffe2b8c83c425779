"""This venue's ``VenueEntry``."""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.bitget.order_reports import RESULTS
from p33_tasks.venues.bitget.orders import BitgetOrders
from p33_tasks.venues.bitget.reader import Bitget
from p33_tasks.venues.bitget.spec import SPEC
from p33_tasks.venues.entry import VenueEntry

VENUE: Final = VenueEntry(spec=SPEC, reader=Bitget, orders=BitgetOrders, results=RESULTS)
