"""Snapshots, and the ledgers that begin with them (CONTRACT section 3)."""

from __future__ import annotations

from tests.guards.guard import Guard

SNAPSHOT_TESTS = "integration/store/test_snapshots.py"
RESTART_TESTS = "integration/store/test_restart.py"
OPERATOR_TESTS = "integration/store/test_operator.py"


def _put(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{SNAPSHOT_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="store/lua/put_snapshots.lua", old=old, new=new, tests=named)


def _adopt(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{OPERATOR_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="store/lua/adopt_ledger.lua", old=old, new=new, tests=named)


SNAPSHOTS = (
    # --- writing them
    _put(
        "a snapshot never goes backwards",
        "  if stored_ms and stored_ms > ts_ms and stored_ms <= now then return 'older' end\n",
        "",
        "test_an_older_snapshot_does_not_overwrite_a_newer_one",
    ),
    _put(
        "a stored time that lies in the future is replaceable",
        " and stored_ms <= now then return 'older' end",
        " then return 'older' end",
        "test_a_snapshot_dated_in_the_future_is_replaceable",
    ),
    _put(
        "a snapshot fetched in another life of Redis isn't written",
        "  if other_run then return 'other_run' end\n",
        "",
        "test_a_snapshot_of_another_run_is_not_written",
    ),
    _put(
        "a foreign type spoils its own symbol only",
        "  if is_foreign(own) then return 'wrong_type' end\n",
        "",
        "test_hundreds_of_symbols_are_written_in_one_call_each_with_its_own_status",
    ),
    _put(
        "any successful snapshot keeps the ledger alive",
        "  redis.call('EXPIRE', at.ledger, ledger_ttl_sec)\n\n",
        "\n",
        "test_any_successful_snapshot_renews_the_ledger",
    ),
    Guard(
        promise="snapshots of two requests aren't mixed",
        file="store/snapshots.py",
        old="        if any(_request(snapshot) != _request(first) for snapshot in snapshots):\n",
        new="        if not first.run_id:\n",
        tests=(f"{SNAPSHOT_TESTS}::test_snapshots_of_two_requests_are_not_mixed",),
    ),
    # --- ledgers that begin
    _put(
        "a position waits for an operator",
        "  if not flat and bootstrap ~= 'adopt' then return 'ok' end\n",
        "",
        "test_a_position_waits_for_an_operator_unless_told_to_adopt",
    ),
    _put(
        "a position that had a ledger once never gets another by itself",
        "  if not flat and redis.call('EXISTS', at.origin) == 1 then return 'ok' end\n",
        "",
        "test_a_position_that_had_a_ledger_once_never_gets_another_by_itself",
    ),
    _put(
        "a ledger that was lost while flat begins anew",
        "  if not flat and redis.call('EXISTS', at.origin) == 1 then return 'ok' end\n",
        "  if redis.call('EXISTS', at.origin) == 1 then return 'ok' end\n",
        "test_a_ledger_that_was_lost_while_flat_begins_anew_when_no_order_can_be_under_way",
    ),
    _put(
        "a Redis that has just begun adopts nothing, it may have forgotten an order",
        "  if not flat and wait > 0 and ts_ms - started_ms < wait then return 'ok' end\n",
        "",
        "test_soon_after_redis_began_a_position_is_not_adopted",
    ),
    _put(
        "no ledger begins while the symbol is reserved",
        "  if is_reserved(all) then return 'ok' end\n",
        "",
        "test_no_ledger_begins_while_the_symbol_is_reserved",
    ),
    _put(
        "no ledger begins within the cooldown",
        "  if unreadable or not cooldown or (ordered and ts_ms <= ordered + cooldown) then return 'ok' end\n",
        "  if unreadable then return 'ok' end\n",
        "test_no_ledger_begins_within_the_cooldown",
    ),
    _put(
        "no ledger begins beside an order time that is none",
        "  if unreadable or not cooldown",
        "  if not cooldown",
        "test_no_ledger_begins_beside_an_order_time_that_is_none",
    ),
    _put(
        "that there was a ledger is remembered for good",
        "    redis.call('SET', at.origin, '0', 'NX')\n",
        "    redis.call('SET', at.origin, '0', 'NX', 'EX', ledger_ttl_sec)\n",
        "test_that_there_was_a_ledger_is_remembered_for_good",
    ),
    _put(
        "an adopted ledger remembers which snapshot it began with",
        "  redis.call('SET', at.origin, fetched_ms)\n",
        "  redis.call('SET', at.origin, '0')\n",
        "test_adopting_and_a_fill_from_before_it_do_not_add_up",
    ),
    _put(
        "an order time ahead of the clock, or none, counts as now",
        "  if unreadable or (ordered and ordered > now) then\n    redis.call('HSET', at.ledger, 'last_order_time_ms'",
        "  if false then\n    redis.call('HSET', at.ledger, 'last_order_time_ms'",
        "test_an_order_time_that_lies_ahead_or_is_none_counts_as_now_and_so_ends",
    ),
    Guard(
        promise="a reservation from before the clock stepped back ends after one lifetime",
        file="store/lua/put_snapshots.lua",
        old=" or 0\n  if left > longest or left == -1 then\n",
        new=" or 0\n  if left == -1 then\n",
        tests=(
            f"{RESTART_TESTS}::test_a_reservation_from_before_the_clock_stepped_back_blocks_its_symbol_no_longer_than_any",
        ),
    ),
    # --- an operator's adoption
    _adopt(
        "another venue's snapshot isn't adopted",
        "if s[5] ~= source then return { 'refused', 'other_source', s[5] or '' } end\n",
        "",
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "a snapshot of another life of Redis isn't adopted",
        "if s[6] ~= run_id() or not",
        "if not",
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "only a position of the symbol's mode is adopted",
        "if (mode == 'hedge') ~= (position_side ~= 'BOTH') then return { 'refused', 'position_mode', mode } end\n",
        "",
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "a stale snapshot isn't adopted",
        "if fetched > now or now - fetched > max_age then",
        "if fetched > now then",
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "a snapshot of the future isn't adopted",
        "if fetched > now or now - fetched > max_age then",
        "if now - fetched > max_age then",
        "test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption",
    ),
    _adopt(
        "nothing is adopted while a plan holds the symbol",
        "  if redis.call('EXISTS', reservation) == 1 then return",
        "  if false then return",
        "test_adopting_is_refused_while_a_plan_holds_the_symbol",
    ),
    _adopt(
        "a ledger is replaced on demand only",
        "if l[1] and replace ~= '1' then return { 'refused', 'ledger_exists', l[1] } end\n",
        "",
        "test_adopting_takes_the_fresh_position_once_and_audits_it",
    ),
    _adopt(
        "nothing is adopted within the cooldown",
        "if ordered and fetched <= ordered + cooldown then ",
        "if ordered and fetched <= ordered then ",
        "test_adopting_is_refused_within_the_cooldown",
    ),
    _adopt(
        "an order time that is none counts as now for an adoption",
        "if unreadable or (ordered and ordered > now) then ordered = now end\n",
        "",
        "test_adopting_is_refused_within_the_cooldown",
    ),
    _adopt(
        "what was agreed to is what is adopted",
        "if shown_amt ~= '' and shown_amt ~= s[1] then return { 'refused', 'position_changed', s[1] } end\n",
        "",
        "test_a_position_that_moved_since_it_was_shown_is_not_adopted",
    ),
    _adopt(
        "every adoption is audited",
        "audit_event(audit_key",
        "if replace == '1' then return { 'adopted', l[1] or '', s[1] } end\naudit_event(audit_key",
        "test_replacing_is_asked_for_and_told_before_and_after",
    ),
)
