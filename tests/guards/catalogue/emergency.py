"""Emergency closes: what proves one, what it may pass over, and what it may not (CONTRACT section 11)."""

from __future__ import annotations

from tests.guards.guard import Guard

READING = "unit/contract/test_emergency.py"
TESTS = "integration/services/test_emergency.py"
PROOF = "contract/emergency.py"
RULES = "domain/rules.py"
COMMIT = "store/lua/commit_verdict.lua"
CONSUME = "store/lua/consume_permits.lua"


def _proof(promise: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=PROOF, old=old, new=new, tests=(f"{READING}::{test}",))


def _lane(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(f"{TESTS}::{test}",))


EMERGENCY = (
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
        "an emergency leaves its own trail",
        COMMIT,
        "if emergency == '1' then\n  local about",
        "if false then\n  local about",
        "test_it_is_told_in_a_trail_of_its_own",
    ),
)
