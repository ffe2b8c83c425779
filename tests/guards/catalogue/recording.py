"""Recording what was executed: each order once, the cooldown, the reservation (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard, guard

STORE_TESTS = "integration/store"
ASIDE_TESTS = "integration/store/test_set_aside.py"
EXECUTION_TESTS = "integration/store/test_executions.py"
RELEASE_TESTS = "integration/store/test_reservation_release.py"
CONTRACT_TESTS = "unit/contract"


def _parser(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{CONTRACT_TESTS}/{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


RECORDING = (
    # --- once
    guard(
        "a result that tells nothing new is recorded once",
        "lua.record_result",
        instead("and not any_news", "and false"),
        f"{STORE_TESTS}/test_results.py::test_executed_without_any_order_changes_no_amount_and_starts_the_cooldown_once",
    ),
    guard(
        "a fill whose pending record vanished is applied all the same",
        "lua.record_result",
        without("and not any_news"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_result_whose_pending_record_vanished_is_applied_and_only_once",
    ),
    guard(
        "what is on record of an order is compared before it is written",
        "lua.record_result",
        without(
            "if (redis.call('HGET', orders_key, order.id) or '') ~= order.record_before then return { 'moved' } end"
        ),
        f"{STORE_TESTS}/test_result_replays.py::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    guard(
        "a result isn't booked by a mode that the symbol has left meanwhile",
        "lua.record_result",
        without("if (mode or '') ~= base_mode then return { 'moved' } end"),
        "integration/store/test_leg_results.py"
        "::test_a_result_whose_symbol_changes_the_mode_meanwhile_is_booked_by_the_new_one",
    ),
    guard(
        "a breach is judged by the decision that is there when it is written",
        "lua.record_result",
        without("if (redis.call('GET', decision_key) or '') ~= base_decision then return { 'moved' } end"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    guard(
        "what a plan executed is compared before it is written",
        "lua.record_result",
        without("if (redis.call('GET', executed_key) or '') ~= base_executed then return { 'moved' } end"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    guard(
        "what could not be read is a dead letter",
        "lua.record_result",
        never("problem ~= ''"),
        f"{STORE_TESTS}/test_results.py::test_what_could_not_be_read_is_a_dead_letter_and_takes_no_good_order_with_it",
    ),
    guard(
        "a result in which no order can be read starts the cooldown",
        "record_fill._one_per_order",
        never("result.is_unreadable"),
        f"{STORE_TESTS}/test_results.py::test_executed_without_any_order_changes_no_amount_and_starts_the_cooldown_once",
    ),
    guard(
        "recording acknowledges the result in the same act",
        "lua.record_result",
        without(
            "if redis.call('XACK', results_key, group, entry_id) == 0 and not any_news then return { 'already' } end"
        ),
        f"{STORE_TESTS}/test_result_replays.py::test_a_result_without_an_order_waits_for_no_ledger",
    ),
    guard(
        "what was applied of an order is remembered",
        "_fills.remember_order",
        without("redis.call('HSET', memory.fills, id, quantity)"),
        f"{STORE_TESTS}/test_results.py::test_an_order_id_is_applied_once_however_often_it_is_reported",
    ),
    guard(
        "a ledger that moved since it was read isn't overwritten",
        "lua.record_result",
        without("if (redis.call('HGET', ledger_key, 'last_known_amt') or '') ~= base_amt then return { 'moved' } end"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    guard(
        "a ledger adopted meanwhile isn't overwritten",
        "lua.record_result",
        without("if (redis.call('GET', origin_key) or '') ~= base_origin then return { 'moved' } end"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    guard(
        "an order recorded by another entry meanwhile isn't applied again",
        "lua.record_result",
        without("if (redis.call('HGET', fills_key, order.id) or '') ~= order.before then return { 'moved' } end"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_base_that_moved_between_reading_and_writing_writes_nothing",
    ),
    guard(
        "a base that moved is read again",
        "ResultService.record",
        instead("not ResultStatus.MOVED", "not None"),
        "integration/services/test_result_service.py::test_a_ledger_that_moved_is_read_again_and_both_fills_count",
    ),
    Guard(
        promise="an order id is one order per symbol",
        within="Keys.fills",
        change=instead('f"{self.prefix}:p33:fills:{symbol}"', 'f"{self.prefix}:p33:fills:" + symbol[:0]'),
        tests=(f"{STORE_TESTS}/test_results.py::test_one_order_id_on_two_symbols_is_two_orders",),
    ),
    Guard(
        promise="fills are remembered for a week",
        within="results.FILLS_MEMORY_SEC",
        change=instead("7 * 86_400", "86_400"),
        tests=(f"{STORE_TESTS}/test_results.py::test_the_ledger_has_the_fields_and_lifetime_of_the_contract",),
    ),
    guard(
        "orders older than a week are forgotten, others never",
        "lua.record_result",
        without("* 1000"),
        f"{STORE_TESTS}/test_results.py::test_a_fill_of_yesterday_is_still_remembered",
    ),
    guard(
        "a result older than the adopted snapshot isn't applied",
        "_Applying._counts",
        instead('int(_stored(origin or "0", "ledger origin"))', "0"),
        f"{STORE_TESTS}/test_results.py::test_a_result_older_than_the_adopted_snapshot_is_remembered_and_not_applied",
    ),
    guard(
        "a result of the snapshot's own millisecond is in it",
        "_Applying._counts",
        instead("(self._entry) >", "(self._entry) >="),
        f"{STORE_TESTS}/test_results.py::test_a_result_of_the_snapshots_own_millisecond_is_contained_in_it",
    ),
    guard(
        "what was not executed applies nothing, whatever it names",
        "record_fill._one_per_order",
        without("if result.executed else ZERO"),
        f"{STORE_TESTS}/test_results.py::test_only_a_confirmed_fill_changes_the_amount_but_any_order_id_starts_the_cooldown",
    ),
    guard(
        "an order named twice in one result counts once",
        "record_fill._one_per_order",
        instead("max(known.cumulative_qty, fill.cumulative_qty)", "known.cumulative_qty + fill.cumulative_qty"),
        f"{STORE_TESTS}/test_results.py::test_an_order_named_twice_in_one_result_counts_once",
    ),
    guard(
        "a ledger that can't be read isn't taken for 0",
        "record_fill._stored",
        instead('raise CorruptStateError(f"{what} holds {text[:40]!r}: {error}") from error', "return ZERO"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_ledger_that_cannot_be_read_leaves_the_result_pending_until_it_is_adopted_anew",
    ),
    # --- the cooldown
    guard(
        "any new order starts the cooldown, whatever it filled",
        "lua.record_result",
        instead("any_news and ordered", "any_fill and ordered"),
        f"{STORE_TESTS}/test_results.py::test_only_a_confirmed_fill_changes_the_amount_but_any_order_id_starts_the_cooldown",
    ),
    guard(
        "a report that tells nothing new doesn't start the cooldown again",
        "lua.record_result",
        instead("any_news and ordered", "#orders > 0 and ordered"),
        f"{STORE_TESTS}/test_results.py::test_a_report_that_tells_nothing_new_does_not_start_the_cooldown_again",
    ),
    guard(
        "the order time is Redis's own",
        "lua.record_result",
        instead("(now), 'last_order_time_epoch'", "(now - 60000), 'last_order_time_epoch'"),
        f"{STORE_TESTS}/test_results.py::test_the_ledger_has_the_fields_and_lifetime_of_the_contract",
    ),
    guard(
        "a fill on a symbol without a ledger creates none",
        "lua.record_result",
        instead("if new_amt ~= base_amt then", "if new_amt ~= base_amt or base_amt == '' then"),
        f"{STORE_TESTS}/test_results.py::test_a_fill_on_a_symbol_without_a_ledger_is_remembered_and_its_amount_stays_unknown",
    ),
    # --- the reservation
    guard(
        "another plan's result releases nothing",
        "lua.record_result",
        instead("if reserved_by == plan_id", "if reserved_by"),
        f"{RELEASE_TESTS}::test_another_plans_fill_releases_nothing",
    ),
    guard(
        "a fill releases its plan's reservation",
        "lua.record_result",
        without("is_over or"),
        f"{RELEASE_TESTS}::test_a_fill_releases_and_the_cooldown_takes_over",
    ),
    guard(
        "once consumed, only a rejection releases",
        "lua.record_result",
        without("outcome == 'rejected' and"),
        f"{RELEASE_TESTS}::test_a_consume_id_alone_releases_nothing_without_the_word_rejected",
    ),
    guard(
        "once consumed, only that consumption's own rejection releases",
        "lua.record_result",
        instead("'rejected' and proven", "'rejected'"),
        f"{RELEASE_TESTS}::test_a_rejection_releases_only_with_the_consume_id_of_that_consumption",
    ),
    guard(
        "not executed releases nothing once the permit was consumed",
        "lua.record_result",
        without("not consumer and"),
        f"{RELEASE_TESTS}::test_a_permit_put_back_does_not_make_a_consumed_plan_unconsumed",
    ),
    guard(
        "not executed releases nothing once the permit was taken with GET and DEL",
        "lua.record_result",
        instead("plan_id and permit_there", "plan_id"),
        f"{RELEASE_TESTS}::test_not_executed_releases_nothing_once_a_plain_consumer_took_the_permit",
    ),
    guard(
        "whether the permit is there is looked at before anything is written",
        "lua.record_result",
        instead("plan_id and permit_there", "plan_id and redis.call('EXISTS', permit_key) == 1"),
        f"{RELEASE_TESTS}::test_a_plan_that_lost_its_decision_is_not_taken_for_unconsumed",
    ),
    guard(
        "an executed order that filled nothing keeps the reservation",
        "lua.record_result",
        instead("not executed and not consumer and reserved_by == plan_id and permit_there", "reserved_by == plan_id"),
        f"{RELEASE_TESTS}::test_an_order_whose_outcome_is_unknown_keeps_the_symbol",
        f"{RELEASE_TESTS}::test_an_executed_order_that_filled_nothing_yet_keeps_an_unconsumed_permit",
    ),
    guard(
        "releasing takes the permit along",
        "record_result.free",
        instead("reservation_key, permit_key", "reservation_key"),
        f"{RELEASE_TESTS}::test_not_executed_releases_an_unconsumed_permit_and_deletes_it",
    ),
    guard(
        "a result without an order leaves the ledger alone, also one that can't be read",
        "lua.record_result",
        instead("local has_orders = #orders > 0", "local has_orders = true"),
        f"{STORE_TESTS}/test_result_replays.py::test_a_result_without_an_order_waits_for_no_ledger",
    ),
    # --- around the gate, and giving up
    guard(
        "an execution that was never allowed is counted",
        "lua.record_result",
        never("not allowed and not forgotten and any_new_order"),
        f"{STORE_TESTS}/test_result_replays.py::test_an_execution_without_an_allow_is_applied_and_counted_once",
    ),
    guard(
        "an allow of one symbol excuses nothing on another",
        "lua.record_result",
        instead(
            "string.sub(decision, 1, #allow_head) == allow_head", "string.find(decision, '\"allow\":true', 1, true)"
        ),
        f"{STORE_TESTS}/test_result_replays.py::test_an_allow_of_one_symbol_permits_nothing_on_another",
        f"{STORE_TESTS}/test_result_replays.py::test_a_deny_that_quotes_an_allow_is_none",
    ),
    guard(
        "a plan that was given up before its verdict is never allowed",
        "lua.record_result",
        instead("elseif not decision", "elseif false"),
        f"{STORE_TESTS}/test_result_replays.py::test_an_executor_that_gave_up_before_the_verdict_gets_a_deny_written",
    ),
    guard(
        "a plan that was executed before its verdict is never allowed",
        "lua.record_result",
        without("if not decision and any_news then deny() end"),
        f"{EXECUTION_TESTS}::test_a_plan_that_was_executed_before_its_verdict_is_never_allowed",
    ),
    guard(
        "a result more than a day after its plan is no execution around the gate",
        "lua.record_result",
        without("not forgotten and"),
        f"{EXECUTION_TESTS}::test_a_result_of_a_plan_whose_decision_has_expired_is_no_execution_around_the_gate",
    ),
    guard(
        "another plan's order releases no reservation",
        "lua.record_result",
        instead("order.settles", "order.increased"),
        f"{EXECUTION_TESTS}::test_a_result_that_names_another_plans_order_releases_nothing",
    ),
    guard(
        "a contradicted report releases nothing",
        "lua.record_result",
        without("outcome == 'contradicted' or"),
        f"{EXECUTION_TESTS}::test_a_rejection_that_names_an_executed_order_releases_nothing",
    ),
    guard(
        "an order whose side changes applies nothing",
        "_Applying._apply",
        instead(
            (
                '(f"order {fill.order_id} was a {record.side}, and is reported as a {fill.side}") fill ='
                " replace(fill, cumulative_qty=ZERO)"
            ),
            '(f"order {fill.order_id} was a {record.side}, and is reported as a {fill.side}")',
        ),
        f"{EXECUTION_TESTS}::test_an_order_whose_side_changes_applies_nothing",
    ),
    guard(
        "a sum that can't be read back is refused",
        "_Applying._apply",
        never("applied.amount is not None and not is_writable(applied.amount)"),
        f"{EXECUTION_TESTS}::test_a_sum_that_can_not_be_read_back_is_refused_and_the_ledger_stays_readable",
    ),
    guard(
        "a foreign type is refused before the first write of a result",
        "lua.record_result",
        without("expect(fill_times_key, 'zset') or"),
        "integration/store/test_foreign_types.py",
    ),
    # --- one symbol stops no other
    Guard(
        promise="what can't be recorded now fills no window",
        within="lua.set_aside",
        change=without("redis.call('XCLAIM', stream_key, group, consumer, 0, entry_id, 'JUSTID')"),
        tests=(f"{ASIDE_TESTS}::test_results_of_other_symbols_are_read_past_those_that_can_not_be_recorded",),
    ),
    Guard(
        promise="what was set aside is sent again a little at a time",
        within="lua.claim_entries",
        change=never("owner == waiting_consumer and waiting >= tonumber(waiting_limit)"),
        tests=(f"{ASIDE_TESTS}::test_results_of_other_symbols_are_read_past_those_that_can_not_be_recorded",),
    ),
    Guard(
        promise="a result that can't be recorded now is set aside",
        within="results._set_aside",
        change=instead("here.entries.set_aside(entry)", "pass"),
        tests=("unit/tasks/test_tasks.py::test_a_result_that_can_not_be_recorded_now_is_set_aside",),
    ),
    # --- reading a result
    _parser(
        "only a confirmed quantity counts, never a requested one",
        "OrderRows._read_own",
        instead(
            '(order, "executed_qty"), quantity_of(order, "filled_qty")',
            '(order, name) for name in ("executed_qty", "filled_qty", "quantity")',
        ),
        "test_results.py::test_a_requested_quantity_is_never_taken_for_a_filled_one",
    ),
    _parser(
        "a raw or ccxt order is read only by the venue's own reader",
        "OrderRows._read_foreign",
        instead(
            'raise InvalidMessageError("a raw or ccxt order, which this venue has no reader for")',
            ('return None\nraise InvalidMessageError("a raw or ccxt order, which this venue has no reader for")'),
        ),
        "test_foreign_orders.py::test_a_raw_or_ccxt_order_is_read_by_the_venues_own_reader_in_every_place",
    ),
    _parser(
        "an executed quantity without a side isn't 0 in silence",
        "OrderRows._read",
        never("quantity > 0 and fill.side is None"),
        "test_results.py::test_an_executed_quantity_without_a_side_is_a_problem_and_never_0_in_silence",
    ),
    _parser(
        "a row that can't be read takes no good order with it",
        "OrderRows._read",
        instead("return certain, str(error)", "raise"),
        "test_results.py::test_a_row_that_can_not_be_read_takes_no_good_order_with_it",
    ),
    _parser(
        "a result that wasn't executed has no quantity",
        "OrderRows._read",
        instead("replace(fill, cumulative_qty=q.ZERO)", "fill"),
        "test_results.py::test_not_executed_keeps_the_order_ids_and_no_quantity",
    ),
    _parser(
        "a result must say whether it was executed",
        "results.parse_result",
        instead('if executed is None: raise InvalidMessageError("executed is missing")', "executed = bool(executed)"),
        "test_results.py::test_a_result_that_does_not_say_whether_it_was_executed_is_not_understood",
    ),
    _parser(
        "a side is read, and never derived",
        "result_orders.side_of",
        instead("()", "(), OrderSide.SELL"),
        "test_results.py::test_a_side_is_read_and_never_derived",
    ),
    _parser(
        "one order with both sides has none",
        "OrderRows._add",
        instead("side = None if fill.order_id in self._two_sided else", "side ="),
        "test_results.py::test_one_order_named_with_both_sides_has_none",
    ),
    _parser(
        "of one order in one entry the larger quantity counts",
        "OrderRows._add",
        instead("max(known.cumulative_qty, fill.cumulative_qty)", "fill.cumulative_qty"),
        "test_results.py::test_the_larger_cumulative_quantity_of_one_order_counts_whatever_the_order_of_the_steps",
    ),
    _parser(
        "a result names a bounded number of orders",
        "OrderRows._add",
        instead("len(self.fills) == MAX_ORDERS", "MAX_ORDERS == 0"),
        "test_unreadable_results.py::test_more_orders_than_any_plan_has_are_a_problem",
    ),
    _parser(
        "what was executed wasn't rejected",
        "results.parse_result",
        instead("not executed and not problems", "not problems"),
        "test_unreadable_results.py::test_what_was_executed_was_not_rejected",
    ),
)
