"""What stops plans in silence is found, and what can be mended is."""

from __future__ import annotations

from tests.guards.guard import Guard

HEALTH = "unit/exporter/test_health.py"
CHECK = "integration/cli/test_check.py"
SNAPSHOTS = "integration/store/test_snapshots.py"

DETECTION = (
    Guard(
        promise="a reservation without an expiry gets one",
        file="store/lua/put_snapshots.lua",
        old=" or 0\n  if left > longest or left == -1 then\n",
        new=" or 0\n  if left > longest then\n",
        tests=(f"{SNAPSHOTS}::test_a_reservation_without_an_expiry_gets_one_with_the_next_snapshot",),
    ),
    Guard(
        promise="a dead beat is seen before the snapshots are stale",
        file="exporter/health.py",
        old="    if age_ms > limit_ms:\n",
        new="    if age_ms > limit_ms * 1_000:\n",
        tests=(f"{HEALTH}::test_a_dead_beat_is_not_ready_while_the_snapshots_are_still_fresh",),
    ),
    Guard(
        promise="an entry that is claimed again and again is seen by its age",
        file="cli/check_service.py",
        old="age = max(idle_ms, 0 if stream.oldest_ms is None else overview.now_ms - stream.oldest_ms)\n",
        new="age = idle_ms\n",
        tests=(f"{CHECK}::test_an_entry_that_is_claimed_again_and_again_is_seen_by_its_age",),
    ),
    Guard(
        promise="ids ahead of Redis's clock are said",
        file="cli/check_service.py",
        old="    elif (ahead_ms := stream.ahead_ms(overview.now_ms)) > MAX_AHEAD_MS:\n",
        new="    elif (ahead_ms := stream.ahead_ms(overview.now_ms)) > 10**18:\n",
        tests=(f"{CHECK}::test_ids_that_no_clock_of_this_redis_gave_are_said",),
    ),
    Guard(
        promise="a key or a broker other than the workers' is noticed",
        file="cli/check_service.py",
        old="for worker, mark in marked.items() if mark != own[name]))\n",
        new="for worker, mark in marked.items() if not mark))\n",
        tests=(f"{CHECK}::test_a_setting_other_than_the_workers_is_noticed",),
    ),
    Guard(
        promise="another signing key leaves another mark",
        file="contract/fingerprints.py",
        old="hmac.new(key.encode(), text.encode(),",
        new="hmac.new(bytes(key is not None), text.encode(),",
        tests=(f"{CHECK}::test_a_setting_other_than_the_workers_is_noticed",),
    ),
)
