"""What is told of many replayed verdicts: exact sums, and small whatever the stream holds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.records import RecordedVerdict, UnreadableRecord
from p33_tasks.services import replay_tally
from p33_tasks.services.replay import Limits, replay
from p33_tasks.services.replay_tally import Row, Tally
from tests.factories import make_facts, make_market, make_plan, make_policy, make_snapshot
from tests.unit.services.records import make_baseless, make_record, write

STRICT, LOOSE = Limits(qty_tolerance_pct=Decimal("0.5")), Limits(qty_tolerance_pct=Decimal(10))


def drifting(plan_id: str, amount: str, ledger: str, symbol: str = "BTCUSDT") -> RecordedVerdict:
    return make_record(
        make_plan(plan_id=plan_id, symbol=symbol),
        make_facts(amount, ledger=ledger, snapshot=make_snapshot(amount, symbol=symbol), market=make_market()),
        make_policy(allowlist=frozenset({symbol})),
    )


def tallied(records: list[RecordedVerdict], limits: Limits | None = None) -> tuple[Tally, list[Row]]:
    tally = Tally()
    rows = [tally.add(record, replay(record, write, limits)) for record in records]
    return tally, [row for row in rows if row is not None]


def test_what_is_the_same_is_counted_by_outcome_and_says_nothing() -> None:
    tally, rows = tallied([drifting("a", "0.010", "0.010"), drifting("b", "0.010", "0.020")])
    assert (tally.same, tally.different, tally.looked_at, rows) == (2, 0, 2, [])
    assert tally.outcomes == {"allow": 1, "reconcile_required_qty_mismatch": 1}


def test_quantities_no_longer_allowed_are_summed_exactly_by_symbol() -> None:
    records = [drifting(f"p{n}", "0.010", "0.01008") for n in range(3)]
    records += [drifting("short", "-0.007", "-0.00705", "ETHUSDT"), drifting("even", "0.5", "0.5")]
    tally, rows = tallied(records, STRICT)
    change = tally.changes["allow", "reconcile_required_qty_mismatch"]
    assert change.count == tally.changed == len(rows) == 4
    assert change.qty_by_symbol == {"BTCUSDT": Decimal("-0.030"), "ETHUSDT": Decimal("-0.007")}
    assert change.plan_ids == ["p0", "p1", "p2", "short"]
    assert all(row.changed for row in rows)


def test_quantities_allowed_besides_are_positive() -> None:
    tally, _ = tallied([drifting("a", "0.010", "0.0103")], LOOSE)
    assert tally.changes["reconcile_required_qty_mismatch", "allow"].qty_by_symbol == {"BTCUSDT": Decimal("0.010")}


def test_another_limit_named_in_a_deny_is_no_change() -> None:
    tally, rows = tallied([drifting("a", "0.010", "0.020")], LOOSE)
    assert (tally.changed, rows) == (0, [])


def test_from_one_deny_to_another_is_a_change_without_quantity() -> None:
    tally, _ = tallied([drifting("a", "0.010", "0.020")], Limits(stale_threshold_ms=1))
    change = tally.changes["reconcile_required_qty_mismatch", "stale_exchange_state"]
    assert (change.count, change.qty_by_symbol) == (1, {})


def test_a_difference_is_listed_and_not_part_of_what_would_have_changed() -> None:
    forged = replace(drifting("a", "0.010", "0.01008"), headline="no_position")
    tally, (row,) = tallied([forged], STRICT)
    assert (tally.same, tally.different, tally.changed) == (0, 1, 0)
    assert tally.differences == [row]
    assert (row.recorded, row.recorded_qty, row.now, row.changed) == ("allow", Decimal("0.010"), "allow", False)


def test_what_is_not_replayable_is_counted_by_reason() -> None:
    tally, rows = tallied([make_baseless(Reason.CONTENTION)] * 2 + [make_baseless(Reason.PLAN_ABANDONED)])
    assert tally.not_replayable == {"contention": 2, "plan_abandoned": 1}
    assert (tally.looked_at, rows) == (3, [])


def test_a_tally_stays_small_whatever_the_stream_holds() -> None:
    tally = Tally()
    huge = "x" * 1_000_000
    for number in range(300):
        record = replace(drifting(f"{number}{huge}", "0.010", "0.01008", f"S{number}{huge}"), written=huge)
        tally.add(record, replay(record, write))
        tally.add_unreadable(UnreadableRecord(entry_id="1-0", problem="x"))
    assert (tally.different, tally.unreadable) == (300, 300)
    assert len(tally.differences) == replay_tally.MAX_DIFFERENCES
    assert len(tally.unreadable_examples) == replay_tally.MAX_UNREADABLE
    assert len(repr(tally)) < 1_000_000


def test_symbols_without_end_are_counted_and_not_summed() -> None:
    number = replay_tally.MAX_SYMBOLS + 3
    tally, _ = tallied([drifting(f"p{n}", "0.010", "0.01008", f"S{n}") for n in range(number)], STRICT)
    change = tally.changes["allow", "reconcile_required_qty_mismatch"]
    assert (change.count, len(change.qty_by_symbol), change.not_summed) == (number, replay_tally.MAX_SYMBOLS, 3)
    assert len(change.plan_ids) == replay_tally.MAX_PLAN_IDS
