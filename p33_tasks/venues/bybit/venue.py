"""This venue's ``VenueEntry``."""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.bybit.order_reports import RESULTS
from p33_tasks.venues.bybit.orders import BybitOrders
from p33_tasks.venues.bybit.reader import Bybit
from p33_tasks.venues.bybit.spec import SPEC
from p33_tasks.venues.entry import VenueEntry

VENUE: Final = VenueEntry(spec=SPEC, reader=Bybit, orders=BybitOrders, results=RESULTS)
