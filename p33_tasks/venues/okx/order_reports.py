"""OKX's orders in an executor's results, its own and ccxt's: their quantities are contracts, so none is read.

The contract size is in the instruments, not in the order.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.okx.spec import INST_TYPE
from p33_tasks.venues.order_reports import RefusedResults, ccxt_name


def _inst_id(base: str, quote: str, delivery: str | None) -> str:
    """``BTC-USDT-SWAP``."""
    return ccxt_name(base, quote, delivery) if delivery else f"{base}-{quote}-{INST_TYPE}"


RESULTS: Final = RefusedResults(
    symbol=_inst_id, own_fields=("ordId", "accFillSz", "fillSz"), why="its quantities are contracts, not base units"
)
