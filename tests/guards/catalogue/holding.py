"""The service's own hold: set beside an operator's, with the permit taken away (CONTRACT section 11)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

TESTS = "integration/store/test_service_holds.py"


def _hold(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{TESTS}::{test}",))


OPERATOR = "integration/cli/test_operator.py"


def _operator(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{OPERATOR}::{test}",))


HOLDING = (
    _operator(
        "of two holds of an operator the longer one stays",
        "lua.change_hold",
        without("or for_ms ~= '' and tonumber(for_ms) <= left"),
        "test_a_hold_that_would_end_earlier_gives_way_and_any_other_stays",
    ),
    _operator(
        "a hold without an end is never given one",
        "lua.change_hold",
        without("left < 0 or"),
        "test_a_hold_that_would_end_earlier_gives_way_and_any_other_stays",
    ),
    _operator(
        "a hold on a symbol outside the allowlist is refused",
        "hold.set_",
        instead('listed_symbol_of(symbol or "", session)', 'symbol_of(symbol or "")'),
        "test_a_symbol_outside_the_allowlist_is_refused_with_the_near_ones",
    ),
    _hold(
        "a service hold lies in its own key",
        "Keys.service_hold",
        instead(
            'f"{self.prefix}:position:hold:{position_key(symbol, leg)}"',
            'f"{self.prefix}:reconcile:hold:{position_key(symbol, leg)}"',
        ),
        "test_neither_hold_ends_the_other",
    ),
    _hold(
        "a service hold takes away the permit that nobody consumed",
        "_holds.set_service_hold",
        without("redis.call('DEL', h.permit_prefix .. plan_id, h.reservation)"),
        "test_a_hold_takes_the_unconsumed_permit_and_its_reservation",
    ),
    _hold(
        "a service hold leaves a consumed reservation",
        "_holds.set_service_hold",
        always("redis.call('EXISTS', h.permit_prefix .. plan_id) == 1"),
        "test_a_consumed_reservation_stays",
    ),
    _hold(
        "the same fact holds once",
        "_holds.set_service_hold",
        never("one.id == evidence.id"),
        "test_a_hold_is_set_once_for_a_fact",
    ),
    _hold(
        "a hold for two reasons that end differently ends by a person only",
        "_holds.set_service_hold",
        without("if known.ends ~= h.ends then known.ends = 'person' end"),
        "test_the_first_reason_stays_and_two_reasons_end_by_a_person",
    ),
    Guard(
        promise="an order beyond its permit holds the position",
        within="lua.record_result",
        change=without("breach_json ~= '' and all or"),
        tests=(
            "integration/store/test_executions.py::test_an_order_beyond_its_permit_holds_the_position_until_a_person_ends_it",
        ),
    ),
    Guard(
        promise="in hedge mode a breach holds its plan's leg",
        within="RedisResultStore.record",
        change=instead("keys.service_hold(symbol, leg)", "keys.service_hold(symbol, Leg.BOTH)"),
        tests=("integration/store/test_leg_results.py::test_a_breach_holds_its_plans_leg_and_no_other",),
    ),
    Guard(
        promise="a marker of unreadable orders is never the last order",
        within="lua.record_result",
        change=without("and string.sub(order.id, 1, 6) ~= 'entry:'"),
        tests=("contract/test_results.py::test_executed_with_no_order_changes_nothing",),
    ),
    Guard(
        promise="a hold or reservation of another type is seen by people too",
        within="PositionBatch.take",
        change=never("there > sum(value is not None for value in texts)"),
        tests=(
            "integration/views/test_position_reads.py::test_a_value_of_another_type_stops_its_own_position_only",
            "integration/views/test_position_reads.py::test_a_leg_has_its_own_hold_and_the_symbols_market_and_limits",
        ),
    ),
)
