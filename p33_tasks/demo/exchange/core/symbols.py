"""Listed contracts: filters close to the venue's own, and synthetic ones for load.

Quantities and prices are exact decimals. ``max_market_qty`` (MARKET_LOT_SIZE) is smaller than ``max_qty``
(LOT_SIZE), as on the venue: a market order is refused at a size that a limit order may still have.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One USDT-margined perpetual contract."""

    symbol: str
    base: str
    start_price: Decimal
    tick_size: Decimal
    step_size: Decimal
    max_qty: Decimal
    max_market_qty: Decimal
    min_notional: Decimal
    max_leverage: int = 125
    maint_margin_ratio: Decimal = Decimal("0.004")

    @property
    def min_qty(self) -> Decimal:
        """Smallest order quantity; on these contracts it equals the step."""
        return self.step_size

    @property
    def quantity_precision(self) -> int:
        """Decimal places of a quantity."""
        return decimals(self.step_size)

    @property
    def price_precision(self) -> int:
        """Decimal places of a price."""
        return decimals(self.tick_size)


@lru_cache(maxsize=4096)
def decimals(value: Decimal) -> int:
    """Decimal places that a finite value needs: 0 for ``10``, 3 for ``0.001`` and for ``0.0010``."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


# base, start price, tick, step, max quantity, max market quantity, min notional, max leverage
_CATALOGUE: Final = """
BTC       67500    0.10       0.001  1000      120      100  125
ETH       3400     0.01       0.001  10000     2000     20   125
BNB       590      0.010      0.01   100000    2000     5    75
SOL       172      0.0100     1      1000000   5000     5    100
XRP       0.6104   0.0001     0.1    10000000  2000000  5    75
DOGE      0.12530  0.000010   1      50000000  30000000 5    75
ADA       0.4205   0.00010    1      2000000   300000   5    75
LINK      13.742   0.001      0.01   200000    20000    20   75
LTC       72.10    0.01       0.001  10000     5000     20   75
AVAX      28.451   0.0010     1      100000    7500     5    75
TRX       0.13610  0.00001    1      10000000  5000000  5    75
1000SHIB  0.017350 0.000001   1      50000000  20000000 5    50
"""


def usual_symbol(base: str) -> str:
    """Most venues' symbol of a base asset: ``BTCUSDT``."""
    return f"{base}USDT"


def catalogue(symbol_of: Callable[[str], str] = usual_symbol) -> Iterator[Listing]:
    """The contracts that every simulator lists; ``symbol_of`` is how the venue names that of a base asset."""
    for line in _CATALOGUE.strip().splitlines():
        base, *numbers, leverage = line.split()
        price, tick, step, max_qty, max_market, notional = map(Decimal, numbers)
        yield Listing(
            symbol=symbol_of(base),
            base=base,
            start_price=price,
            tick_size=tick,
            step_size=step,
            max_qty=max_qty,
            max_market_qty=max_market,
            min_notional=notional,
            max_leverage=int(leverage),
        )


def synthetic(count: int, symbol_of: Callable[[str], str] = usual_symbol) -> Iterator[Listing]:
    """``count`` made-up contracts of ``SIM000``, ``SIM001``, ... with steps from 1 to 0.001."""
    for number in range(count):
        base = f"SIM{number:03d}"
        yield Listing(
            symbol=symbol_of(base),
            base=base,
            start_price=Decimal(1 + number % 97) * Decimal("1.37"),
            tick_size=Decimal("0.0001"),
            step_size=Decimal(1).scaleb(-(number % 4)),
            max_qty=Decimal(1_000_000),
            max_market_qty=Decimal(100_000),
            min_notional=Decimal(5),
            max_leverage=50,
        )
