"""A prepared verdict is issued only while everything that it rests on stands (CONTRACT section 12)."""

from __future__ import annotations

from tests.guards.guard import Guard

TESTS = "integration/store/test_promotion.py"
MOVED = f"{TESTS}::test_whatever_moved_since_the_plan_goes_the_ordinary_way"
TIME = f"{TESTS}::test_what_time_turns_is_judged_again"
LIMITS = f"{TESTS}::test_a_process_with_other_limits_promotes_nothing"
HANDLER = "unit/ingest/test_handlers.py::test_what_has_to_be_proven_or_noted_or_was_sent_before_is_not_promoted"
OTHERS = f"{TESTS}::test_another_plan_than_the_expected_one_goes_the_ordinary_way"


def _lua(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="store/lua/commit_verdict.lua", old=old, new=new, tests=tests)


def _promoting(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="services/promote_prepared.py", old=old, new=new, tests=tests)


PREPARED = (
    _lua(
        "a process with other limits promotes nothing",
        "  if p.policy_digest ~= policy_digest then return moved('policy') end\n",
        "",
        LIMITS,
    ),
    _lua(
        "the last order's cooldown is judged again by TIME",
        "  if ordered and now - math.min(ordered, now) < tonumber(cooldown_ms) then return moved('cooldown') end\n",
        "",
        TIME,
    ),
    _lua(
        "market rules that moved stop an allow",
        "  if stored_text(market_key, MARKET_FIELDS) ~= evaluated_market then return moved('market') end\n",
        "",
        MOVED,
    ),
    _lua(
        "market rules of the future or too old stop an allow",
        "not rules_ms or rules_ms > now or now - rules_ms > tonumber(market_max_age_ms)",
        "false",
        f"{TESTS}::test_market_rules_that_grew_old_since_the_preparation_stop_it",
    ),
    _lua(
        "a plan with a prepared verdict has the place of its own plan_id in it",
        "plan_id = plan_id_json, action",
        "plan_id = action_json, action",
        f"{TESTS}::test_its_audit_entry_makes_the_same_verdict_again",
    ),
    _promoting("a plan that is not reduce-only is never promoted", "plan.reduce_only and ", "", OTHERS),
    _promoting("a malformed plan is never promoted", "plan.problem is None and ", "", OTHERS),
    _promoting("an emergency close is never promoted", " and plan.emergency is None", "", OTHERS),
    Guard(
        promise="an emergency close is proven by a task, not promoted by the ingest",
        file="ingest/handlers.py",
        old="            and not is_emergency(entry.fields)\n",
        new="",
        tests=(HANDLER,),
    ),
    Guard(
        promise="a plan whose id is ahead of TIME is noted by a task, not promoted by the ingest",
        file="ingest/handlers.py",
        old="            and time_ms_of(entry.where.entry_id) <= latest_ms\n",
        new="",
        tests=(HANDLER,),
    ),
    Guard(
        promise="a deny is never prepared",
        file="services/prepare_permits.py",
        old="if isinstance(verdict, Allow) else None",
        new="if verdict else None",
        tests=(f"{TESTS}::test_denies_and_strangers_are_not_prepared",),
    ),
    Guard(
        promise="a named leg in one-way mode is not prepared under a key of its own",
        file="services/prepare_permits.py",
        old="if facts.position_side is not plan.position_side:",
        new="if False:",
        tests=(f"{TESTS}::test_in_one_way_mode_a_named_leg_is_not_prepared",),
    ),
    Guard(
        promise="every limit is part of what a process judges by",
        file="contract/prepared.py",
        old='for name, value in asdict(policy).items() if name != "allowlist"',
        new='for name, value in asdict(policy).items() if name not in ("allowlist", "qty_tolerance_pct")',
        tests=("unit/contract/test_prepared.py", LIMITS),
    ),
    Guard(
        promise="verdicts are not prepared where permits are signed",
        file="settings/model.py",
        old='return self.prepare == "on" and self.permit_signing_key is None',
        new='return self.prepare == "on"',
        tests=("unit/settings/test_settings.py::test_nothing_is_prepared_where_permits_are_signed",),
    ),
)
