"""A consumption is a write barrier, however it ended (CONTRACT section 3; failure 34)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

BARRIER_TESTS = "integration/store/test_barrier.py"
STORE_TESTS = "integration/store"


def _lua(promise: str, within: str, change: Change, *tests: str) -> Guard:
    node_ids = tuple(f"{BARRIER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=node_ids)


BARRIER = (
    Guard(
        promise="barrier: no allow rests on a snapshot requested before it",
        within="rules.snapshot.snapshot_is_requested_after_the_barrier",
        change=instead(
            "if case.known_snapshot.ts_ms >= barrier_ms:", "if case.known_snapshot.ts_ms >= barrier_ms - 1:"
        ),
        tests=(f"{BARRIER_TESTS}::test_the_barrier_is_read_lag_after_place_before",),
    ),
    Guard(
        promise="barrier: the venue's lag is part of it",
        within="rules.snapshot.snapshot_is_requested_after_the_barrier",
        change=without("+ case.policy.read_lag_ms"),
        tests=(f"{BARRIER_TESTS}::test_the_barrier_is_read_lag_after_place_before",),
    ),
    _lua(
        "barrier: looked at again when a verdict becomes final",
        "lua.commit_verdict",
        without("if before_barrier(fetched, l[4], read_lag_ms) then return moved('barrier') end"),
        "test_a_barrier_that_came_after_the_facts_were_read_stops_the_commit",
    ),
    _lua(
        "barrier: looked at again when a permit is consumed",
        "lua.consume_permits",
        without("if before_barrier(fetched, l[3], read_lag_ms) then return refused('p33', 'stale_exchange_state') end"),
        "test_a_barrier_that_came_after_the_permit_stops_the_consumption",
    ),
    _lua(
        "barrier: one that isn't a time leaves doubt",
        "_prelude.before_barrier",
        instead("return unreadable or", "return"),
        "test_a_barrier_that_is_no_time_is_doubt_until_the_next_snapshot",
    ),
    _lua(
        "barrier: set where a consumed reservation is released",
        "lua.record_result",
        without("and set_barrier(ledger_key)"),
        "test_releasing_a_consumed_reservation_copies_its_place_before",
    ),
    _lua(
        "barrier: where it can't be kept, nothing is released",
        "record_result.set_barrier",
        instead("return false end", "return true end"),
        "test_where_the_barrier_cant_be_kept_the_reservation_is_it",
    ),
    _lua(
        "barrier: it never moves back",
        "_prelude.raise_barrier",
        never("until_ms <= (twin_time(redis.call('HGET', ledger, 'barrier_ms')) or 0)"),
        "test_an_older_consumption_doesnt_move_the_barrier_back",
    ),
    _lua(
        "barrier: one that a clock left far ahead is cut",
        "put_snapshots.keep_ledger",
        without("or (barrier and barrier > latest)"),
        "test_one_further_ahead_than_any_is_set_is_cut_at_the_next_snapshot",
    ),
    _lua(
        "barrier: no ledger begins with a snapshot from before it",
        "put_snapshots.begin_ledger",
        without("if before_barrier(ts_ms, l[3], read_lag_ms) then return 'ok' end"),
        "test_so_does_a_ledger_that_begins_by_itself",
    ),
    _lua(
        "barrier: no snapshot from before it is adopted",
        "lua.adopt_ledger",
        never("before_barrier(fetched, l[4], read_lag_ms)"),
        "test_adopting_waits_for_it",
    ),
    Guard(
        promise="unknown outcome: only an order with our client order id is ours",
        within="LostOrders._ours",
        change=without("state.client_order_id != lost.client_order_id or"),
        tests=("unit/demo/executor/test_lost_orders.py::test_a_trade_of_another_order_is_evidence_only",),
    ),
    *(
        Guard(promise=promise, within=within, change=change, tests=(f"{BARRIER_TESTS}::{test}",))
        for promise, within, change, test in (
            (
                "barrier: the permit carries the venue's lag",
                "permits.verdict_fields",
                without('**({} if facts.life is None else {"read_lag_sec": sec(policy.read_lag_ms)}),'),
                "test_consuming_waits_for_the_venues_own_lag",
            ),
            (
                "barrier: the executor's client takes the permit's lag",
                "Consuming._take",
                instead("allow.read_lag_ms", "2_000"),
                "test_consuming_waits_for_the_venues_own_lag",
            ),
            (
                "barrier: a consumption at a slow venue holds the position for longer",
                "consuming._reservation_ttl_ms",
                instead("allow.read_lag_ms", "2_000"),
                "test_a_consumption_holds_the_position_for_as_long",
            ),
        )
    ),
    Guard(
        promise="a permit's lag is never under two seconds",
        within="permit._allow_permit",
        change=instead("max(read_lag_ms, READ_LAG_MS)", "read_lag_ms"),
        tests=("unit/apply/test_permit.py::test_the_venues_lag_is_at_least_two_seconds",),
    ),
    Guard(
        promise="a forged lag holds no position for years",
        within="permit._allow_permit",
        change=instead(
            'min(_quantity(fields.get("read_lag_sec", 0)), MAX_READ_LAG_SEC)',
            '_quantity(fields.get("read_lag_sec", 0))',
        ),
        tests=("unit/apply/test_permit.py::test_a_forged_lag_holds_no_position_for_long",),
    ),
    Guard(
        promise="a lowered permit lifetime cuts a permit in the act that cuts its reservation",
        within="put_snapshots.shorten_reservation",
        change=instead("'PEXPIRE', permit, permit_ttl_ms", "'PTTL', permit"),
        tests=("integration/store/test_lowered_ttl.py::test_the_permit_is_cut_with_its_reservation",),
    ),
    Guard(
        promise="a permit without an expiry is cut with its reservation",
        within="put_snapshots.shorten_reservation",
        change=without("or permit_left == -1"),
        tests=("integration/store/test_lowered_ttl.py::test_so_is_a_permit_without_an_expiry",),
    ),
    # --- an outcome that isn't known
    *(
        Guard(promise=f"unknown outcome: {promise}", within=within, change=change, tests=(f"{STORE_TESTS}/{test}",))
        for promise, within, change, test in (
            (
                "it releases nothing",
                "lua.record_result",
                without("outcome == 'unknown' or"),
                "test_unknown_outcome.py::test_it_releases_no_permit_that_nobody_took",
            ),
            (
                "only the consumption's own id holds the position longer",
                "lua.record_result",
                instead("proven and not is_answered", "consumer and not is_answered"),
                "test_unknown_outcome.py::test_only_by_the_consumptions_own_id",
            ),
            (
                "a refusal without proof ends nothing",
                "lua.record_result",
                instead("'rejected' and proven", "'rejected'"),
                "test_unknown_outcome.py::test_a_refusal_without_proof_ends_nothing",
            ),
            (
                "the next snapshot doesn't cut its reservation",
                "put_snapshots.shorten_reservation",
                instead("math.max(longest, tonumber(unknown_ms))", "longest"),
                "test_unknown_outcome.py::test_the_next_snapshot_leaves_it_and_a_result_ends_it",
            ),
            (
                "not beyond ten minutes",
                "_outcomes.hold_for_outcome",
                instead(
                    "math.min((twin_time(consumed_ms) or 0) + tonumber(unknown_ms) - now, tonumber(unknown_ms))",
                    "tonumber(unknown_ms)",
                ),
                "test_unknown_outcome.py::test_never_beyond",
            ),
            (
                "it denies from the moment that its reservation is gone",
                "RedisVerdictStore._facts",
                instead("unknown_plan_id, reserved_by", "None, reserved_by"),
                "test_unknown_outcome.py::test_from_the_moment_that_the_reservation_is_gone_the_position_is_held",
            ),
            (
                "looked at again when a verdict becomes final",
                "lua.commit_verdict",
                without("if emergency ~= '1' and l[5] and l[5] ~= '' then return moved('unknown') end"),
                "test_unknown_outcome.py::test_a_verdict_that_was_made_before_isnt_committed_either",
            ),
            (
                "the next snapshot sets the service's own hold",
                "put_snapshots.keep_ledger",
                without("hold_unanswered(symbol, at)"),
                "test_unknown_outcome.py::test_the_next_snapshot_sets_the_services_own_hold",
            ),
            (
                "its reservation is not held twice",
                "put_snapshots.hold_unanswered",
                never("redis.call('GET', at.reservation) == plan_id"),
                "test_unknown_outcome.py::test_the_next_snapshot_sets_the_services_own_hold",
            ),
            (
                "an order that executed is known, whoever told it first",
                "results._order",
                instead("and applied.remembered_qty", "and applied.increase"),
                "test_unknown_outcome.py::test_an_order_that_a_repair_applied_before_its_result_came_settles_too",
            ),
            (
                "another plan's order settles nothing",
                "results._order",
                without("order.is_own and"),
                "test_unknown_outcome.py::test_an_order_of_another_plan_doesnt",
            ),
            (
                "an answer ends the hold",
                "lua.record_result",
                instead("(all) do end_unknown", "({}) do end_unknown"),
                "test_unknown_outcome.py::test_a_result_that_settles_the_order_ends_it",
            ),
            (
                "an answer ends its own part of a hold only",
                "_outcomes.end_unknown",
                instead("if left[1]", "if false"),
                "test_unknown_outcome.py::test_of_a_hold_with_another_reason_its_own_part_goes",
            ),
            (
                "what is left of a hold ends as its own reasons do",
                "_outcomes.end_unknown",
                without("hold.ends = ends_of(hold)"),
                "test_unknown_outcome.py::test_what_is_left_of_its_hold_ends_as_it_would_have_without_it",
            ),
            (
                "two reasons that end differently are left to a person",
                "_holds.ends_of",
                never("type(one) ~= 'table' or one.ends ~= word"),
                "test_unknown_outcome.py::test_what_is_left_of_its_hold_ends_as_it_would_have_without_it",
            ),
            (
                "a reason that was cut is left to a person",
                "_holds.ends_of",
                always("not hold.cut"),
                "test_unknown_outcome.py::test_a_hold_that_lost_a_reason_to_its_bound_is_ended_by_a_person_only",
            ),
            (
                "a reason that was cut isn't over with those that are left",
                "_outcomes.end_unknown",
                never("hold.cut and not left[1]"),
                "test_unknown_outcome.py::test_a_hold_of_which_a_reason_was_cut_stays_when_all_that_is_left_is_known",
            ),
            (
                "what a person released isn't held again",
                "_outcomes.is_answered",
                without("if released == plan_id then return true end"),
                "test_unknown_outcome.py::test_a_person_ends_it_and_is_believed",
            ),
            (
                "a late one takes the position again",
                "_outcomes.hold_for_outcome",
                instead("'SET', h.reservation, plan_id, 'PX'", "'PEXPIRE', h.reservation"),
                "test_late_outcomes.py::test_one_that_comes_after_its_reservation_takes_the_position_again",
            ),
            (
                "one that comes after ten minutes holds",
                "_outcomes.hold_for_outcome",
                without("left <= 0 or"),
                "test_late_outcomes.py::test_one_that_comes_after_ten_minutes_holds_it_at_once",
            ),
            (
                "a late one doesn't take another plan's reservation",
                "_outcomes.hold_for_outcome",
                never("(reserved_by or plan_id) ~= plan_id"),
                "test_late_outcomes.py::test_where_another_plan_holds_the_position_it_sets_the_hold",
            ),
            (
                "two at once are both kept",
                "_outcomes.hold_for_outcome",
                without("unknown ~= plan_id or"),
                "test_late_outcomes.py::test_one_that_comes_while_another_plans_outcome_is_unknown_is_not_lost",
            ),
            (
                "one from before an answer is over",
                "_outcomes.is_answered",
                without("or is_before(said, settled)"),
                "test_late_outcomes.py::test_one_that_was_published_before_the_answer_and_is_recorded_after_it_is_over",
            ),
            (
                "it is believed after a part of the order",
                "lua.record_result",
                instead("'settled', first_entry_id", "'settled', own_fill and 'repaired' or first_entry_id"),
                "test_late_outcomes.py::test_after_a_part_of_the_order_it_is_believed",
            ),
            (
                "a refusal that its executor comes to doubt is none",
                "_outcomes.is_answered",
                instead("settled == 'repaired' or is_before(said, settled)", "settled"),
                "test_late_outcomes.py::test_an_executor_that_comes_to_doubt_its_refusal_takes_the_position_again",
            ),
            (
                "an answer from before it ends nothing",
                "lua.record_result",
                instead("and not is_earlier(c[5]) if settles", "if settles"),
                "test_late_outcomes.py::test_an_answer_that_was_published_before_it_and_is_recorded_after_it_ends_nothing",
            ),
            (
                "the last one counts for that",
                "lua.record_result",
                instead("proven and not is_earlier(c[5])", "proven and not c[5]"),
                "test_late_outcomes.py::test_the_last_of_several_counts",
            ),
            (
                "one that was put back is as old as it was",
                "RedisResultStore._arguments",
                instead("result.first_entry(entry).entry_id,", "entry.entry_id,"),
                "test_late_outcomes.py::test_one_that_was_put_back_is_as_old_as_it_was",
            ),
            (
                "the later of two answers counts",
                "lua.record_result",
                without("and not is_earlier(c[4])"),
                "test_late_outcomes.py::test_one_that_was_put_back_is_as_old_as_it_was",
            ),
            *(
                (
                    f"a result of another symbol {what} nothing",
                    "lua.record_result",
                    without("(not c[6] or c[6] == symbol) and"),
                    test,
                )
                for what, test in (
                    ("settles", "test_late_outcomes.py::test_one_that_names_another_symbol_settles_nothing"),
                    ("holds", "test_late_outcomes.py::test_nor_does_it_hold_that_symbol"),
                )
            ),
            (
                "in hedge mode it is the leg's",
                "put_snapshots.positions_of",
                instead("k.long_service_hold", "k.service_hold"),
                "test_late_outcomes.py::test_in_hedge_mode_it_is_the_legs_alone",
            ),
        )
    ),
)
