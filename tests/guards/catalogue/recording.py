"""Recording what was executed: each order once, the cooldown, the reservation (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.guard import Guard

RESULT_TESTS = "integration/store/test_results.py"
ASIDE_TESTS = "integration/store/test_set_aside.py"
EXECUTION_TESTS = "integration/store/test_executions.py"
RELEASE_TESTS = "integration/store/test_reservation_release.py"
PARSER_TESTS = "unit/contract/test_results.py"


def _record(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="store/lua/record_result.lua", old=old, new=new, tests=tests)


def _service(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="services/record_fill.py", old=old, new=new, tests=tests)


def _parser(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{PARSER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="contract/results.py", old=old, new=new, tests=named)


RECORDING = (
    # --- once
    _record(
        "a result that tells nothing new is recorded once",
        " and not any_news then return { 'already' } end\n",
        " and false then return { 'already' } end\n",
        f"{RESULT_TESTS}::test_executed_without_any_order_changes_no_amount_and_starts_the_cooldown_once",
    ),
    _record(
        "a fill whose pending record vanished is applied all the same",
        " == 0 and not any_news then return { 'already' } end\n",
        " == 0 then return { 'already' } end\n",
        f"{RESULT_TESTS}::test_a_result_whose_pending_record_vanished_is_applied_and_only_once",
    ),
    _record(
        "what is on record of an order is compared before it is written",
        "  if (redis.call('HGET', orders_key, order.id) or '') ~= order.record_before then return { 'moved' } end\n",
        "",
        f"{RESULT_TESTS}::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    _record(
        "a result isn't booked by a mode that the symbol has left meanwhile",
        "  if (mode or '') ~= base_mode then return { 'moved' } end\n",
        "",
        "integration/store/test_leg_results.py"
        "::test_a_result_whose_symbol_changes_the_mode_meanwhile_is_booked_by_the_new_one",
    ),
    _record(
        "a breach is judged by the decision that is there when it is written",
        "if (redis.call('GET', decision_key) or '') ~= base_decision then return { 'moved' } end\n",
        "",
        f"{RESULT_TESTS}::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    _record(
        "what a plan executed is compared before it is written",
        "  if (redis.call('GET', executed_key) or '') ~= base_executed then return { 'moved' } end\n",
        "",
        f"{RESULT_TESTS}::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    _record(
        "what could not be read is a dead letter",
        "if problem ~= '' then\n",
        "if false then\n",
        f"{RESULT_TESTS}::test_what_could_not_be_read_is_a_dead_letter_and_takes_no_good_order_with_it",
    ),
    _service(
        "a result in which no order can be read starts the cooldown",
        "    if result.is_unreadable:\n        mark = ",
        "    if False:\n        mark = ",
        f"{RESULT_TESTS}::test_executed_without_any_order_changes_no_amount_and_starts_the_cooldown_once",
    ),
    _record(
        "recording acknowledges the result in the same act",
        "if redis.call('XACK', results_key, group, entry_id) == 0 and not any_news then return { 'already' } end\n",
        "",
        f"{RESULT_TESTS}::test_a_result_without_an_order_waits_for_no_ledger",
    ),
    _record(
        "what was applied of an order is remembered",
        "  redis.call('HSET', fills_key, order.id, order.after)\n",
        "",
        f"{RESULT_TESTS}::test_an_order_id_is_applied_once_however_often_it_is_reported",
    ),
    _record(
        "a ledger that moved since it was read isn't overwritten",
        "if (redis.call('HGET', ledger_key, 'last_known_amt') or '') ~= base_amt then return { 'moved' } end\n",
        "",
        f"{RESULT_TESTS}::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    _record(
        "a ledger adopted meanwhile isn't overwritten",
        "if (redis.call('GET', origin_key) or '') ~= base_origin then return { 'moved' } end\n",
        "",
        f"{RESULT_TESTS}::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    _record(
        "an order recorded by another entry meanwhile isn't applied again",
        "  if (redis.call('HGET', fills_key, order.id) or '') ~= order.before then return { 'moved' } end\n",
        "",
        f"{RESULT_TESTS}::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    _service(
        "a base that moved is read again",
        "            if status is not ResultStatus.MOVED:\n",
        "            if status is not None:\n",
        "integration/services/test_result_service.py::test_a_ledger_that_moved_is_read_again_and_both_fills_count",
    ),
    Guard(
        promise="an order id is one order per symbol",
        file="contract/keys.py",
        old='        return f"{self.prefix}:p33:fills:{symbol}"',
        new='        return f"{self.prefix}:p33:fills:" + symbol[:0]',
        tests=(f"{RESULT_TESTS}::test_one_order_id_on_two_symbols_is_two_orders",),
    ),
    Guard(
        promise="fills are remembered for a week",
        file="store/results.py",
        old="FILLS_MEMORY_SEC = 7 * 86_400",
        new="FILLS_MEMORY_SEC = 86_400",
        tests=(f"{RESULT_TESTS}::test_the_ledger_has_the_fields_and_lifetime_of_the_contract",),
    ),
    _record(
        "orders older than a week are forgotten, others never",
        "text(now - tonumber(fills_ttl_sec) * 1000)\n",
        "text(now - tonumber(fills_ttl_sec))\n",
        f"{RESULT_TESTS}::test_a_fill_of_yesterday_is_still_remembered",
    ),
    _service(
        "a result older than the adopted snapshot isn't applied",
        '        return entry_ms(self._entry) > int(_stored(origin or "0", "ledger origin"))\n',
        "        return entry_ms(self._entry) > 0\n",
        f"{RESULT_TESTS}::test_a_result_older_than_the_adopted_snapshot_is_remembered_and_not_applied",
    ),
    _service(
        "a result of the snapshot's own millisecond is in it",
        "        return entry_ms(self._entry) > int(",
        "        return entry_ms(self._entry) >= int(",
        f"{RESULT_TESTS}::test_a_result_of_the_snapshots_own_millisecond_is_contained_in_it",
    ),
    _service(
        "what was not executed applies nothing, whatever it names",
        "        executed = max(known.cumulative_qty, fill.cumulative_qty) if result.executed else ZERO\n",
        "        executed = max(known.cumulative_qty, fill.cumulative_qty)\n",
        f"{RESULT_TESTS}::test_only_a_confirmed_fill_changes_the_amount_but_any_order_id_starts_the_cooldown",
    ),
    _service(
        "an order named twice in one result counts once",
        "        executed = max(known.cumulative_qty, fill.cumulative_qty) if result.executed else ZERO\n",
        "        executed = known.cumulative_qty + fill.cumulative_qty if result.executed else ZERO\n",
        f"{RESULT_TESTS}::test_an_order_named_twice_in_one_result_counts_once",
    ),
    _service(
        "a ledger that can't be read isn't taken for 0",
        '        raise CorruptStateError(f"{what} holds {text[:40]!r}: {error}") from error\n',
        "        return ZERO\n",
        f"{RESULT_TESTS}::test_a_ledger_that_cannot_be_read_leaves_the_result_pending_until_it_is_adopted_anew",
    ),
    # --- the cooldown
    _record(
        "any new order starts the cooldown, whatever it filled",
        "ipairs(any_news and ordered or {})",
        "ipairs(any_fill and ordered or {})",
        f"{RESULT_TESTS}::test_only_a_confirmed_fill_changes_the_amount_but_any_order_id_starts_the_cooldown",
    ),
    _record(
        "a report that tells nothing new doesn't start the cooldown again",
        "ipairs(any_news and ordered or {})",
        "ipairs(#orders > 0 and ordered or {})",
        f"{RESULT_TESTS}::test_a_report_that_tells_nothing_new_does_not_start_the_cooldown_again",
    ),
    _record(
        "the order time is Redis's own",
        "  redis.call('HSET', ledger, 'last_order_time_ms', text(now), 'last_order_time_epoch', now_sec,",
        "  redis.call('HSET', ledger, 'last_order_time_ms', text(now - 60000), 'last_order_time_epoch', now_sec,",
        f"{RESULT_TESTS}::test_the_ledger_has_the_fields_and_lifetime_of_the_contract",
    ),
    _record(
        "a fill on a symbol without a ledger creates none",
        "if new_amt ~= base_amt then\n",
        "if new_amt ~= base_amt or base_amt == '' then\n",
        f"{RESULT_TESTS}::test_a_fill_on_a_symbol_without_a_ledger_is_remembered_and_its_amount_stays_unknown",
    ),
    # --- the reservation
    _record(
        "another plan's result releases nothing",
        "  if reserved_by == plan_id then free() end\n",
        "  if reserved_by then free() end\n",
        f"{RELEASE_TESTS}::test_another_plans_fill_releases_nothing",
    ),
    _record(
        "a fill releases its plan's reservation",
        "local settles = (is_over or (",
        "local settles = ((",
        f"{RELEASE_TESTS}::test_a_fill_releases_and_the_cooldown_takes_over",
    ),
    _record(
        "once consumed, only a rejection releases",
        "(not executed and outcome == 'rejected' and proven)",
        "(not executed and proven)",
        f"{RELEASE_TESTS}::test_a_consume_id_alone_releases_nothing_without_the_word_rejected",
    ),
    _record(
        "once consumed, only that consumption's own rejection releases",
        "(not executed and outcome == 'rejected' and proven)",
        "(not executed and outcome == 'rejected')",
        f"{RELEASE_TESTS}::test_a_rejection_releases_only_with_the_consume_id_of_that_consumption",
    ),
    _record(
        "not executed releases nothing once the permit was consumed",
        "elseif not executed and not consumer and reserved_by",
        "elseif not executed and reserved_by",
        f"{RELEASE_TESTS}::test_a_permit_put_back_does_not_make_a_consumed_plan_unconsumed",
    ),
    _record(
        "not executed releases nothing once the permit was taken with GET and DEL",
        "reserved_by == plan_id and permit_there then\n",
        "reserved_by == plan_id then\n",
        f"{RELEASE_TESTS}::test_not_executed_releases_nothing_once_a_plain_consumer_took_the_permit",
    ),
    _record(
        "whether the permit is there is looked at before anything is written",
        "reserved_by == plan_id and permit_there then\n",
        "reserved_by == plan_id and redis.call('EXISTS', permit_key) == 1 then\n",
        f"{RELEASE_TESTS}::test_a_plan_that_lost_its_decision_is_not_taken_for_unconsumed",
    ),
    _record(
        "an executed order that filled nothing keeps the reservation",
        "elseif not executed and not consumer and reserved_by == plan_id and permit_there then\n",
        "elseif reserved_by == plan_id then\n",
        f"{RELEASE_TESTS}::test_an_order_whose_outcome_is_unknown_keeps_the_symbol",
        f"{RELEASE_TESTS}::test_an_executed_order_that_filled_nothing_yet_keeps_an_unconsumed_permit",
    ),
    _record(
        "releasing takes the permit along",
        "  redis.call('DEL', reservation_key, permit_key)\n",
        "  redis.call('DEL', reservation_key)\n",
        f"{RELEASE_TESTS}::test_not_executed_releases_an_unconsumed_permit_and_deletes_it",
    ),
    _record(
        "a result without an order leaves the ledger alone, also one that can't be read",
        "local has_orders = #orders > 0\n",
        "local has_orders = true\n",
        f"{RESULT_TESTS}::test_a_result_without_an_order_waits_for_no_ledger",
    ),
    # --- around the gate, and giving up
    _record(
        "an execution that was never allowed is counted",
        "  if not allowed and not forgotten and any_new_order then\n",
        "  if false then\n",
        f"{RESULT_TESTS}::test_an_execution_without_an_allow_is_applied_and_counted_once",
    ),
    _record(
        "an allow of one symbol excuses nothing on another",
        "  local allowed = decision and string.sub(decision, 1, #allow_head) == allow_head\n",
        "  local allowed = decision and string.find(decision, '\"allow\":true', 1, true)\n",
        f"{RESULT_TESTS}::test_an_allow_of_one_symbol_permits_nothing_on_another",
        f"{RESULT_TESTS}::test_a_deny_that_quotes_an_allow_is_none",
    ),
    _record(
        "a plan that was given up before its verdict is never allowed",
        "elseif not decision then\n",
        "elseif false then\n",
        f"{RESULT_TESTS}::test_an_executor_that_gave_up_before_the_verdict_gets_a_deny_written",
    ),
    _record(
        "a plan that was executed before its verdict is never allowed",
        "  if not decision and any_news then deny() end\n",
        "",
        f"{EXECUTION_TESTS}::test_a_plan_that_was_executed_before_its_verdict_is_never_allowed",
    ),
    _record(
        "a result more than a day after its plan is no execution around the gate",
        "  if not allowed and not forgotten and any_new_order then\n",
        "  if not allowed and any_new_order then\n",
        f"{EXECUTION_TESTS}::test_a_result_of_a_plan_whose_decision_has_expired_is_no_execution_around_the_gate",
    ),
    _record(
        "another plan's order releases no reservation",
        "  own_fill = own_fill or order.settles == '1'\n",
        "  own_fill = own_fill or order.increased == '1'\n",
        f"{EXECUTION_TESTS}::test_a_result_that_names_another_plans_order_releases_nothing",
    ),
    _record(
        "a contradicted report releases nothing",
        "elseif outcome == 'unknown' or outcome == 'contradicted' or",
        "elseif outcome == 'unknown' or",
        f"{EXECUTION_TESTS}::test_a_rejection_that_names_an_executed_order_releases_nothing",
    ),
    _service(
        "an order whose side changes applies nothing",
        "            fill = replace(fill, cumulative_qty=ZERO)\n        fill = replace(fill, side=",
        "        fill = replace(fill, side=",
        f"{EXECUTION_TESTS}::test_an_order_whose_side_changes_applies_nothing",
    ),
    _service(
        "a sum that can't be read back is refused",
        "        if applied.amount is not None and not is_writable(applied.amount):\n",
        "        if False:\n",
        f"{EXECUTION_TESTS}::test_a_sum_that_can_not_be_read_back_is_refused_and_the_ledger_stays_readable",
    ),
    _record(
        "a foreign type is refused before the first write of a result",
        " or expect(fill_times_key, 'zset')\n",
        "\n",
        "integration/store/test_foreign_types.py",
    ),
    # --- one symbol stops no other
    Guard(
        promise="what can't be recorded now fills no window",
        file="store/lua/set_aside.lua",
        old="redis.call('XCLAIM', stream_key, group, consumer, 0, entry_id, 'JUSTID')\n",
        new="",
        tests=(f"{ASIDE_TESTS}::test_results_of_other_symbols_are_read_past_those_that_can_not_be_recorded",),
    ),
    Guard(
        promise="what was set aside is sent again a little at a time",
        file="store/lua/claim_entries.lua",
        old="    local stays = owner == waiting_consumer and waiting >= tonumber(waiting_limit)\n",
        new="    local stays = false\n",
        tests=(f"{ASIDE_TESTS}::test_results_of_other_symbols_are_read_past_those_that_can_not_be_recorded",),
    ),
    Guard(
        promise="a result that can't be recorded now is set aside",
        file="tasks/results.py",
        old="        here.entries.set_aside(entry)\n",
        new="        pass\n",
        tests=("unit/tasks/test_tasks.py::test_a_result_that_can_not_be_recorded_now_is_set_aside",),
    ),
    # --- reading a result
    _parser(
        "only a confirmed quantity counts, never a requested one",
        '        confirmed = max(quantity_of(order, "executed_qty"), quantity_of(order, "filled_qty"))\n',
        '        confirmed = max(quantity_of(order, name) for name in ("executed_qty", "filled_qty", "quantity"))\n',
        "test_a_requested_quantity_is_never_taken_for_a_filled_one",
    ),
    _parser(
        "a raw or ccxt order is read only by the venue's own reader",
        "        if self._venue is None:\n            raise InvalidMessageError(",
        "        if self._venue is None:\n            return None\n            raise InvalidMessageError(",
        "test_a_raw_or_ccxt_order_is_read_by_the_venues_own_reader_in_every_place",
    ),
    _parser(
        "an executed quantity without a side isn't 0 in silence",
        "        if quantity > 0 and fill.side is None:\n",
        "        if False:\n",
        "test_an_executed_quantity_without_a_side_is_a_problem_and_never_0_in_silence",
    ),
    _parser(
        "a row that can't be read takes no good order with it",
        "            return certain, str(error)\n",
        "            raise\n",
        "test_a_row_that_can_not_be_read_takes_no_good_order_with_it",
    ),
    _parser(
        "a result that wasn't executed has no quantity",
        "            return replace(fill, cumulative_qty=q.ZERO), said\n",
        "            return fill, said\n",
        "test_not_executed_keeps_the_order_ids_and_no_quantity",
    ),
    _parser(
        "a result must say whether it was executed",
        '    if executed is None:\n        raise InvalidMessageError("executed is missing")\n',
        "    executed = bool(executed)\n",
        "test_a_result_that_does_not_say_whether_it_was_executed_is_not_understood",
    ),
    _parser(
        "a side is read, and never derived",
        '    return _SIDES.get((_word(order, "side") or "").upper())\n',
        '    return _SIDES.get((_word(order, "side") or "").upper(), OrderSide.SELL)\n',
        "test_a_side_is_read_and_never_derived",
    ),
    _parser(
        "one order with both sides has none",
        "        side = None if fill.order_id in self._two_sided else known.side or fill.side\n",
        "        side = known.side or fill.side\n",
        "test_one_order_named_with_both_sides_has_none",
    ),
    _parser(
        "of one order in one entry the larger quantity counts",
        "cumulative_qty=max(known.cumulative_qty, fill.cumulative_qty),\n",
        "cumulative_qty=fill.cumulative_qty,\n",
        "test_the_larger_cumulative_quantity_of_one_order_counts_whatever_the_order_of_the_steps",
    ),
    _parser(
        "a result names a bounded number of orders",
        "            if len(self.fills) == MAX_ORDERS:\n",
        "            if MAX_ORDERS == 0:\n",
        "test_more_orders_than_any_plan_has_are_a_problem",
    ),
    _parser(
        "what was executed wasn't rejected",
        "        rejected=not executed and not problems and (",
        "        rejected=not problems and (",
        "test_what_was_executed_was_not_rejected",
    ),
)
