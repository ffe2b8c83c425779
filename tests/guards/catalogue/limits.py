"""Limits of one symbol: they tighten for good, and loosen for a time only (CONTRACT section 10)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard, guard

STORE = "integration/store/test_limits.py"
STATISTICS = "unit/domain/test_statistics.py"
DOMAIN = "unit/domain/test_limits.py"
MOVED = f"{STORE}::test_an_allow_whose_limits_moved_is_not_written"


def _domain(promise: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within="limits.in_force", change=change, tests=tests)


LIMITS = (
    guard(
        "an operator's limits that moved since the evaluation stop the allow",
        "lua.commit_verdict",
        without("if limits ~= evaluated_limits then return moved('limits') end"),
        MOVED,
    ),
    guard(
        "the service's own limits that moved since the evaluation stop the allow",
        "lua.commit_verdict",
        never("adaptive ~= evaluated_adaptive"),
        MOVED,
    ),
    guard(
        "a looser limit that ended since the evaluation stops the allow",
        "lua.commit_verdict",
        without("if limits_until_ms ~= '' and now >= tonumber(limits_until_ms) then return moved('limits_age') end"),
        f"{STORE}::test_an_allow_whose_looser_limit_ended_is_not_written",
    ),
    _domain(
        "a looser limit ends with its time, and reaches a day ahead at most",
        always("now_ms < limits.expires_ms <= now_ms + MAX_LOOSER_MS"),
        f"{DOMAIN}::test_nothing_is_looser_than_configured_unless_its_time_lies_ahead_by_a_day_at_most",
    ),
    _domain(
        "the service's own cooldown never shortens",
        instead('changes.get("cooldown_ms", policy.cooldown_ms)', "0"),
        f"{DOMAIN}::test_the_services_own_cooldown_only_lengthens_what_is_in_force",
    ),
    Guard(
        promise="a limit that can't be read denies",
        within="rules.RULES",
        change=without("limits_are_readable,"),
        tests=(f"{STORE}::test_a_limit_that_cannot_be_read_denies_and_names_its_key",),
    ),
    guard(
        "adopting waits for the cooldown in force",
        "lua.adopt_ledger",
        instead("cooldown_in_force(limits_key, adaptive_key, cooldown_ms, now)", "tonumber(cooldown_ms)"),
        f"{STORE}::test_adopting_observes_the_limits_in_force",
    ),
    guard(
        "a ledger begins only after the cooldown in force",
        "put_snapshots.keep_ledger",
        instead("cooldown_in_force(at.limits, at.adaptive, cooldown_ms, now)", "tonumber(cooldown_ms)"),
        f"{STORE}::test_a_ledger_begins_only_after_the_cooldown_in_force",
    ),
    guard(
        "a reservation for a longer cooldown is not cut at the next snapshot",
        "put_snapshots.shorten_reservation",
        without("+ math.max(0, (cooldown or MOST_COOLDOWN_MS) - tonumber(cooldown_ms))"),
        "integration/store/test_limits.py::test_a_reservation_for_a_longer_cooldown_is_not_cut",
    ),
    Guard(
        promise="a verdict is made by the limits in force",
        within="PermitService._ruling",
        change=instead("in_force(self._policy, facts.limits, facts.now_ms)", "self._policy"),
        tests=(f"{STORE}::test_an_operators_cooldown_counts_for_its_symbol_alone_and_the_deny_says_whose_it_is",),
    ),
    Guard(
        promise="statistics only lengthen the cooldown in force",
        within="statistics.adapted_cooldown",
        change=without("if wanted_ms <= in_force_ms or tenths_ms <= in_force_ms: return None"),
        tests=(f"{STATISTICS}::test_whatever_the_marks_are_the_cooldown_stays_within_its_bounds",),
    ),
    Guard(
        promise="the adapted cooldown has a ceiling",
        within="statistics.adapted_cooldown",
        change=instead(
            "min(max_ms, math.ceil(wanted_ms / TENTH_MS) * TENTH_MS)",
            "math.ceil(max(by_ratio_ms, by_settlement_ms) / TENTH_MS) * TENTH_MS",
        ),
        tests=(f"{STATISTICS}::test_a_venue_that_shows_fills_late_lengthens_the_cooldown",),
    ),
    Guard(
        promise="an absurd mark isn't volatility",
        within="statistics.with_mark",
        change=without("or not 1 / ABSURD < mark / known.mark < ABSURD"),
        tests=(f"{STATISTICS}::test_an_absurd_mark_does_not_count",),
    ),
    Guard(
        promise="the service's own key that can't be read gives way",
        within="RedisAdaptiveStore.save",
        change=instead("pipeline.delete(key)", "pass"),
        tests=("integration/store/test_adaptive.py::test_what_is_no_statistics_begins_anew",),
    ),
)
