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


def _compared(what: str, old: str, new: str = "", test: str = MOVED) -> Guard:
    return _lua(f"a promotion compares {what}", old, new, test)


# Issuing has guards of the same lines: a promotion must not lose one of them, say, in a script of its own.
_COMPARED = (
    _compared("an operator's hold", "passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1", "false"),
    _compared("the service's hold", "emergency ~= '1' and redis.call('EXISTS', service_hold_key) == 1", "false"),
    _compared(
        "the reservation", "  if redis.call('EXISTS', reservation_key) == 1 then return moved('reservation') end\n"
    ),
    _compared(
        "the server's run",
        "  if run_id() ~= evaluated_run_id then return moved('run_id') end\n",
        test=f"{TESTS}::test_what_was_prepared_under_another_run_of_the_server_is_not_promoted",
    ),
    _compared("the store's life", "current_life == '' or current_life ~= evaluated_life", "current_life == ''"),
    _compared("the amount", "if s[1] ~= evaluated_position_amt or not fetched", "if not fetched"),
    _compared("the snapshot's time", " or fetched ~= tonumber(evaluated_ts_ms)"),
    _compared("the snapshot's venue", " or s[4] ~= evaluated_source"),
    _compared("the snapshot's run", " or s[5] ~= evaluated_run_id\n", "\n"),
    _compared("the snapshot's life", "not is_of_life(s[6], current_life, accept_old_life)", "false"),
    _compared(
        "the mode",
        "  if not is_of_mode(position_side, symbol_snapshot_key, s[2], s[6]) then return moved('mode') end\n",
    ),
    _compared(
        "the snapshot's age", "fetched > now or now - fetched > tonumber(stale_threshold_ms)", "fetched > now", TIME
    ),
    _compared("the snapshot's time with TIME", "fetched > now or now - fetched >", "now - fetched >", TIME),
    _compared("the ledger's amount", "(l[1] or '') ~= evaluated_ledger_amt or unreadable", "unreadable"),
    _compared("the order time", " or (ordered and text(ordered) or '') ~= evaluated_order_ms"),
    _compared("whether the order time is one", " or unreadable or (ordered", " or (ordered"),
    _compared("the barrier", "  if before_barrier(fetched, l[4], read_lag_ms) then return moved('barrier') end\n"),
    _compared("the order whose outcome is unknown", "emergency ~= '1' and l[5] and l[5] ~= ''", "false"),
    _compared("the operator's limits", "stored_text(limits_key, LIMITS_FIELDS) ~= evaluated_limits", "false"),
    _compared("the service's limits", "stored_text(adaptive_key, ADAPTIVE_FIELDS) ~= evaluated_adaptive", "false"),
    _compared("the end of a looser limit", "limits_until_ms ~= '' and now >= tonumber(limits_until_ms)", "false", TIME),
    _compared(
        "the plan's age",
        "  if now - tonumber(plan_issued_ms) > tonumber(plan_max_age_ms) then return moved('plan_age') end\n",
        test=f"{TESTS}::test_a_plan_that_grew_old_is_not_promoted",
    ),
    _compared(
        "whether there is a verdict already",
        "if redis.call('EXISTS', decision_key) == 1 then\n",
        "if false then\n",
        f"{TESTS}::test_a_plan_that_has_its_verdict_is_acknowledged",
    ),
)
RANDOM = "integration/store/test_promoted_verdicts.py"

PREPARED = (
    _lua(
        "a process with other limits promotes nothing",
        "  if p.policy_digest ~= policy_digest then return moved('policy') end\n",
        "",
        LIMITS,
    ),
    *_COMPARED,
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
        TIME,
    ),
    _lua(
        "a plan with a prepared verdict has the place of its own plan_id in it",
        "plan_id = plan_id_json, action",
        "plan_id = action_json, action",
        f"{TESTS}::test_its_audit_entry_makes_the_same_verdict_again",
    ),
    _lua(
        "a promoted verdict is recorded with the barrier of its own moment",
        "barrier_ms = barrier and text(barrier) or 'null'",
        "barrier_ms = 'null'",
        RANDOM,
    ),
    _lua("a promoted verdict tells the snapshot's age of its own moment", "seconds_of(now - fetched)", "'1'", RANDOM),
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
