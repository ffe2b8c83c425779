"""Hyperliquid's coins over the core's contracts: their names, the dex that lists them, their numbers and prices.

Sources: "Asset IDs" and "Tick and lot size" of Hyperliquid's documentation.
"""

from decimal import Decimal
from typing import Final

from p33_tasks.demo.exchange.core import matching
from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Params
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.simulation import Simulation

OTHER_DEX: Final = "xyz"
_OF_OTHER_DEX: Final = frozenset({"LTC", "LINK"})
_FIRST_OF_OTHER_DEX: Final = 110_000
_DIGITS, _PRICE_DECIMALS = 5, 6


def coin_of(base: str) -> str:
    """A base asset's coin: ``BTC``, ``kSHIB``, or ``xyz:LTC`` on the dex of others."""
    coin = f"k{base.removeprefix('1000')}" if base.startswith("1000") else base
    return f"{OTHER_DEX}:{coin}" if base in _OF_OTHER_DEX else coin


def symbol_of(base: str) -> str:
    """The coin's name in upper case, by which the core lists it."""
    return coin_of(base).upper()


def dex_of(params: Params) -> str:
    """The requested dex, by default the venue's own. Raises the venue's error: there is none of that name."""
    dex = params.get("dex", "")
    if dex not in {"", OTHER_DEX}:
        raise refusal(-1102, name="dex")
    return dex


def listed(sim: Simulation, dex: str) -> list[Listing]:
    """The contracts of a dex, in the order of their numbers."""
    return [listing for listing in sim.venue.listings.values() if (listing.base in _OF_OTHER_DEX) is bool(dex)]


def by_number(sim: Simulation, number: int) -> Listing:
    """The contract that an order names. Raises -1121."""
    is_other = number >= _FIRST_OF_OTHER_DEX
    coins, place = listed(sim, OTHER_DEX if is_other else ""), number - (_FIRST_OF_OTHER_DEX if is_other else 0)
    if not 0 <= place < len(coins):
        raise refusal(-1121)
    return coins[place]


def mark_of(sim: Simulation, listing: Listing) -> Decimal:
    """The mark price, as it is shown."""
    return matching.round_price(listing, sim.venue.mark(listing.symbol, sim.now_ms))


def check_price(listing: Listing, price: Decimal) -> None:
    """At most five significant digits unless it is whole, and six decimals less those of a quantity. Raises -4014."""
    exponent = price.normalize().as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    digits = len(price.normalize().as_tuple().digits)
    if places and (digits > _DIGITS or places > _PRICE_DECIMALS - listing.quantity_precision):
        raise refusal(-4014)
