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
        "  if before_barrier(fetched, l[4], read_lag_ms) then return moved('barrier') end\n",
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
        "if settles and set_barrier(ledger_key) then\n",
        "if settles then\n",
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
    *(
        Guard(promise=promise, file=file, old=old, new=new, tests=(f"{BARRIER_TESTS}::{test}",))
        for promise, file, old, new, test in (
            (
                "barrier: the permit carries the venue's lag",
                "contract/permits.py",
                """        **({} if facts.life is None else {"read_lag_sec": sec(policy.read_lag_ms)}),\n""",
                "",
                "test_consuming_waits_for_the_venues_own_lag",
            ),
            (
                "barrier: the executor's client takes the permit's lag",
                "apply/consuming.py",
                '                "read_lag_ms": allow.read_lag_ms,\n',
                '                "read_lag_ms": 2_000,\n',
                "test_consuming_waits_for_the_venues_own_lag",
            ),
            (
                "barrier: a consumption at a slow venue holds the position for longer",
                "apply/consuming.py",
                "consumed_ms(allow.read_lag_ms))\n",
                "consumed_ms(2_000))\n",
                "test_a_consumption_holds_the_position_for_as_long",
            ),
        )
    ),
    Guard(
        promise="a permit's lag is never under two seconds",
        file="apply/permit.py",
        old="        read_lag_ms=max(read_lag_ms, READ_LAG_MS),\n",
        new="        read_lag_ms=read_lag_ms,\n",
        tests=("unit/apply/test_permit.py::test_the_venues_lag_is_at_least_two_seconds",),
    ),
    Guard(
        promise="a forged lag holds no position for years",
        file="apply/permit.py",
        old='    read_lag_ms = int(min(_quantity(fields.get("read_lag_sec", 0)), MAX_READ_LAG_SEC) * 1000)\n',
        new='    read_lag_ms = int(_quantity(fields.get("read_lag_sec", 0)) * 1000)\n',
        tests=("unit/apply/test_permit.py::test_a_forged_lag_holds_no_position_for_long",),
    ),
    Guard(
        promise="a lowered permit lifetime cuts a permit in the act that cuts its reservation",
        file="store/lua/put_snapshots.lua",
        old="then redis.call('PEXPIRE', permit, permit_ttl_ms) end\n",
        new="then redis.call('PTTL', permit) end\n",
        tests=("integration/store/test_lowered_ttl.py::test_the_permit_is_cut_with_its_reservation",),
    ),
    Guard(
        promise="a permit without an expiry is cut with its reservation",
        file="store/lua/put_snapshots.lua",
        old="      if permit_left > tonumber(permit_ttl_ms) or permit_left == -1 then",
        new="      if permit_left > tonumber(permit_ttl_ms) then",
        tests=("integration/store/test_lowered_ttl.py::test_so_is_a_permit_without_an_expiry",),
    ),
    # --- an outcome that isn't known
    *(
        Guard(
            promise=f"unknown outcome: {promise}",
            file=f"store/{file}",
            old=old,
            new=new,
            tests=(f"{UNKNOWN_TESTS}::{test}",),
        )
        for promise, file, old, new, test in (
            (
                "it releases nothing",
                "lua/record_result.lua",
                "elseif outcome == 'unknown' or outcome == 'contradicted' or",
                "elseif outcome == 'contradicted' or",
                "test_it_releases_no_permit_that_nobody_took",
            ),
            (
                "only the consumption's own id holds the position longer",
                "lua/record_result.lua",
                "  if proven and not is_answered() then reservation",
                "  if consumer and not is_answered() then reservation",
                "test_only_by_the_consumptions_own_id",
            ),
            (
                "a refusal without proof ends nothing",
                "lua/record_result.lua",
                "(not executed and outcome == 'rejected' and proven))",
                "(not executed and outcome == 'rejected'))",
                "test_a_refusal_without_proof_ends_nothing",
            ),
            (
                "the next snapshot doesn't cut its reservation",
                "lua/put_snapshots.lua",
                "then longest = math.max(longest, tonumber(unknown_ms)) end\n",
                "then longest = longest end\n",
                "test_the_next_snapshot_leaves_it_and_a_result_ends_it",
            ),
            (
                "not beyond ten minutes",
                "lua/record_result.lua",
                "math.min((twin_time(c[3]) or 0) + tonumber(unknown_ms) - now, tonumber(unknown_ms))\n",
                "tonumber(unknown_ms)\n",
                "test_never_beyond",
            ),
            (
                "it denies from the moment that its reservation is gone",
                "verdicts.py",
                "unknown_plan_id=unknown_plan_id, reserved_by=reserved_by)\n",
                "unknown_plan_id=None, reserved_by=reserved_by)\n",
                "test_from_the_moment_that_the_reservation_is_gone_the_position_is_held",
            ),
            (
                "looked at again when a verdict becomes final",
                "lua/commit_verdict.lua",
                "  if emergency ~= '1' and l[5] and l[5] ~= '' then return moved('unknown') end\n",
                "",
                "test_a_verdict_that_was_made_before_isnt_committed_either",
            ),
            (
                "the next snapshot sets the service's own hold",
                "lua/put_snapshots.lua",
                "  hold_unanswered(symbol, at)\n",
                "",
                "test_the_next_snapshot_sets_the_services_own_hold",
            ),
            (
                "its reservation is not held twice",
                "lua/put_snapshots.lua",
                "redis.call('GET', at.reservation) == plan_id) then return end\n",
                "false) then return end\n",
                "test_the_next_snapshot_sets_the_services_own_hold",
            ),
            (
                "an order that executed is known, whoever told it first",
                "results.py",
                '"settles": int(executed and order.is_own and applied.remembered_qty > 0),\n',
                '"settles": int(executed and order.is_own and applied.increase > 0),\n',
                "test_an_order_that_a_repair_applied_before_its_result_came_settles_too",
            ),
            (
                "another plan's order settles nothing",
                "results.py",
                '"settles": int(executed and order.is_own and applied.remembered_qty > 0),\n',
                '"settles": int(executed and applied.remembered_qty > 0),\n',
                "test_an_order_of_another_plan_doesnt",
            ),
            (
                "an answer ends the hold",
                "lua/record_result.lua",
                "  for _, at in ipairs(all) do end_unknown(",
                "  for _, at in ipairs({}) do end_unknown(",
                "test_a_result_that_settles_the_order_ends_it",
            ),
            (
                "an answer ends its own part of a hold only",
                "lua/_holds.lua",
                "  if left[1] then\n",
                "  if false then\n",
                "test_of_a_hold_with_another_reason_its_own_part_goes",
            ),
            (
                "what a person released isn't held again",
                "lua/record_result.lua",
                "    if released == plan_id then return true end\n",
                "",
                "test_a_person_ends_it_and_is_believed",
            ),
            (
                "a late one takes the position again",
                "lua/record_result.lua",
                "    redis.call('SET', reservation_key, plan_id, 'PX', text(left))\n",
                "    redis.call('PEXPIRE', reservation_key, text(left))\n",
                "test_one_that_comes_after_its_reservation_takes_the_position_again",
            ),
            (
                "one that comes after ten minutes holds",
                "lua/record_result.lua",
                "  if left <= 0 or (reserved_by",
                "  if (reserved_by",
                "test_one_that_comes_after_ten_minutes_holds_it_at_once",
            ),
            (
                "a late one doesn't take another plan's reservation",
                "lua/record_result.lua",
                "(reserved_by or plan_id) ~= plan_id or unknown",
                "false or unknown",
                "test_where_another_plan_holds_the_position_it_sets_the_hold",
            ),
            (
                "two at once are both kept",
                "lua/record_result.lua",
                " or unknown ~= plan_id or expect",
                " or expect",
                "test_one_that_comes_while_another_plans_outcome_is_unknown_is_not_lost",
            ),
            (
                "one from before an answer is over",
                "lua/record_result.lua",
                "  if c[4] == 'repaired' or is_earlier(c[4]) then return true end\n",
                "  if c[4] == 'repaired' then return true end\n",
                "test_one_that_was_published_before_the_answer_and_is_recorded_after_it_is_over",
            ),
            (
                "it is believed after a part of the order",
                "lua/record_result.lua",
                "    redis.call('HSET', consumed_key, 'settled', first_entry_id)\n",
                "    redis.call('HSET', consumed_key, 'settled', own_fill and 'repaired' or first_entry_id)\n",
                "test_after_a_part_of_the_order_it_is_believed",
            ),
            (
                "a refusal that its executor comes to doubt is none",
                "lua/record_result.lua",
                "  if c[4] == 'repaired' or is_earlier(c[4]) then return true end\n",
                "  if c[4] then return true end\n",
                "test_an_executor_that_comes_to_doubt_its_refusal_takes_the_position_again",
            ),
            (
                "an answer from before it ends nothing",
                "lua/record_result.lua",
                "and proven)) and not is_earlier(c[5])\n",
                "and proven))\n",
                "test_an_answer_that_was_published_before_it_and_is_recorded_after_it_ends_nothing",
            ),
            (
                "the last one counts for that",
                "lua/record_result.lua",
                "  if proven and not is_earlier(c[5]) then redis",
                "  if proven and not c[5] then redis",
                "test_the_last_of_several_counts",
            ),
            (
                "one that was put back is as old as it was",
                "results.py",
                '"first_entry_id": result.first_entry(entry).entry_id,\n',
                '"first_entry_id": entry.entry_id,\n',
                "test_one_that_was_put_back_is_as_old_as_it_was",
            ),
            (
                "the later of two answers counts",
                "lua/record_result.lua",
                "  if consumer and c[4] ~= 'repaired' and not is_earlier(c[4]) then\n",
                "  if consumer and c[4] ~= 'repaired' then\n",
                "test_one_that_was_put_back_is_as_old_as_it_was",
            ),
            *(
                (
                    f"a result of another symbol {what} nothing",
                    "lua/record_result.lua",
                    "local consumer = (not c[6] or c[6] == symbol) and c[1]\n",
                    "local consumer = c[1]\n",
                    test,
                )
                for what, test in (
                    ("settles", "test_one_that_names_another_symbol_settles_nothing"),
                    ("holds", "test_nor_does_it_hold_that_symbol"),
                )
            ),
            (
                "in hedge mode it is the leg's",
                "lua/put_snapshots.lua",
                "      service_hold = k.long_service_hold },\n",
                "      service_hold = k.service_hold },\n",
                "test_in_hedge_mode_it_is_the_legs_alone",
            ),
        )
    ),
)
