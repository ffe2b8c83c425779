"""This venue's ``VenueEntry``."""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.entry import VenueEntry
from p33_tasks.venues.hyperliquid.order_reports import RESULTS
from p33_tasks.venues.hyperliquid.orders import HyperliquidOrders
from p33_tasks.venues.hyperliquid.reader import Hyperliquid
from p33_tasks.venues.hyperliquid.spec import SPEC

VENUE: Final = VenueEntry(spec=SPEC, reader=Hyperliquid, orders=HyperliquidOrders, results=RESULTS)
