"""Orders in an executor's results, as a venue writes them and as ccxt does: read in base units, or refused.

Where quantities are contracts, an order alone doesn't show the executed base quantity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from p33_tasks.contract.fields import is_nothing, order_id_of, quantity_of, text_of
from p33_tasks.contract.result_orders import leg_of, reduce_only_of, side_of
from p33_tasks.domain.models import Fill, PositionSide
from p33_tasks.errors import InvalidMessageError

_CCXT_SYMBOL = re.compile(r"([^/:\s]+)/([^/:\s]+):([^/:\s]+?)(?:-([0-9]{6}))?")
_IDS = ("order_id", "orderId", "id")

Order = Mapping[str, object]


def named_pair(base: str, quote: str, delivery: str | None) -> str:
    """``BTCUSDT``, and ``ETHUSDT_260327``."""
    return f"{base}{quote}_{delivery}" if delivery else f"{base}{quote}"


def ccxt_name(base: str, quote: str, delivery: str | None) -> str:
    """``ETH/USDT:USDT``: of a contract that isn't read here."""
    return f"{base}/{quote}:{quote}" + (f"-{delivery}" if delivery else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSymbols:
    """Converts ccxt's symbols, e.g. ``ETH/USDT:USDT``, to the venue's."""

    symbol: Callable[[str, str, str | None], str] = named_pair  # from base, quote and delivery, as ccxt names them

    def venue_symbol(self, symbol: str) -> str:
        """The venue's name of ccxt's ``ETH/USDT:USDT``; any other text unchanged."""
        found = _CCXT_SYMBOL.fullmatch(symbol)
        if found is None:
            return symbol
        base, quote, settle, delivery = found.groups()
        return symbol if quote != settle else self.symbol(base, quote, delivery)  # else not a contract of this venue


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedResults(NamedSymbols):
    """Implements ``ports.ResultReader`` where an order alone doesn't show the change of the position."""

    why: str
    own_fields: tuple[str, ...]  # see ``ports.ResultReader``

    @property
    def order_fields(self) -> tuple[str, ...]:
        """See ``ports.ResultReader.order_fields``."""
        return self.own_fields

    def read_order(self, order: Order) -> Fill | None:  # noqa: ARG002 - the port's
        """See ``ports.ResultReader.read_order``: none is ever read."""
        raise InvalidMessageError(f"a raw or ccxt order: {self.why}; report order_id, side and executed_qty")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUnitResults(NamedSymbols):
    """Implements ``ports.ResultReader`` where quantities are base units and ``side`` is the trade's."""

    executed: tuple[str, ...]  # the fields of the executed quantity
    nothing_yet: frozenset[str]  # statuses in which an order may lack the quantity
    own_fields: tuple[str, ...] = ()  # see ``ports.ResultReader``
    leg: Callable[[Order], PositionSide | None] = leg_of  # raises InvalidMessageError
    leg_fields: tuple[str, ...] = ()  # what it reads beside positionSide

    @property
    def order_fields(self) -> tuple[str, ...]:
        """See ``ports.ResultReader.order_fields``."""
        return (*self.executed, *self.leg_fields, *self.own_fields)

    def read_order(self, order: Order) -> Fill | None:
        """See ``ports.ResultReader.read_order``."""
        ids = {found for name in _IDS if (found := order_id_of(order, name)) is not None}
        if len(ids) > 1:
            raise InvalidMessageError(f"one order has the ids {', '.join(sorted(ids))}")
        executed = max(quantity_of(order, name) for name in self.executed)
        if not ids:
            if executed > 0:
                raise InvalidMessageError(f"{executed} was executed by an order without an id")
            return None
        if all(is_nothing(order.get(name)) for name in self.executed):
            status = (text_of(order, "status") or text_of(order, "orderStatus") or "").strip().upper()
            if status not in self.nothing_yet:
                raise InvalidMessageError(f"order {min(ids)} doesn't say what it executed")
        return Fill(
            order_id=min(ids),
            side=side_of(order),
            cumulative_qty=executed,
            leg=self.leg(order),
            reduce_only=reduce_only_of(order),
        )
