"""Hedge mode: two positions of one symbol, and the switch between the modes (CONTRACT, Terms and section 3)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

STORE_TESTS = "integration/store"
RESULT_TESTS = "integration/store/test_leg_results.py"
NAME_TESTS = "unit/contract/test_positions.py"
ANOTHER_LEG = "test_an_order_of_another_leg_than_its_plans_is_booked_to_the_leg_it_names_and_both_are_held"
COUNTS_BESIDE = "test_legs.py::test_a_leg_counts_only_beside_its_symbols_snapshot_of_the_same_request"


def _guard(promise: str, within: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=tuple(f"{STORE_TESTS}/{test}" for test in tests))


def _put(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{STORE_TESTS}/{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _result(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{RESULT_TESTS}::{test}",))


LEGS = (
    # --- names
    Guard(
        promise="a symbol that could be taken for a leg's key is none",
        within="positions.looks_like_a_leg",
        change=instead("symbol.upper()", "symbol"),
        tests=(NAME_TESTS,),
    ),
    Guard(
        promise="an unknown leg is an error, never no leg",
        within="positions.legs_in",
        change=instead("if leg is None:", ("if leg is None:\n    continue\nif leg is None:")),
        tests=(NAME_TESTS,),
    ),
    # --- which legs are read
    _guard(
        "the first plan of a symbol in hedge mode reads its legs",
        "lua.load_facts",
        without("if #positions == 1 then return { 'hedge' } end"),
        "test_leg_keys.py",
    ),
    _guard(
        "only the plans in hedge mode are read again, each in its own place",
        "RedisVerdictStore._replies",
        instead("replies[at] = reply", "replies[0] = reply"),
        "test_leg_keys.py",
    ),
    # --- each pair of keys that most positions lack is looked for by one command
    _guard(
        "a reservation is read where there is no hold",
        "load_facts.position",
        without(", k.reservation"),
        "test_commit_verdict.py",
    ),
    _guard(
        "the service's hold is read where there is no reservation",
        "load_facts.position",
        instead("k.service_hold, k.reservation", "k.reservation"),
        "test_service_holds.py",
    ),
    _guard(
        "resting orders are read where no cooldown was adapted",
        "load_facts.position",
        without(", k.resting"),
        "test_resting.py",
    ),
    _guard(
        "an adapted cooldown is read where no order rests",
        "load_facts.position",
        instead("k.adaptive, k.resting", "k.resting"),
        "test_adaptive.py",
    ),
    # --- what a leg rests on
    _guard(
        "a leg's snapshot is of the same request and life as its symbol's",
        "Snapshot.shows",
        without("and (leg.ts_ms, leg.life) == (self.ts_ms, self.life)"),
        COUNTS_BESIDE,
    ),
    _guard(
        "a leg of the other sign is no snapshot",
        "snapshots.decode_leg_snapshot",
        never("not leg.admits(snapshot.position_amt)"),
        "test_legs.py::test_a_leg_of_the_other_sign_is_no_snapshot",
    ),
    _guard(
        "a leg is issued and consumed beside its symbol's snapshot of the same request only",
        "_prelude.is_of_mode",
        without("ts_ms and s[2] == ts_ms and"),
        COUNTS_BESIDE,
    ),
    _guard(
        "a leg is issued and consumed beside its symbol's snapshot of the same life only",
        "_prelude.is_of_mode",
        without("and s[3] == snapshot_life"),
        COUNTS_BESIDE,
    ),
    _guard(
        "a leg is issued and consumed in hedge mode only",
        "_prelude.is_of_mode",
        without("s[1] == 'hedge' and"),
        COUNTS_BESIDE,
    ),
    _guard(
        "a permit for the symbol is consumed in one-way mode only",
        "_prelude.is_of_mode",
        always("s[1] ~= 'hedge'"),
        "test_legs.py::test_a_permit_for_the_symbol_is_void_in_hedge_mode_and_one_for_a_leg_in_one_way_mode",
    ),
    _guard(
        "the service's hold stops its position",
        "RedisVerdictStore._facts",
        instead("service_hold, unknown_plan_id", "None, unknown_plan_id"),
        "test_legs.py::test_the_services_hold_stops_its_position_when_judged_issued_and_consumed",
    ),
    # --- results
    _result(
        "a fill belongs to its plan's position",
        "executions.position_of",
        without("if decided is not None: return decided"),
        "test_a_fill_moves_the_ledger_of_its_plans_leg_and_releases_it",
    ),
    _result(
        "legs that contradict each other name none",
        "executions.position_of",
        instead("(iter(found)) if len(found) == 1 else None", "(iter(found), Leg.LONG)"),
        "test_a_fill_that_cant_be_booked_starts_every_positions_cooldown_and_moves_nothing",
    ),
    _result(
        "a later report without a leg follows the first",
        "executions.position_of",
        instead("named or remembered", "named"),
        "test_a_later_report_without_a_leg_follows_the_first",
    ),
    Guard(
        promise="an order that contradicts an earlier report's leg moves no amount",
        within="_Applying._apply",
        change=instead("None or elsewhere", "None"),
        tests=(f"{RESULT_TESTS}::test_a_later_report_with_another_leg_applies_nothing_and_is_a_breach",),
    ),
    Guard(
        promise="a fill that can't be booked moves no amount",
        within="_Applying._apply",
        change=without("position is None or"),
        tests=(f"{RESULT_TESTS}::test_a_fill_that_cant_be_booked_starts_every_positions_cooldown_and_moves_nothing",),
    ),
    Guard(
        promise="a fill that can't be booked starts the cooldown of every position",
        within="lua.record_result",
        change=instead("if every_position == '1'", "if false"),
        tests=(f"{RESULT_TESTS}::test_a_fill_that_cant_be_booked_starts_every_positions_cooldown_and_moves_nothing",),
    ),
    # --- an order of another leg than its plan's
    _result(
        "an order of another leg than its plan's is booked to the leg that it names",
        "_Applying._is_opposite",
        without("or fill.leg"),
        ANOTHER_LEG,
    ),
    _result(
        "a later report of such an order follows the first",
        "_Applying._is_opposite",
        instead("leg = record.leg or", "leg ="),
        ANOTHER_LEG,
    ),
    _result("an order of another leg holds both legs", "lua.record_result", never("holds_both == '1'"), ANOTHER_LEG),
    _result(
        "an order of another leg starts that leg's cooldown",
        "lua.record_result",
        without("if opposite then ordered[2] = opposite_ledger_key end"),
        ANOTHER_LEG,
    ),
    _result(
        "an order of another leg is that leg's write barrier too",
        "lua.record_result",
        without("if opposite then set_barrier(opposite_ledger_key) end"),
        ANOTHER_LEG,
    ),
    _result(
        "the other leg's ledger is still the one that its sum began with",
        "lua.record_result",
        without(
            "if (redis.call('HGET', opposite_ledger_key, 'last_known_amt') or '') ~= opposite_base_amt then"
            " return { 'moved' } end"
        ),
        "test_the_other_legs_ledger_is_compared_before_anything_is_written",
    ),
    _result(
        "the other leg's ledger is still of the origin that its sum began with",
        "lua.record_result",
        without(
            "if (redis.call('GET', opposite_origin_key) or '') ~= opposite_base_origin then return { 'moved' } end"
        ),
        "test_the_other_legs_ledger_is_compared_before_anything_is_written",
    ),
    _result(
        "what the other leg's adopted snapshot contains isn't applied to it",
        "_Applying._counts",
        instead("origin = self._base.opposite_origin_text if opposite else", "origin ="),
        "test_what_the_other_legs_adopted_snapshot_contains_is_remembered_and_not_applied",
    ),
    _result(
        "a foreign value of the other leg is seen before anything is written",
        "lua.record_result",
        instead("wrong or opposite", "wrong or false"),
        "test_a_foreign_value_of_the_other_leg_is_seen_before_anything_is_written",
    ),
    # --- a switch of the mode
    _put(
        "ledgers of the mode left don't count again",
        "put_snapshots.change_mode",
        instead("retire(symbol, at, over) redis", "redis"),
        "test_mode_switch.py::test_no_ledger_of_another_time_in_the_mode_counts_again",
    ),
    _put(
        "a leg's snapshot of the mode left is gone",
        "put_snapshots.change_mode",
        without("redis.call('DEL', at.snapshot)"),
        "test_mode_switch.py::test_no_ledger_of_another_time_in_the_mode_counts_again",
    ),
    _put(
        "new positions begin behind every order of the old",
        "put_snapshots.change_mode",
        never("over.ordered_ms > (twin_time(l[1], l[2]) or 0)"),
        "test_mode_switch.py::test_the_new_positions_begin_behind_every_order_and_barrier_of_the_old",
    ),
    _put(
        "new positions begin behind every barrier of the old",
        "put_snapshots.change_mode",
        without("raise_barrier(at.ledger, over.barrier_ms)"),
        "test_mode_switch.py::test_the_new_positions_begin_behind_every_order_and_barrier_of_the_old",
    ),
    _put(
        "an order time that can't be read counts as now after a switch",
        "put_snapshots.retire",
        without("if unreadable then ordered = now end"),
        "test_mode_switch.py::test_an_order_time_that_cant_be_read_counts_as_now_after_a_switch",
    ),
    _put(
        "a ledger begins only where none of the symbol's positions is reserved",
        "put_snapshots.put",
        instead(", { own, long, short }", ", { own }"),
        "test_legs.py::test_no_ledger_begins_while_any_position_of_the_symbol_is_reserved",
    ),
    _put(
        "a switch is seen although the old snapshot expired",
        "put_snapshots.put",
        instead("'wrong_type' end if known", "'wrong_type' end if known and known"),
        "test_mode_switch.py::test_a_ledger_of_the_mode_left_doesnt_count_where_its_snapshot_expired_meanwhile",
    ),
    _put(
        "a flat symbol whose rows tell no mode keeps the known one",
        "put_snapshots.put",
        instead("known or ''", "''"),
        "test_legs.py::test_a_flat_symbol_whose_rows_tell_no_mode_keeps_the_known_one",
    ),
)
