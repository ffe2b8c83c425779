"""A dead letter that is put back: once, and with the time at which it first came (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

TESTS = "integration/cli/test_deadletters.py"


def _retry(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{TESTS}::{test}",))


DEAD_LETTERS = (
    _retry(
        "a dead letter that was put back is gone",
        "lua.retry_dead_letter",
        without("redis.call('XDEL', dead_letters_key, letter_id)"),
        "test_a_result_is_put_back_once_and_applied",
    ),
    _retry(
        "a dead letter that is gone isn't put back",
        "lua.retry_dead_letter",
        without("if #redis.call('XRANGE', dead_letters_key, letter_id, letter_id) == 0 then return { 'gone' } end"),
        "test_of_many_who_put_it_back_at_once_one_does",
    ),
    _retry(
        "the script refuses what is older than the memory of fills",
        "lua.retry_dead_letter",
        instead("(max_age_ms)", "(max_age_ms) * 2"),
        "test_a_result_older_than_the_memory_of_fills_is_refused",
    ),
    _retry(
        "a result that was put back counts by the time at which it first came",
        "ExecutionResult.first_entry",
        instead("return replace(entry, entry_id=self.repeats) if self.repeats else entry", "return entry"),
        "test_a_result_from_before_an_adopted_ledger_is_remembered_and_not_applied",
    ),
    _retry(
        "a result that comes back keeps its first time",
        "retrying.retry_of",
        instead(
            "first_id = fields.pop(RETRIED, letter.source_id)",
            ("fields.pop(RETRIED, None)\nfirst_id = letter.source_id"),
        ),
        "test_one_that_comes_back_keeps_the_time_at_which_it_first_came",
    ),
    _retry(
        "putting back is audited",
        "lua.retry_dead_letter",
        instead("audit_event", "type"),
        "test_a_result_is_put_back_once_and_applied",
    ),
    Guard(
        promise="a result that was put back is as old as the entry it names",
        within="results.parse_entry_result",
        change=instead("time_ms_of(result.repeats) if result.repeats else added_ms", "added_ms"),
        tests=(
            "unit/contract/test_unreadable_results.py::test_a_result_that_was_put_back_is_as_old_as_the_entry_it_names",
        ),
    ),
    _retry(
        "the day after which a verdict is forgotten counts from the first entry",
        "RedisResultStore._arguments",
        instead("(result.first_entry(entry).entry_id)", "(entry.entry_id)"),
        "test_an_old_result_that_was_put_back_is_no_unpermitted_execution",
    ),
    Guard(
        promise="no result is younger than its own entry",
        within="results.parse_entry_result",
        change=never("first_ms > added_ms"),
        tests=(
            "unit/contract/test_unreadable_results.py::test_a_result_that_was_put_back_is_as_old_as_the_entry_it_names",
        ),
    ),
)
