"""Snapshots, and the ledgers that begin with them (CONTRACT section 3)."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

STORE_TESTS = "integration/store"
RESTART_TESTS = "integration/store/test_restart.py"
OPERATOR_TESTS = "integration/store/test_operator.py"


def _put(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{STORE_TESTS}/{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _adopt(promise: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{OPERATOR_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within="lua.adopt_ledger", change=change, tests=named)


SNAPSHOTS = (
    # --- writing them
    _put(
        "a snapshot never goes backwards",
        "put_snapshots.put",
        without("if stored_ms and stored_ms > ts_ms and stored_ms <= now then return 'older' end"),
        "test_snapshots.py::test_an_older_snapshot_does_not_overwrite_a_newer_one",
    ),
    _put(
        "a stored time that lies in the future is replaceable",
        "put_snapshots.put",
        without("and stored_ms <= now"),
        "test_snapshots.py::test_a_snapshot_dated_in_the_future_is_replaceable",
    ),
    _put(
        "a snapshot fetched in another life of Redis isn't written",
        "put_snapshots.put",
        without("if other_run then return 'other_run' end"),
        "test_snapshots.py::test_a_snapshot_of_another_run_is_not_written",
    ),
    _put(
        "a foreign type spoils its own symbol only",
        "put_snapshots.put",
        without("if is_foreign(own) then return 'wrong_type' end"),
        "test_snapshots.py::test_hundreds_of_symbols_are_written_in_one_call_each_with_its_own_status",
    ),
    _put(
        "any successful snapshot keeps the ledger alive",
        "put_snapshots.keep_ledger",
        without("redis.call('EXPIRE', at.ledger, ledger_ttl_sec)"),
        "test_snapshots.py::test_any_successful_snapshot_renews_the_ledger",
    ),
    Guard(
        promise="snapshots of two requests aren't mixed",
        within="RedisSnapshotStore._put_arguments",
        change=instead("any(_request(snapshot) != _request(first) for snapshot in snapshots)", "not first.run_id"),
        tests=(f"{STORE_TESTS}/test_snapshots.py::test_snapshots_of_two_requests_are_not_mixed",),
    ),
    # --- ledgers that begin
    _put(
        "a position waits for an operator",
        "put_snapshots.begin_ledger",
        without("if not flat and bootstrap ~= 'adopt' then return 'ok' end"),
        "test_snapshots.py::test_a_position_waits_for_an_operator_unless_told_to_adopt",
    ),
    _put(
        "a position that had a ledger once never gets another by itself",
        "put_snapshots.begin_ledger",
        without("if not flat and redis.call('EXISTS', at.origin) == 1 then return 'ok' end"),
        "test_snapshots.py::test_a_position_that_had_a_ledger_once_never_gets_another_by_itself",
    ),
    _put(
        "a ledger that was lost while flat begins anew",
        "put_snapshots.begin_ledger",
        instead("'0' if not flat and", "'0' if"),
        "test_snapshots.py::test_a_ledger_that_was_lost_while_flat_begins_anew_when_no_order_can_be_under_way",
    ),
    _put(
        "a Redis that has just begun adopts nothing, it may have forgotten an order",
        "put_snapshots.begin_ledger",
        without("if not flat and wait > 0 and ts_ms - started_ms < wait then return 'ok' end"),
        "test_snapshots.py::test_soon_after_redis_began_a_position_is_not_adopted",
    ),
    _put(
        "no ledger begins while the symbol is reserved",
        "put_snapshots.begin_ledger",
        without("if is_reserved(all) then return 'ok' end"),
        "test_snapshots.py::test_no_ledger_begins_while_the_symbol_is_reserved",
    ),
    _put(
        "no ledger begins within the cooldown",
        "put_snapshots.begin_ledger",
        without("or not cooldown or (ordered and ts_ms <= ordered + cooldown)"),
        "test_snapshots.py::test_no_ledger_begins_within_the_cooldown",
    ),
    _put(
        "no ledger begins beside an order time that is none",
        "put_snapshots.begin_ledger",
        instead("if unreadable or", "if"),
        "test_snapshots.py::test_no_ledger_begins_beside_an_order_time_that_is_none",
    ),
    _put(
        "that there was a ledger is remembered for good",
        "put_snapshots.keep_ledger",
        instead("'0', 'NX'", "'0', 'NX', 'EX', ledger_ttl_sec"),
        "test_snapshots.py::test_that_there_was_a_ledger_is_remembered_for_good",
    ),
    _put(
        "an adopted ledger remembers which snapshot it began with",
        "put_snapshots.begin_ledger",
        instead("at.origin, fetched_ms", "at.origin, '0'"),
        "test_snapshots.py::test_adopting_and_a_fill_from_before_it_do_not_add_up",
    ),
    _put(
        "an order time ahead of the clock, or none, counts as now",
        "put_snapshots.keep_ledger",
        never("unreadable or (ordered and ordered > now)"),
        "test_snapshot_records.py::test_an_order_time_that_lies_ahead_or_is_none_counts_as_now_and_so_ends",
    ),
    Guard(
        promise="a reservation from before the clock stepped back ends after one lifetime",
        within="put_snapshots.shorten_reservation",
        change=instead("0 if left > longest or", "0 if"),
        tests=(
            f"{RESTART_TESTS}::test_a_reservation_from_before_the_clock_stepped_back_blocks_its_symbol_no_longer_than_any",
        ),
    ),
    # --- an operator's adoption
    _adopt(
        "another venue's snapshot isn't adopted",
        without("if s[5] ~= source then return { 'refused', 'other_source', s[5] or '' } end"),
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "a snapshot of another life of Redis isn't adopted",
        without("s[6] ~= run_id() or"),
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "only a position of the symbol's mode is adopted",
        without(
            "if (mode == 'hedge') ~= (position_side ~= 'BOTH') then return { 'refused', 'position_mode', mode } end"
        ),
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "a stale snapshot isn't adopted",
        without("or now - fetched > max_age"),
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "a snapshot of the future isn't adopted",
        without("fetched > now or"),
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "nothing is adopted while a plan holds the symbol",
        never("redis.call('EXISTS', reservation) == 1"),
        "test_adopting_is_refused_while_a_plan_holds_the_symbol",
    ),
    _adopt(
        "a ledger is replaced on demand only",
        without("if l[1] and replace ~= '1' then return { 'refused', 'ledger_exists', l[1] } end"),
        "test_adopting_takes_the_fresh_position_once_and_audits_it",
    ),
    _adopt(
        "nothing is adopted within the cooldown",
        instead("fetched <= ordered + cooldown", "fetched <= ordered"),
        "test_adopting_is_refused_within_the_cooldown",
    ),
    _adopt(
        "an order time that is none counts as now for an adoption",
        without("if unreadable or (ordered and ordered > now) then ordered = now end"),
        "test_adopting_is_refused_within_the_cooldown",
    ),
    _adopt(
        "what was agreed to is what is adopted",
        without("if shown_amt ~= '' and shown_amt ~= s[1] then return { 'refused', 'position_changed', s[1] } end"),
        "test_a_position_that_moved_since_it_was_shown_is_not_adopted",
    ),
    _adopt(
        "every adoption is audited",
        instead("audit_event", "if replace == '1' then return { 'adopted', l[1] or '', s[1] } end audit_event"),
        "test_replacing_is_asked_for_and_told_before_and_after",
    ),
)
