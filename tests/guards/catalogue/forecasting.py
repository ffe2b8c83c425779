"""What is forecast, when the forecaster is silent, and what it does with damage."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

LEARNING = "unit/forecaster/test_learning.py"
HAZARD = "unit/forecaster/test_hazard.py"
MIXING = "unit/forecaster/test_mixing.py"
STATE = "unit/forecaster/test_state.py"
SERVICE = "integration/forecaster/test_service.py"


def _guard(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(test,))


FORECASTING = (
    _guard(
        "a model no better than the base rate is silent",
        "Issuer.choose",
        without("if self.speaks else ()"),
        f"{LEARNING}::test_while_silent_nothing_is_published_and_nothing_counts_as_foreseen",
    ),
    _guard(
        "too little seen is silence",
        "Issuer._judge",
        without("scores.weight < LEAST_SAMPLES or scores.plans < LEAST_PLANS or"),
        f"{LEARNING}::test_too_little_lately_is_silence",
    ),
    _guard(
        "a forecast that lives beyond the next look is not repeated",
        "Issuer.choose",
        always("not living or living[-1].at_ms + HORIZON_MS - now_ms < renew_ms"),
        f"{LEARNING}::test_a_plan_that_stays_likely_is_forecast_again_before_the_first_forecast_ends",
    ),
    _guard(
        "a plan that came before a refresh counts as not prepared",
        "Issuer.came",
        without("if found.at_ms < self._looked_ms"),
        f"{LEARNING}::test_a_forecast_that_no_refresh_could_prepare_was_in_vain",
    ),
    _guard(
        "a plan ends every forecast of it",
        "Issuer.came",
        instead("found not in expected", "found is not early"),
        f"{LEARNING}::test_of_two_forecasts_of_one_plan_one_is_the_hit_and_both_were_made",
    ),
    _guard(
        "a prediction is scored before it is learned from",
        "Learner._learn",
        without("self.scores.add(sample.by_action, came, sample.at_ms)"),
        f"{LEARNING}::test_scored_before_learned",
    ),
    _guard(
        "a plan of before the look is not what came after it",
        "Learner.plan",
        without("and waiting[0].at_ms < at_ms"),
        f"{LEARNING}::test_a_plan_of_before_the_look_or_of_another_position_teaches_nothing",
    ),
    _guard(
        "the learner's memory is bounded",
        "Learner._predict",
        never("known is None and len(self.tracks) >= MOST_POSITIONS"),
        f"{LEARNING}::test_memory_is_bounded_at_2000_positions",
    ),
    _guard(
        "of a gap between two looks only a minute is counted",
        "Learner._count_time",
        instead("min(elapsed_ms, MOST_COUNTED_MS)", "elapsed_ms"),
        f"{LEARNING}::test_of_a_gap_between_two_looks_a_minute_is_counted",
    ),
    _guard(
        "an old rule is forgotten",
        "Hazard.came",
        instead("earlier, self._keep, out=earlier", "earlier, 1.0, out=earlier"),
        f"{HAZARD}::test_the_fewer_plans_are_kept_the_sooner_a_rule_is_forgotten",
    ),
    _guard(
        "a rule is learned after days without a plan",
        "Hazard.aged",
        instead("earlier, self._keep ** (elapsed_sec / PLAN_SEC), out=earlier", "earlier, 1.0, out=earlier"),
        f"{HAZARD}::test_a_rule_is_learned_after_days_without_a_plan",
    ),
    _guard(
        "a chance is made of what was counted last",
        "Hazard.stayed",
        without("self._ahead.clear()"),
        f"{HAZARD}::test_time_without_a_plan_counts_as_much_as_a_plan",
    ),
    _guard(
        "a price that moves beyond measure is still a price",
        "Hazard.ahead",
        instead("max(LEAST_VOLATILITY, min(MOST_VOLATILITY, volatility))", "volatility"),
        f"{HAZARD}::test_whatever_was_seen_the_chance_is_one",
    ),
    _guard(
        "no single sample decides which opinion counts",
        "Mixture.judge",
        instead("LEAST_PROBABILITY", "1e-300"),
        f"{MIXING}::test_no_single_sample_decides",
    ),
    _guard(
        "opinions count by how good they were lately",
        "Learner._learn",
        without("self.mixture.judge(sample.opinions, came, sample.at_ms)"),
        f"{LEARNING}::test_what_is_said_is_the_mean_of_hazard_and_model_by_how_good_each_was",
    ),
    _guard(
        "what was counted has the form that is written",
        "hazard._counted",
        never("len(found) != SHARES or any(len(row) != CELLS for row in found)"),
        f"{STATE}::test_damage_of_any_kind_is_told_and_nothing_of_it_used",
    ),
    _guard(
        "what was counted is of an action that there is",
        "Hazard.from_numbers",
        never("action not in ACTIONS"),
        f"{STATE}::test_damage_of_any_kind_is_told_and_nothing_of_it_used",
    ),
    _guard(
        "a state of another version is not used",
        "state._decoded",
        never('found["version"] != VERSION'),
        f"{STATE}::test_damage_of_any_kind_is_told_and_nothing_of_it_used",
    ),
    _guard(
        "what was learned is kept when the forecaster is asked to stop",
        "Forecaster._end",
        never("self._learned is not None"),
        "integration/forecaster/test_process.py::"
        "test_a_signal_ends_it_with_what_it_learned_kept_and_the_lease_given_back",
    ),
    _guard(
        "a plan_id that was there before is no other plan",
        "Happenings._plan",
        without("or plan.plan_id in self._plans"),
        f"{SERVICE}::test_plans_are_counted_once_and_everything_else_in_the_stream_is_ignored_and_counted",
    ),
    _guard(
        "a deny that ends by itself is no warning",
        "Warnings.look",
        always("now_ms - ahead.since_ms >= wait_ms"),
        f"{SERVICE}::test_a_deny_that_ends_by_itself_is_no_warning",
    ),
    _guard(
        "one forecaster per account",
        "Forecaster.run",
        instead("if mine:", "if True:"),
        f"{SERVICE}::test_one_per_account_and_the_next_one_goes_on_from_its_state",
    ),
)
