"""The service's own hold: set beside an operator's, with the permit taken away (CONTRACT section 11)."""

from __future__ import annotations

from tests.guards.changes import never
from tests.guards.guard import Guard

TESTS = "integration/store/test_service_holds.py"
HOLDS = "store/lua/_holds.lua"


def _hold(promise: str, old: str, new: str, test: str, file: str = HOLDS) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(f"{TESTS}::{test}",))


OPERATOR = "integration/cli/test_operator.py"


def _operator(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(f"{OPERATOR}::{test}",))


HOLDING = (
    _operator(
        "of two holds of an operator the longer one stays",
        "store/lua/change_hold.lua",
        "(left < 0 or for_ms ~= '' and tonumber(for_ms) <= left)",
        "(left < 0)",
        "test_a_hold_that_would_end_earlier_gives_way_and_any_other_stays",
    ),
    _operator(
        "a hold without an end is never given one",
        "store/lua/change_hold.lua",
        "(left < 0 or for_ms ~= ''",
        "(for_ms ~= ''",
        "test_a_hold_that_would_end_earlier_gives_way_and_any_other_stays",
    ),
    _operator(
        "a hold on a symbol outside the allowlist is refused",
        "cli/hold.py",
        'else (listed_symbol_of(symbol or "", session),)\n',
        'else (symbol_of(symbol or ""),)\n',
        "test_a_symbol_outside_the_allowlist_is_refused_with_the_near_ones",
    ),
    _hold(
        "a service hold lies in its own key",
        '        return f"{self.prefix}:position:hold:{position_key(symbol, leg)}"\n',
        '        return f"{self.prefix}:reconcile:hold:{position_key(symbol, leg)}"\n',
        "test_neither_hold_ends_the_other",
        "contract/keys.py",
    ),
    _hold(
        "a service hold takes away the permit that nobody consumed",
        "      redis.call('DEL', h.permit_prefix .. plan_id, h.reservation)\n",
        "",
        "test_a_hold_takes_the_unconsumed_permit_and_its_reservation",
    ),
    _hold(
        "a service hold leaves a consumed reservation",
        "    if redis.call('EXISTS', h.permit_prefix .. plan_id) == 1 then\n",
        "    if true then\n",
        "test_a_consumed_reservation_stays",
    ),
    _hold(
        "the same fact holds once",
        "one.id == evidence.id then word = 'unchanged' end",
        "false then word = 'unchanged' end",
        "test_a_hold_is_set_once_for_a_fact",
    ),
    _hold(
        "a hold for two reasons that end differently ends by a person only",
        "      if known.ends ~= h.ends then known.ends = 'person' end\n",
        "",
        "test_the_first_reason_stays_and_two_reasons_end_by_a_person",
    ),
    _hold(
        "another hold than the one that was looked at isn't released",
        "if expected ~= '' and found ~= 'none' and hold ~= expected then return { 'moved' } end\n",
        "",
        "test_another_hold_than_the_one_looked_at_stays",
        "store/lua/release_position.lua",
    ),
    Guard(
        promise="an order beyond its permit holds the position",
        file="store/lua/record_result.lua",
        old="ipairs(breach_json ~= '' and all or {})",
        new="ipairs({})",
        tests=(
            "integration/store/test_executions.py::test_an_order_beyond_its_permit_holds_the_position_until_a_person_ends_it",
        ),
    ),
    Guard(
        promise="in hedge mode a breach holds its plan's leg",
        file="store/results.py",
        old="keys.service_hold(symbol, leg),",
        new="keys.service_hold(symbol, Leg.BOTH),",
        tests=("integration/store/test_leg_results.py::test_a_breach_holds_its_plans_leg_and_no_other",),
    ),
    Guard(
        promise="a marker of unreadable orders is never the last order",
        file="store/lua/record_result.lua",
        old="order.news == '1' and string.sub(order.id, 1, 6) ~= 'entry:' then",
        new="order.news == '1' then",
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
