"""The reference executor and governor: an order at most once, "nothing was executed" only when it is certain."""

from __future__ import annotations

from tests.guards.guard import Guard

JOURNAL_TESTS = "integration/demo/executor/test_journal.py"
APPLY_TESTS = "integration/demo/executor/test_apply_layer.py"
HEDGE_TESTS = "integration/demo/executor/test_hedge_mode.py"
GOVERNOR_TESTS = "integration/demo/executor/test_governor.py"


def _journal(promise: str, script: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{JOURNAL_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=f"demo/lua/{script}.lua", old=old, new=new, tests=named)


def _attempt(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{APPLY_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="demo/executor/attempt.py", old=old, new=new, tests=named)


def _governor(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{GOVERNOR_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="demo/lua/grant_permit.lua", old=old, new=new, tests=named)


NEIGHBOURS = (
    # --- the journal
    _journal(
        "a plan_id has one journal, whatever entries name it",
        "claim_plan",
        "if owner and (owner ~= entry_id or state == 'done') then\n",
        "if owner and state == 'done' then\n",
        "test_a_plan_has_one_journal_whatever_entries_name_it",
    ),
    _journal(
        "a finished plan isn't taken up again",
        "claim_plan",
        "if owner and (owner ~= entry_id or state == 'done') then\n",
        "if owner and owner ~= entry_id then\n",
        "test_a_finished_plan_is_acknowledged_and_left_alone",
    ),
    _journal(
        "a plan keeps the consume_id that was written down first",
        "claim_plan",
        "if not owner then\n  redis.call('HSET', journal_key, 'entry_id'",
        "if state ~= 'done' then\n  redis.call('HSET', journal_key, 'entry_id'",
        "test_a_plan_found_again_has_the_consume_id_of_before",
    ),
    _journal(
        "only our own consumption counts as ours",
        "claim_plan",
        " and j[1] and redis.call('HGET', consumed_key, 'consume_id') == j[1]\n",
        "\n",
        "test_a_consumption_of_ours_is_seen_and_another_ones_is_not",
    ),
    Guard(
        promise="a lost order isn't waited for until a clock that was ahead is caught up",
        file="demo/lua/claim_plan.lua",
        old="if j[5] and tonumber(j[5]) > latest and",
        new="if false and",
        tests=(
            f"{APPLY_TESTS}::test_after_a_clock_of_redis_stepped_back_a_lost_order_is_not_waited_for_until_it_has_caught_up",
        ),
    ),
    _journal(
        "a permit is written down once",
        "mark_consumed",
        "if state ~= 'claimed' or consumer ~= consume_id then",
        "if consumer ~= consume_id then",
        "test_a_permit_is_written_down_once_and_by_its_consumer_only",
    ),
    _journal(
        "a permit is written down by its consumer only",
        "mark_consumed",
        "if state ~= 'claimed' or consumer ~= consume_id then",
        "if state ~= 'claimed' then",
        "test_a_permit_is_written_down_once_and_by_its_consumer_only",
    ),
    _journal(
        "the right to send is taken once",
        "mark_sending",
        "(state == 'sending' and sender == token)",
        "state == 'sending'",
        "test_the_right_to_send_is_taken_once",
    ),
    _journal(
        "another consumption has no right to send",
        "mark_sending",
        "if not is_mine or consumer ~= consume_id then",
        "if not is_mine then",
        "test_another_consumption_has_no_right_to_send",
    ),
    _journal(
        "after a restart of Redis the venue is only asked",
        "mark_sending",
        "if (run and run ~= run_id()) or",
        "if (run and run == '') or",
        "test_after_a_restart_of_redis_the_venue_is_only_asked",
    ),
    _journal(
        "too late is not sent",
        "mark_sending",
        "if remaining < tonumber(min_window_ms) or",
        "if",
        "test_without_a_usable_window_nothing_is_sent",
    ),
    _journal(
        "a window of a clock that was ahead isn't used",
        "mark_sending",
        " or remaining > tonumber(max_window_ms) then",
        " then",
        "test_without_a_usable_window_nothing_is_sent",
    ),
    _journal(
        "a plan is settled once",
        "settle_plan",
        "if state == 'done' then\n",
        "if false then\n",
        "test_the_last_result_acknowledges_the_plan_and_nothing_is_said_after_it",
    ),
    _journal(
        "the last result acknowledges the plan in the same act",
        "settle_plan",
        "if next_state == 'done' then redis.call('XACK', plans_key, group, entry_id) end\n",
        "",
        "test_the_last_result_acknowledges_the_plan_and_nothing_is_said_after_it",
    ),
    _journal(
        "a result is only said in the state that it is about",
        "settle_plan",
        "  return { 'moved', state or 'none' }\n",
        "\n",
        "test_a_result_is_only_said_in_the_state_that_it_is_about",
    ),
    _journal(
        "a plan whose permit we consumed after all isn't blocked",
        "settle_plan",
        "  return { 'consumed' }\n",
        "\n",
        "test_a_plan_whose_permit_we_consumed_after_all_is_not_blocked",
    ),
    _journal(
        "the same news is published once",
        "settle_plan",
        "if news then redis.call('XADD'",
        "if news_digest then redis.call('XADD'",
        "test_the_same_news_is_published_once",
    ),
    _journal(
        "the result stream is trimmed",
        "settle_plan",
        "redis.call('XADD', results_key, 'MAXLEN', '~', results_maxlen, '*'",
        "redis.call('XADD', results_key, '*'",
        "test_the_result_stream_is_trimmed",
    ),
    Guard(
        promise="two accounts with one plan_id have two orders",
        file="demo/names.py",
        old="def client_order_id(prefix: str, plan_id: str, ids: ClientOrderIds | None = None) -> str:\n",
        new=(
            "def client_order_id(prefix: str, plan_id: str, ids: ClientOrderIds | None = None) -> str:\n"
            '    prefix = ""\n'
        ),
        tests=("unit/demo/executor/test_names.py",),
    ),
    # --- the executor
    _attempt(
        "the venue is asked before anything is sent",
        "            earlier = self._find(case)\n",
        "            earlier = None\n",
        "test_when_redis_forgot_everything_the_same_plan_sent_again_is_not_executed_again",
    ),
    _attempt(
        "an order that the venue knows isn't sent again",
        "        if earlier is not None:\n",
        "        if earlier is not None and earlier.quantity == 0:\n",
        "test_when_redis_forgot_everything_the_same_plan_sent_again_is_not_executed_again",
    ),
    _attempt(
        "nothing is sent unasked",
        "            is_over = claim.place_before_ms is not None and case.after_deadline_ms >= 0\n",
        "            earlier, window_start_ms = None, self._orders.clock_ms()\n"
        "            is_over = None\n"
        "        if False:\n",
        "test_unless_the_venue_says_that_it_does_not_know_the_order_none_is_sent",
    ),
    _attempt(
        "a redelivered plan's order is looked for before its permits",
        "        if case.entry.redelivered:\n",
        "        if False:\n",
        "test_when_redis_forgot_everything_the_order_at_the_venue_is_still_found",
    ),
    _attempt(
        "a plan consumed and not written down isn't sent",
        "        if claim.consumption_on_record:\n",
        "        if False:\n",
        "test_killed_between_consuming_and_writing_it_down_the_reservation_is_given_back",
    ),
    _attempt(
        "too late is told as rejected, and nothing is sent",
        '        if remaining == "late":\n            return self._late(case)\n        if isinstance(remaining, str):\n'
        "            return SHORTEST_PAUSE_SEC\n",
        "        if isinstance(remaining, str):\n            remaining = 1_000\n",
        "test_the_same_but_too_late_nothing_is_sent",
    ),
    _attempt(
        "a try whose answer was lost for too long is told as not sent",
        '            if remaining == "unsent":\n',
        "            if False:\n",
        "test_a_right_to_send_whose_answer_was_lost_for_too_long_is_told_as_not_sent",
    ),
    _attempt(
        "a venue that is away takes no unanswered right away",
        "            if token:\n                self._unanswered[plan.plan_id] = token\n",
        "",
        "test_a_venue_that_is_away_takes_no_unanswered_right_away",
    ),
    *(
        Guard(
            promise=promise,
            file="demo/lua/mark_sending.lua",
            old=old,
            new=new,
            tests=(f"integration/demo/executor/test_journal.py::{test}",),
        )
        for promise, old, new, test in (
            (
                "what was taken in the consumption's own life was used by nobody else",
                "  if state == 'sending' then return { 'unsent' } end\n",
                "",
                "test_a_right_that_was_taken_and_can_not_be_used_any_more_was_used_by_nobody",
            ),
            (
                "after a restart the right may have been somebody's",
                "  if state == 'sending' then return { 'unsent' } end\n",
                "  if true then return { 'unsent' } end\n",
                "test_after_a_restart_of_redis_the_venue_is_only_asked",
            ),
        )
    ),
    _attempt(
        "the venue is told no more than the permit's window",
        "recv_window_ms=remaining, window_start_ms=window_start_ms)\n",
        "recv_window_ms=10_000, window_start_ms=window_start_ms)\n",
        "test_the_venue_is_told_no_more_than_the_permits_window",
    ),
    _attempt(
        "an order without an answer is unknown, not rejected",
        "        except (ExchangeError, StoreError) as error:\n            log.warning(LogEvent.ORDER_UNKNOWN",
        "        except (ExchangeError, StoreError) as error:\n            return self._reject(case, str(error))\n"
        "            log.warning(LogEvent.ORDER_UNKNOWN",
        "test_an_order_behind_a_broken_answer_is_found_and_reported_once",
    ),
    _attempt(
        "an order that may be under way is asked for, not sent again",
        "        may_send = claim.state is State.CONSUMED or (claim",
        "        may_send = True or (claim",
        "test_an_order_that_the_venue_does_not_find_is_never_rejected",
    ),
    _attempt(
        "an order that isn't found is of unknown outcome, however late",
        "        report = Report(outcome=Outcome.UNKNOWN, is_final=False, error=error,",
        "        report = Report(outcome=Outcome.REJECTED, is_final=True, error=error,",
        "test_an_order_that_the_venue_does_not_find_is_never_rejected",
        "test_while_the_venue_is_away_the_outcome_is_unknown_and_the_reservation_stays",
    ),
    _attempt(
        "what is unknown for ten minutes is said aloud and left to a person",
        "        gave_up = not report.is_final and case.after_deadline_ms >= GIVE_UP_MS\n",
        "        gave_up = False\n",
        "test_after_ten_minutes_of_not_knowing_a_person_is_asked",
    ),
    _attempt(
        "a Redis that is away is no refusal",
        "            if isinstance(refused.__cause__, StoreError):\n",
        "            if isinstance(refused.__cause__, ZeroDivisionError):\n",
        "test_a_redis_that_goes_away_before_the_permits_were_read_blocks_nothing",
    ),
    Guard(
        promise="only a confirmed quantity is told as executed",
        file="demo/executor/reports.py",
        old="        return self.order is not None and self.order.executed_qty > 0\n",
        new="        return self.order is not None\n",
        tests=("unit/demo/executor/test_reports.py",),
    ),
    # --- in hedge mode
    Guard(
        promise="no order enlarges a leg: in hedge mode no flag holds the venue back",
        file="venues/orders.py",
        old="    if side is _ENLARGES.get(leg):\n",
        new="    if side is _ENLARGES.get(None):\n",
        tests=("unit/venues/test_exchange_orders.py::test_an_unusable_parameter_is_refused_before_anything_is_sent",),
    ),
    Guard(
        promise="the executor remembers the leg of a consumed permit",
        file="demo/executor/journal.py",
        old="leg=Leg(leg or Leg.BOTH))\n",
        new="leg=Leg.BOTH)\n",
        tests=(f"{HEDGE_TESTS}::test_an_executor_that_died_between_permit_and_order_still_knows_the_leg",),
    ),
    Guard(
        promise="a lost order isn't found among the other leg's trades",
        file="demo/executor/lost_orders.py",
        old="if (trade.side, trade.leg) == ours and",
        new="if trade.side is ours[0] and",
        tests=("unit/demo/executor/test_lost_orders.py",),
    ),
    Guard(
        promise="a leg's notional is not the net one",
        file="demo/governor.py",
        old=" if mode == HEDGE else net\n",
        new=" or net\n",
        tests=(f"{HEDGE_TESTS}::test_the_governor_counts_the_legs_amount_and_not_the_net_one",),
    ),
    # --- the governor
    _governor(
        "an entry is decided once",
        "if redis.call('XACK', plans_key, group, entry_id) == 0 then return { 'already' } end\n",
        "redis.call('XACK', plans_key, group, entry_id)\n",
        "test_an_entry_decided_again_after_its_grant_was_forgotten_is_not_granted",
    ),
    _governor(
        "a plan that comes in a second entry isn't granted again",
        "if redis.call('ZSCORE', grants_key, plan_id) or redis.call('EXISTS', permit_key) == 1 then return {"
        " 'already' } end\n",
        "",
        "test_a_redelivered_or_repeated_plan_is_counted_once",
    ),
    _governor(
        "grants in five minutes are limited",
        "if granted_within(short_window_ms) >= tonumber(short_limit) then",
        "if false then",
        "test_of_100_plans_at_once_exactly_the_limit_passes",
    ),
    _governor(
        "grants in an hour are limited",
        "if granted_within(long_window_ms) >= tonumber(long_limit) then",
        "if false then",
        "test_of_100_plans_at_once_exactly_the_limit_passes",
    ),
    _governor(
        "a day's notional is limited",
        "if used + tonumber(notional_cents) > tonumber(daily_limit_cents) then",
        "if used > tonumber(daily_limit_cents) then",
        "test_of_100_plans_at_once_exactly_the_limit_passes",
    ),
    _governor(
        "a day's notional that is not a number grants nothing more",
        "'^%d+$') or daily_limit_cents)\n",
        "'^%d+$') or 0)\n",
        "test_a_days_notional_that_is_no_number_grants_nothing_more",
    ),
)
