"""Hedge mode: two positions of one symbol, and the switch between the modes (CONTRACT, Terms and section 3)."""

from __future__ import annotations

from tests.guards.guard import Guard

LEG_TESTS = "integration/store/test_legs.py"
RESULT_TESTS = "integration/store/test_leg_results.py"
NAME_TESTS = "unit/contract/test_positions.py"
ANOTHER_LEG = "test_an_order_of_another_leg_than_its_plans_is_booked_to_the_leg_it_names_and_both_are_held"
COUNTS_BESIDE = "test_a_leg_counts_only_beside_its_symbols_snapshot_of_the_same_request"


def _guard(file: str, promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=tuple(f"{LEG_TESTS}::{test}" for test in tests))


def _put(promise: str, old: str, new: str, *tests: str) -> Guard:
    return _guard("store/lua/put_snapshots.lua", promise, old, new, *tests)


def _result(promise: str, old: str, new: str, test: str, file: str = "domain/executions.py") -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(f"{RESULT_TESTS}::{test}",))


LEGS = (
    # --- names
    Guard(
        promise="a symbol that could be taken for a leg's key is none",
        file="contract/positions.py",
        old="    return symbol.upper().endswith(_ENDINGS)\n",
        new="    return symbol.endswith(_ENDINGS)\n",
        tests=(NAME_TESTS,),
    ),
    Guard(
        promise="an unknown leg is an error, never no leg",
        file="contract/positions.py",
        old="        if leg is None:\n",
        new="        if leg is None:\n            continue\n        if leg is None:\n",
        tests=(NAME_TESTS,),
    ),
    # --- what a leg rests on
    _guard(
        "domain/models.py",
        "a leg's snapshot is of the same request and life as its symbol's",
        " and (leg.ts_ms, leg.life) == (self.ts_ms, self.life)",
        "",
        COUNTS_BESIDE,
    ),
    _guard(
        "contract/snapshots.py",
        "a leg of the other sign is no snapshot",
        "    if not leg.admits(snapshot.position_amt):\n",
        "    if False:\n",
        "test_a_leg_of_the_other_sign_is_no_snapshot",
    ),
    _guard(
        "store/lua/_prelude.lua",
        "a leg is issued and consumed beside its symbol's snapshot of the same request only",
        " and ts_ms and s[2] == ts_ms and",
        " and",
        COUNTS_BESIDE,
    ),
    _guard(
        "store/lua/_prelude.lua",
        "a leg is issued and consumed beside its symbol's snapshot of the same life only",
        " and s[3] == snapshot_life\n",
        "\n",
        COUNTS_BESIDE,
    ),
    _guard(
        "store/lua/_prelude.lua",
        "a leg is issued and consumed in hedge mode only",
        "  return s[1] == 'hedge' and ts_ms",
        "  return ts_ms",
        COUNTS_BESIDE,
    ),
    _guard(
        "store/lua/_prelude.lua",
        "a permit for the symbol is consumed in one-way mode only",
        "  if position_side == 'BOTH' then return s[1] ~= 'hedge' end\n",
        "  if position_side == 'BOTH' then return true end\n",
        "test_a_permit_for_the_symbol_is_void_in_hedge_mode_and_one_for_a_leg_in_one_way_mode",
    ),
    _guard(
        "store/verdicts.py",
        "the service's hold stops its position",
        "decode_holds(hold, service_hold, unknown_plan_id",
        "decode_holds(hold, None, unknown_plan_id",
        "test_the_services_hold_stops_its_position_when_judged_issued_and_consumed",
    ),
    # --- results
    _result(
        "a fill belongs to its plan's position",
        "    if decided is not None:\n        return decided\n",
        "",
        "test_a_fill_moves_the_ledger_of_its_plans_leg_and_releases_it",
    ),
    _result(
        "legs that contradict each other name none",
        "    return next(iter(found)) if len(found) == 1 else None\n",
        "    return next(iter(found), Leg.LONG)\n",
        "test_a_fill_that_cant_be_booked_starts_every_positions_cooldown_and_moves_nothing",
    ),
    _result(
        "a later report without a leg follows the first",
        "    found = named or remembered\n",
        "    found = named\n",
        "test_a_later_report_without_a_leg_follows_the_first",
    ),
    Guard(
        promise="an order that contradicts an earlier report's leg moves no amount",
        file="services/record_fill.py",
        old="        if position is None or elsewhere:\n",
        new="        if position is None:\n",
        tests=(f"{RESULT_TESTS}::test_a_later_report_with_another_leg_applies_nothing_and_is_a_breach",),
    ),
    Guard(
        promise="a fill that can't be booked moves no amount",
        file="services/record_fill.py",
        old="        if position is None or elsewhere:\n",
        new="        if elsewhere:\n",
        tests=(f"{RESULT_TESTS}::test_a_fill_that_cant_be_booked_starts_every_positions_cooldown_and_moves_nothing",),
    ),
    Guard(
        promise="a fill that can't be booked starts the cooldown of every position",
        file="store/lua/record_result.lua",
        old="  if every_position == '1' then ordered[",
        new="  if false then ordered[",
        tests=(f"{RESULT_TESTS}::test_a_fill_that_cant_be_booked_starts_every_positions_cooldown_and_moves_nothing",),
    ),
    # --- an order of another leg than its plan's
    _result(
        "an order of another leg than its plan's is booked to the leg that it names",
        "        leg = record.leg or fill.leg\n        return leg",
        "        leg = record.leg\n        return leg",
        ANOTHER_LEG,
        file="services/record_fill.py",
    ),
    _result(
        "a later report of such an order follows the first",
        "        leg = record.leg or fill.leg\n        return leg",
        "        leg = fill.leg\n        return leg",
        ANOTHER_LEG,
        file="services/record_fill.py",
    ),
    _result(
        "an order of another leg holds both legs",
        "  local is_both = holds_both == '1' and",
        "  local is_both = false and",
        ANOTHER_LEG,
        file="store/lua/record_result.lua",
    ),
    _result(
        "an order of another leg starts that leg's cooldown",
        "if opposite then ordered[2] = opposite_ledger_key end\n",
        "",
        ANOTHER_LEG,
        file="store/lua/record_result.lua",
    ),
    _result(
        "an order of another leg is that leg's write barrier too",
        "if opposite then set_barrier(opposite_ledger_key) end\n",
        "",
        ANOTHER_LEG,
        file="store/lua/record_result.lua",
    ),
    _result(
        "the other leg's ledger is still the one that its sum began with",
        "  if (redis.call('HGET', opposite_ledger_key, 'last_known_amt') or '') ~= opposite_base_amt then"
        " return { 'moved' } end\n",
        "",
        "test_the_other_legs_ledger_is_compared_before_anything_is_written",
        file="store/lua/record_result.lua",
    ),
    _result(
        "the other leg's ledger is still of the origin that its sum began with",
        "  if (redis.call('GET', opposite_origin_key) or '') ~= opposite_base_origin then return { 'moved' } end\n",
        "",
        "test_the_other_legs_ledger_is_compared_before_anything_is_written",
        file="store/lua/record_result.lua",
    ),
    _result(
        "what the other leg's adopted snapshot contains isn't applied to it",
        "        origin = self._base.opposite_origin_text if opposite else self._base.origin_text\n",
        "        origin = self._base.origin_text\n",
        "test_what_the_other_legs_adopted_snapshot_contains_is_remembered_and_not_applied",
        file="services/record_fill.py",
    ),
    _result(
        "a foreign value of the other leg is seen before anything is written",
        "wrong = wrong or opposite and (",
        "wrong = wrong or false and (",
        "test_a_foreign_value_of_the_other_leg_is_seen_before_anything_is_written",
        file="store/lua/record_result.lua",
    ),
    # --- a switch of the mode
    _put(
        "ledgers of the mode left don't count again",
        "    retire(symbol, at, over)\n    redis.call('DEL', at.snapshot)\n",
        "    redis.call('DEL', at.snapshot)\n",
        "test_no_ledger_of_another_time_in_the_mode_counts_again",
    ),
    _put(
        "a leg's snapshot of the mode left is gone",
        "    redis.call('DEL', at.snapshot)\n",
        "",
        "test_no_ledger_of_another_time_in_the_mode_counts_again",
    ),
    _put(
        "new positions begin behind every order of the old",
        "    if over.ordered_ms > (twin_time(l[1], l[2]) or 0) then\n",
        "    if false then\n",
        "test_the_new_positions_begin_behind_every_order_and_barrier_of_the_old",
    ),
    _put(
        "new positions begin behind every barrier of the old",
        "    if over.barrier_ms > (twin_time(l[3]) or 0) then",
        "    if false then",
        "test_the_new_positions_begin_behind_every_order_and_barrier_of_the_old",
    ),
    _put(
        "an order time that can't be read counts as now after a switch",
        "  if unreadable then ordered = now end\n",
        "",
        "test_an_order_time_that_cant_be_read_counts_as_now_after_a_switch",
    ),
    _put(
        "a ledger begins only where none of the symbol's positions is reserved",
        "local status, all = 'ok', { own, long, short }",
        "local status, all = 'ok', { own }",
        "test_no_ledger_begins_while_any_position_of_the_symbol_is_reserved",
    ),
    _put(
        "a switch is seen although the old snapshot expired",
        "  if known ~= mode then change_mode(",
        "  if known and known ~= mode then change_mode(",
        "test_a_ledger_of_the_mode_left_doesnt_count_where_its_snapshot_expired_meanwhile",
    ),
    _put(
        "a flat symbol whose rows tell no mode keeps the known one",
        " and p.position_mode or known or ''",
        " and p.position_mode or ''",
        "test_a_flat_symbol_whose_rows_tell_no_mode_keeps_the_known_one",
    ),
)
