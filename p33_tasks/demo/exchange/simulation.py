"""One running simulator: the venue, its switches, its counters, its clock."""

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import chain

from p33_tasks.demo.exchange.core.algo_orders import AlgoOrder, trigger_due
from p33_tasks.demo.exchange.core.symbols import catalogue, synthetic, usual_symbol
from p33_tasks.demo.exchange.core.venue import HEALTHY, Conditions, Venue
from p33_tasks.demo.exchange.faults import FaultError, Faults
from p33_tasks.demo.exchange.limits import Limiter
from p33_tasks.demo.exchange.options import SimOptions
from p33_tasks.demo.exchange.recorder import Recorder
from p33_tasks.demo.exchange.signing import Credentials


def wall_clock_ms() -> int:
    """Unix time."""
    return time.time_ns() // 1_000_000


class Simulation:
    """All state behind the HTTP application. Raises the venue's -1121 for a start position in an unknown symbol."""

    def __init__(
        self, options: SimOptions, symbol_of: Callable[[str], str] = usual_symbol, *, has_hedge_mode: bool = True
    ) -> None:
        now_ms = wall_clock_ms()
        self.options = options
        self.has_hedge_mode = has_hedge_mode
        self.nonces: set[int] = set()  # used nonces, if the venue accepts each one once
        listings = chain(catalogue(symbol_of), synthetic(options.extra_symbols, symbol_of))
        self.venue = Venue(listings, seed=options.seed)
        self.algo_orders: dict[int, AlgoOrder] = {}
        self.start_faults = Faults(latency_ms=options.latency_ms, hedge_mode=options.hedged)
        self.limiter = Limiter(options.limits)
        self.recorder = Recorder(now_ms=now_ms)
        self.credentials = Credentials(key=options.api_key, secret=options.api_secret)
        self.set_faults(self.start_faults)
        for symbol, amt in options.positions.items():
            self.venue.set_position(symbol, amt, now_ms=now_ms)

    @property
    def now_ms(self) -> int:
        """Unix time in ms, the simulator's internal clock."""
        return wall_clock_ms()

    @property
    def server_ms(self) -> int:
        """The venue's clock in ms: ``now_ms`` shifted by the clock switch."""
        return wall_clock_ms() + self.faults.clock_skew_ms

    @property
    def conditions(self) -> Conditions:
        """The treatment of orders by the current switches."""
        faults = self.faults
        healthy = replace(HEALTHY, client_ids_unique_among="open" if faults.client_ids == "open" else "ever")
        if faults.order in ("new", "partial"):
            share = faults.fill_ratio if faults.order == "partial" else Decimal(0)
            return replace(healthy, fill_share=share, completion_delay_ms=faults.fill_delay_ms)
        if faults.order == "partial_expired":
            healthy = replace(healthy, fill_share=faults.fill_ratio, rest="expire")
        return replace(healthy, visible_delay_ms=faults.fill_delay_ms)

    @property
    def symbols(self) -> list[str]:
        """The listed contracts, without those delisted by a switch."""
        delisted = self.faults.delisted
        return [symbol for symbol in self.venue.listings if symbol not in delisted]

    def row_fault(self, symbol: str) -> str | None:
        """The switch for one symbol's position row."""
        return self.faults.rows.get(symbol)

    def set_faults(self, faults: Faults) -> None:
        """Turns switches; the position mode follows its own. Raises FaultError: the venue has no hedge mode."""
        if faults.hedge_mode and not self.has_hedge_mode:
            raise FaultError("hedge_mode is true; this venue has no hedge mode")
        self.faults = faults
        self.venue.set_mode(hedged=faults.hedge_mode)

    def settle(self) -> None:
        """Executes orders that have become executable since the last request."""
        self.venue.settle(now_ms=self.now_ms, conditions=self.conditions)
        trigger_due(self.algo_orders, self.venue, now_ms=self.now_ms, conditions=self.conditions)

    def spend_fault(self) -> None:
        """Counts a request with a fault; after ``times`` of them `status` and `body` are switched off."""
        faults = self.faults
        if faults.times == 1:
            self.faults = replace(faults, times=0, status=0, body="normal")
        elif faults.times:
            self.faults = replace(faults, times=faults.times - 1)
