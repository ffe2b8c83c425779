"""Binance USD-M orders in an executor's results, as the venue writes them and as ccxt does.

The venue's quantities are base units and its ``side`` is the trade's, in hedge mode too; ccxt's ``filled`` is in
contracts, which are one base unit each here.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.order_reports import BaseUnitResults

RESULTS: Final = BaseUnitResults(
    executed=("executedQty", "executed_qty", "filled_qty", "filled"), nothing_yet=frozenset({"NEW", "OPEN"})
)
