"""Hyperliquid's orders in an executor's results, as ccxt writes them: quantities are base units, ``side`` the trade's.

The venue's own form is refused: the answer to an order has no side, and an order's status only the quantity left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from p33_tasks.contract.fields import is_nothing
from p33_tasks.domain.models import Fill
from p33_tasks.errors import InvalidMessageError
from p33_tasks.venues.order_reports import BaseUnitResults, Order


def _coin(base: str, _quote: str, _delivery: str | None) -> str:
    """``BTC``; ccxt's ``XYZ-TSLA`` is ``XYZ:TSLA``, of another dex."""
    return base.upper().replace("-", ":", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HyperliquidResults(BaseUnitResults):
    """Implements ``ports.ResultReader``."""

    def read_order(self, order: Order) -> Fill | None:
        """See ``ports.ResultReader.read_order``."""
        if any(not is_nothing(order.get(name)) for name in self.own_fields):
            raise InvalidMessageError("a raw order: it says what is left; report order_id, side and executed_qty")
        return BaseUnitResults.read_order(self, order)


RESULTS: Final = HyperliquidResults(
    executed=("executed_qty", "filled_qty", "filled"),
    nothing_yet=frozenset({"OPEN"}),
    symbol=_coin,
    own_fields=("oid", "origSz", "totalSz"),
)
