"""Reading the streams: nothing lost, nothing in the way (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.guard import Guard

READING_TESTS = "integration/engine/test_reading.py"
NAME_TESTS = "integration/engine/test_names.py"
TOGETHER_TESTS = "integration/services/test_plans_together.py"
INGEST_TESTS = "unit/ingest/test_loop.py"
CONSUMER_TESTS = "unit/ingest/test_handlers.py"
LETTER_TESTS = "integration/store/test_dead_letters.py"


def _claim(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{READING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="store/lua/claim_entries.lua", old=old, new=new, tests=named)


def _read(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{READING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="store/lua/read_entries.lua", old=old, new=new, tests=named)


def _consumer(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{CONSUMER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="ingest/handlers.py", old=old, new=new, tests=named)


def _ingest(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{READING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="ingest/loop.py", old=old, new=new, tests=named)


READING = (
    # --- the window
    _read(
        "no more entries are read than the window has room for",
        "local room = tonumber(window_size) - own\n",
        "local room = tonumber(window_size)\n",
        "test_the_window_is_never_exceeded_and_refills_as_entries_are_acknowledged",
    ),
    _read(
        "entries that keep failing don't fill the window",
        "  room = room + math.min(slow, tonumber(slow_limit))\n",
        "",
        "test_results_that_keep_failing_do_not_block_those_behind_them",
    ),
    _read(
        "nor do they drain the stream into the pending list",
        "  room = room + math.min(slow, tonumber(slow_limit))\n",
        "  room = room + slow\n",
        "test_failing_results_do_not_drain_the_stream_into_the_pending_list",
    ),
    _read(
        "entries that a producer trimmed unread are counted",
        "      if read and gone > read then redis.call('HINCRBY', counters_key,",
        "      if false then redis.call('HINCRBY', counters_key,",
        "test_entries_trimmed_before_they_were_read_are_counted_once",
    ),
    Guard(
        promise="nor more are waited for than it has room for",
        file="ingest/source.py",
        old="        return self.room < 1 or now >= self.asked_at + ASK_SEC\n",
        new="        return now >= self.asked_at + ASK_SEC\n",
        tests=(
            f"{INGEST_TESTS}::test_the_window_is_asked_for_when_it_may_be_full",
            f"{READING_TESTS}::test_the_window_holds_for_entries_that_come_one_by_one_too",
        ),
    ),
    Guard(
        promise="what was claimed takes room too",
        file="ingest/source.py",
        old="            self.room = self.size = self.held = 0\n",
        new="            self.size = self.held = 0\n",
        tests=(f"{INGEST_TESTS}::test_claimed_entries_take_room",),
    ),
    Guard(
        promise="a stream that fails later doesn't make a sound one wait",
        file="ingest/source.py",
        old="        self.room, self.retry_at = 0, now + ERROR_SEC\n",
        new="        self.retry_at = now + ERROR_SEC\n",
        tests=(f"{INGEST_TESTS}::test_a_stream_that_fails_later_is_not_waited_for_together_with_a_sound_one",),
    ),
    Guard(
        promise="under another name the window is asked for",
        file="ingest/loop.py",
        old="            self._calm_until = 0.0  # what the window holds under this name, nobody has asked yet\n",
        new="            pass\n",
        tests=(f"{INGEST_TESTS}::test_under_another_name_the_window_is_asked_for",),
    ),
    Guard(
        promise="after a wait that was repeated the window is asked for",
        file="ingest/source.py",
        old="        return self.room < 1 or now >= self.asked_at + ASK_SEC\n",
        new="        return self.room < 1\n",
        tests=(f"{INGEST_TESTS}::test_after_a_wait_that_was_repeated_on_the_way_the_window_is_asked_for",),
    ),
    _read(
        "room that isn't worth a read is left",
        "if room < tonumber(min_room) then return",
        "if room <= 0 then return",
        "test_with_less_room_than_is_worth_it_nothing_is_read",
    ),
    Guard(
        promise="entries that don't move don't keep the rest of the window empty",
        file="ingest/source.py",
        old="        is_patient = self.full_since is None or now < self.full_since + PATIENCE_SEC\n",
        new="        is_patient = True\n",
        tests=(f"{INGEST_TESTS}::test_half_a_window_is_read_at_once_and_less_after_a_while",),
    ),
    Guard(
        promise="after a pause a stream is read, which counts what was trimmed, before it is waited for",
        file="ingest/loop.py",
        old="if now >= self._calm_until or source.has_to_be_read(now)]\n",
        new="if source.has_to_be_read(now)]\n",
        tests=(f"{INGEST_TESTS}::test_a_stream_that_was_not_looked_at_for_a_while_is_read_first",),
    ),
    # --- several plans in one task
    Guard(
        promise="a plan that was sent before goes alone",
        file="ingest/handlers.py",
        old='goes_with_others=kind == "permit" and entry.deliveries <= 1 and',
        new='goes_with_others=kind == "permit" and',
        tests=("unit/ingest/test_handlers.py::test_a_plan_that_was_sent_before_goes_alone",),
    ),
    Guard(
        promise="plans that come one by one have a task each",
        file="ingest/together.py",
        old="    if len(waiting) <= alone:\n",
        new="    if len(waiting) <= 1:\n",
        tests=("unit/ingest/test_together.py::test_plans_that_come_one_by_one_have_a_task_each",),
    ),
    Guard(
        promise="a bug that one plan of a task meets harms no other",
        file="services/issue_permit.py",
        old="            return [self._judged_alone(*one) for one in named]\n",
        new="            raise\n",
        tests=(f"{TOGETHER_TESTS}::test_a_bug_that_one_plan_meets_harms_no_other",),
    ),
    Guard(
        promise="a plan whose facts moved within its task is judged again",
        file="services/issue_permit.py",
        old="                outcomes[at] = self._judged_alone(*named[at])\n",
        new="                outcomes[at] = None\n",
        tests=(f"{TOGETHER_TESTS}::test_of_two_plans_of_one_position_the_first_entry_wins",),
    ),
    Guard(
        promise="a window is no wider than the pool empties soon",
        file="ingest/source.py",
        old="int(self.emptied / (now - self.emptied_since) * HELD_SEC)",
        new="size * GROWTH",
        tests=("unit/ingest/test_source.py::test_a_backlog_widens_the_window_to_what_the_pool_empties_soon",),
    ),
    Guard(
        promise="late plans make way only for younger ones",
        file="store/lua/read_entries.lua",
        old="  return younger_waits\n",
        new="  return true\n",
        tests=("integration/store/test_overload.py::test_where_all_are_late_they_are_judged_in_their_order",),
    ),
    Guard(
        promise="an emergency close makes way for none",
        file="store/lua/read_entries.lua",
        old=" or is_urgent(flat) then return false",
        new=" then return false",
        tests=("integration/store/test_overload.py::test_an_emergency_close_makes_way_for_none",),
    ),
    Guard(
        promise="a plan that made way counts as never sent",
        file="store/lua/read_entries.lua",
        old=", 'RETRYCOUNT', 0, 'JUSTID')",
        new=", 'JUSTID')",
        tests=("integration/store/test_overload.py::test_what_made_way_is_judged_later_and_counts_as_never_sent",),
    ),
    # --- sending again
    _claim(
        "an entry of a dead consumer is claimed",
        "    if idle >= due_after(deliveries) and not stays then\n",
        "    if owner == consumer and idle >= due_after(deliveries) and not stays then\n",
        "test_entries_of_a_dead_consumer_are_taken_over",
    ),
    _claim(
        "an entry is sent again ever later",
        "  return math.min(base * 2 ^ math.min(deliveries - 1, 30), most)\n",
        "  return math.min(base, most)\n",
        "test_an_entry_that_nobody_settles_is_sent_again_ever_later_and_then_denied",
    ),
    _claim(
        "claims keep to the window too",
        "      if fresh >= window then return nil end\n",
        "",
        "test_orphans_are_taken_only_as_the_window_has_room",
    ),
    _claim(
        "a pending entry that was trimmed away is acknowledged and counted",
        "  elseif not has_copy and idle >= tonumber(trimmed_idle_ms) and redis.call('XACK', stream_key, group, id) == 1"
        " then\n",
        "  elseif false then\n",
        "test_pending_entries_that_a_producer_trimmed_are_acknowledged_and_counted",
    ),
    _claim(
        "a trimmed fill that has a copy isn't given up",
        "  elseif not has_copy and idle >= tonumber(trimmed_idle_ms) and redis.call(",
        "  elseif redis.call(",
        "test_a_fill_whose_entry_was_trimmed_while_its_task_was_waiting_is_still_recorded",
    ),
    Guard(
        promise="a queue that doesn't move isn't made longer",
        file="ingest/loop.py",
        old="        return waiting < pending\n",
        new="        return True\n",
        tests=(f"{READING_TESTS}::test_nothing_is_sent_again_while_as_many_messages_wait_as_entries",),
    ),
    Guard(
        promise="what was delivered by a clock that was ahead is sent again",
        file="store/lua/claim_entries.lua",
        old="  if idle == 0 and #redis.call('XRANGE', stream_key, id, id) > 0 then\n",
        new="  if false then\n",
        tests=("fault/test_clocks.py::test_what_was_delivered_before_the_clock_of_redis_stepped_back_is_sent_again",),
    ),
    Guard(
        promise="a group begins at the stream's beginning",
        file="store/entries.py",
        old='                self._client.xgroup_create(stream, GROUP, id="0", mkstream=True)\n',
        new='                self._client.xgroup_create(stream, GROUP, id="$", mkstream=True)\n',
        tests=(f"{READING_TESTS}::test_what_was_written_before_anybody_read_is_read",),
    ),
    Guard(
        promise="a field that is named twice isn't folded into one",
        file="contract/entries.py",
        old="        if known is None or known == value:\n",
        new="        if known is None or known != value:\n",
        tests=(f"{READING_TESTS}::test_a_field_that_is_named_twice_is_not_silently_folded",),
    ),
    # --- giving up
    _consumer(
        "a plan delivered too often is denied",
        "        if entry.deliveries > self.window.max_deliveries + waits:\n",
        "        if entry.deliveries > self.window.max_deliveries * 100:\n",
        "test_the_fourth_delivery_is_the_last",
    ),
    _consumer(
        "a result is never given up",
        "        return _task(self.task, result",
        "        if entry.deliveries > 100:\n            return None\n        return _task(self.task, result",
        "test_a_result_is_never_given_up",
    ),
    Guard(
        promise="a result older than the memory of fills isn't applied",
        file="contract/results.py",
        old="(age_ms := now_ms - first_ms) > MAX_RESULT_AGE_MS:\n",
        new="(age_ms := now_ms - first_ms) > MAX_RESULT_AGE_MS * 2:\n",
        tests=(f"{CONSUMER_TESTS}::test_the_age_limit_of_a_result_is_exact",),
    ),
    _consumer(
        "another decision than EXECUTE is acknowledged, not judged",
        "        if plan is None:\n            self.entries.acknowledge(entry.where)\n            return None\n",
        "        if plan is None:\n            return None\n",
        "test_any_other_decision_is_acknowledged",
    ),
    _consumer(
        "a plan without a readable decision is denied",
        "        if entry.chars > MAX_ENTRY_CHARS or not is_executable(entry.fields):",
        "        if entry.chars > MAX_ENTRY_CHARS:",
        "test_a_decision_that_can_not_be_read_denies",
    ),
    _consumer(
        "an oversized plan is denied",
        "        if entry.chars > MAX_ENTRY_CHARS or",
        "        if entry.chars > 10 * MAX_ENTRY_CHARS or",
        "test_the_size_limit_is_exact",
    ),
    Guard(
        promise="an oversized result is a dead letter",
        file="contract/results.py",
        old="    if (chars := chars_of(fields)) > MAX_ENTRY_CHARS:\n        raise",
        new="    if (chars := chars_of(fields)) > 10 * MAX_ENTRY_CHARS:\n        raise",
        tests=(f"{CONSUMER_TESTS}::test_an_oversized_result_is_a_dead_letter",),
    ),
    _consumer(
        "a plan that can't be understood is buried",
        "            plan = parse_entry(entry.fields, issued_ms=entry.time_ms)\n"
        "        except InvalidMessageError as error:\n"
        "            move_to_dead_letters(self.dead_letters, entry, error)\n",
        "            plan = parse_entry(entry.fields, issued_ms=entry.time_ms)\n        except InvalidMessageError:\n",
        "test_whatever_an_entry_holds_there_is_exactly_one_outcome",
    ),
    _consumer(
        "a result that can't be understood is buried",
        "            result = parse_entry_result(entry.fields, self.venue, now_ms=now_ms, added_ms=entry.time_ms)\n"
        "        except InvalidMessageError as error:\n"
        "            move_to_dead_letters(self.dead_letters, entry, error)\n",
        "            result = parse_entry_result(entry.fields, self.venue, now_ms=now_ms, added_ms=entry.time_ms)\n"
        "        except InvalidMessageError:\n",
        "test_a_result_that_can_not_be_understood_is_a_dead_letter",
    ),
    Guard(
        promise="a dead letter is bounded",
        file="contract/readable.py",
        old="        if len(text) + len(key) > room:\n",
        new="        if False:\n",
        tests=(f"{CONSUMER_TESTS}::test_what_is_cut_is_said",),
    ),
    _consumer(
        "a task's id is plain and bounded",
        "{re.sub(r'[^A-Za-z0-9_.:-]', '_', plan_id)[:100]}",
        "{plan_id}",
        "test_task_ids_are_bounded_and_plain",
    ),
    Guard(
        promise="burying acknowledges in the same act, once",
        file="store/lua/dead_letter.lua",
        old="if redis.call('XACK', stream_key, group, entry_id) == 0 then return { 'already' } end\n",
        new="redis.call('XACK', stream_key, group, entry_id)\n",
        tests=(f"{LETTER_TESTS}::test_a_second_worker_does_not_bury_it_again",),
    ),
    Guard(
        promise="a poisoned counter keeps no entry in the way",
        file="store/lua/dead_letter.lua",
        old="if not expect(counters_key, 'hash') then count(",
        new="do count(",
        tests=("integration/store/test_foreign_types.py",),
    ),
    # --- going on
    _ingest(
        "one entry that trips us doesn't stop the reading",
        "        except Exception:  # one entry must not stop those behind it; it stays pending and comes back\n"
        "            log.exception(LogEvent.ENTRY_FAILED, stream=source.stream, entry_id=entry.where.entry_id)\n"
        "        return None\n",
        "        except LookupError:\n            log.exception(LogEvent.ENTRY_FAILED)\n        return None\n",
        "test_an_entry_that_trips_us_does_not_stop_those_beside_it",
    ),
    _ingest(
        "one stream in trouble doesn't stop the other",
        "        source.failed(time.monotonic())\n",
        "        raise error\n",
        "test_a_stream_of_a_foreign_type_does_not_stop_the_other",
    ),
    _ingest(
        "what can't be sent stays pending and is sent again",
        '        if self._is_due("claim", CLAIM_SEC):\n',
        "        if False:\n",
        "test_a_broker_that_is_away_loses_nothing",
    ),
    _ingest(
        "a Redis that goes away ends no ingest",
        "        except P33Error as error:\n            self._say(",
        "        except P33Error as error:\n            raise\n            self._say(",
        "test_whatever_goes_wrong_does_not_end_the_reading",
    ),
    _ingest(
        "a bug of ours ends no ingest",
        "        except Exception:  # a bug of ours must not end the reading, and not be silent\n",
        "        except LookupError:\n",
        "test_whatever_goes_wrong_does_not_end_the_reading",
    ),
    # --- names
    Guard(
        promise="a consumer's name is held by one process",
        file="store/lua/lease_consumer.lua",
        old="if holder and holder ~= token then return { 'taken' } end\n",
        new="",
        tests=(f"{NAME_TESTS}::test_a_lease_is_kept_by_its_holder_and_taken_over_after_it_expired",),
    ),
    Guard(
        promise="only its holder gives a name back",
        file="store/lua/release_consumer.lua",
        old="if redis.call('GET', lease_key) ~= token then return { 'not_mine' } end\n",
        new="",
        tests=(f"{NAME_TESTS}::test_a_lease_is_kept_by_its_holder_and_taken_over_after_it_expired",),
    ),
    Guard(
        promise="a name with entries pending isn't removed",
        file="store/lua/remove_consumer.lua",
        old="    if found.pending > 0 or found.idle",
        new="    if found.idle",
        tests=(f"{NAME_TESTS}::test_a_consumer_that_got_an_entry_meanwhile_is_not_removed",),
    ),
)
