"""The venue's rules for an order's values: filters, reduce-only, what executes at once. Pure functions."""

from decimal import Decimal
from typing import Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import OrderRequest
from p33_tasks.demo.exchange.core.symbols import Listing, decimals

# PERCENT_PRICE: how far a limit price may be from the mark price.
PERCENT_UP: Final = Decimal("1.05")
PERCENT_DOWN: Final = Decimal("0.95")


def signed(side: str, qty: Decimal) -> Decimal:
    """The signed change of a position by a fill: BUY adds, SELL subtracts."""
    return qty if side == "BUY" else -qty


def check_quantity(listing: Listing, qty: Decimal, *, market: bool) -> None:
    """LOT_SIZE, and for market orders MARKET_LOT_SIZE. Raises -4003, -1111, -4004, -4005 or -4023."""
    if qty <= 0:
        raise refusal(-4003)
    if decimals(qty) > listing.quantity_precision:
        raise refusal(-1111)
    if qty < listing.min_qty:
        raise refusal(-4004)
    if qty > (listing.max_market_qty if market else listing.max_qty):
        raise refusal(-4005)
    if qty % listing.step_size:
        raise refusal(-4023)


def check_price(listing: Listing, price: Decimal, mark: Decimal) -> None:
    """PRICE_FILTER and PERCENT_PRICE of a limit order. Raises -4001, -1111, -4014, -4016 or -4024."""
    if price <= 0:
        raise refusal(-4001)
    if decimals(price) > listing.price_precision:
        raise refusal(-1111)
    if price % listing.tick_size:
        raise refusal(-4014)
    highest, lowest = (round_price(listing, mark * factor) for factor in (PERCENT_UP, PERCENT_DOWN))
    if price > highest:
        raise refusal(-4016, limit=highest)
    if price < lowest:
        raise refusal(-4024, limit=lowest)


def check_notional(listing: Listing, qty: Decimal, price: Decimal) -> None:
    """MIN_NOTIONAL, from which reduce-only orders are exempt. Raises -4164."""
    if qty * price < listing.min_notional:
        raise refusal(-4164, limit=listing.min_notional)


def check_values(listing: Listing, request: OrderRequest, mark: Decimal) -> None:
    """All filters, in the venue's order. Raises the first one's error."""
    check_quantity(listing, request.quantity, market=request.type == "MARKET")
    if request.price is not None:
        check_price(listing, request.price, mark)
    if not reduces_only(request):
        check_notional(listing, request.quantity, request.price or mark)


def reduces_only(request: OrderRequest) -> bool:
    """Whether an order may only shrink its position: by its flag, or in hedge mode by its direction."""
    return request.reduce_only or (request.position_side, request.side) in (("LONG", "SELL"), ("SHORT", "BUY"))


def reducible(position_amt: Decimal, side: str, qty: Decimal) -> Decimal:
    """The quantity of a reduce-only order after the cut to the position; 0 if there is nothing to reduce."""
    if position_amt * signed(side, qty) >= 0:
        return Decimal(0)
    return min(qty, abs(position_amt))


def round_price(listing: Listing, price: Decimal) -> Decimal:
    """The nearest price on the tick grid."""
    return (price / listing.tick_size).quantize(Decimal(1)) * listing.tick_size


def crosses(side: str, limit_price: Decimal, mark: Decimal) -> bool:
    """Whether a limit order is executed at this mark price."""
    return limit_price >= mark if side == "BUY" else limit_price <= mark


def share_of(listing: Listing, qty: Decimal, ratio: Decimal) -> Decimal:
    """``ratio`` of a quantity, floored to the step."""
    return (qty * ratio) // listing.step_size * listing.step_size
