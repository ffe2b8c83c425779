"""Mark prices that move without a background task.

A price is a pure function of (seed, symbol, time): pseudo-random values on a lattice of time points, joined
by straight lines, summed over a few time scales. That looks like a random walk, costs microseconds at any
time, and is the same for every reader and every run with the same seed. All arithmetic is on integers.
"""

import zlib
from decimal import Decimal
from typing import Final

from p33_tasks.demo.exchange.core.symbols import Listing

# Readers within one step see one price.
STEP_MS: Final = 250
# Distance of lattice points in ms, and how far a lattice value strays from the start price, in parts per million.
_SCALES: Final = ((2_000, 120), (32_000, 900), (512_000, 6_000))
_PPM: Final = 1_000_000
_PRICE_DIGITS: Final = 8
_MASK_64: Final = 0xFFFF_FFFF_FFFF_FFFF


def _lattice(key: int, index: int, spread: int) -> int:
    """A well mixed integer in [-spread, spread] (the finalizer of splitmix64)."""
    mixed = (key + index * 0x9E37_79B9_7F4A_7C15) & _MASK_64
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK_64
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK_64
    return (mixed ^ (mixed >> 31)) % (2 * spread + 1) - spread


class _Walk:
    """One symbol's walk: its distance from the start price at any time."""

    def __init__(self, key: int) -> None:
        self._key = key
        # Per scale: index, left and right lattice value of the last used segment.
        self._segments = [(-1, 0, 0)] * len(_SCALES)

    def drift_ppm(self, at_ms: int) -> int:
        """Parts per million."""
        total = 0
        for number, (spacing_ms, spread) in enumerate(_SCALES):
            index, into_ms = divmod(at_ms, spacing_ms)
            segment = self._segments[number]
            if segment[0] != index:
                key = self._key ^ spacing_ms
                segment = (index, _lattice(key, index, spread), _lattice(key, index + 1, spread))
                self._segments[number] = segment
            _, left, right = segment
            total += left + (right - left) * into_ms // spacing_ms
        return total


class PriceBoard:
    """Mark prices of all symbols."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed
        self._walks: dict[str, _Walk] = {}
        self._bases: dict[str, Decimal] = {}
        self._pinned: dict[str, Decimal] = {}
        self._last: dict[str, tuple[int, Decimal]] = {}

    def mark(self, listing: Listing, now_ms: int) -> Decimal:
        """The mark price at ``now_ms``, 8 decimal places."""
        symbol = listing.symbol
        pinned = self._pinned.get(symbol)
        if pinned is not None:
            return pinned
        step = now_ms // STEP_MS
        last = self._last.get(symbol)
        if last is not None and last[0] == step:
            return last[1]
        price = self._moving(listing, step * STEP_MS)
        self._last[symbol] = (step, price)
        return price

    def set_price(self, symbol: str, price: Decimal, *, moving: bool) -> None:
        """Moves a symbol to ``price``: it stays there, or goes on moving around it."""
        self._last.pop(symbol, None)
        self._pinned.pop(symbol, None)
        if moving:
            self._bases[symbol] = price
        else:
            self._pinned[symbol] = price.quantize(Decimal(1).scaleb(-_PRICE_DIGITS))

    def _moving(self, listing: Listing, at_ms: int) -> Decimal:
        symbol = listing.symbol
        walk = self._walks.get(symbol)
        if walk is None:
            walk = self._walks[symbol] = _Walk(zlib.crc32(f"{self._seed}:{symbol}".encode()) << 24)
        base = self._bases.get(symbol, listing.start_price)
        units = int(base.scaleb(_PRICE_DIGITS)) * (_PPM + walk.drift_ppm(at_ms)) // _PPM
        return Decimal(units).scaleb(-_PRICE_DIGITS)
