"""Emergency closes (CONTRACT section 11): what proves one, what it passes over; and ledgers that begin anew."""

from __future__ import annotations

from tests.guards.guard import Guard

READING = "unit/contract/test_emergency.py"
TESTS = "integration/services/test_emergency.py"
REBUILD = "integration/cli/test_rebuild.py"
PROOF = "contract/emergency.py"
RULES = "domain/rules.py"
COMMIT = "store/lua/commit_verdict.lua"
CONSUME = "store/lua/consume_permits.lua"


def _proof(promise: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=PROOF, old=old, new=new, tests=(f"{READING}::{test}",))


def _lane(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(f"{TESTS}::{test}",))


def _rebuild(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(test,))


EMERGENCY = (
    _rebuild(
        "an adopted position's orders are remembered",
        "store/lua/adopt_ledger.lua",
        "  redis.call('HSET', fills_key, item.id, item.after)\n",
        "",
        f"{REBUILD}::test_a_late_result_of_an_order_from_before_changes_nothing",
    ),
    _rebuild(
        "a fill recorded while a ledger is adopted stops the adoption",
        "store/lua/adopt_ledger.lua",
        "~= item.before then return { 'refused', 'fills_moved'",
        "~= item.before and false then return { 'refused', 'fills_moved'",
        f"{REBUILD}::test_a_result_recorded_meanwhile_stops_it",
    ),
    _rebuild(
        "adopting remembers no less of an order than is known",
        "store/operator.py",
        "canonical(max(known, executed[name]))",
        "canonical(executed[name])",
        f"{REBUILD}::test_adopting_remembers_them_too",
    ),
    _rebuild(
        "a trade that the snapshot may not show stops the adoption",
        "services/executed_orders.py",
        "    if last_ms is not None and venue_ms - last_ms < snapshot_age_ms + lag_ms:\n",
        "    if False:\n",
        "unit/services/test_executed_orders.py::test_a_trade_that_the_snapshot_may_not_show_stops_it",
    ),
    _rebuild(
        "a position that moved while its trades were read stops the adoption",
        "services/executed_orders.py",
        "    if _position(venue, symbol, leg) != position_amt:\n",
        "    if False:\n",
        "unit/services/test_executed_orders.py::test_so_does_a_position_that_moved",
    ),
    _rebuild(
        "only a position's own leg's orders are remembered with it",
        "services/executed_orders.py",
        "    trades = tuple(trade for trade in told if trade.leg is leg)\n",
        "    trades = told\n",
        "unit/services/test_executed_orders.py::test_only_the_legs_own_orders_count",
    ),
    _proof(
        "an emergency close needs its proof",
        '        if not _is_proof(text_of(fields, "hmac"), text, self.key):\n',
        "        if False:\n",
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "the account is part of an emergency's proof",
        "        prefix,\n",
        '        "",\n',
        "test_what_is_signed_is_seven_lines",
    ),
    _proof(
        "whether an emergency waits for the cooldown is signed",
        '        "1" if passes_cooldown else "0",\n',
        '        "0",\n',
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "an emergency's leg is signed",
        "        str(plan.position_side),\n",
        '        "LONG",\n',
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "an emergency's action is signed",
        "        plan.action,\n",
        '        "CLOSE_FULL",\n',
        "test_anything_else_is_an_invalid_plan",
    ),
    _proof(
        "what an emergency signs is printable lines",
        "    if not all(line.isprintable() for line in lines):\n",
        "    if False:\n",
        "test_lines_must_be_printable",
    ),
    _proof(
        "consent over an operator's hold is signed apart",
        '        if over_hold is not None and not _is_proof(over_hold, f"{text}\\n{OVER_HOLD}", self.key):\n',
        "        if False:\n",
        "test_anything_else_is_an_invalid_plan",
    ),
    _lane(
        "an emergency's proof grows old",
        RULES,
        "    if -MAX_AHEAD_MS <= age_ms <= limit_ms:\n",
        "    if True:\n",
        "test_a_proof_is_good_for_a_minute_whatever_the_entrys_id_says",
    ),
    _lane(
        "an emergency waits for a snapshot requested for it",
        RULES,
        "    if case.plan.emergency is None or case.known_snapshot.ts_ms > case.plan.issued_ms:\n",
        "    if True:\n",
        "test_it_waits_for_a_snapshot_that_was_requested_for_it",
    ),
    _lane(
        "an operator's hold stops an emergency without consent",
        RULES,
        "    return emergency.passes_operator_hold or all(",
        "    return True or all(",
        "test_an_operators_hold_stops_it_without_a_persons_word",
    ),
    _lane(
        "an emergency keeps the cooldown",
        RULES,
        "(emergency is not None and emergency.passes_cooldown)",
        "emergency is not None",
        "test_the_cooldown_is_kept_unless_now",
    ),
    _lane(
        "a ledger that can't be read stops an emergency",
        RULES,
        "    if case.plan.emergency is not None and case.facts.ledger_problem is None:\n",
        "    if case.plan.emergency is not None:\n",
        "test_a_ledger_that_is_no_ledger_still_stops_it",
    ),
    _lane(
        "an operator's hold set after an emergency's permit stops its consumption",
        CONSUME,
        "if (passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1)\n",
        "if (emergency ~= '1' and redis.call('EXISTS', hold_key) == 1)\n",
        "test_an_operators_hold_that_came_later_stops_its_consumption",
    ),
    _lane(
        "an emergency's request for a snapshot is one request",
        "store/lua/claim_refresh.lua",
        "  local is_asked = asked and asked >= started and asked <= now and now - started >= LEAST_GAP_MS\n",
        "  local is_asked = asked\n",
        "test_the_exchange_is_asked_once_more_in_a_tick",
    ),
    _lane(
        "an older plan's late unknown withdraws an emergency's permit",
        "store/lua/_holds.lua",
        "      redis.call('DEL', h.permit_prefix .. plan_id, h.reservation)\n",
        "",
        "test_an_older_plans_late_unknown_withdraws_the_permit_and_the_next_close_passes",
    ),
    _lane(
        "what was known already withdraws no emergency's permit",
        "store/lua/_holds.lua",
        "  if word == 'unchanged' then return { word, '' } end\n",
        "",
        "test_an_older_plans_late_unknown_withdraws_the_permit_and_the_next_close_passes",
    ),
    _lane(
        "an emergency leaves its own trail",
        COMMIT,
        "if emergency == '1' then\n  local about",
        "if false then\n  local about",
        "test_it_is_told_in_a_trail_of_its_own",
    ),
)
