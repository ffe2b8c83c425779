"""A consumption is a write barrier, however it ended (CONTRACT section 3; failure 34)."""

from __future__ import annotations

from tests.guards.guard import Guard

BARRIER_TESTS = "integration/store/test_barrier.py"
UNKNOWN_TESTS = "integration/store/test_unknown_outcome.py"


def _lua(script: str, promise: str, old: str, new: str, *tests: str) -> Guard:
    node_ids = tuple(f"{BARRIER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=f"store/lua/{script}.lua", old=old, new=new, tests=node_ids)


BARRIER = (
    Guard(
        promise="barrier: no allow rests on a snapshot requested before it",
        file="domain/rules.py",
        old="    if case.known_snapshot.ts_ms >= barrier_ms:\n",
        new="    if case.known_snapshot.ts_ms >= barrier_ms - 1:\n",
        tests=(f"{BARRIER_TESTS}::test_the_barrier_is_read_lag_after_place_before",),
    ),
    Guard(
        promise="barrier: the venue's lag is part of it",
        file="domain/rules.py",
        old="    barrier_ms = ledger.barrier_ms + case.policy.read_lag_ms\n",
        new="    barrier_ms = ledger.barrier_ms\n",
        tests=(f"{BARRIER_TESTS}::test_the_barrier_is_read_lag_after_place_before",),
    ),
    _lua(
        "commit_verdict",
        "barrier: looked at again when a verdict becomes final",
        "  if before_barrier(fetched, l[4], read_lag_ms) then return { 'moved', 'barrier' } end\n",
        "",
        "test_a_barrier_that_came_after_the_facts_were_read_stops_the_commit",
    ),
    _lua(
        "consume_permits",
        "barrier: looked at again when a permit is consumed",
        "if before_barrier(fetched, l[3], read_lag_ms) then return refused('p33', 'stale_exchange_state') end\n",
        "",
        "test_a_barrier_that_came_after_the_permit_stops_the_consumption",
    ),
    _lua(
        "_prelude",
        "barrier: one that isn't a time leaves doubt",
        "  return unreadable or (barrier and fetched < barrier + tonumber(read_lag)) or false\n",
        "  return (barrier and fetched < barrier + tonumber(read_lag)) or false\n",
        "test_a_barrier_that_is_no_time_is_doubt_until_the_next_snapshot",
    ),
    _lua(
        "record_result",
        "barrier: set where a consumed reservation is released",
        "  if release and set_barrier(ledger_key) then\n",
        "  if release then\n",
        "test_releasing_a_consumed_reservation_copies_its_place_before",
    ),
    _lua(
        "record_result",
        "barrier: where it can't be kept, nothing is released",
        "  if not place_before or expect(ledger, 'hash') then return false end\n",
        "  if not place_before or expect(ledger, 'hash') then return true end\n",
        "test_where_the_barrier_cant_be_kept_the_reservation_is_it",
    ),
    _lua(
        "record_result",
        "barrier: it never moves back",
        "  if place_before > (twin_time(redis.call('HGET', ledger, 'barrier_ms')) or 0) then\n",
        "  if place_before then\n",
        "test_an_older_consumption_doesnt_move_the_barrier_back",
    ),
    _lua(
        "put_snapshots",
        "barrier: one that a clock left far ahead is cut",
        "  if no_time or (barrier and barrier > latest) then redis",
        "  if no_time then redis",
        "test_one_further_ahead_than_any_is_set_is_cut_at_the_next_snapshot",
    ),
    _lua(
        "put_snapshots",
        "barrier: no ledger begins with a snapshot from before it",
        "  if before_barrier(ts_ms, l[3], read_lag_ms) then return 'ok' end\n",
        "",
        "test_so_does_a_ledger_that_begins_by_itself",
    ),
    _lua(
        "adopt_ledger",
        "barrier: no snapshot from before it is adopted",
        "if before_barrier(fetched, l[4], read_lag_ms) then\n",
        "if false then\n",
        "test_adopting_waits_for_it",
    ),
    Guard(
        promise="unknown outcome: only an order with our client order id is ours",
        file="demo/executor/lost_orders.py",
        old=" or state.client_order_id != lost.client_order_id",
        new="",
        tests=("unit/demo/executor/test_lost_orders.py::test_a_trade_of_another_order_is_evidence_only",),
    ),
    # --- an outcome that isn't known
    *(
        Guard(promise=promise, file=f"store/{file}", old=old, new=new, tests=(f"{UNKNOWN_TESTS}::{test}",))
        for promise, file, old, new, test in (
            (
                "unknown outcome: it releases nothing",
                "lua/record_result.lua",
                "  elseif not executed and outcome ~= 'contradicted' and outcome ~= 'unknown' then\n",
                "  elseif not executed and outcome ~= 'contradicted' then\n",
                "test_it_releases_no_permit_that_nobody_took",
            ),
            (
                "unknown outcome: only the consumption's own id holds the position longer",
                "lua/record_result.lua",
                "(outcome == 'unknown' or outcome == 'contradicted') and consumer and consumer == consume_id\n",
                "(outcome == 'unknown' or outcome == 'contradicted') and consumer\n",
                "test_only_by_the_consumptions_own_id",
            ),
            (
                "unknown outcome: the next snapshot doesn't cut its reservation",
                "lua/put_snapshots.lua",
                "    if unknown then longest = math.max(longest, tonumber(unknown_ms)) end\n",
                "",
                "test_the_next_snapshot_leaves_it_and_a_result_ends_it",
            ),
        )
    ),
)
