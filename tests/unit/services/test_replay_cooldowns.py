"""Another mode of the cooldown over recorded verdicts: made from what they rest on, and from nothing else."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.models import Deny, Leg, Position, SymbolLimits
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.records import RecordedVerdict
from p33_tasks.services.replay import Limits, replay
from p33_tasks.services.replay_cooldowns import Cooldowns
from tests.factories import NOW_MS, make_facts, make_ledger, make_plan, make_policy, make_snapshot
from tests.unit.services.records import make_baseless, make_record, write

MAX_MS = 60_000


def looks(count: int, *, every_sec: int = 10, sigma: float = 0.0002, first: int = 0) -> Iterator[RecordedVerdict]:
    """Verdicts of one symbol whose mark moves at random; the last order of each is 20 s ago."""
    chance = random.Random(first)
    mark = 100.0
    for number in range(first, first + count):
        now_ms = NOW_MS + number * every_sec * 1000
        mark *= math.exp(chance.gauss(0, sigma * math.sqrt(every_sec)))
        position = Position(symbol="BTCUSDT", position_amt=Decimal("0.04"), mark_price=Decimal(f"{mark:.8f}"))
        snapshot = replace(make_snapshot("0.04"), position=position, ts_ms=now_ms - 1_000)
        facts = make_facts("0.04", snapshot=snapshot, ledger=make_ledger("0.04", last_order_time_ms=now_ms - 20_000))
        plan = make_plan(issued_ms=now_ms)
        yield make_record(plan, replace(facts, now_ms=now_ms), entry_id=f"{number}-0")


def seen(records: list[RecordedVerdict], mode: str = "adaptive", base_ms: int | None = None) -> Cooldowns:
    found = Cooldowns(mode=mode, base_ms=base_ms, max_ms=MAX_MS)
    for record in records:
        found.see(record)
    return found


def cooldown_ms(found: Cooldowns, record: RecordedVerdict) -> int | None:
    return found.limits_of(record, None).cooldown_ms


def test_verdicts_in_a_wild_market_would_have_had_a_longer_cooldown_and_some_been_denied() -> None:
    calm, wild = list(looks(3_000)), list(looks(60, sigma=0.001, first=3_000))
    found = seen([*calm, *wild])
    assert cooldown_ms(found, calm[2_999]) == pytest.approx(15_000, rel=0.4)
    last = cooldown_ms(found, wild[-1])
    assert last is not None
    assert 30_000 < last <= MAX_MS
    tried = replay(wild[-1], write, found.limits_of(wild[-1], None)).what_if
    assert isinstance(tried, Deny)
    assert tried.reason is Reason.COOLDOWN_IN_FLIGHT
    assert found.seen == 3_060
    assert 0 < found.other <= found.seen


def test_looks_that_are_far_apart_tell_too_little_and_the_cooldown_stays() -> None:
    found = seen(records := list(looks(50, every_sec=90, sigma=0.01)))
    assert found.unknown == 50
    assert {cooldown_ms(found, record) for record in records} == {15_000}


def test_the_base_can_be_another_one() -> None:
    (record,) = looks(1)
    assert cooldown_ms(seen([record], "fixed", 7_000), record) == 7_000
    assert cooldown_ms(seen([record], "adaptive", 7_000), record) == 7_000


def adapted(**limits: Any) -> RecordedVerdict:
    """Recorded where the service's own cooldown was in force."""
    stored = SymbolLimits(adaptive_cooldown_ms=22_400, adaptive_by="volatility", **limits)
    policy = make_policy(cooldown_ms=22_400, cooldown_by="volatility")
    return make_record(facts=make_facts(limits=stored), policy=policy)


def test_what_was_adapted_stays_and_fixed_takes_it_back() -> None:
    record = adapted(adaptive_base_ms=15_000)
    assert cooldown_ms(seen([record]), record) == 22_400
    assert cooldown_ms(seen([record], "fixed"), record) == 15_000


def test_where_the_base_is_not_on_record_nothing_is_tried() -> None:
    record = adapted()
    found = seen([record], "fixed")
    assert (cooldown_ms(found, record), found.unknown) == (None, 1)


def test_verdicts_without_facts_and_looks_of_another_venue_tell_nothing() -> None:
    (record,) = looks(1)
    assert record.facts is not None
    foreign = replace(record, facts=replace(record.facts, source="elsewhere"))
    found = seen([make_baseless(Reason.CONTENTION), foreign])
    assert (found.seen, found.unknown) == (1, 1)


def test_other_limits_are_tried_with_it() -> None:
    (record,) = looks(1)
    found = seen([record], "fixed", 7_000).limits_of(record, Limits(qty_tolerance_pct=Decimal(2)))
    assert found == Limits(qty_tolerance_pct=Decimal(2), cooldown_ms=7_000)


def test_each_leg_has_a_cooldown_of_its_own() -> None:
    (record,) = looks(1)
    assert record.facts is not None
    legs = [replace(record, facts=replace(record.facts, position_side=leg), entry_id=leg) for leg in Leg]
    assert len(seen(legs)._known) == 3
