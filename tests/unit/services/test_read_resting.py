"""Reading the open orders: once a minute, complete or nothing."""

from __future__ import annotations

from collections.abc import Iterable

from p33_tasks.abilities import RestingReport
from p33_tasks.errors import ExchangeUnavailableError
from p33_tasks.ports import RestingClaim
from p33_tasks.services.read_resting import RestingService


class Venue:
    """Answers, or is away."""

    source = "binanceusdm test.example"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_away = False

    def fetch_all_resting_orders(self, symbols: Iterable[str]) -> RestingReport:
        self.asked.append(list(symbols))
        if self.is_away:
            raise ExchangeUnavailableError("away")
        return RestingReport(orders={"BTCUSDT": ()}, invalid={"ETHUSDT": "an odd row"})


class Store:
    """One claim; what is done with it."""

    def __init__(self) -> None:
        self.claims = [RestingClaim(now_ms=1, life="1" * 40, source=Venue.source)]
        self.done: list[object] = []
        self.is_alive = True

    def is_due(self) -> bool:
        return bool(self.claims)

    def claim(self, source: str) -> RestingClaim | None:
        assert source == Venue.source
        return self.claims.pop() if self.claims else None

    def put(self, claim: RestingClaim, report: RestingReport) -> bool:
        self.done.append((claim.now_ms, dict(report.invalid)))
        return self.is_alive

    def fail(self, claim: RestingClaim, error: str) -> None:
        self.done.append((claim.now_ms, error))


def test_the_first_of_a_minute_reads_for_every_symbol_and_the_second_does_not() -> None:
    venue, store = Venue(), Store()
    service = RestingService(venue, store, ("BTCUSDT", "ETHUSDT"))
    assert [service.read(), service.read()] == ["read", "done"]
    assert venue.asked == [["BTCUSDT", "ETHUSDT"]]
    assert store.done == [(1, {"ETHUSDT": "an odd row"})]


def test_a_failed_reading_is_noted_and_writes_nothing_else() -> None:
    venue, store = Venue(), Store()
    venue.is_away = True
    assert RestingService(venue, store, ("BTCUSDT",)).read() == "failed"
    assert store.done == [(1, "ExchangeUnavailableError: away")]


def test_a_reading_that_outlived_the_store_says_so() -> None:
    store = Store()
    store.is_alive = False
    assert RestingService(Venue(), store, ("BTCUSDT",)).read() == "other_life"
