"""A verdict is made final once, and only on the facts that it was made from (CONTRACT section 6, "Issuing")."""

from __future__ import annotations

from tests.guards.guard import Guard

COMMIT_TESTS = "integration/store/test_commit_verdict.py"
MOVED = "test_an_allow_whose_facts_moved_is_not_written"
TOO_LATE = "test_an_allow_that_was_evaluated_too_long_ago_is_not_written"


def _commit(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{COMMIT_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="store/lua/commit_verdict.lua", old=old, new=new, tests=named)


def _service(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"integration/services/test_permit_service.py::{test}" for test in tests)
    return Guard(promise=promise, file="services/issue_permit.py", old=old, new=new, tests=named)


def _load(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="store/lua/load_facts.lua", old=old, new=new, tests=tests)


ISSUING = (
    # --- one verdict
    _commit(
        "the first verdict on a plan stands",
        "if redis.call('EXISTS', decision_key) == 1 then\n",
        "if false then\n",
        "test_two_workers_judge_one_entry_and_the_second_commit_finds_the_first",
    ),
    _load(
        "a decided plan isn't judged again",
        "if redis.call('EXISTS', decision_key) == 1 then return { 'decided', entry } end\n",
        "",
        f"{COMMIT_TESTS}::test_of_a_decided_plan_no_facts_are_read",
    ),
    Guard(
        promise="the first verdict outlives its permit by a day",
        file="store/verdict_calls.py",
        old="DECISION_TTL_MS = 86_400_000",
        new="DECISION_TTL_MS = 60_000",
        tests=(f"{COMMIT_TESTS}::test_times_to_live_are_those_of_the_contract",),
    ),
    _commit(
        "a permit ends with its time",
        "redis.call('SET', permit_key, permit_json, 'PX', text(ttl))",
        "redis.call('SET', permit_key, permit_json)",
        "test_times_to_live_are_those_of_the_contract",
    ),
    # --- an allow is written on the evaluated facts only
    _commit(
        "a hold set since the evaluation stops the allow",
        "if passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1 then",
        "if false then",
        MOVED,
    ),
    _commit(
        "a hold that the service set since the evaluation stops the allow",
        "if emergency ~= '1' and redis.call('EXISTS', service_hold_key) == 1 then",
        "if false then",
        MOVED,
    ),
    _commit(
        "a symbol reserved since the evaluation stops the allow",
        "  if redis.call('EXISTS', reservation_key) == 1 then return moved('reservation') end\n",
        "",
        MOVED,
    ),
    _commit(
        "a foreign type under snapshot or ledger stops the allow",
        "    return moved('type')\n",
        "",
        MOVED,
    ),
    _commit(
        "an allow made from another life of Redis isn't written",
        "  if run_id() ~= evaluated_run_id then return moved('run_id') end\n",
        "",
        "test_an_allow_from_another_life_of_redis_is_not_written",
    ),
    _commit(
        "the position must still be the evaluated one",
        "  if s[1] ~= evaluated_position_amt or not fetched",
        "  if not fetched",
        MOVED,
    ),
    _commit(
        "the snapshot must still be the evaluated one",
        " or fetched ~= tonumber(evaluated_ts_ms)",
        "",
        MOVED,
    ),
    _commit("the snapshot must still be of our venue", " or s[4] ~= evaluated_source", "", MOVED),
    _commit("the snapshot must be of this life of Redis", " or s[5] ~= evaluated_run_id\n", "\n", MOVED),
    _commit(
        "a mode switched since the evaluation stops the allow",
        "  if not is_of_mode(position_side, symbol_snapshot_key, s[2], s[6]) then return moved('mode') end\n",
        "",
        MOVED,
    ),
    _commit(
        "the snapshot must still be young when the allow is written",
        "  if fetched > now or now - fetched > tonumber(stale_threshold_ms) then return",
        "  if false then return",
        TOO_LATE,
    ),
    _commit(
        "a snapshot dated in the future carries no allow",
        "  if fetched > now or now - fetched >",
        "  if now - fetched >",
        "test_a_snapshot_of_the_future_carries_no_allow",
    ),
    _commit(
        "the ledger's amount must still be the evaluated one",
        "  if (l[1] or '') ~= evaluated_ledger_amt or unreadable",
        "  if unreadable",
        MOVED,
    ),
    _commit(
        "an order since the evaluation stops the allow",
        " or (ordered and text(ordered) or '') ~= evaluated_order_ms",
        "",
        MOVED,
    ),
    _commit("an order time that is none stops the allow", " or unreadable or (ordered", " or (ordered", MOVED),
    _commit(
        "the plan must still be young when the allow is written",
        "  if now - tonumber(plan_issued_ms) > tonumber(plan_max_age_ms) then return moved('plan_age') end\n",
        "",
        TOO_LATE,
    ),
    _commit(
        "an allow that is over before it is written isn't",
        "  if ttl <= 0 then return moved('permit_age') end\n",
        "  ttl = math.max(ttl, 1000)\n",
        TOO_LATE,
    ),
    # --- all of it or nothing
    _commit(
        "an allow reserves its symbol",
        "if verdict == 'allow' then redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms) end\n",
        "",
        "test_one_outstanding_allow_per_symbol_and_each_symbol_for_itself",
    ),
    _commit(
        "a deny reserves nothing",
        "if verdict == 'allow' then redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms) end\n",
        "redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms)\n",
        "test_a_deny_is_a_permit_that_says_no_and_reserves_nothing",
    ),
    Guard(
        promise="a reservation lasts for the permit's life and the cooldown",
        file="store/verdict_calls.py",
        old='        "reservation_ttl_ms": policy.permit_ttl_ms + policy.cooldown_ms,\n',
        new='        "reservation_ttl_ms": policy.permit_ttl_ms,\n',
        tests=(f"{COMMIT_TESTS}::test_times_to_live_are_those_of_the_contract",),
    ),
    _commit(
        "the verdict acknowledges the plan's entry",
        "acknowledge()\nreturn { 'committed',",
        "return { 'committed',",
        "test_an_allow_writes_permit_tombstone_reservation_audit_and_counters_and_acknowledges",
    ),
    _commit(
        "a plan decided by somebody else is acknowledged too",
        "  acknowledge()\n  return { 'exists' }",
        "  return { 'exists' }",
        "test_an_entry_whose_plan_was_decided_meanwhile_is_acknowledged_by_the_commit",
    ),
    _commit(
        "every verdict is in the audit before its permit exists",
        "-- First what can still be refused: a stream whose last id is the greatest possible takes no more entries.\n"
        "redis.call('XADD'",
        "redis.call('SET', permit_key, permit_json, 'PX', text(ttl))\nredis.call('XADD'",
        "test_a_decision_stream_that_takes_no_more_entries_leaves_no_permit",
    ),
    Guard(
        promise="a foreign type is refused before the first write of a verdict",
        file="store/lua/commit_verdict.lua",
        old=" or expect(decisions_key, 'stream') or expect(counters_key, 'hash')\n",
        new=" or expect(decisions_key, 'stream')\n",
        tests=("integration/store/test_foreign_types.py",),
    ),
    Guard(
        promise="strangers' symbols share one label",
        file="store/verdict_calls.py",
        old="position_key(plan.symbol, leg) if plan.symbol in policy.allowlist else OTHER_SYMBOL,\n",
        new="symbol,\n",
        tests=(f"{COMMIT_TESTS}::test_strangers_symbols_share_one_label",),
    ),
    Guard(
        promise="a foreign value in a counter leaves no half verdict",
        file="store/lua/_prelude.lua",
        old="  local reply = redis.pcall('HINCRBY', counters, field, by or 1)\n",
        new="  local reply = redis.call('HINCRBY', counters, field, by or 1)\n",
        tests=(f"{COMMIT_TESTS}::test_a_foreign_value_in_a_counter_does_not_leave_half_a_verdict",),
    ),
    # --- reading the facts
    _load(
        "a reservation of any type is one",
        "  elseif held ~= 'none' then\n    reserved_by = '(a ' .. held .. ')'\n",
        "",
        f"{COMMIT_TESTS}::test_a_reservation_of_any_type_holds_the_symbol_and_is_named",
    ),
    Guard(
        promise="market rules of another venue are none",
        file="contract/markets.py",
        old="    if found != source:\n",
        new="    if found is None:\n",
        tests=("integration/store/test_snapshots.py::test_market_rules_of_another_venue_are_none",),
    ),
    Guard(
        promise="a time is read by Python as the scripts read it",
        file="contract/timing.py",
        old="        if not _WHOLE.fullmatch(value) or int(value) * unit >= MAX_EPOCH_MS:\n",
        new="        if not value.strip().isdigit() or int(value) * unit >= MAX_EPOCH_MS:\n",
        tests=("integration/store/test_one_view.py::test_a_time_is_the_same_time_for_both",),
    ),
    Guard(
        promise="a time is read by the scripts as Python reads it",
        file="store/lua/_prelude.lua",
        old=(
            "  if value and #value <= 14 and string.find(value, '^%d+$') then return tonumber(value) end\n"
            "  return nil\n"
        ),
        new="  return tonumber(value)\n",
        tests=("integration/store/test_one_view.py::test_a_time_is_the_same_time_for_both",),
    ),
    Guard(
        promise="an amount that is not a number is no amount",
        file="contract/hash_values.py",
        old=(
            "    except (InvalidQuantityError, TypeError) as error:\n"
            '        raise CorruptStateError(f"{name}: {error}") from error\n'
        ),
        new="    except (InvalidQuantityError, TypeError):\n        return Decimal(0)\n",
        tests=("unit/contract/test_codec.py",),
    ),
    # --- the service
    _service(
        "facts that moved are judged again, and then denied",
        '        contended = Deny(reason=Reason.CONTENTION, details={"tries": TRIES, "retry_after_sec": 1})\n',
        "        return None\n        contended = Deny(reason=Reason.CONTENTION, details={})\n",
        "test_facts_that_keep_moving_are_a_deny_contention",
    ),
    _service(
        "facts that moved are loaded anew",
        "            if status is not CommitStatus.MOVED:\n"
        "                return ruling.verdict if status is CommitStatus.COMMITTED else None\n",
        "            return ruling.verdict if status is CommitStatus.COMMITTED else None\n",
        "test_facts_that_moved_are_loaded_and_judged_again",
    ),
    _service(
        "a failure inside an evaluation is a deny",
        '            return Deny(reason=Reason.INTERNAL_ERROR, details={"error": type(error).__name__})\n',
        "            raise\n",
        "test_a_failure_inside_the_evaluation_is_a_deny_and_acknowledged_with_it",
    ),
    _service(
        "a plan that no verdict can be written for blocks nobody",
        '            self._dead_letters.dead_letter(entry, str(error), {"plan_id": plan.plan_id,'
        ' "symbol": plan.symbol})\n',
        "            pass\n",
        "test_where_no_verdict_can_be_written_the_plan_becomes_a_dead_letter",
    ),
    Guard(
        promise="a plan that was decided before is acknowledged",
        file="services/issue_permit.py",
        old="        if entry is not None:\n            self._store.acknowledge(entry)\n",
        new="",
        tests=(f"{COMMIT_TESTS}::test_a_plan_seen_again_changes_nothing_and_is_acknowledged",),
    ),
)
