"""The exchange's state and all changes of it. No HTTP, and no clock: ``now_ms`` is an argument of every call."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from p33_tasks.demo.exchange.core import matching
from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.order_book import IdScope, OrderBook
from p33_tasks.demo.exchange.core.orders import FORCED_IDS, Order, OrderRequest, Trade
from p33_tasks.demo.exchange.core.positions import (
    FLAT,
    HEDGED,
    ONE_WAY,
    Position,
    PositionBook,
    PositionSide,
    after_fill,
)
from p33_tasks.demo.exchange.core.prices import PriceBoard
from p33_tasks.demo.exchange.core.symbols import Listing, decimals

START_BALANCE_USDT: Final = Decimal(100_000)
START_LEVERAGE: Final = 20
# Bounds of a position set through the control API, so that its notional is exact in 28 digits.
LARGEST_AMT: Final = Decimal(10) ** 12
MOST_DECIMALS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The venue's current treatment of orders; the defaults are a healthy venue.

    ``fill_share`` of a market order executes at once; the rest stays open (``rest="open"``) or expires.
    ``completion_delay_ms`` after that an open rest executes too; 0: only when told to.
    A fill is visible in the position ``visible_delay_ms`` after it happened.
    """

    fill_share: Decimal = Decimal(1)
    rest: Literal["open", "expire"] = "open"
    completion_delay_ms: int = 0
    visible_delay_ms: int = 0
    client_ids_unique_among: IdScope = "ever"


HEALTHY: Final = Conditions()


class Venue:
    """Contracts, prices, positions, orders and trades of one account."""

    def __init__(self, listings: Iterable[Listing], *, seed: int) -> None:
        self.listings = {listing.symbol: listing for listing in listings}
        self.prices = PriceBoard(seed=seed)
        self.positions = PositionBook()
        self.orders = OrderBook()
        self.trades: list[Trade] = []
        self.forced: dict[int, str] = {}  # orders of the venue's own, by order id: why
        self.leverages: dict[str, int] = {}
        self.hedged = False
        self.balance_usdt = START_BALANCE_USDT

    @property
    def sides(self) -> tuple[PositionSide, ...]:
        """The position sides of the current mode."""
        return HEDGED if self.hedged else ONE_WAY

    def listing(self, symbol: str) -> Listing:
        """A contract by its symbol. Raises -1121."""
        listing = self.listings.get(symbol)
        if listing is None:
            raise refusal(-1121)
        return listing

    def mark(self, symbol: str, now_ms: int) -> Decimal:
        """The mark price, USDT."""
        return self.prices.mark(self.listings[symbol], now_ms)

    def leverage(self, symbol: str) -> int:
        """The leverage chosen for a symbol."""
        return self.leverages.get(symbol, START_LEVERAGE)

    def set_mode(self, *, hedged: bool) -> None:
        """Changes the position mode of the account; positions are carried over."""
        if hedged != self.hedged:
            self.hedged = hedged
            self.positions.change_mode(hedged=hedged)

    def set_position(
        self, symbol: str, amt: Decimal, *, now_ms: int, entry_price: Decimal | None = None, side: PositionSide = "BOTH"
    ) -> None:
        """Sets a position without an order of the client; the default entry price is the mark price.

        In hedge mode BOTH means the net amount. Raises -1121, -1111 for an amount beyond the bounds, and -4061
        for a side that the mode or the amount's sign doesn't go with.
        """
        listing = self.listing(symbol)
        if abs(amt) > LARGEST_AMT or decimals(amt) > MOST_DECIMALS:
            raise refusal(-1111)
        entry = matching.round_price(listing, self.mark(symbol, now_ms)) if entry_price is None else entry_price
        position = Position(amt=amt, entry_price=entry if amt else Decimal(0), update_ms=now_ms)
        if self.hedged and side == "BOTH":
            self.positions.put(symbol, "LONG", position if amt > 0 else FLAT)
            self.positions.put(symbol, "SHORT", position if amt < 0 else FLAT)
            return
        if side not in self.sides or (side == "LONG" and amt < 0) or (side == "SHORT" and amt > 0):
            raise refusal(-4061)
        self.positions.put(symbol, side, position)

    def place(self, request: OrderRequest, *, now_ms: int, conditions: Conditions = HEALTHY) -> Order:
        """Accepts and, as far as it can be, executes an order. Raises the venue's error."""
        listing = self.listing(request.symbol)
        mark = self.mark(request.symbol, now_ms)
        matching.check_values(listing, request, mark)
        client_id = self.orders.client_id(
            request.symbol, request.client_order_id, unique_among=conditions.client_ids_unique_among
        )
        qty = self._allowed_qty(request)
        order = self._accept(request, client_id, qty, now_ms)
        if request.type == "MARKET":
            return self._execute_market(order, listing, mark, now_ms, conditions)
        return self._execute_limit(order, listing, mark, now_ms, conditions)

    def trade_outside(
        self,
        symbol: str,
        signed_qty: Decimal,
        *,
        kind: str,
        client_order_id: str | None,
        side: PositionSide = "BOTH",
        now_ms: int,
        conditions: Conditions,
    ) -> Order:
        """A market order that was not sent by this service: ``manual``, or one of the venue's own.

        Raises -1121 and the filters' errors.
        """
        listing = self.listing(symbol)
        request = OrderRequest(
            symbol=symbol,
            side="BUY" if signed_qty > 0 else "SELL",
            type="MARKET",
            quantity=abs(signed_qty),
            price=None,
            time_in_force="GTC",
            reduce_only=False,
            position_side=side,
            client_order_id=client_order_id,
        )
        matching.check_quantity(listing, request.quantity, market=True)
        number = self.orders.next_id()
        marker = FORCED_IDS.get(kind)
        order = self._accept(
            request, (marker or client_order_id or "web_{number}").format(number=number), request.quantity, now_ms
        )
        if marker is not None:
            self.forced[order.order_id] = kind
        price = matching.round_price(listing, self.mark(symbol, now_ms))
        return self.fill(order, order.open_qty, price=price, now_ms=now_ms, conditions=conditions)

    def cancel(self, order: Order, *, now_ms: int) -> Order:
        """Takes an open order back. Raises -2011."""
        if not order.is_open:
            raise refusal(-2011)
        return self.orders.store(replace(order, status="CANCELED", update_ms=now_ms))

    def settle(self, *, now_ms: int, conditions: Conditions = HEALTHY) -> None:
        """Executes orders that have become executable by time or price since the last call."""
        for order in self.orders.open():
            mark = self.mark(order.symbol, now_ms)
            due = order.completes_ms is not None and order.completes_ms <= now_ms
            crossed = order.type == "LIMIT" and matching.crosses(order.side, order.price, mark)
            if due or crossed:
                price = (
                    order.price if order.type == "LIMIT" else matching.round_price(self.listings[order.symbol], mark)
                )
                self.fill(order, order.open_qty, price=price, now_ms=now_ms, conditions=conditions)

    def fill(
        self, order: Order, qty: Decimal, *, price: Decimal, now_ms: int, conditions: Conditions = HEALTHY
    ) -> Order:
        """Executes ``qty`` of an open order.

        One that only reduces is cut to the position; with nothing left to reduce it expires.
        """
        if order.reduce_only or order.position_side != "BOTH":
            qty = self._cut(order, qty)
        if qty <= 0:
            return self.orders.store(replace(order, status="EXPIRED", update_ms=now_ms))
        before = self.positions.true(order.symbol, order.position_side)
        after, realized = after_fill(before, matching.signed(order.side, qty), price, now_ms)
        self.positions.move(order.symbol, order.position_side, after, visible_ms=now_ms + conditions.visible_delay_ms)
        self.balance_usdt += realized
        executed = order.executed_qty + qty
        filled = replace(
            order,
            executed_qty=executed,
            cum_quote=order.cum_quote + qty * price,
            status="FILLED" if executed == order.orig_qty else "PARTIALLY_FILLED",
            update_ms=now_ms,
        )
        trade_id = len(self.trades) + 1
        self.trades.append(
            Trade(trade_id=trade_id, order=filled, qty=qty, price=price, realized_pnl=realized, time_ms=now_ms)
        )
        return self.orders.store(filled)

    def _cut(self, order: Order, qty: Decimal) -> Decimal:
        opens = (order.position_side, order.side) in (("LONG", "BUY"), ("SHORT", "SELL"))
        held = self.positions.true(order.symbol, order.position_side).amt
        return qty if opens else matching.reducible(held, order.side, qty)

    def _allowed_qty(self, request: OrderRequest) -> Decimal:
        if not matching.reduces_only(request):
            return request.quantity
        held = self.positions.true(request.symbol, request.position_side).amt
        qty = matching.reducible(held, request.side, request.quantity)
        if not qty:
            raise refusal(-2022)
        return qty

    def _accept(self, request: OrderRequest, client_id: str, qty: Decimal, now_ms: int) -> Order:
        return self.orders.store(
            Order(
                order_id=self.orders.next_id(),
                client_order_id=client_id,
                symbol=request.symbol,
                side=request.side,
                type=request.type,
                time_in_force=request.time_in_force,
                orig_qty=qty,
                price=request.price or Decimal(0),
                reduce_only=request.reduce_only,
                position_side=request.position_side,
                time_ms=now_ms,
                update_ms=now_ms,
            )
        )

    def _execute_market(
        self, order: Order, listing: Listing, mark: Decimal, now_ms: int, conditions: Conditions
    ) -> Order:
        qty = matching.share_of(listing, order.orig_qty, conditions.fill_share)
        if conditions.fill_share == 1:
            qty = order.orig_qty  # a position that isn't a multiple of the step size can still be closed completely
        if qty:
            order = self.fill(
                order, qty, price=matching.round_price(listing, mark), now_ms=now_ms, conditions=conditions
            )
        if order.is_open and conditions.rest == "expire":
            return self.orders.store(replace(order, status="EXPIRED"))
        if order.is_open and conditions.completion_delay_ms:
            return self.orders.store(replace(order, completes_ms=now_ms + conditions.completion_delay_ms))
        return order

    def _execute_limit(
        self, order: Order, listing: Listing, mark: Decimal, now_ms: int, conditions: Conditions
    ) -> Order:
        crossing = matching.crosses(order.side, order.price, mark)
        if order.time_in_force == "GTX" and crossing:
            self.orders.forget(order)
            raise refusal(-5022)
        if crossing:
            price = matching.round_price(listing, mark)
            return self.fill(order, order.orig_qty, price=price, now_ms=now_ms, conditions=conditions)
        if order.time_in_force == "FOK":
            self.orders.forget(order)
            raise refusal(-5021)
        if order.time_in_force == "IOC":
            return self.orders.store(replace(order, status="EXPIRED"))
        return order
