"""One order as a venue's answer describes it, checked: the same for every venue whose orders are read row by row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.abilities import OrderReport
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import OrderState
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """Quantities in base units."""

    row: Row
    order_id: str
    client_order_id: str
    status: str
    is_final: bool  # nothing more of it will be executed; False for an undocumented status
    side: OrderSide
    leg: Leg
    quantity: Decimal
    executed_qty: Decimal
    created_ms: int | None

    def __post_init__(self) -> None:
        """Check the quantities. Raises MalformedResponseError: more was executed than ordered."""
        if not 0 <= self.executed_qty <= self.quantity:
            raise MalformedResponseError(
                f"order: {self.executed_qty} executed is not within 0 and its quantity {self.quantity}"
            )

    def report(self, symbol: str) -> OrderReport:
        """The order as the executor's report."""
        return OrderReport(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            symbol=symbol,
            status=self.status,
            is_final=self.is_final,
            side=self.side,
            leg=self.leg,
            quantity=self.quantity,
            executed_qty=self.executed_qty,
        )

    def state(self) -> OrderState:
        """The order's state for reconciliation. Raises MalformedResponseError."""
        if self.created_ms is None:
            raise MalformedResponseError("order: the time of its creation can't be read")
        return OrderState(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            side=self.side,
            executed_qty=self.executed_qty,
            is_final=self.is_final,
            created_ms=self.created_ms,
        )
