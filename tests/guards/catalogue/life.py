"""A life of the store: nothing of another one is relied on (CONTRACT section 3)."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

REFRESH_TESTS = "unit/services/test_refresh_snapshot.py"
LIFE_TESTS = "integration/store/test_life.py"
FAILBACK = "test_a_permit_consumed_before_a_failback_is_not_consumed_again"
EMPTIED = "test_an_emptied_store_knows_no_snapshot_and_consumes_nothing_until_a_refresh_begins_its_new_life"


def _script(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{LIFE_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


LIFE = (
    _script(
        "a promotion is a new life",
        "_prelude.life",
        without(".. hex_in(server_info(), 'master_replid') .. '/'"),
        FAILBACK,
    ),
    _script(
        "Redis 6, which takes one section of INFO per call, shows both",
        "_prelude.server_info",
        without("redis.REDIS_VERSION_NUM and"),
        EMPTIED,
    ),
    _script(
        "an emptied store has no life",
        "_prelude.is_of_life",
        without("if current == '' then return false end"),
        "test_in_an_emptied_store_not_even_what_version_0_1_wrote_is_consumed",
    ),
    _script(
        "a permit of another life isn't consumed",
        "lua.consume_permits",
        without(
            "if not is_of_life(permit_life, current_life, accept_old_life) then return refused('p33',"
            " 'other_redis_life') end"
        ),
        FAILBACK,
        EMPTIED,
    ),
    _script(
        "a permit isn't consumed on another venue's snapshot",
        "lua.consume_permits",
        without(
            "if permit_source ~= '' and s[6] ~= permit_source then return refused('p33',"
            " 'snapshot_of_another_source') end"
        ),
        "test_a_snapshot_of_another_venue_stops_the_consumption",
    ),
    _script(
        "an allow evaluated in another life isn't written",
        "lua.commit_verdict",
        without("if current_life == '' or current_life ~= evaluated_life then return moved('life') end"),
        "test_an_allow_evaluated_in_another_life_is_not_written_though_its_snapshot_looks_the_same",
    ),
    _script(
        "a new life is waited for",
        "lua.claim_refresh",
        never("r[2] ~= current_life"),
        "test_after_a_failback_nothing_is_fetched_while_an_order_of_before_may_be_sent",
        EMPTIED,
    ),
    _script(
        "an answer asked for in another life isn't written",
        "lua.put_snapshots",
        without("or fetched_life == '' or life(epoch_key) ~= fetched_life"),
        EMPTIED,
    ),
    _script(
        "a position of another life isn't adopted",
        "lua.adopt_ledger",
        without("or not is_of_life(s[7], life(epoch_key), accept_old_life)"),
        "test_a_position_is_adopted_from_a_snapshot_of_this_life_only",
    ),
    Guard(
        promise="positions of another account begin a new life",
        within="lua.note_account",
        change=without("redis.call('SET', epoch_key, new_epoch)"),
        tests=("integration/store/test_accounts.py",),
    ),
    Guard(
        promise="keys of two accounts allow nothing, also where one comes twice in a row",
        within="lua.note_account",
        change=instead("{ other and now - other < tonumber(quiet_ms) and 'quiet' or 'same' }", "{ 'same' }"),
        tests=("integration/store/test_accounts.py",),
    ),
    Guard(
        promise="what was fetched before the account was asked for counts no more",
        within="lua.note_account",
        change=without("and not seen[2]"),
        tests=("integration/store/test_accounts.py",),
    ),
    Guard(
        promise="positions of another account aren't written into the life of the other",
        within="SnapshotService._refresh_positions",
        change=never("report.account and self._store.note_account(report.account)"),
        tests=(
            f"{REFRESH_TESTS}::test_positions_of_another_account_are_not_written_and_those_of_before_count_no_more",
        ),
    ),
    Guard(
        promise="a verdict doesn't rest on a snapshot of another life",
        within="rules.snapshot.other_life",
        change=instead("snapshot.life != facts.life", "facts.life == snapshot.run_id"),
        tests=(f"{LIFE_TESTS}::test_after_a_failback_nothing_is_fetched_while_an_order_of_before_may_be_sent",),
    ),
)
