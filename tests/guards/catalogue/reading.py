"""Reading the streams: nothing lost, nothing in the way (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

READING_TESTS = "integration/engine/test_reading.py"
NAME_TESTS = "integration/engine/test_names.py"
TOGETHER_TESTS = "integration/services/test_plans_together.py"
INGEST_TESTS = "unit/ingest/test_loop.py"
CONSUMER_TESTS = "unit/ingest/test_handlers.py"
LETTER_TESTS = "integration/store/test_dead_letters.py"


def _claim(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{READING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _read(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{READING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _consumer(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{CONSUMER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _ingest(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{READING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


READING = (
    # --- the window
    _read(
        "no more entries are read than the window has room for",
        "lua.read_entries",
        without("- own"),
        "test_the_window_is_never_exceeded_and_refills_as_entries_are_acknowledged",
    ),
    _read(
        "entries that keep failing don't fill the window",
        "lua.read_entries",
        without("room = room + math.min(slow, tonumber(slow_limit))"),
        "test_results_that_keep_failing_do_not_block_those_behind_them",
    ),
    _read(
        "nor do they drain the stream into the pending list",
        "lua.read_entries",
        instead("math.min(slow, tonumber(slow_limit))", "slow"),
        "test_failing_results_do_not_drain_the_stream_into_the_pending_list",
    ),
    _read(
        "entries that a producer trimmed unread are counted",
        "read_entries.count_trimmed",
        never("read and gone > read"),
        "test_entries_trimmed_before_they_were_read_are_counted_once",
    ),
    Guard(
        promise="nor more are waited for than it has room for",
        within="Source.has_to_be_read",
        change=without("self.room < 1 or"),
        tests=(
            f"{INGEST_TESTS}::test_the_window_is_asked_for_when_it_may_be_full",
            f"{READING_TESTS}::test_the_window_holds_for_entries_that_come_one_by_one_too",
        ),
    ),
    Guard(
        promise="what was claimed takes room too",
        within="Source.was_claimed",
        change=instead("self.room = self.size", "self.size"),
        tests=(f"{INGEST_TESTS}::test_claimed_entries_take_room",),
    ),
    Guard(
        promise="a stream that fails later doesn't make a sound one wait",
        within="Source.failed",
        change=instead("self.room, self.retry_at = 0,", "self.retry_at ="),
        tests=(f"{INGEST_TESTS}::test_a_stream_that_fails_later_is_not_waited_for_together_with_a_sound_one",),
    ),
    Guard(
        promise="under another name the window is asked for",
        within="Ingest._keep_name",
        change=instead("self._calm_until = 0.0", "pass"),
        tests=(f"{INGEST_TESTS}::test_under_another_name_the_window_is_asked_for",),
    ),
    Guard(
        promise="after a wait that was repeated the window is asked for",
        within="Source.has_to_be_read",
        change=without("or now >= self.asked_at + ASK_SEC"),
        tests=(f"{INGEST_TESTS}::test_after_a_wait_that_was_repeated_on_the_way_the_window_is_asked_for",),
    ),
    _read(
        "room that isn't worth a read is left",
        "lua.read_entries",
        instead("room < tonumber(min_room) then return", "room <= 0 then return"),
        "test_with_less_room_than_is_worth_it_nothing_is_read",
    ),
    Guard(
        promise="entries that don't move don't keep the rest of the window empty",
        within="Source.least",
        change=always("self.full_since is None or now < self.full_since + PATIENCE_SEC"),
        tests=(f"{INGEST_TESTS}::test_half_a_window_is_read_at_once_and_less_after_a_while",),
    ),
    Guard(
        promise="after a pause a stream is read, which counts what was trimmed, before it is waited for",
        within="Ingest.step",
        change=without("now >= self._calm_until or"),
        tests=(f"{INGEST_TESTS}::test_a_stream_that_was_not_looked_at_for_a_while_is_read_first",),
    ),
    # --- several plans in one task
    Guard(
        promise="a plan that was sent before goes alone",
        within="handlers._task",
        change=without("entry.deliveries <= 1 and"),
        tests=("unit/ingest/test_handlers.py::test_a_plan_that_was_sent_before_goes_alone",),
    ),
    Guard(
        promise="plans that come one by one have a task each",
        within="together.together",
        change=instead("(waiting) <= alone", "(waiting) <= 1"),
        tests=("unit/ingest/test_together.py::test_plans_that_come_one_by_one_have_a_task_each",),
    ),
    Guard(
        promise="a bug that one plan of a task meets harms no other",
        within="PermitService.judge_entries",
        change=instead("return [self._judged_alone(*one) for one in named]", "raise"),
        tests=(f"{TOGETHER_TESTS}::test_a_bug_that_one_plan_meets_harms_no_other",),
    ),
    Guard(
        promise="a plan whose facts moved within its task is judged again",
        within="PermitService._judge_together",
        change=instead("self._judged_alone(*named[at])", "None"),
        tests=(f"{TOGETHER_TESTS}::test_of_two_plans_of_one_position_the_first_entry_wins",),
    ),
    Guard(
        promise="a window is no wider than the pool empties soon",
        within="Source._resize",
        change=instead("int(self.emptied / (now - self.emptied_since) * HELD_SEC)", "size * GROWTH"),
        tests=("unit/ingest/test_source.py::test_a_backlog_widens_the_window_to_what_the_pool_empties_soon",),
    ),
    Guard(
        promise="late plans make way only for younger ones",
        within="read_entries.makes_way",
        change=instead("return younger_waits", "return true"),
        tests=("integration/store/test_overload.py::test_where_all_are_late_they_are_judged_in_their_order",),
    ),
    Guard(
        promise="an emergency close makes way for none",
        within="read_entries.makes_way",
        change=without("or is_urgent(flat)"),
        tests=("integration/store/test_overload.py::test_an_emergency_close_makes_way_for_none",),
    ),
    Guard(
        promise="a plan that made way counts as never sent",
        within="lua.read_entries",
        change=without("'RETRYCOUNT', 0,"),
        tests=("integration/store/test_overload.py::test_what_made_way_is_judged_later_and_counts_as_never_sent",),
    ),
    # --- sending again
    _claim(
        "an entry of a dead consumer is claimed",
        "lua.claim_entries",
        instead("if idle >=", "if owner == consumer and idle >="),
        "test_entries_of_a_dead_consumer_are_taken_over",
    ),
    _claim(
        "an entry is sent again ever later",
        "claim_entries.due_after",
        without("* 2 ^ math.min(deliveries - 1, 30)"),
        "test_an_entry_that_nobody_settles_is_sent_again_ever_later_and_then_denied",
    ),
    _claim(
        "claims keep to the window too",
        "claim_entries.take",
        without("if fresh >= window then return nil end"),
        "test_orphans_are_taken_only_as_the_window_has_room",
    ),
    _claim(
        "a pending entry that was trimmed away is acknowledged and counted",
        "claim_entries.handle_trimmed",
        never("not has_copy and idle >= tonumber(trimmed_idle_ms) and redis.call('XACK', stream_key, group, id) == 1"),
        "test_pending_entries_that_a_producer_trimmed_are_acknowledged_and_counted",
    ),
    _claim(
        "a trimmed fill that has a copy isn't given up",
        "claim_entries.handle_trimmed",
        without("not has_copy and idle >= tonumber(trimmed_idle_ms) and"),
        "test_a_fill_whose_entry_was_trimmed_while_its_task_was_waiting_is_still_recorded",
    ),
    Guard(
        promise="a queue that doesn't move isn't made longer",
        within="Ingest._reaches_workers",
        change=instead("return waiting < pending", "return True"),
        tests=(f"{READING_TESTS}::test_nothing_is_sent_again_while_as_many_messages_wait_as_entries",),
    ),
    Guard(
        promise="what was delivered by a clock that was ahead is sent again",
        within="claim_entries.delivered_now",
        change=never("idle == 0 and #redis.call('XRANGE', stream_key, id, id) > 0"),
        tests=("fault/test_clocks.py::test_what_was_delivered_before_the_clock_of_redis_stepped_back_is_sent_again",),
    ),
    Guard(
        promise="a group begins at the stream's beginning",
        within="RedisEntries._create_group",
        change=instead('"0", mkstream', '"$", mkstream'),
        tests=(f"{READING_TESTS}::test_what_was_written_before_anybody_read_is_read",),
    ),
    Guard(
        promise="a field that is named twice isn't folded into one",
        within="entries.fields_of",
        change=instead("known == value", "known != value"),
        tests=(f"{READING_TESTS}::test_a_field_that_is_named_twice_is_not_silently_folded",),
    ),
    # --- giving up
    _consumer(
        "a plan delivered too often is denied",
        "PlanHandler.handle",
        instead("+ waits", "* 100"),
        "test_the_fourth_delivery_is_the_last",
    ),
    _consumer(
        "a result is never given up",
        "ResultHandler.handle",
        instead("return _task", ("if entry.deliveries > 100:\n    return None\nreturn _task")),
        "test_a_result_is_never_given_up",
    ),
    Guard(
        promise="a result older than the memory of fills isn't applied",
        within="results.parse_entry_result",
        change=instead("MAX_RESULT_AGE_MS", "MAX_RESULT_AGE_MS * 2"),
        tests=(f"{CONSUMER_TESTS}::test_the_age_limit_of_a_result_is_exact",),
    ),
    _consumer(
        "another decision than EXECUTE is acknowledged, not judged",
        "PlanHandler.handle",
        without("self.entries.acknowledge(entry.where)"),
        "test_any_other_decision_is_acknowledged",
    ),
    _consumer(
        "a plan without a readable decision is denied",
        "PlanHandler.handle",
        without("or not is_executable(entry.fields)"),
        "test_a_decision_that_can_not_be_read_denies",
    ),
    _consumer(
        "an oversized plan is denied",
        "PlanHandler.handle",
        instead("MAX_ENTRY_CHARS or", "10 * MAX_ENTRY_CHARS or"),
        "test_the_size_limit_is_exact",
    ),
    Guard(
        promise="an oversized result is a dead letter",
        within="results.parse_entry_result",
        change=instead("MAX_ENTRY_CHARS", "10 * MAX_ENTRY_CHARS"),
        tests=(f"{CONSUMER_TESTS}::test_an_oversized_result_is_a_dead_letter",),
    ),
    _consumer(
        "a plan that can't be understood is buried",
        "PlanHandler.handle",
        instead(
            "except InvalidMessageError as error: move_to_dead_letters(self.dead_letters, entry, error)",
            "except InvalidMessageError:",
        ),
        "test_whatever_an_entry_holds_there_is_exactly_one_outcome",
    ),
    _consumer(
        "a result that can't be understood is buried",
        "ResultHandler.handle",
        instead(
            "except InvalidMessageError as error: move_to_dead_letters(self.dead_letters, entry, error)",
            "except InvalidMessageError:",
        ),
        "test_a_result_that_can_not_be_understood_is_a_dead_letter",
    ),
    Guard(
        promise="a dead letter is bounded",
        within="readable.readable",
        change=never("len(text) + len(key) > room"),
        tests=(f"{CONSUMER_TESTS}::test_what_is_cut_is_said",),
    ),
    _consumer(
        "a task's id is plain and bounded",
        "handlers._task",
        instead(
            "f\"{kind}-{re.sub(r'[^A-Za-z0-9_.:-]', '_', plan_id)[:100]}-{where.entry_id}-{entry.deliveries}\"",
            'f"{kind}-{plan_id}-{where.entry_id}-{entry.deliveries}"',
        ),
        "test_task_ids_are_bounded_and_plain",
    ),
    Guard(
        promise="burying acknowledges in the same act, once",
        within="lua.dead_letter",
        change=instead(
            "if redis.call('XACK', stream_key, group, entry_id) == 0 then return { 'already' } end",
            "redis.call('XACK', stream_key, group, entry_id)",
        ),
        tests=(f"{LETTER_TESTS}::test_a_second_worker_does_not_bury_it_again",),
    ),
    Guard(
        promise="a poisoned counter keeps no entry in the way",
        within="lua.dead_letter",
        change=instead("if not expect(counters_key, 'hash') then", "do"),
        tests=("integration/store/test_foreign_types.py",),
    ),
    # --- going on
    _ingest(
        "one entry that trips us doesn't stop the reading",
        "Ingest._message",
        instead(
            (
                "except Exception: log.exception(LogEvent.ENTRY_FAILED, stream=source.stream,"
                " entry_id=entry.where.entry_id)"
            ),
            ("except LookupError:\n    log.exception(LogEvent.ENTRY_FAILED)"),
        ),
        "test_an_entry_that_trips_us_does_not_stop_those_beside_it",
    ),
    _ingest(
        "one stream in trouble doesn't stop the other",
        "Ingest._failed",
        instead("source.failed(time.monotonic())", "raise error"),
        "test_a_stream_of_a_foreign_type_does_not_stop_the_other",
    ),
    _ingest(
        "what can't be sent stays pending and is sent again",
        "Ingest.step",
        never('self._is_due("claim", CLAIM_SEC)'),
        "test_a_broker_that_is_away_loses_nothing",
    ),
    _ingest(
        "a Redis that goes away ends no ingest",
        "Ingest._guarded",
        instead("except P33Error as error:", ("except P33Error as error:\n    raise")),
        "test_whatever_goes_wrong_does_not_end_the_reading",
    ),
    _ingest(
        "a bug of ours ends no ingest",
        "Ingest._guarded",
        instead("except Exception:", "except LookupError:"),
        "test_whatever_goes_wrong_does_not_end_the_reading",
    ),
    # --- names
    Guard(
        promise="a consumer's name is held by one process",
        within="lua.lease_consumer",
        change=without("if holder and holder ~= token then return { 'taken' } end"),
        tests=(f"{NAME_TESTS}::test_a_lease_is_kept_by_its_holder_and_taken_over_after_it_expired",),
    ),
    Guard(
        promise="only its holder gives a name back",
        within="lua.release_consumer",
        change=without("if redis.call('GET', lease_key) ~= token then return { 'not_mine' } end"),
        tests=(f"{NAME_TESTS}::test_a_lease_is_kept_by_its_holder_and_taken_over_after_it_expired",),
    ),
    Guard(
        promise="a name with entries pending isn't removed",
        within="lua.remove_consumer",
        change=without("found.pending > 0 or"),
        tests=(f"{NAME_TESTS}::test_a_consumer_that_got_an_entry_meanwhile_is_not_removed",),
    ),
)
