"""Bitget's orders in an executor's results, as "Get order detail" shows them; ccxt's by the original in their ``info``.

Quantities are base units. In hedge mode ``side`` is the position's, and ccxt turns it only for some orders, so the
trade's side follows from the original's leg and ``tradeSide``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from p33_tasks.contract.result_orders import reduce_only_of
from p33_tasks.domain.models import Fill, Leg, PositionSide
from p33_tasks.errors import InvalidMessageError, MalformedResponseError
from p33_tasks.venues.bitget.order_rows import read_order
from p33_tasks.venues.bitget.spec import MARGIN_COIN
from p33_tasks.venues.order_reports import NamedSymbols, Order, ccxt_name


def _pair(base: str, quote: str, delivery: str | None) -> str:
    """``BTCUSDT``."""
    return f"{base}{quote}" if quote == MARGIN_COIN and delivery is None else ccxt_name(base, quote, delivery)


@dataclass(frozen=True, slots=True, kw_only=True)
class BitgetResults(NamedSymbols):
    """Implements ``ports.ResultReader``."""

    own_fields: tuple[str, ...] = ("baseVolume",)
    order_fields: tuple[str, ...] = ("baseVolume", "clientOid", "size", "posMode", "posSide", "tradeSide", "info")

    def read_order(self, order: Order) -> Fill | None:
        """See ``ports.ResultReader.read_order``."""
        info = order.get("info")
        original = info if isinstance(info, Mapping) else order
        if "posMode" not in original:
            raise InvalidMessageError("a raw or ccxt order without the venue's posMode: its side may be the position's")
        try:
            found = read_order({**original}, str(original.get("symbol")))
        except MalformedResponseError as error:
            raise InvalidMessageError(str(error)) from error
        return Fill(
            order_id=found.order_id,
            side=found.side,
            cumulative_qty=found.executed_qty,
            leg=None if found.leg is Leg.BOTH else PositionSide(found.leg.value),
            reduce_only=reduce_only_of(original) if found.leg is Leg.BOTH else None,
        )


RESULTS: Final = BitgetResults(symbol=_pair)
