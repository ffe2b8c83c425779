"""Refreshing, over a store and a venue in memory. What the real store does of it: ``tests/integration/services``."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.errors import ExchangeUnavailableError
from p33_tasks.services.refresh_snapshot import SnapshotService
from tests.factories import SYMBOL, make_market
from tests.fakes.gate import OTHER, MemoryGate
from tests.fakes.snapshots import MemoryVenue


@pytest.fixture
def gate() -> MemoryGate:
    return MemoryGate()


@pytest.fixture
def venue(gate: MemoryGate) -> MemoryVenue:
    return MemoryVenue(gate.account, {SYMBOL: "0.040", OTHER: "0"}, make_market())


@pytest.fixture
def service(gate: MemoryGate, venue: MemoryVenue) -> SnapshotService:
    return SnapshotService(venue, gate.snapshots, (SYMBOL, OTHER))


def amount(gate: MemoryGate, symbol: str = SYMBOL) -> Decimal | None:
    snapshot = gate.account.snapshots.get(symbol)
    return None if snapshot is None else snapshot.position.position_amt


def test_one_request_feeds_every_symbol(gate: MemoryGate, service: SnapshotService, venue: MemoryVenue) -> None:
    assert [service.refresh(symbol) for symbol in (SYMBOL, OTHER, SYMBOL)] == ["refreshed", "done", "done"]
    assert venue.requests == ["positions", "markets"]
    assert (amount(gate), amount(gate, OTHER), gate.ledger_amt(OTHER)) == (Decimal("0.040"), 0, "0")
    gate.next_tick()
    service.refresh(OTHER)
    assert venue.requests == ["positions", "markets", "positions"]


def test_while_somebody_fetches_nobody_else_does(
    gate: MemoryGate, service: SnapshotService, venue: MemoryVenue
) -> None:
    gate.snapshots.claim_refresh(gate.source)
    assert service.refresh(SYMBOL) == "in_flight"
    assert venue.requests == []


def test_a_failed_answer_writes_nothing_and_gives_the_claim_back(
    gate: MemoryGate, service: SnapshotService, venue: MemoryVenue
) -> None:
    service.refresh(SYMBOL)
    before = gate.account.snapshots[SYMBOL]
    gate.next_tick()
    venue.failure = ExchangeUnavailableError("away")
    assert service.refresh(SYMBOL) == "failed"
    assert gate.account.snapshots[SYMBOL] is before, "it ages"
    assert gate.account.snapshot_errors == {SYMBOL: 1, OTHER: 1}
    assert gate.snapshots.errors == ["ExchangeUnavailableError: away"]
    gate.next_tick()
    venue.failure = None
    assert service.refresh(SYMBOL) == "refreshed"


def test_positions_of_another_account_are_not_written_and_those_of_before_count_no_more(
    gate: MemoryGate, service: SnapshotService, venue: MemoryVenue
) -> None:
    venue.account = "1"
    assert service.refresh(SYMBOL) == "refreshed"
    gate.next_tick()
    venue.account, before = "2", gate.account.life
    venue.positions[SYMBOL] = "0.9"
    assert service.refresh(SYMBOL) == "failed"
    assert (amount(gate), gate.account.life != before) == (Decimal("0.040"), True)
    assert "another account" in gate.snapshots.errors[-1]
    gate.next_tick()
    assert service.refresh(SYMBOL) == "refreshed"
    assert amount(gate) == Decimal("0.9")


def test_a_bug_gives_the_claim_back_too(gate: MemoryGate, service: SnapshotService, venue: MemoryVenue) -> None:
    venue.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        service.refresh(SYMBOL)
    gate.next_tick()
    venue.failure = None
    assert service.refresh(SYMBOL) == "refreshed"


def test_a_symbol_that_is_unknown_affects_itself_only(
    gate: MemoryGate, service: SnapshotService, venue: MemoryVenue
) -> None:
    del venue.positions[OTHER]
    venue.invalid = {OTHER: "no amount"}
    assert service.refresh(SYMBOL) == "refreshed"
    assert (amount(gate), amount(gate, OTHER)) == (Decimal("0.040"), None)
    assert gate.account.snapshot_errors == {OTHER: 1}


def test_a_symbol_outside_the_allowlist_is_not_asked_for(service: SnapshotService, venue: MemoryVenue) -> None:
    assert service.refresh("XUSDT") == "not_allowed"
    assert venue.requests == []


def test_what_nobody_asked_for_is_not_written(gate: MemoryGate, service: SnapshotService, venue: MemoryVenue) -> None:
    venue.positions["XUSDT"] = "5"
    service.refresh(SYMBOL)
    assert "XUSDT" not in gate.account.snapshots
