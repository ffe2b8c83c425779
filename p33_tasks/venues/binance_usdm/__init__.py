"""Binance USD-M futures.

``GET /fapi/v2/positionRisk`` and not v3: v2 sends a row per symbol, so that flat is proven; v3 leaves flat symbols
out. Not ccxt's ``fetch_positions`` either: it drops rows, rounds to floats, and reads an empty body as no positions.
``load_markets`` is never called: with keys set it also asked the spot host.

Sources: Binance's USD-M futures REST documentation, error codes included.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.binance_usdm.order_reports import RESULTS
from p33_tasks.venues.binance_usdm.orders import BinanceOrders
from p33_tasks.venues.binance_usdm.reader import BinanceUsdm
from p33_tasks.venues.binance_usdm.spec import SPEC
from p33_tasks.venues.entry import VenueEntry

VENUE: Final = VenueEntry(spec=SPEC, reader=BinanceUsdm, orders=BinanceOrders, results=RESULTS)
