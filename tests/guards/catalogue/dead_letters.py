"""A dead letter that is put back: once, and with the time at which it first came (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.guard import Guard

TESTS = "integration/cli/test_deadletters.py"
SCRIPT = "store/lua/retry_dead_letter.lua"


def _retry(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(f"{TESTS}::{test}",))


DEAD_LETTERS = (
    _retry(
        "a dead letter that was put back is gone",
        SCRIPT,
        "redis.call('XDEL', dead_letters_key, letter_id)\n",
        "",
        "test_a_result_is_put_back_once_and_applied",
    ),
    _retry(
        "a dead letter that is gone isn't put back",
        SCRIPT,
        "if #redis.call('XRANGE', dead_letters_key, letter_id, letter_id) == 0 then return { 'gone' } end\n",
        "",
        "test_of_many_who_put_it_back_at_once_one_does",
    ),
    _retry(
        "the script refuses what is older than the memory of fills",
        SCRIPT,
        "> tonumber(max_age_ms) then return { 'too_old' } end",
        "> tonumber(max_age_ms) * 2 then return { 'too_old' } end",
        "test_a_result_older_than_the_memory_of_fills_is_refused",
    ),
    _retry(
        "a result that was put back counts by the time at which it first came",
        "ports.py",
        "        return replace(entry, entry_id=self.repeats) if self.repeats else entry\n",
        "        return entry\n",
        "test_a_result_from_before_an_adopted_ledger_is_remembered_and_not_applied",
    ),
    _retry(
        "a result that comes back keeps its first time",
        "cli/retrying.py",
        "    first_id = fields.pop(RETRIED, letter.source_id)\n",
        "    fields.pop(RETRIED, None)\n    first_id = letter.source_id\n",
        "test_one_that_comes_back_keeps_the_time_at_which_it_first_came",
    ),
    _retry(
        "putting back is audited",
        SCRIPT,
        "audit_event(audit_key, audit_maxlen, 'dead_letter_retried'",
        "type(audit_key, audit_maxlen, 'dead_letter_retried'",
        "test_a_result_is_put_back_once_and_applied",
    ),
    Guard(
        promise="a result that was put back is as old as the entry it names",
        file="contract/results.py",
        old="    first_ms = time_ms_of(result.repeats) if result.repeats else added_ms\n",
        new="    first_ms = added_ms\n",
        tests=("unit/contract/test_results.py::test_a_result_that_was_put_back_is_as_old_as_the_entry_it_names",),
    ),
    _retry(
        "the day after which a verdict is forgotten counts from the first entry",
        "store/results.py",
        '            "added_ms": time_ms_of(result.first_entry(entry).entry_id),\n',
        '            "added_ms": time_ms_of(entry.entry_id),\n',
        "test_an_old_result_that_was_put_back_is_no_unpermitted_execution",
    ),
    Guard(
        promise="no result is younger than its own entry",
        file="contract/results.py",
        old="    if first_ms > added_ms:\n",
        new="    if False:\n",
        tests=("unit/contract/test_results.py::test_a_result_that_was_put_back_is_as_old_as_the_entry_it_names",),
    ),
)
