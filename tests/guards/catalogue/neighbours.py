"""The reference executor and governor: an order at most once, "nothing was executed" only when it is certain."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

JOURNAL_TESTS = "integration/demo/executor/test_journal.py"
EXECUTOR_TESTS = "integration/demo/executor"
HEDGE_TESTS = "integration/demo/executor/test_hedge_mode.py"
GOVERNOR_TESTS = "integration/demo/executor/test_governor.py"


def _journal(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{JOURNAL_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _attempt(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{EXECUTOR_TESTS}/{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _governor(promise: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{GOVERNOR_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within="lua.grant_permit", change=change, tests=named)


NEIGHBOURS = (
    # --- the journal
    _journal(
        "a plan_id has one journal, whatever entries name it",
        "lua.claim_plan",
        instead("(owner ~= entry_id or state == 'done')", "state == 'done'"),
        "test_a_plan_has_one_journal_whatever_entries_name_it",
    ),
    _journal(
        "a finished plan isn't taken up again",
        "lua.claim_plan",
        instead("(owner ~= entry_id or state == 'done')", "owner ~= entry_id"),
        "test_a_finished_plan_is_acknowledged_and_left_alone",
    ),
    _journal(
        "a plan keeps the consume_id that was written down first",
        "lua.claim_plan",
        instead("if not owner", "if state ~= 'done'"),
        "test_a_plan_found_again_has_the_consume_id_of_before",
    ),
    _journal(
        "only our own consumption counts as ours",
        "lua.claim_plan",
        without("and j[1] and redis.call('HGET', consumed_key, 'consume_id') == j[1]"),
        "test_a_consumption_of_ours_is_seen_and_another_ones_is_not",
    ),
    Guard(
        promise="a lost order isn't waited for until a clock that was ahead is caught up",
        within="lua.claim_plan",
        change=never("j[5] and tonumber(j[5]) > latest"),
        tests=(
            f"{EXECUTOR_TESTS}/test_crashes.py::test_after_a_clock_of_redis_stepped_back_a_lost_order_is_not_waited_for_until_it_has_caught_up",
        ),
    ),
    _journal(
        "a permit is written down once",
        "lua.mark_consumed",
        without("state ~= 'claimed' or"),
        "test_a_permit_is_written_down_once_and_by_its_consumer_only",
    ),
    _journal(
        "a permit is written down by its consumer only",
        "lua.mark_consumed",
        without("or consumer ~= consume_id"),
        "test_a_permit_is_written_down_once_and_by_its_consumer_only",
    ),
    _journal(
        "the right to send is taken once",
        "lua.mark_sending",
        instead("(state == 'sending' and sender == token)", "state == 'sending'"),
        "test_the_right_to_send_is_taken_once",
    ),
    _journal(
        "another consumption has no right to send",
        "lua.mark_sending",
        without("or consumer ~= consume_id"),
        "test_another_consumption_has_no_right_to_send",
    ),
    _journal(
        "after a restart of Redis the venue is only asked",
        "lua.mark_sending",
        instead("run ~= run_id()", "run == ''"),
        "test_after_a_restart_of_redis_the_venue_is_only_asked",
    ),
    _journal(
        "too late is not sent",
        "lua.mark_sending",
        without("remaining < tonumber(min_window_ms) or"),
        "test_without_a_usable_window_nothing_is_sent",
    ),
    _journal(
        "a window of a clock that was ahead isn't used",
        "lua.mark_sending",
        without("or remaining > tonumber(max_window_ms)"),
        "test_without_a_usable_window_nothing_is_sent",
    ),
    _journal(
        "a plan is settled once",
        "lua.settle_plan",
        never("state == 'done'"),
        "test_the_last_result_acknowledges_the_plan_and_nothing_is_said_after_it",
    ),
    _journal(
        "the last result acknowledges the plan in the same act",
        "lua.settle_plan",
        without("if next_state == 'done' then redis.call('XACK', plans_key, group, entry_id) end"),
        "test_the_last_result_acknowledges_the_plan_and_nothing_is_said_after_it",
    ),
    _journal(
        "a result is only said in the state that it is about",
        "lua.settle_plan",
        without("return { 'moved', state or 'none' }"),
        "test_a_result_is_only_said_in_the_state_that_it_is_about",
    ),
    _journal(
        "a plan whose permit we consumed after all isn't blocked",
        "lua.settle_plan",
        without("return { 'consumed' }"),
        "test_a_plan_whose_permit_we_consumed_after_all_is_not_blocked",
    ),
    _journal(
        "the same news is published once",
        "lua.settle_plan",
        instead("if news", "if news_digest"),
        "test_the_same_news_is_published_once",
    ),
    _journal(
        "the result stream is trimmed",
        "lua.settle_plan",
        without("'MAXLEN', '~', results_maxlen,"),
        "test_the_result_stream_is_trimmed",
    ),
    Guard(
        promise="two accounts with one plan_id have two orders",
        within="names.client_order_id",
        change=instead(
            (
                '"""The client order id of a plan\'s order: the same on every host and after every restart.\n'
                "\n"
                "    Args:\n"
                "        prefix: The account's key prefix; without line breaks.\n"
                "        plan_id: Any text.\n"
                "        ids: The venue's alphabet and length; None: 36 characters of ``a-z0-9-``.\n"
                "\n"
                "    Returns:\n"
                "        The venue's prefix for the reference executor's orders, and at least 112 bits of a digest.\n"
                '    """'
            ),
            (
                'prefix = ""\n'
                '"""The client order id of a plan\'s order: the same on every host and after every restart.\n'
                "\n"
                "Args:\n"
                "    prefix: The account's key prefix; without line breaks.\n"
                "    plan_id: Any text.\n"
                "    ids: The venue's alphabet and length; None: 36 characters of ``a-z0-9-``.\n"
                "\n"
                "Returns:\n"
                "    The venue's prefix for the reference executor's orders, and at least 112 bits of a digest.\n"
                '"""'
            ),
        ),
        tests=("unit/demo/executor/test_names.py",),
    ),
    # --- the executor
    _attempt(
        "the venue is asked before anything is sent",
        "Executor._send",
        instead("self._find(case)", "None"),
        "test_crashes.py::test_when_redis_forgot_everything_the_same_plan_sent_again_is_not_executed_again",
    ),
    _attempt(
        "an order that the venue knows isn't sent again",
        "Executor._send",
        instead("if earlier is not None:", "if earlier is not None and earlier.quantity == 0:"),
        "test_crashes.py::test_when_redis_forgot_everything_the_same_plan_sent_again_is_not_executed_again",
    ),
    _attempt(
        "nothing is sent unasked",
        "Executor._send",
        instead(
            (
                "is_over = claim.place_before_ms is not None and case.after_deadline_ms >= 0 return self._late(case)"
                " if is_over else SHORTEST_PAUSE_SEC"
            ),
            "earlier, window_start_ms = None, self._orders.clock_ms()",
        ),
        "test_crashes.py::test_unless_the_venue_says_that_it_does_not_know_the_order_none_is_sent",
    ),
    _attempt(
        "a redelivered plan's order is looked for before its permits",
        "Executor._consume",
        never("case.entry.redelivered"),
        "test_crashes.py::test_when_redis_forgot_everything_the_order_at_the_venue_is_still_found",
    ),
    _attempt(
        "a plan consumed and not written down isn't sent",
        "Executor._consume",
        never("claim.consumption_on_record"),
        "test_crashes.py::test_killed_between_consuming_and_writing_it_down_the_reservation_is_given_back",
    ),
    _attempt(
        "too late is told as rejected, and nothing is sent",
        "Executor._send",
        instead(
            'if remaining == "late": return self._late(case) if isinstance(remaining, str): return SHORTEST_PAUSE_SEC',
            "if isinstance(remaining, str): remaining = 1_000",
        ),
        "test_crashes.py::test_the_same_but_too_late_nothing_is_sent",
    ),
    _attempt(
        "a try whose answer was lost for too long is told as not sent",
        "Executor._send",
        never('remaining == "unsent"'),
        "test_exactly_once.py::test_a_right_to_send_whose_answer_was_lost_for_too_long_is_told_as_not_sent",
    ),
    _attempt(
        "a venue that is away takes no unanswered right away",
        "Executor._send",
        without("if token: self._unanswered[plan.plan_id] = token"),
        "test_exactly_once.py::test_a_venue_that_is_away_takes_no_unanswered_right_away",
    ),
    *(
        Guard(
            promise=promise, within=within, change=change, tests=(f"integration/demo/executor/test_journal.py::{test}",)
        )
        for promise, within, change, test in (
            (
                "what was taken in the consumption's own life was used by nobody else",
                "lua.mark_sending",
                without("if state == 'sending' then return { 'unsent' } end"),
                "test_a_right_that_was_taken_and_can_not_be_used_any_more_was_used_by_nobody",
            ),
            (
                "after a restart the right may have been somebody's",
                "lua.mark_sending",
                instead("if state == 'sending'", "if true"),
                "test_after_a_restart_of_redis_the_venue_is_only_asked",
            ),
        )
    ),
    _attempt(
        "the venue is told no more than the permit's window",
        "Executor._send",
        instead("remaining, window_start_ms", "10_000, window_start_ms"),
        "test_venue_trouble.py::test_the_venue_is_told_no_more_than_the_permits_window",
    ),
    _attempt(
        "an order without an answer is unknown, not rejected",
        "Executor._place",
        instead(
            "except ExchangeError as error:",
            ("except ExchangeError as error:\n    return self._reject(case, str(error))"),
        ),
        "test_venue_trouble.py::test_an_order_behind_a_broken_answer_is_found_and_reported_once",
    ),
    _attempt(
        "an order that the request budget kept back was not sent",
        "Executor._place",
        without("self._unanswered[case.plan.plan_id] = token"),
        "test_exactly_once.py::test_a_request_budget_out_of_reach_leaves_the_right_to_send_unused",
    ),
    _attempt(
        "a rejection that only this process knows of is kept until it is published",
        "Executor._reject",
        without("self._unpublished[case.plan.plan_id] = report"),
        "test_exactly_once.py::test_a_rejection_that_redis_did_not_take_is_not_forgotten",
    ),
    _attempt(
        "a kept rejection is published",
        "Executor.attempt",
        never("known is not None and known.consume_id == claim.consume_id"),
        "test_exactly_once.py::test_a_rejection_that_redis_did_not_take_is_not_forgotten",
    ),
    _attempt(
        "a kept rejection is of the order before, where Redis went back",
        "Executor.attempt",
        instead("claim is None or claim.state is State.CLAIMED", "claim is None"),
        "test_exactly_once.py::test_a_kept_rejection_is_of_the_order_before_where_redis_went_back",
    ),
    _attempt(
        "an order that may be under way is asked for, not sent again",
        "Executor.attempt",
        always("claim.state is State.CONSUMED"),
        "test_venue_trouble.py::test_an_order_that_the_venue_does_not_find_is_never_rejected",
    ),
    _attempt(
        "an order that isn't found is of unknown outcome, however late",
        "Executor._ask",
        instead("Outcome.UNKNOWN, is_final=False", "Outcome.REJECTED, is_final=True"),
        "test_venue_trouble.py::test_an_order_that_the_venue_does_not_find_is_never_rejected",
        "test_venue_trouble.py::test_while_the_venue_is_away_the_outcome_is_unknown_and_the_reservation_stays",
    ),
    _attempt(
        "what is unknown for ten minutes is said aloud and left to a person",
        "Executor._tell",
        never("not report.is_final and case.after_deadline_ms >= GIVE_UP_MS"),
        "test_venue_trouble.py::test_after_ten_minutes_of_not_knowing_a_person_is_asked",
    ),
    _attempt(
        "a Redis that is away is no refusal",
        "Executor._consume",
        instead("StoreError", "ZeroDivisionError"),
        "test_apply_layer.py::test_a_redis_that_goes_away_before_the_permits_were_read_blocks_nothing",
    ),
    # --- in hedge mode
    Guard(
        promise="no order enlarges a leg: in hedge mode no flag holds the venue back",
        within="orders.check_order",
        change=instead("(leg)", "(None)"),
        tests=("unit/venues/test_exchange_orders.py::test_an_unusable_parameter_is_refused_before_anything_is_sent",),
    ),
    Guard(
        promise="the executor remembers the leg of a consumed permit",
        within="Journal.claim",
        change=instead("(leg or Leg.BOTH)", ".BOTH"),
        tests=(f"{HEDGE_TESTS}::test_an_executor_that_died_between_permit_and_order_still_knows_the_leg",),
    ),
    Guard(
        promise="a lost order isn't found among the other leg's trades",
        within="LostOrders._trades",
        change=instead("(trade.side, trade.leg) == ours", "trade.side is ours[0]"),
        tests=("unit/demo/executor/test_lost_orders.py",),
    ),
    Guard(
        promise="a leg's notional is not the net one",
        within="Governor._notional_cents",
        change=instead("if mode == HEDGE else", "or"),
        tests=(f"{HEDGE_TESTS}::test_the_governor_counts_the_legs_amount_and_not_the_net_one",),
    ),
    # --- the governor
    _governor(
        "an entry is decided once",
        instead(
            "if redis.call('XACK', plans_key, group, entry_id) == 0 then return { 'already' } end",
            "redis.call('XACK', plans_key, group, entry_id)",
        ),
        "test_an_entry_decided_again_after_its_grant_was_forgotten_is_not_granted",
    ),
    _governor(
        "a plan that comes in a second entry isn't granted again",
        without(
            "if redis.call('ZSCORE', grants_key, plan_id) or redis.call('EXISTS', permit_key) == 1 then return {"
            " 'already' } end"
        ),
        "test_a_redelivered_or_repeated_plan_is_counted_once",
    ),
    _governor(
        "grants in five minutes are limited",
        never("granted_within(short_window_ms) >= tonumber(short_limit)"),
        "test_of_100_plans_at_once_exactly_the_limit_passes",
    ),
    _governor(
        "grants in an hour are limited",
        never("granted_within(long_window_ms) >= tonumber(long_limit)"),
        "test_of_100_plans_at_once_exactly_the_limit_passes",
    ),
    _governor(
        "a day's notional is limited",
        without("+ tonumber(notional_cents)"),
        "test_of_100_plans_at_once_exactly_the_limit_passes",
    ),
    _governor(
        "a day's notional that is not a number grants nothing more",
        instead("or daily_limit_cents", "or 0"),
        "test_a_days_notional_that_is_no_number_grants_nothing_more",
    ),
)
