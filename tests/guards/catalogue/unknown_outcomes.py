"""What ends an outcome that isn't known, and what must not: a part of an order, a repair, a switch of the mode."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

PARTIAL = "integration/store/test_partial_fills.py::"
SWITCH = "integration/store/test_unknown_mode_switch.py::"
REPAIRED = "integration/services/test_reconcile_unknown.py::"


def _guard(promise: str, within: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=f"unknown outcome: {promise}", within=within, change=change, tests=tests)


UNKNOWN_OUTCOMES = (
    # --- a part of an order
    _guard(
        "the executor says so of an order that executed in part and is open",
        "reports.of_order",
        instead("is_final and has_executed", "has_executed"),
        "unit/demo/executor/test_reports.py",
        "integration/demo/executor/test_venue_trouble.py::test_partial_fills_are_followed_to_the_end_each_told_once",
    ),
    _guard(
        "an executed quantity doesn't hide the word",
        "results.parse_result",
        instead("unknown=", "unknown=not executed and"),
        f"{PARTIAL}test_it_is_booked_and_the_position_stays_held_until_the_order_is_over",
    ),
    _guard(
        "the status of an order that is open is read",
        "OrderRows._read",
        without("fill = replace(fill, is_open=_is_open(order))"),
        f"{PARTIAL}test_it_is_booked_and_the_position_stays_held_until_the_order_is_over",
        f"{PARTIAL}test_of_several_orders_each_must_be_over",
    ),
    _guard(
        "a part of an order releases nothing",
        "lua.record_result",
        without("and is_open ~= '1'"),
        f"{PARTIAL}test_without_proof_of_the_consumption_the_reservation_only_stays",
    ),
    _guard(
        "an order that is open holds the position for longer",
        "lua.record_result",
        without("or is_open == '1'"),
        f"{PARTIAL}test_it_is_booked_and_the_position_stays_held_until_the_order_is_over",
    ),
    # --- a repair
    _guard(
        "a repair of the order ends it",
        "lua.repair_ledger",
        never("item.plan_id ~= ''"),
        "integration/services/test_reconcile.py::test_a_repair_of_an_order_of_unknown_outcome_ends_what_it_held",
    ),
    _guard(
        "a repair is final",
        "lua.repair_ledger",
        without("redis.call('HSET', plans_consumed[at], 'settled', 'repaired')"),
        f"{REPAIRED}test_an_unknown_that_is_said_after_the_repair_holds_nothing",
    ),
    _guard(
        "an order that isn't the plan's by its own id ends nothing",
        "reconcile_repair._item",
        instead('or ""', 'or OrderRecord(plan_id="plan-1").plan_id'),
        f"{REPAIRED}test_a_repair_of_an_order_that_only_a_result_named_says_nothing_of_the_plans_others",
    ),
    # --- a hold of a drift that it joined
    _guard(
        "agreements of another hold don't count",
        "lua.settle_hold",
        without("and c[4] == of_hold"),
        f"{REPAIRED}test_agreements_from_before_an_unknown_outcome_joined_dont_count",
    ),
    _guard(
        "a hold that was reduced is another one",
        "_outcomes.end_unknown",
        without(", hold.reduced_ms"),
        f"{REPAIRED}test_a_hold_that_was_reduced_is_never_the_one_from_before",
    ),
    _guard(
        "a snapshot that differs ends the count of agreements, in flight or not",
        "ReconcileService._run",
        instead("if differs and", "if differs and not case.may_be_in_flight() and"),
        f"{REPAIRED}test_a_snapshot_that_differs_ends_the_count_also_while_an_order_may_be_in_flight",
    ),
    _guard(
        "foreign evidence keeps no answer from being recorded",
        "_outcomes.end_unknown",
        instead("type(left[1]) == 'table' and left[1].reason or 'unreadable'", "left[1].reason"),
        "integration/store/test_unknown_outcome.py::test_foreign_evidence_in_a_hold_keeps_no_answer_from_being_recorded",
    ),
    # --- a switch of the mode
    _guard(
        "a switch of the mode keeps it",
        "put_snapshots.change_mode",
        without("take_over(over, hold_of(symbol, at), at.ledger)"),
        f"{SWITCH}test_a_note_goes_with_the_mode_and_the_plans_answer_ends_it",
        "integration/store/test_late_outcomes.py::test_a_switch_of_the_mode_doesnt_lose_it",
    ),
    _guard(
        "a switch of the mode keeps each of several",
        "_outcomes.hand_over",
        instead("[#over.plans + 1] = unknown_plan", "[1] = over.plans[1] or unknown_plan"),
        f"{SWITCH}test_of_two_legs_both_are_kept_and_each_answer_ends_its_own",
    ),
    _guard(
        "a switch of the mode leaves no hold of it behind",
        "_outcomes.hand_over",
        instead("over.plans[#over.plans + 1] = one.plan_id", "held = one.plan_id"),
        f"{SWITCH}test_a_hold_that_was_set_goes_with_the_mode_too",
    ),
    _guard(
        "nobody is held by a hold that nobody looks at",
        "_outcomes.hand_over",
        without("redis.call('DEL', h.hold)"),
        f"{SWITCH}test_a_hold_that_was_set_goes_with_the_mode_too",
    ),
    _guard(
        "an answer ends it at whatever position it holds",
        "lua.record_result",
        instead("(all) do end_unknown", "({ own }) do end_unknown"),
        f"{SWITCH}test_a_note_goes_with_the_mode_and_the_plans_answer_ends_it",
    ),
    _guard(
        "said after a switch it holds the positions of the new mode",
        "lua.record_result",
        without("for _, at in ipairs(instead) do hold_unknown(hold_of(at), plan_id) end"),
        f"{SWITCH}test_one_that_is_said_after_the_switch_holds_the_positions_of_the_new_mode",
    ),
    _guard(
        "after a switch a consumption stays a barrier",
        "lua.record_result",
        without("for _, at in ipairs(instead) do set_barrier(at.ledger) end"),
        f"{SWITCH}test_one_that_is_said_after_the_switch_holds_the_positions_of_the_new_mode",
    ),
    _guard(
        "a person is believed in every mode",
        "lua.record_result",
        instead("plan_id, all)", "plan_id, { own })"),
        f"{SWITCH}test_a_person_is_believed_in_every_mode",
    ),
    _guard(
        "a person is believed after a second switch",
        "_outcomes.take_over",
        without("if plans[1] then redis.call('HSET', ledger, 'unknown_released', cjson.encode(plans)) end"),
        f"{SWITCH}test_a_person_is_believed_in_every_mode",
    ),
    Guard(
        promise="a switch of the mode ends no hold that only a person ends",
        within="_outcomes.hand_over",
        change=instead("over.holds[#over.holds + 1] = one", "held = one"),
        tests=(f"{SWITCH}test_a_hold_that_only_a_person_ends_goes_with_the_mode",),
    ),
    Guard(
        promise="a switch of the mode ends no hold that can't be read",
        within="_outcomes.hand_over",
        change=never("#over.plans + #over.holds == before"),
        tests=(f"{SWITCH}test_so_does_one_that_cant_be_read",),
    ),
    Guard(
        promise="a hold because of a drift stays with its ledger",
        within="_outcomes.hand_over",
        change=without("if hold.ends == 'agreement' or hold.ends == 'adoption' then return end"),
        tests=(f"{SWITCH}test_a_hold_because_of_a_drift_stays_with_the_ledger_that_drifted",),
    ),
    Guard(
        promise="a breach that is found after a switch holds the positions of the new mode",
        within="lua.record_result",
        change=without("or at == instead[1] or at == instead[2]"),
        tests=(f"{SWITCH}test_a_breach_that_is_found_after_the_switch_holds_the_positions_of_the_new_mode",),
    ),
)
