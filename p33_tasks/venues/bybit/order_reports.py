"""Bybit's orders in an executor's results, as ``/v5/order/realtime`` lists them and as ccxt does.

Quantities of linear contracts are base units, ccxt's ``filled`` too; ``side`` is the trade's, ``positionIdx`` the leg.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from p33_tasks.contract.fields import is_nothing, shown, text_of
from p33_tasks.contract.result_orders import leg_of
from p33_tasks.domain.models import Leg, PositionSide
from p33_tasks.errors import InvalidMessageError
from p33_tasks.venues.bybit.order_rows import LEGS
from p33_tasks.venues.bybit.spec import SETTLE_COIN
from p33_tasks.venues.order_reports import BaseUnitResults, ccxt_name


def _name(base: str, quote: str, delivery: str | None) -> str:
    """The venue's name, e.g. ``BTCUSDT``; a ccxt symbol of a product that isn't read is returned unchanged."""
    if quote.upper() == SETTLE_COIN and delivery is None:
        return f"{base}{quote}"
    return ccxt_name(base, quote, delivery)


def _leg(order: Mapping[str, object]) -> PositionSide | None:
    if is_nothing(order.get("positionIdx")):
        return leg_of(order)
    index = text_of(order, "positionIdx") or ""
    leg = {str(number): leg for number, leg in LEGS.items()}.get(index.strip())
    if leg is None:
        raise InvalidMessageError(f"positionIdx is {shown(index)}, not 0, 1 or 2")
    return None if leg is Leg.BOTH else PositionSide(leg.value)


RESULTS: Final = BaseUnitResults(
    executed=("cumExecQty", "executed_qty", "filled_qty", "filled"),
    nothing_yet=frozenset({"NEW", "OPEN"}),
    own_fields=("cumExecQty",),
    symbol=_name,
    leg=_leg,
    leg_fields=("positionIdx",),
)
