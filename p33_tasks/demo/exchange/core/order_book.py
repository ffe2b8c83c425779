"""All orders of the account: by the venue's id, by the client's id, and those still open."""

from typing import Final, Literal

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Order

FIRST_ORDER_ID: Final = 8_205_830_001

IdScope = Literal["ever", "open"]


class OrderBook:
    """Keeps the latest state of each order; orders themselves are immutable."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._by_client_id: dict[tuple[str, str], int] = {}
        self._open: set[int] = set()

    def next_id(self) -> int:
        """The id of the next order."""
        return FIRST_ORDER_ID + len(self._orders)

    def store(self, order: Order) -> Order:
        """Adds an order or its new state, and returns it."""
        self._orders[order.order_id] = order
        self._by_client_id[order.symbol, order.client_order_id] = order.order_id
        if order.is_open:
            self._open.add(order.order_id)
        else:
            self._open.discard(order.order_id)
        return order

    def forget(self, order: Order) -> None:
        """Removes the order added last, as if it had been refused."""
        del self._orders[order.order_id]
        del self._by_client_id[order.symbol, order.client_order_id]
        self._open.discard(order.order_id)

    def by_id(self, order_id: int) -> Order | None:
        """An order by the venue's id."""
        return self._orders.get(order_id)

    def by_client_id(self, symbol: str, client_order_id: str) -> Order | None:
        """The latest order with the client's id."""
        order_id = self._by_client_id.get((symbol, client_order_id))
        return None if order_id is None else self._orders[order_id]

    def client_id(self, symbol: str, wanted: str | None, *, unique_among: IdScope) -> str:
        """The client order id of a new order: the wanted one, or a generated one. Raises -4116.

        The documentation promises uniqueness among open orders only. ``ever``, the default of the simulator, is the
        stricter reading, under which an order id that is derived from a plan can never execute twice.
        """
        if wanted is None:
            return f"sim-{self.next_id()}"
        earlier = self.by_client_id(symbol, wanted)
        if earlier is not None and (unique_among == "ever" or earlier.is_open):
            raise refusal(-4116)
        return wanted

    def all(self) -> list[Order]:
        """Every order ever accepted, oldest first."""
        return list(self._orders.values())

    def open(self) -> list[Order]:
        """Orders of which more can be executed, oldest first."""
        return [self._orders[order_id] for order_id in sorted(self._open)]
