"""A verdict is made final once, and only on the facts that it was made from (CONTRACT section 6, "Issuing")."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard, guard

COMMIT_TESTS = "integration/store/test_commit_verdict.py"
MOVED = "test_an_allow_whose_facts_moved_is_not_written"
TOO_LATE = "test_an_allow_that_was_evaluated_too_long_ago_is_not_written"


def _commit(promise: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{COMMIT_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within="lua.commit_verdict", change=change, tests=named)


def _service(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"integration/services/test_permit_service.py::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


ISSUING = (
    # --- one verdict
    _commit(
        "the first verdict on a plan stands",
        never("redis.call('EXISTS', decision_key) == 1"),
        "test_two_workers_judge_one_entry_and_the_second_commit_finds_the_first",
    ),
    guard(
        "a decided plan isn't judged again",
        "lua.load_facts",
        without("if decided ~= 'none' then return { 'decided', entry } end"),
        f"{COMMIT_TESTS}::test_of_a_decided_plan_no_facts_are_read",
    ),
    Guard(
        promise="the first verdict outlives its permit by a day",
        within="verdict_calls.DECISION_TTL_MS",
        change=instead("DECISION_TTL_MS = 86_400_000", "DECISION_TTL_MS = 60_000"),
        tests=(f"{COMMIT_TESTS}::test_times_to_live_are_those_of_the_contract",),
    ),
    _commit(
        "a permit ends with its time", without(", 'PX', text(ttl)"), "test_times_to_live_are_those_of_the_contract"
    ),
    # --- an allow is written on the evaluated facts only
    _commit(
        "a hold set since the evaluation stops the allow",
        never("passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1"),
        MOVED,
    ),
    _commit(
        "a hold that the service set since the evaluation stops the allow",
        never("emergency ~= '1' and redis.call('EXISTS', service_hold_key) == 1"),
        MOVED,
    ),
    _commit(
        "a symbol reserved since the evaluation stops the allow",
        without("if redis.call('EXISTS', reservation_key) == 1 then return moved('reservation') end"),
        MOVED,
    ),
    _commit("a foreign type under snapshot or ledger stops the allow", without("return moved('type')"), MOVED),
    _commit(
        "an allow made from another life of Redis isn't written",
        without("if run_id() ~= evaluated_run_id then return moved('run_id') end"),
        "test_an_allow_from_another_life_of_redis_is_not_written",
    ),
    _commit("the position must still be the evaluated one", without("s[1] ~= evaluated_position_amt or"), MOVED),
    _commit("the snapshot must still be the evaluated one", without("fetched ~= tonumber(evaluated_ts_ms) or"), MOVED),
    _commit("the snapshot must still be of our venue", without("s[4] ~= evaluated_source or"), MOVED),
    _commit("the snapshot must be of this life of Redis", without("s[5] ~= evaluated_run_id or"), MOVED),
    _commit(
        "a mode switched since the evaluation stops the allow",
        never("not is_symbols_own and not is_of_mode(position_side, symbol_snapshot_key, s[2], s[6])"),
        MOVED,
    ),
    _commit(
        "the snapshot must still be young when the allow is written",
        never("fetched > now or now - fetched > tonumber(stale_threshold_ms)"),
        TOO_LATE,
    ),
    _commit(
        "a snapshot dated in the future carries no allow",
        without("fetched > now or"),
        "test_a_snapshot_of_the_future_carries_no_allow",
    ),
    _commit(
        "the ledger's amount must still be the evaluated one", without("(l[1] or '') ~= evaluated_ledger_amt or"), MOVED
    ),
    _commit(
        "an order since the evaluation stops the allow",
        without("or (ordered and text(ordered) or '') ~= evaluated_order_ms"),
        MOVED,
    ),
    _commit(
        "an order time that is none stops the allow",
        instead("evaluated_ledger_amt or unreadable", "evaluated_ledger_amt"),
        MOVED,
    ),
    _commit(
        "the plan must still be young when the allow is written",
        without("if now - tonumber(plan_issued_ms) > tonumber(plan_max_age_ms) then return moved('plan_age') end"),
        TOO_LATE,
    ),
    _commit(
        "an allow that is over before it is written isn't",
        instead("if ttl <= 0 then return moved('permit_age') end", "ttl = math.max(ttl, 1000)"),
        TOO_LATE,
    ),
    # --- all of it or nothing
    _commit(
        "an allow reserves its symbol",
        without("if verdict == 'allow' then redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms) end"),
        "test_one_outstanding_allow_per_symbol_and_each_symbol_for_itself",
    ),
    _commit(
        "a deny reserves nothing",
        instead(
            "if verdict == 'allow' then redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms) end",
            "redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms)",
        ),
        "test_a_deny_is_a_permit_that_says_no_and_reserves_nothing",
    ),
    Guard(
        promise="a reservation lasts for the permit's life and the cooldown",
        within="verdict_calls.limits_args",
        change=without("+ policy.cooldown_ms"),
        tests=(f"{COMMIT_TESTS}::test_times_to_live_are_those_of_the_contract",),
    ),
    Guard(
        promise="a verdict is kept by its own configured limits",
        within="Commits._are_fixed",
        change=never("limits != self._fixed"),
        tests=("integration/store/test_commits.py",),
    ),
    Guard(
        promise="symbols of strangers don't fill a worker's memory",
        within="RedisVerdictStore._load_call",
        change=never("len(self._known) >= MOST_KNOWN"),
        tests=("integration/store/test_commits.py",),
    ),
    Guard(
        promise="an emergency close is kept as one",
        within="Commits.call",
        change=without("plan.emergency is None and"),
        tests=("integration/services/test_emergency.py",),
    ),
    _commit(
        "the verdict acknowledges the plan's entry",
        instead("end acknowledge() return { 'committed'", "end return { 'committed'"),
        "test_an_allow_writes_permit_tombstone_reservation_audit_and_counters_and_acknowledges",
    ),
    _commit(
        "a plan decided by somebody else is acknowledged too",
        instead("acknowledge() return { 'exists' }", "return { 'exists' }"),
        "test_an_entry_whose_plan_was_decided_meanwhile_is_acknowledged_by_the_commit",
    ),
    _commit(
        "every verdict is in the audit before its permit exists",
        instead(
            "(p.inputs, places) end end",
            "(p.inputs, places) end end redis.call('SET', permit_key, permit_json, 'PX', text(ttl))",
        ),
        "test_a_decision_stream_that_takes_no_more_entries_leaves_no_permit",
    ),
    Guard(
        promise="a foreign type is refused before the first write of a verdict",
        within="lua.commit_verdict",
        change=without("or expect(counters_key, 'hash')"),
        tests=("integration/store/test_foreign_types.py",),
    ),
    Guard(
        promise="strangers' symbols share one label",
        within="verdict_calls.plan_args",
        change=instead(
            "position_key(plan.symbol, leg) if plan.symbol in policy.allowlist else OTHER_SYMBOL", "plan.symbol"
        ),
        tests=(f"{COMMIT_TESTS}::test_strangers_symbols_share_one_label",),
    ),
    Guard(
        promise="a foreign value in a counter leaves no half verdict",
        within="_prelude.count",
        change=instead("redis.pcall", "redis.call"),
        tests=(f"{COMMIT_TESTS}::test_a_foreign_value_in_a_counter_does_not_leave_half_a_verdict",),
    ),
    # --- reading the facts
    guard(
        "a reservation of any type is one",
        "load_facts.reservation_of",
        instead("held ~= 'none' and '(a ' .. held .. ')', -2", "false, -2"),
        f"{COMMIT_TESTS}::test_a_reservation_of_any_type_holds_the_symbol_and_is_named",
    ),
    Guard(
        promise="market rules of another venue are none",
        within="markets.decode_market",
        change=instead("found != source", "found is None"),
        tests=("integration/store/test_snapshot_records.py::test_market_rules_of_another_venue_are_none",),
    ),
    Guard(
        promise="a time is read by Python as the scripts read it",
        within="timing.decode_time",
        change=instead("not _WHOLE.fullmatch(value)", "not value.strip().isdigit()"),
        tests=("integration/store/test_one_view.py::test_a_time_is_the_same_time_for_both",),
    ),
    Guard(
        promise="a time is read by the scripts as Python reads it",
        within="_prelude.whole",
        change=instead(
            "if value and #value <= 14 and string.find(value, '^%d+$') then return tonumber(value) end return nil",
            "return tonumber(value)",
        ),
        tests=("integration/store/test_one_view.py::test_a_time_is_the_same_time_for_both",),
    ),
    Guard(
        promise="an amount that is not a number is no amount",
        within="hash_values.number",
        change=instead(
            (
                'except (InvalidQuantityError, TypeError) as error: raise CorruptStateError(f"{name}: {error}") from'
                " error"
            ),
            ("except (InvalidQuantityError, TypeError):\n    return Decimal(0)"),
        ),
        tests=("unit/contract/test_codec.py",),
    ),
    # --- the service
    _service(
        "facts that moved are judged again, and then denied",
        "PermitService._judge",
        instead(
            'contended = Deny(reason=Reason.CONTENTION, details={"tries": TRIES, "retry_after_sec": 1})',
            ("return None\ncontended = Deny(reason=Reason.CONTENTION, details={})"),
        ),
        "test_facts_that_keep_moving_are_a_deny_contention",
    ),
    _service(
        "facts that moved are loaded anew",
        "PermitService._judge",
        instead("if status is not CommitStatus.MOVED: return ruling.verdict", "return ruling.verdict"),
        "test_facts_that_moved_are_loaded_and_judged_again",
    ),
    _service(
        "a failure inside an evaluation is a deny",
        "PermitService._evaluate",
        instead('return Deny(reason=Reason.INTERNAL_ERROR, details={"error": type(error).__name__})', "raise"),
        "test_a_failure_inside_the_evaluation_is_a_deny_and_acknowledged_with_it",
    ),
    _service(
        "a plan that no verdict can be written for blocks nobody",
        "PermitService._give_up",
        instead(
            'self._dead_letters.dead_letter(entry, str(error), {"plan_id": plan.plan_id, "symbol": plan.symbol})',
            "pass",
        ),
        "test_where_no_verdict_can_be_written_the_plan_becomes_a_dead_letter",
    ),
    Guard(
        promise="a plan that was decided before is acknowledged",
        within="PermitService._acknowledge_decided",
        change=without("if entry is not None: self._store.acknowledge(entry)"),
        tests=(f"{COMMIT_TESTS}::test_a_plan_seen_again_changes_nothing_and_is_acknowledged",),
    ),
)
