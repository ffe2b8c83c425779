"""What ends an outcome that isn't known, and what must not: a part of an order, a repair, a switch of the mode."""

from __future__ import annotations

from tests.guards.guard import Guard

RECORD, PUT, HOLDS = "store/lua/record_result.lua", "store/lua/put_snapshots.lua", "store/lua/_holds.lua"
REPAIR = "store/lua/repair_ledger.lua"
PARTIAL = "integration/store/test_partial_fills.py::"
SWITCH = "integration/store/test_unknown_mode_switch.py::"
REPAIRED = "integration/services/test_reconcile_unknown.py::"


def _guard(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=f"unknown outcome: {promise}", file=file, old=old, new=new, tests=tests)


UNKNOWN_OUTCOMES = (
    # --- a part of an order
    _guard(
        "the executor says so of an order that executed in part and is open",
        "demo/executor/reports.py",
        "    if is_final and has_executed:\n",
        "    if has_executed:\n",
        "unit/demo/executor/test_reports.py",
        "integration/demo/executor/test_apply_layer.py::test_partial_fills_are_followed_to_the_end_each_told_once",
    ),
    _guard(
        "an executed quantity doesn't hide the word",
        "contract/results.py",
        '        unknown=(_word(fields, "outcome")',
        '        unknown=not executed and (_word(fields, "outcome")',
        f"{PARTIAL}test_it_is_booked_and_the_position_stays_held_until_the_order_is_over",
    ),
    _guard(
        "the status of an order that is open is read",
        "contract/results.py",
        "        fill = replace(fill, is_open=_is_open(order))\n",
        "",
        f"{PARTIAL}test_it_is_booked_and_the_position_stays_held_until_the_order_is_over",
        f"{PARTIAL}test_of_several_orders_each_must_be_over",
    ),
    _guard(
        "a part of an order releases nothing",
        RECORD,
        "local is_over = own_fill and is_open ~= '1'\n",
        "local is_over = own_fill\n",
        f"{PARTIAL}test_without_proof_of_the_consumption_the_reservation_only_stays",
    ),
    _guard(
        "an order that is open holds the position for longer",
        RECORD,
        " or outcome == 'contradicted' or is_open == '1' then\n",
        " or outcome == 'contradicted' then\n",
        f"{PARTIAL}test_it_is_booked_and_the_position_stays_held_until_the_order_is_over",
    ),
    # --- a repair
    _guard(
        "a repair of the order ends it",
        REPAIR,
        "    if item.plan_id ~= '' then\n",
        "    if false then\n",
        "integration/services/test_reconcile.py::test_a_repair_of_an_order_of_unknown_outcome_ends_what_it_held",
    ),
    _guard(
        "a repair is final",
        REPAIR,
        "        redis.call('HSET', plans_consumed[at], 'settled', 'repaired')\n",
        "",
        f"{REPAIRED}test_an_unknown_that_is_said_after_the_repair_holds_nothing",
    ),
    _guard(
        "an order that isn't the plan's by its own id ends nothing",
        "store/reconcile_repair.py",
        '        "plan_id": share.plan_id or "",\n    }\n',
        '        "plan_id": share.plan_id or OrderRecord(plan_id="plan-1").plan_id,\n    }\n',
        f"{REPAIRED}test_a_repair_of_an_order_that_only_a_result_named_says_nothing_of_the_plans_others",
    ),
    # --- a switch of the mode
    _guard(
        "a switch of the mode keeps it",
        PUT,
        "    take_over(over, hold_of(symbol, at), at.ledger)\n",
        "",
        f"{SWITCH}test_a_note_goes_with_the_mode_and_the_plans_answer_ends_it",
        "integration/store/test_unknown_outcome.py::test_a_switch_of_the_mode_doesnt_lose_it",
    ),
    _guard(
        "a switch of the mode keeps each of several",
        HOLDS,
        "  over.plans[#over.plans + 1] = unknown_plan(ledger)\n",
        "  over.plans[1] = over.plans[1] or unknown_plan(ledger)\n",
        f"{SWITCH}test_of_two_legs_both_are_kept_and_each_answer_ends_its_own",
    ),
    _guard(
        "a switch of the mode leaves no hold of it behind",
        HOLDS,
        "      over.plans[#over.plans + 1] = one.plan_id\n",
        "      held = one.plan_id\n",
        f"{SWITCH}test_a_hold_that_was_set_goes_with_the_mode_too",
    ),
    _guard(
        "nobody is held by a hold that nobody looks at",
        HOLDS,
        "  redis.call('DEL', h.hold)\n  redis.pcall(",
        "  redis.pcall(",
        f"{SWITCH}test_a_hold_that_was_set_goes_with_the_mode_too",
    ),
    _guard(
        "an answer ends it at whatever position it holds",
        RECORD,
        "  for _, at in ipairs(all) do end_unknown(",
        "  for _, at in ipairs({ own }) do end_unknown(",
        f"{SWITCH}test_a_note_goes_with_the_mode_and_the_plans_answer_ends_it",
    ),
    _guard(
        "said after a switch it holds the positions of the new mode",
        RECORD,
        "  for _, at in ipairs(instead) do hold_unknown(hold_of(at), plan_id) end\n",
        "",
        f"{SWITCH}test_one_that_is_said_after_the_switch_holds_the_positions_of_the_new_mode",
    ),
    _guard(
        "after a switch a consumption stays a barrier",
        RECORD,
        "  for _, at in ipairs(instead) do set_barrier(at.ledger) end\n",
        "",
        f"{SWITCH}test_one_that_is_said_after_the_switch_holds_the_positions_of_the_new_mode",
    ),
    _guard(
        "a person is believed in every mode",
        RECORD,
        "  for _, at in ipairs(all) do\n    for _, released",
        "  for _, at in ipairs({ own }) do\n    for _, released",
        f"{SWITCH}test_a_person_is_believed_in_every_mode",
    ),
    _guard(
        "a person is believed after a second switch",
        HOLDS,
        "  if plans[1] then redis.call('HSET', ledger, 'unknown_released', cjson.encode(plans)) end\n",
        "",
        f"{SWITCH}test_a_person_is_believed_in_every_mode",
    ),
    Guard(
        promise="a switch of the mode ends no hold that only a person ends",
        file=HOLDS,
        old="      over.holds[#over.holds + 1] = one\n",
        new="      held = one\n",
        tests=(f"{SWITCH}test_a_hold_that_only_a_person_ends_goes_with_the_mode",),
    ),
    Guard(
        promise="a switch of the mode ends no hold that can't be read",
        file=HOLDS,
        old="  if #over.plans + #over.holds == before then over",
        new="  if false then over",
        tests=(f"{SWITCH}test_so_does_one_that_cant_be_read",),
    ),
    Guard(
        promise="a hold because of a drift stays with its ledger",
        file=HOLDS,
        old="  if hold.ends == 'agreement' or hold.ends == 'adoption' then return end\n",
        new="",
        tests=(f"{SWITCH}test_a_hold_because_of_a_drift_stays_with_the_ledger_that_drifted",),
    ),
    Guard(
        promise="a breach that is found after a switch holds the positions of the new mode",
        file=RECORD,
        old="  if at == own or is_both or at == instead[1] or at == instead[2] then\n",
        new="  if at == own or is_both then\n",
        tests=(f"{SWITCH}test_a_breach_that_is_found_after_the_switch_holds_the_positions_of_the_new_mode",),
    ),
)
