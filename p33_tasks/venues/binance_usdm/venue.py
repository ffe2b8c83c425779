"""This venue's ``VenueEntry``."""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.binance_usdm.order_reports import RESULTS
from p33_tasks.venues.binance_usdm.orders import BinanceOrders
from p33_tasks.venues.binance_usdm.reader import BinanceUsdm
from p33_tasks.venues.binance_usdm.spec import SPEC
from p33_tasks.venues.entry import VenueEntry

VENUE: Final = VenueEntry(spec=SPEC, reader=BinanceUsdm, orders=BinanceOrders, results=RESULTS)
