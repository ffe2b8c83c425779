"""Refreshing over a real Redis; the exchange is played by a venue of the port (failures 1, 5, 7; U)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest

from p33_tasks.domain.models import MarketRules, Position
from p33_tasks.errors import ExchangeError, ExchangeUnavailableError, MalformedResponseError, StoreUnavailableError
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.services.record_fill import ResultService
from p33_tasks.services.refresh_snapshot import SnapshotService
from p33_tasks.store.connection import connect
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate, make_result
from tests.support.redis_server import free_port

RULES = MarketRules(symbol=SYMBOL, step_size=Decimal("0.001"), min_qty=Decimal("0.001"), max_market_qty=None)


class PlayedVenue:
    """Answers what a test tells it to, and counts the requests."""

    source = SOURCE

    def __init__(self) -> None:
        self.positions: dict[str, str] = {SYMBOL: "0.040", OTHER: "0"}
        self.invalid: dict[str, str] = {}
        self.failure: Exception | None = None
        self.market_failure: ExchangeError | None = None
        self.markets = {SYMBOL}
        self.requests: list[str] = []

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:  # noqa: ARG002 - the port's signature
        self.requests.append("positions")
        if self.failure is not None:
            raise self.failure
        positions = {name: Position(symbol=name, position_amt=Decimal(amt)) for name, amt in self.positions.items()}
        return PositionReport(positions=positions, invalid=self.invalid)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:  # noqa: ARG002 - the port's signature
        self.requests.append("markets")
        if self.market_failure is not None:
            raise self.market_failure
        invalid = dict.fromkeys({SYMBOL, OTHER} - self.markets, "no step size")
        return MarketReport(markets=dict.fromkeys(self.markets, RULES), invalid=invalid)


@pytest.fixture
def venue() -> PlayedVenue:
    return PlayedVenue()


@pytest.fixture
def service(gate: Gate, venue: PlayedVenue) -> SnapshotService:
    return SnapshotService(venue, gate.snapshots, (SYMBOL, OTHER))


def next_tick(gate: Gate) -> None:
    """As if the poll period had passed."""
    gate.redis.hset(gate.keys.refresh, "started_ms", "1")


def test_the_first_of_a_tick_refreshes_all_symbols_with_one_request(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    """Failure 1."""
    assert [service.refresh(symbol) for symbol in (SYMBOL, OTHER, SYMBOL)] == ["refreshed", "done", "done"]
    assert venue.requests == ["positions", "markets"]
    assert gate.redis.hget(gate.keys.snapshot(SYMBOL), "position_amt") == "0.04"
    assert gate.redis.hget(gate.keys.snapshot(OTHER), "side") == "FLAT"
    assert gate.ledger_amt(OTHER) == "0"
    next_tick(gate)
    assert service.refresh(OTHER) == "refreshed"
    assert venue.requests == ["positions", "markets", "positions"], "market rules are read every two minutes"


def test_snapshots_are_stamped_with_the_time_before_the_request(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    """Failure 4."""
    real, asked_ms = venue.fetch_positions, []

    def slow(symbols: Iterable[str]) -> PositionReport:
        asked_ms.append(gate.now_ms())
        gate.until_after(asked_ms[0] + 30)
        return real(symbols)

    venue.fetch_positions = slow  # type: ignore[method-assign]  # a slow exchange
    service.refresh(SYMBOL)
    assert int(gate.redis.hget(gate.keys.snapshot(SYMBOL), "ts_ms") or 0) <= asked_ms[0]


@pytest.mark.parametrize("failure", [ExchangeUnavailableError(), MalformedResponseError()])
def test_a_failed_answer_writes_nothing_and_the_snapshot_ages(
    gate: Gate, service: SnapshotService, venue: PlayedVenue, failure: ExchangeError
) -> None:
    """Failure 5."""
    service.refresh(SYMBOL)
    keys = [gate.keys.snapshot(SYMBOL), gate.keys.snapshot(OTHER), gate.keys.ledger(SYMBOL), gate.keys.ledger(OTHER)]
    before = [gate.redis.hgetall(key) for key in keys]
    venue.failure = failure
    next_tick(gate)
    assert service.refresh(SYMBOL) == "failed"
    assert [gate.redis.hgetall(key) for key in keys] == before
    assert gate.count(f"p33_snapshot_total|{SYMBOL}|error") == 1
    assert gate.count(f"p33_snapshot_total|{OTHER}|error") == 1
    assert type(failure).__name__ in (gate.redis.hget(gate.keys.refresh, "error") or "")
    venue.failure = None
    next_tick(gate)
    assert service.refresh(SYMBOL) == "refreshed", "the claim was given back"


def test_a_programming_error_gives_the_claim_back_and_is_raised(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    venue.failure = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        service.refresh(SYMBOL)
    assert gate.redis.hget(gate.keys.refresh, "lease_until_ms") == "0"
    assert gate.redis.hget(gate.keys.refresh, "error") == "the worker failed"


@pytest.mark.parametrize("how", ["invalid", "missing"])
def test_a_bad_or_missing_row_spoils_its_own_symbol_only(
    gate: Gate, service: SnapshotService, venue: PlayedVenue, how: str
) -> None:
    """U: one delisted symbol in the allowlist."""
    del venue.positions[OTHER]
    if how == "invalid":
        venue.invalid = {OTHER: "two rows"}
    assert service.refresh(SYMBOL) == "refreshed"
    assert gate.redis.hget(gate.keys.snapshot(SYMBOL), "position_amt") == "0.04"
    assert not gate.redis.exists(gate.keys.snapshot(OTHER), gate.keys.ledger(OTHER))
    assert gate.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1
    assert gate.count(f"p33_snapshot_total|{OTHER}|error") == 1


def test_market_rules_are_stamped_with_the_time_before_the_request(gate: Gate, service: SnapshotService) -> None:
    before_ms = gate.now_ms()
    service.refresh(SYMBOL)
    stamped = int(gate.redis.hget(gate.keys.market(SYMBOL), "ts_ms") or 0)
    assert before_ms <= stamped <= gate.now_ms()
    assert stamped == int(gate.redis.hget(gate.keys.snapshot(SYMBOL), "ts_ms") or 0)


def test_symbols_that_nobody_asked_for_are_not_written(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    venue.positions["DOGEUSDT"] = "5"
    venue.invalid = {"XRPUSDT": "two rows"}
    service.refresh(SYMBOL)
    assert not gate.redis.exists(gate.keys.snapshot("DOGEUSDT"))
    assert not [name for name in gate.redis.hkeys(gate.keys.counters) if "DOGE" in name or "XRP" in name]


def test_a_foreign_type_spoils_its_own_symbol_and_is_said(
    gate: Gate, service: SnapshotService, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.redis.sadd(gate.keys.snapshot(OTHER), "foreign")
    assert service.refresh(SYMBOL) == "refreshed"
    assert gate.redis.hget(gate.keys.snapshot(SYMBOL), "position_amt") == "0.04"
    assert gate.count(f"p33_snapshot_total|{OTHER}|error") == 1
    assert "another type" in capsys.readouterr().out


def test_order_rules_that_failed_to_load_are_tried_again_at_the_next_tick(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    venue.market_failure = ExchangeUnavailableError()
    assert service.refresh(SYMBOL) == "refreshed"
    assert not gate.redis.exists(gate.keys.market(SYMBOL))
    venue.market_failure = None
    next_tick(gate)
    service.refresh(SYMBOL)
    assert gate.redis.hget(gate.keys.market(SYMBOL), "step_size") == "0.001"
    next_tick(gate)
    service.refresh(SYMBOL)
    assert venue.requests.count("markets") == 2


def test_order_rules_that_one_symbol_misses_are_asked_for_again_within_a_minute(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    """Not with the next period: that symbol can't be closed until then."""
    assert service.refresh(SYMBOL) == "refreshed"
    gate.redis.hincrby(gate.keys.refresh, "markets_ms", -60_001)
    venue.markets = {SYMBOL, OTHER}
    for _ in range(2):
        next_tick(gate)
        service.refresh(SYMBOL)
    assert gate.redis.hget(gate.keys.market(OTHER), "step_size") == "0.001"
    assert venue.requests.count("markets") == 2


def test_a_symbol_that_stops_trading_while_the_service_runs_loses_its_rules(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    venue.markets = {SYMBOL, OTHER}
    service.refresh(SYMBOL)
    assert gate.redis.hget(gate.keys.market(SYMBOL), "step_size") == "0.001"
    venue.markets = {OTHER}
    gate.redis.hincrby(gate.keys.refresh, "markets_ms", -120_001)
    next_tick(gate)
    service.refresh(SYMBOL)
    found = gate.redis.hgetall(gate.keys.market(SYMBOL))
    assert "step_size" not in found
    assert found["problem"] == "no step size"
    assert gate.redis.hget(gate.keys.market(OTHER), "step_size") == "0.001"


def test_market_rules_are_due_at_once_after_the_venue_refused_a_quantity(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    venue.markets = {SYMBOL, OTHER}
    service.refresh(SYMBOL)
    recorder = ResultService(gate.results, market_refusals=frozenset({"-1111"}))
    other = make_result("p-1", executed=False, errors=("POST /order: HTTP 400, code -2022: rejected",))
    recorder.record(other, gate.publish_result())
    next_tick(gate)
    service.refresh(SYMBOL)
    assert venue.requests.count("markets") == 1
    refused = make_result("p-2", executed=False, errors=("POST /order: HTTP 400, code -1111: Precision",))
    entry = gate.publish_result()
    for _ in range(2):
        recorder.record(refused, entry)
    gate.until_after(gate.now_ms())  # a refusal in the millisecond of a claim may have come after its request
    for _ in range(2):
        next_tick(gate)
        service.refresh(SYMBOL)
    assert venue.requests.count("markets") == 2, "once, at the next tick"


def test_a_symbol_outside_the_allowlist_is_not_fetched(service: SnapshotService, venue: PlayedVenue) -> None:
    assert service.refresh("NOSUCH") == "not_allowed"
    assert venue.requests == []


def test_a_pause_and_a_request_in_flight_are_respected(
    gate: Gate, service: SnapshotService, venue: PlayedVenue
) -> None:
    gate.budget.pause(30)
    assert service.refresh(SYMBOL) == "paused"
    gate.redis.delete(gate.keys.budget)
    gate.snapshots.claim_refresh(SOURCE)
    assert service.refresh(SYMBOL) == "in_flight"
    assert venue.requests == []


def test_redis_away_asks_the_exchange_nothing(venue: PlayedVenue, gate: Gate) -> None:
    nowhere = connect(f"redis://127.0.0.1:{free_port()}/0")
    times = RefreshTimes(poll_ms=5_000, cooldown_ms=15_000)
    store = RedisSnapshotStore(nowhere, gate.keys, allowlist=(SYMBOL,), times=times)
    with pytest.raises(StoreUnavailableError):
        SnapshotService(venue, store, (SYMBOL,)).refresh(SYMBOL)
    assert venue.requests == []
