"""Binance USD-M orders in an executor's results: as the venue writes them, and as ccxt does.

The venue's quantities are base units and its ``side`` is the trade's, in hedge mode too; ccxt's ``filled`` is in
contracts, which are one base unit each here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from p33_tasks.contract.fields import is_nothing, order_id_of, quantity_of, text_of
from p33_tasks.contract.results import leg_of, reduce_only_of, side_of
from p33_tasks.domain.models import Fill
from p33_tasks.errors import InvalidMessageError

_CCXT_SYMBOL = re.compile(r"([^/:\s]+)/([^/:\s]+):([^/:\s]+?)(?:-([0-9]{6}))?")


class BinanceResults:
    """Implements ``ports.ResultReader``."""

    @staticmethod
    def venue_symbol(symbol: str) -> str:
        """``ETH/USDT:USDT`` is ``ETHUSDT``, and ``ETH/USDT:USDT-260327`` is ``ETHUSDT_260327``."""
        found = _CCXT_SYMBOL.fullmatch(symbol)
        if found is None:
            return symbol
        base, quote, settle, delivery = found.groups()
        if quote != settle:  # not a contract of this venue
            return symbol
        return f"{base}{quote}_{delivery}" if delivery else f"{base}{quote}"

    @staticmethod
    def read_order(order: Mapping[str, object]) -> Fill | None:
        """See ``ports.ResultReader.read_order``."""
        ids = {found for name in ("order_id", "orderId", "id") if (found := order_id_of(order, name)) is not None}
        if len(ids) > 1:
            raise InvalidMessageError(f"one order has the ids {', '.join(sorted(ids))}")
        executed = max(quantity_of(order, name) for name in ("executedQty", "executed_qty", "filled_qty", "filled"))
        if not ids:
            if executed > 0:
                raise InvalidMessageError(f"{executed} was executed by an order without an id")
            return None
        if all(is_nothing(order.get(name)) for name in ("executedQty", "executed_qty", "filled_qty", "filled")):
            status = (text_of(order, "status") or "").strip().upper()
            if status not in _NOTHING_YET:
                raise InvalidMessageError(f"order {min(ids)} doesn't say what it executed")
        return Fill(
            order_id=min(ids),
            side=side_of(order),
            cumulative_qty=executed,
            leg=leg_of(order),
            reduce_only=reduce_only_of(order),
        )


_NOTHING_YET = frozenset({"NEW", "OPEN"})
