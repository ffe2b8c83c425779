"""What stops plans in silence is found, and what can be mended is."""

from __future__ import annotations

from tests.guards.changes import instead
from tests.guards.guard import Guard

HEALTH = "unit/exporter/test_health.py"
CLI_TESTS = "integration/cli"
STORE_TESTS = "integration/store"

DETECTION = (
    Guard(
        promise="a reservation without an expiry gets one",
        within="put_snapshots.shorten_reservation",
        change=instead("or left == -1 then local plan_id", "then local plan_id"),
        tests=(
            f"{STORE_TESTS}/test_snapshot_records.py::test_a_reservation_without_an_expiry_gets_one_with_the_next_snapshot",
        ),
    ),
    Guard(
        promise="a dead beat is seen before the snapshots are stale",
        within="health._beat_is_dead",
        change=instead("if age_ms > limit_ms:", "if age_ms > limit_ms * 1_000:"),
        tests=(f"{HEALTH}::test_a_dead_beat_is_not_ready_while_the_snapshots_are_still_fresh",),
    ),
    Guard(
        promise="an entry that is claimed again and again is seen by its age",
        within="check_service._check_streams",
        change=instead(
            "max(idle_ms, 0 if stream.oldest_ms is None else overview.now_ms - stream.oldest_ms)", "idle_ms"
        ),
        tests=(
            f"{CLI_TESTS}/test_check_exchange.py::test_an_entry_that_is_claimed_again_and_again_is_seen_by_its_age",
        ),
    ),
    Guard(
        promise="ids ahead of Redis's clock are said",
        within="check_service._check_ids",
        change=instead("MAX_AHEAD_MS", "10**18"),
        tests=(f"{CLI_TESTS}/test_check_exchange.py::test_ids_that_no_clock_of_this_redis_gave_are_said",),
    ),
    Guard(
        promise="a key or a broker other than the workers' is noticed",
        within="check_service._check_marks",
        change=instead("mark != own[name]", "not mark"),
        tests=(f"{CLI_TESTS}/test_check_exchange.py::test_a_setting_other_than_the_workers_is_noticed",),
    ),
    Guard(
        promise="another signing key leaves another mark",
        within="fingerprints._mark",
        change=instead("key.encode()", "bytes(key is not None)"),
        tests=(f"{CLI_TESTS}/test_check_exchange.py::test_a_setting_other_than_the_workers_is_noticed",),
    ),
)
