"""Cooldowns that follow the market, over an account in memory: only ever longer, and never by doubtful facts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.positions import HEDGE_LEGS
from p33_tasks.domain.models import Deny, Position, SymbolLimits
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.statistics import Statistics
from p33_tasks.services.adapt_limits import AdaptiveService
from tests.factories import SOURCE
from tests.fakes.gate import MemoryGate
from tests.support.gate import OTHER, SYMBOL

LATE = Statistics(settled_ms=(20_000,) * 5)
WILD = Statistics(fast=4.0, fast_weight=1.0, slow=1.0, slow_weight=1.0, observed_sec=3_600.0)


@pytest.fixture
def gate() -> MemoryGate:
    return MemoryGate().make_ready()


def adapt(gate: MemoryGate, **changes: Any) -> int:
    fields: dict[str, Any] = {"source": SOURCE, "symbols": (SYMBOL, OTHER), "max_ms": 60_000, **changes}
    return AdaptiveService(gate.adaptive, gate.policy, **fields).adapt()


@pytest.mark.parametrize(("known", "by"), [(LATE, "settlement"), (WILD, "volatility")])
def test_a_late_or_wild_symbol_has_a_longer_cooldown_and_its_verdict_says_by_what(
    gate: MemoryGate, known: Statistics, by: str
) -> None:
    gate.account.ledgers[SYMBOL] = replace(gate.account.ledgers[SYMBOL], last_order_time_ms=gate.now_ms() - 20_000)
    gate.learn(known)
    assert adapt(gate) == 1
    plan, entry = gate.publish()
    verdict = gate.permits.judge(plan, entry)
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.COOLDOWN_IN_FLIGHT
    assert (verdict.details["cooldown_by"], verdict.details["cooldown_sec"]) == (by, Decimal(30))


def test_no_cooldown_is_longer_than_the_longest_one(gate: MemoryGate) -> None:
    gate.learn(LATE)
    adapt(gate, max_ms=20_000)
    own = gate.account.adapted[SYMBOL]
    assert (own.cooldown_ms, own.by) == (20_000, "settlement")


def test_running_twice_changes_nothing(gate: MemoryGate) -> None:
    gate.learn(LATE)
    adapt(gate)
    once = dict(gate.account.adapted), dict(gate.account.statistics)
    adapt(gate)
    assert (gate.account.adapted, gate.account.statistics) == once


@pytest.mark.parametrize("cooldown_ms", [30_000, 120_000])
def test_an_operators_longer_cooldown_stays(gate: MemoryGate, cooldown_ms: int) -> None:
    gate.learn(LATE)
    gate.account.limits[SYMBOL] = SymbolLimits(cooldown_ms=cooldown_ms)
    assert adapt(gate) == 0
    assert gate.account.adapted[SYMBOL].cooldown_ms is None


@pytest.mark.parametrize(("source", "ahead_ms"), [("another venue", 0), (SOURCE, 1)])
def test_a_snapshot_of_another_venue_or_of_the_future_teaches_nothing(
    gate: MemoryGate, source: str, ahead_ms: int
) -> None:
    snapshot = gate.account.snapshots[SYMBOL]
    marked = replace(snapshot.position, mark_price=Decimal(5))
    gate.account.snapshots[SYMBOL] = replace(snapshot, position=marked, source=source, ts_ms=gate.now_ms() + ahead_ms)
    adapt(gate)
    assert gate.account.statistics[SYMBOL].mark == 0


def test_in_hedge_mode_it_is_both_legs(gate: MemoryGate) -> None:
    snapshot = gate.account.snapshots[SYMBOL]
    hedged = Position(symbol=SYMBOL, position_amt=Decimal(0), hedge_mode=True)
    gate.account.snapshots[SYMBOL] = replace(snapshot, position=hedged)
    assert gate.adaptive.observe([SYMBOL])[0].legs == HEDGE_LEGS
