"""Hyperliquid's orders in an executor's results, as ccxt writes them: quantities are base units, ``side`` the trade's.

The venue's own answer to an order names no side, so an executor names it beside.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.venues.order_reports import BaseUnitResults


def _coin(base: str, _quote: str, _delivery: str | None) -> str:
    """``BTC``; ccxt's ``XYZ-TSLA`` is ``XYZ:TSLA``, of another dex."""
    return base.upper().replace("-", ":", 1)


RESULTS: Final = BaseUnitResults(
    executed=("executed_qty", "filled_qty", "filled"), nothing_yet=frozenset({"OPEN"}), symbol=_coin
)
