"""A prepared verdict is issued only while everything that it rests on stands (CONTRACT section 12)."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

TESTS = "integration/store/test_promotion.py"
MOVED = f"{TESTS}::test_whatever_moved_since_the_plan_goes_the_ordinary_way"
TIME = f"{TESTS}::test_what_time_turns_is_judged_again"
LIMITS = f"{TESTS}::test_a_process_with_other_limits_promotes_nothing"
HANDLER = "unit/ingest/test_handlers.py::test_what_has_to_be_proven_or_noted_or_was_sent_before_is_not_promoted"
OTHERS = f"{TESTS}::test_another_plan_than_the_expected_one_goes_the_ordinary_way"


def _lua(promise: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within="lua.commit_verdict", change=change, tests=tests)


def _promoting(promise: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within="promote_prepared._may_be_prepared", change=change, tests=tests)


def _compared(what: str, change: Change, test: str = MOVED) -> Guard:
    return Guard(promise=f"a promotion compares {what}", within="lua.commit_verdict", change=change, tests=(test,))


# Issuing has guards of the same lines: a promotion must not lose one of them, say, in a script of its own.
_COMPARED = (
    _compared("an operator's hold", never("passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1")),
    _compared("the service's hold", never("emergency ~= '1' and redis.call('EXISTS', service_hold_key) == 1")),
    _compared(
        "the reservation", without("if redis.call('EXISTS', reservation_key) == 1 then return moved('reservation') end")
    ),
    _compared(
        "the server's run",
        without("if run_id() ~= evaluated_run_id then return moved('run_id') end"),
        test=f"{TESTS}::test_what_was_prepared_under_another_run_of_the_server_is_not_promoted",
    ),
    _compared("the store's life", without("or current_life ~= evaluated_life")),
    _compared("the amount", without("s[1] ~= evaluated_position_amt or")),
    _compared("the snapshot's time", without("fetched ~= tonumber(evaluated_ts_ms) or")),
    _compared("the snapshot's venue", without("s[4] ~= evaluated_source or")),
    _compared("the snapshot's run", without("s[5] ~= evaluated_run_id or")),
    _compared("the snapshot's life", never("not is_of_life(s[6], current_life, accept_old_life)")),
    _compared(
        "the mode",
        never("not is_symbols_own and not is_of_mode(position_side, symbol_snapshot_key, s[2], s[6])"),
    ),
    _compared("the snapshot's age", without("or now - fetched > tonumber(stale_threshold_ms)"), TIME),
    _compared("the snapshot's time with TIME", without("fetched > now or"), TIME),
    _compared("the ledger's amount", without("(l[1] or '') ~= evaluated_ledger_amt or")),
    _compared("the order time", without("or (ordered and text(ordered) or '') ~= evaluated_order_ms")),
    _compared("whether the order time is one", instead("evaluated_ledger_amt or unreadable", "evaluated_ledger_amt")),
    _compared("the barrier", without("if before_barrier(fetched, l[4], read_lag_ms) then return moved('barrier') end")),
    _compared("the order whose outcome is unknown", never("emergency ~= '1' and l[5] and l[5] ~= ''")),
    _compared("the operator's limits", never("limits ~= evaluated_limits")),
    _compared("the service's limits", never("adaptive ~= evaluated_adaptive")),
    _compared("the end of a looser limit", never("limits_until_ms ~= '' and now >= tonumber(limits_until_ms)"), TIME),
    _compared(
        "the plan's age",
        without("if now - tonumber(plan_issued_ms) > tonumber(plan_max_age_ms) then return moved('plan_age') end"),
        test=f"{TESTS}::test_a_plan_that_grew_old_is_not_promoted",
    ),
    _compared(
        "whether there is a verdict already",
        never("redis.call('EXISTS', decision_key) == 1"),
        f"{TESTS}::test_a_plan_that_has_its_verdict_is_acknowledged",
    ),
)
RANDOM = "integration/store/test_promoted_verdicts.py"

PREPARED = (
    _lua(
        "a process with other limits promotes nothing",
        without("if p.policy_digest ~= policy_digest then return moved('policy') end"),
        LIMITS,
    ),
    *_COMPARED,
    _lua(
        "the last order's cooldown is judged again by TIME",
        without(
            "if ordered and now - math.min(ordered, now) < tonumber(cooldown_ms) then return moved('cooldown') end"
        ),
        TIME,
    ),
    _lua(
        "market rules that moved stop an allow",
        without("if market ~= evaluated_market then return moved('market') end"),
        MOVED,
    ),
    _lua(
        "market rules of the future or too old stop an allow",
        never("not rules_ms or rules_ms > now or now - rules_ms > tonumber(market_max_age_ms)"),
        TIME,
    ),
    _lua(
        "a plan with a prepared verdict has the place of its own plan_id in it",
        instead("plan_id_json, action", "action_json, action"),
        f"{TESTS}::test_its_audit_entry_makes_the_same_verdict_again",
    ),
    _lua(
        "a promoted verdict is recorded with the barrier of its own moment",
        without("barrier and text(barrier) or"),
        RANDOM,
    ),
    _lua(
        "a promoted verdict tells the snapshot's age of its own moment",
        instead("seconds_of(now - fetched)", "'1'"),
        RANDOM,
    ),
    _promoting("a plan that is not reduce-only is never promoted", without("plan.reduce_only and"), OTHERS),
    _promoting("a malformed plan is never promoted", without("plan.problem is None and"), OTHERS),
    _promoting("an emergency close is never promoted", without("and plan.emergency is None"), OTHERS),
    Guard(
        promise="an emergency close is proven by a task, not promoted by the ingest",
        within="PlanHandler.settled",
        change=without("and not is_emergency(entry.fields)"),
        tests=(HANDLER,),
    ),
    Guard(
        promise="a plan whose id is ahead of TIME is noted by a task, not promoted by the ingest",
        within="PlanHandler.settled",
        change=without("and time_ms_of(entry.where.entry_id) <= latest_ms"),
        tests=(HANDLER,),
    ),
    Guard(
        promise="a deny is never prepared",
        within="PreparationService._prepared",
        change=instead("isinstance(verdict, Allow)", "verdict"),
        tests=(f"{TESTS}::test_denies_and_strangers_are_not_prepared",),
    ),
    Guard(
        promise="a named leg in one-way mode is not prepared under a key of its own",
        within="PreparationService._prepared",
        change=never("facts.position_side is not plan.position_side"),
        tests=(f"{TESTS}::test_in_one_way_mode_a_named_leg_is_not_prepared",),
    ),
    Guard(
        promise="every limit is part of what a process judges by",
        within="prepared.policy_digest",
        change=instead('name != "allowlist"', 'name not in ("allowlist", "qty_tolerance_pct")'),
        tests=("unit/contract/test_prepared.py", LIMITS),
    ),
    Guard(
        promise="verdicts are not prepared where permits are signed",
        within="Settings.prepares",
        change=without("and self.permit_signing_key is None"),
        tests=("unit/settings/test_settings.py::test_nothing_is_prepared_where_permits_are_signed",),
    ),
)
