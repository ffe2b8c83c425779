"""Gate's orders in an executor's results, its own and ccxt's: their sizes are contracts, so none is read.

The contract size is in the contracts' rows, not in the order.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.order_reports import RefusedResults, ccxt_name


def _contract(base: str, quote: str, delivery: str | None) -> str:
    """``BTC_USDT``."""
    return ccxt_name(base, quote, delivery) if delivery else f"{base}_{quote}"


RESULTS: Final = RefusedResults(
    symbol=_contract, own_fields=("left", "fill_price", "finish_as"), why="its sizes are contracts, not base units"
)
