"""Emergency closes (CONTRACT section 11): what proves one, what it passes over; and ledgers that begin anew."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

READING = "unit/contract/test_emergency.py"
TESTS = "integration/services/test_emergency.py"
REBUILD = "integration/cli/test_rebuild.py"


def _proof(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{READING}::{test}",))


def _lane(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{TESTS}::{test}",))


def _rebuild(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(test,))


EMERGENCY = (
    _rebuild(
        "an adopted position's orders are remembered",
        "lua.adopt_ledger",
        without("redis.call('HSET', fills_key, item.id, item.after)"),
        f"{REBUILD}::test_a_late_result_of_an_order_from_before_changes_nothing",
    ),
    _rebuild(
        "a fill recorded while a ledger is adopted stops the adoption",
        "lua.adopt_ledger",
        instead("item.before", "item.before and false"),
        f"{REBUILD}::test_a_result_recorded_meanwhile_stops_it",
    ),
    _rebuild(
        "adopting remembers no less of an order than is known",
        "OperatorStore._remembered",
        instead("max(known, executed[name])", "executed[name]"),
        f"{REBUILD}::test_adopting_remembers_them_too",
    ),
    _rebuild(
        "a trade that the snapshot may not show stops the adoption",
        "executed_orders.executed_orders",
        never("last_ms is not None and venue_ms - last_ms < snapshot_age_ms + lag_ms"),
        "unit/services/test_executed_orders.py::test_a_trade_that_the_snapshot_may_not_show_stops_it",
    ),
    _rebuild(
        "a position that moved while its trades were read stops the adoption",
        "executed_orders.executed_orders",
        never("_position(venue, symbol, leg) != position_amt"),
        "unit/services/test_executed_orders.py::test_so_does_a_position_that_moved",
    ),
    _rebuild(
        "only a position's own leg's orders are remembered with it",
        "executed_orders.executed_orders",
        instead("tuple(trade for trade in all_legs if trade.leg is leg)", "all_legs"),
        "unit/services/test_executed_orders.py::test_only_the_legs_own_orders_count",
    ),
    _proof(
        "an emergency close needs its proof",
        "EmergencyProof._read",
        never('not _is_proof(text_of(fields, "hmac"), text, self.key)'),
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "the account is part of an emergency's proof",
        "emergency.signed_text",
        instead("prefix,", '"",'),
        "test_what_is_signed_is_seven_lines",
    ),
    _proof(
        "whether an emergency waits for the cooldown is signed",
        "emergency.signed_text",
        instead('"1" if passes_cooldown else "0"', '"0"'),
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "an emergency's leg is signed",
        "emergency.signed_text",
        instead("str(plan.position_side),", '"LONG",'),
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "an emergency's action is signed",
        "emergency.signed_text",
        instead("plan.action,", '"CLOSE_FULL",'),
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "what an emergency signs is printable lines",
        "emergency.signed_text",
        never("not all(line.isprintable() for line in lines)"),
        "test_lines_must_be_printable",
    ),
    _proof(
        "consent over an operator's hold is signed apart",
        "EmergencyProof._read",
        never('over_hold is not None and not _is_proof(over_hold, f"{text}\\n{OVER_HOLD}", self.key)'),
        "test_anything_else_is_an_invalid_plan",
    ),
    _lane(
        "an emergency's proof grows old",
        "rules.plan._emergency_is_not_expired",
        always("-MAX_AHEAD_MS <= age_ms <= limit_ms"),
        "test_a_proof_is_good_for_a_minute_whatever_the_entrys_id_says",
    ),
    _lane(
        "an emergency waits for a snapshot requested for it",
        "rules.snapshot._snapshot_is_requested_for_the_emergency",
        always("case.plan.emergency is None or case.known_snapshot.ts_ms > case.plan.issued_ms"),
        "test_it_waits_for_a_snapshot_that_was_requested_for_it",
    ),
    _lane(
        "an operator's hold stops an emergency without consent",
        "rules.holds._emergency_passes_the_holds",
        always("emergency.passes_operator_hold"),
        "test_an_operators_hold_stops_it_without_a_persons_word",
    ),
    _lane(
        "an emergency keeps the cooldown",
        "rules.position.rule_5_cooldown_is_over",
        instead("(emergency is not None and emergency.passes_cooldown)", "emergency is not None"),
        "test_the_cooldown_is_kept_unless_now",
    ),
    _lane(
        "a ledger that can't be read stops an emergency",
        "rules.position.ledger_is_known",
        without("and case.facts.ledger_problem is None"),
        "test_a_ledger_that_is_no_ledger_still_stops_it",
    ),
    _lane(
        "an operator's hold set after an emergency's permit stops its consumption",
        "lua.consume_permits",
        instead("passes_operator_hold", "emergency"),
        "test_an_operators_hold_that_came_later_stops_its_consumption",
    ),
    _lane(
        "an emergency's request for a snapshot is one request",
        "lua.claim_refresh",
        without("and asked >= started and asked <= now and now - started >= LEAST_GAP_MS"),
        "test_the_exchange_is_asked_once_more_in_a_tick",
    ),
    _lane(
        "an older plan's late unknown withdraws an emergency's permit",
        "_holds.set_service_hold",
        without("redis.call('DEL', h.permit_prefix .. plan_id, h.reservation)"),
        "test_an_older_plans_late_unknown_withdraws_the_permit_and_the_next_close_passes",
    ),
    _lane(
        "what was known already withdraws no emergency's permit",
        "_holds.set_service_hold",
        without("if word == 'unchanged' then return { word, '' } end"),
        "test_an_older_plans_late_unknown_withdraws_the_permit_and_the_next_close_passes",
    ),
    _lane(
        "an emergency leaves its own trail",
        "lua.commit_verdict",
        instead("if emergency == '1'", "if false"),
        "test_it_is_told_in_a_trail_of_its_own",
    ),
)
