"""Cooldowns that follow their symbol, in simulated time: the service's own code on a simulated market and venue."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from p33_tasks.domain.models import Leg, SymbolLimits
from p33_tasks.domain.statistics import Statistics
from p33_tasks.ports import Adapted, Observed
from p33_tasks.services.adapt_limits import AdaptiveService
from tests.factories import SOURCE, make_policy

SYMBOL = "BTCUSDT"
BASE_MS, MAX_MS, POLL_MS = 15_000, 60_000, 5_000
CALM, WILD = 0.0002, 0.0006
"""Standard deviation of the logarithmic mark price per root of a second."""


@dataclass
class Venue:
    """One symbol: its mark moves at random, and it shows our fills ``lag_ms`` after their record."""

    chance: random.Random = field(default_factory=lambda: random.Random(15))
    now_ms: int = 1_700_000_000_000
    mark: float = 30_000.0
    position_amt: Decimal = Decimal(100)
    ledger_amt: Decimal = Decimal(100)
    ordered_ms: int | None = None
    lag_ms: int = 0
    statistics: Statistics = field(default_factory=Statistics)
    cooldown_ms: int = BASE_MS
    by: str = ""

    def observe(self, symbols: Sequence[str]) -> tuple[Observed, ...]:
        """As ``AdaptiveStore``."""
        return (
            Observed(
                symbol=symbols[0],
                now_ms=self.now_ms,
                mark=self.mark,
                position_amt=self.position_amt,
                ts_ms=self.now_ms,
                source=SOURCE,
                ledger_amt=self.ledger_amt,
                ordered_ms=self.ordered_ms,
                limits=SymbolLimits(),
                statistics=self.statistics,
                legs=(Leg.BOTH,),
            ),
        )

    def save(self, adapted: Sequence[Adapted]) -> None:
        """As ``AdaptiveStore``."""
        (one,) = adapted
        self.statistics, self.by = one.statistics, one.by
        self.cooldown_ms = BASE_MS if one.cooldown_ms is None else one.cooldown_ms
        assert BASE_MS <= self.cooldown_ms <= MAX_MS

    def fill(self) -> None:
        """One unit is sold, and recorded at once."""
        self.ledger_amt, self.ordered_ms = self.ledger_amt - 1, self.now_ms

    def refresh(self, sigma: float) -> None:
        """A poll period later."""
        self.now_ms += POLL_MS
        self.mark *= math.exp(self.chance.gauss(0, sigma * math.sqrt(POLL_MS / 1000)))
        if self.ordered_ms is not None and self.now_ms >= self.ordered_ms + self.lag_ms:
            self.position_amt = self.ledger_amt


@pytest.fixture
def venue() -> Venue:
    return Venue()


def run(venue: Venue, seconds: int, sigma: float = CALM) -> list[int]:
    """The cooldown after each refresh."""
    policy = make_policy(cooldown_ms=BASE_MS, poll_ms=POLL_MS)
    service = AdaptiveService(venue, policy, source=SOURCE, symbols=(SYMBOL,), max_ms=MAX_MS)
    seen = []
    for _ in range(seconds * 1000 // POLL_MS):
        venue.refresh(sigma)
        service.adapt()
        seen.append(venue.cooldown_ms)
    return seen


def test_it_follows_a_tripled_volatility_within_a_minute_up_and_five_down(venue: Venue) -> None:
    calm = run(venue, 6 * 3_600)
    assert calm[-1] < 1.35 * BASE_MS
    up = run(venue, 600, WILD)
    assert max(up[:12]) > 1.3 * BASE_MS, "within a minute"
    assert venue.by == "volatility"
    assert up[-1] > 2 * BASE_MS
    down = run(venue, 300)
    assert down[-1] < 1.5 * BASE_MS, "within five minutes"


def test_a_venue_that_shows_fills_later_and_later_lengthens_it(venue: Venue) -> None:
    found = {}
    for lag_ms in (3_000, 20_000):
        venue.lag_ms = lag_ms
        for _ in range(8):
            venue.fill()
            run(venue, 60)
        found[lag_ms] = venue.cooldown_ms
    assert found[3_000] < 1.35 * BASE_MS, "1.5 times 5 s, which is what polling sees of it"
    assert found[20_000] == 30_000
    assert venue.by == "settlement"


def test_a_ledger_that_was_adopted_is_no_fill_that_nobody_shows(venue: Venue) -> None:
    """Its last order is long ago; how long has nothing to do with the venue."""
    for _ in range(4):
        venue.fill()
        run(venue, 60)
    known = venue.statistics.settled_ms
    for _ in range(4):
        venue.position_amt = venue.ledger_amt = venue.ledger_amt + 5
        run(venue, 60)
    assert venue.statistics.settled_ms == known


def test_a_market_that_stands_still_keeps_the_base(venue: Venue) -> None:
    run(venue, 3_600)
    assert set(run(venue, 1_200, 0.0)[-60:]) == {BASE_MS}


def test_it_says_what_it_comes_from(venue: Venue) -> None:
    seen: list[Adapted] = []
    keep = venue.save
    venue.save = lambda adapted: (seen.extend(adapted), keep(adapted))[1]  # type: ignore[method-assign,func-returns-value]
    venue.statistics = replace(venue.statistics, settled_ms=(20_000,) * 5)
    run(venue, 5)
    assert (seen[-1].cooldown_ms, seen[-1].base_ms, seen[-1].measured) == (30_000, BASE_MS, 20)
