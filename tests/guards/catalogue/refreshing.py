"""Who may ask the exchange, when, and how much."""

from __future__ import annotations

from tests.guards.guard import Guard

CLAIM_TESTS = "integration/store/test_refresh_claim.py"
SERVICE_TESTS = "integration/services/test_snapshot_service.py"
RECOVERY_TESTS = "integration/engine/test_recovery.py"
OPERATOR_TESTS = "integration/store/test_operator.py"


def _claim(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{CLAIM_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="store/lua/claim_refresh.lua", old=old, new=new, tests=named)


def _budget(promise: str, script: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{CLAIM_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=f"store/lua/{script}_budget.lua", old=old, new=new, tests=named)


def _service(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{SERVICE_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="services/refresh_snapshot.py", old=old, new=new, tests=named)


REFRESHING = (
    # --- the service
    _service(
        "a symbol outside the allowlist isn't fetched",
        "        if symbol not in self._allowlist:\n",
        "        if not symbol:\n",
        "test_a_symbol_outside_the_allowlist_is_not_fetched",
    ),
    _service(
        "only the claim's holder asks the exchange",
        "        if claim.claim is not Claim.MINE:\n",
        "        if claim.claim is Claim.DONE:\n",
        "test_a_pause_and_a_request_in_flight_are_respected",
    ),
    _service(
        "a snapshot is stamped before the request is sent",
        "ts_ms=claim.now_ms,",
        "ts_ms=claim.now_ms + 10,",
        "test_snapshots_are_stamped_with_the_time_before_the_request",
    ),
    _service(
        "what nobody asked for isn't written",
        "            for symbol, position in report.positions.items()\n            if symbol in self._allowlist\n",
        "            for symbol, position in report.positions.items()\n",
        "test_symbols_that_nobody_asked_for_are_not_written",
    ),
    _service(
        "a claim is given back however the request ended",
        "        finally:\n            self._store.finish_refresh(claim, error=error, markets=markets)\n",
        "        else:\n            self._store.finish_refresh(claim, error=error, markets=markets)\n",
        "test_a_programming_error_gives_the_claim_back_and_is_raised",
    ),
    # --- single flight
    _claim(
        "one worker at a time asks the exchange",
        "  if lease_left > 0 and lease_left <= tonumber(lease_ms) then return answer('in_flight') end\n",
        "",
        "test_of_a_hundred_workers_one_makes_the_request",
    ),
    _claim(
        "the rest of a tick finds it done",
        "  if now - ticked < tonumber(gap_ms) and not is_asked and not wished then return answer('done') end\n",
        "",
        "test_the_rest_of_the_tick_finds_it_done_well_or_badly",
    ),
    _claim(
        "a worker that died in flight gives way",
        "  if lease_left > 0 and lease_left <= tonumber(lease_ms) then return answer('in_flight') end\n",
        "  if r[4] ~= '0' then return answer('in_flight') end\n",
        "test_a_worker_that_died_in_flight_gives_way_after_its_lease",
    ),
    Guard(
        promise="who lost its claim can't end another's",
        file="store/lua/finish_refresh.lua",
        old="if redis.call('HGET', refresh_key, 'token') ~= token then return { 'not_mine' } end\n",
        new="",
        tests=(f"{CLAIM_TESTS}::test_a_worker_that_died_in_flight_gives_way_after_its_lease",),
    ),
    _claim(
        "after a restart nobody fetches while an order of before may be sent",
        "  if now - since <= tonumber(new_life_pause_ms) then return answer('paused') end\n",
        "",
        "test_after_a_restart_nobody_fetches_while_an_order_of_before_may_still_be_sent",
    ),
    Guard(
        promise="the pause after a restart outlasts the placing window",
        file="store/snapshots.py",
        old="    new_life_pause_ms: int = 5_000",
        new="    new_life_pause_ms: int = 2_000",
        tests=(f"{CLAIM_TESTS}::test_after_a_restart_nobody_fetches_while_an_order_of_before_may_still_be_sent",),
    ),
    _claim(
        "the pause after a restart begins anew for a clock that stepped back",
        "  if not since or since > now then\n",
        "  if not since then\n",
        "test_after_a_restart_the_pause_of_a_clock_that_stepped_back_ends",
    ),
    _claim(
        "after a restart neither gap nor lease of before is kept",
        "if r[1] == source and r[2] == current_life and started and",
        "if r[1] == source and started and",
        "test_after_a_restart_nobody_fetches_while_an_order_of_before_may_still_be_sent",
    ),
    _claim(
        "a claim of a clock that was ahead blocks nobody",
        "started and started <= now and",
        "started and",
        "test_a_claim_from_a_clock_that_was_ahead_blocks_nobody",
    ),
    # --- wishes of the forecaster
    _claim(
        "a wish takes no more weight than the ticks leave",
        "  return used + tonumber(request_weight) <= tonumber(spare_weight)\n",
        "  return true\n",
        "test_a_wish_is_granted_only_from_the_weight_that_the_ticks_leave",
    ),
    _claim(
        "at most one wish is granted per poll period",
        "  if last and last <= now and now - last < tonumber(wish_gap_ms) then return false end\n",
        "",
        "test_a_wish_is_granted_once_per_poll_period",
    ),
    _claim(
        "a request that was wished for leaves the next tick its own",
        "  if not ticked or ticked > started then ticked = started end\n",
        "  ticked = started\n",
        "test_the_tick_after_a_wish_makes_its_own_request",
    ),
    # --- pause and budget
    _claim(
        "no refresh during a pause that the venue asked for",
        "if paused_until and paused_until > now and paused_until - now <= MOST_PAUSE_MS then return"
        " answer('paused') end\n",
        "",
        "test_a_pause_stops_every_worker_and_every_refresh_for_as_long_as_the_venue_said",
    ),
    _claim(
        "a pause of a clock that was ahead is over",
        "paused_until > now and paused_until - now <= MOST_PAUSE_MS then return answer('paused') end\n",
        "paused_until > now then return answer('paused') end\n",
        "test_a_pause_from_a_clock_that_was_ahead_is_over",
    ),
    _budget(
        "no request at all during a pause",
        "acquire",
        "if paused_until and paused_until > now and",
        "if false and",
        "test_a_pause_stops_every_worker_and_every_refresh_for_as_long_as_the_venue_said",
    ),
    _budget(
        "our own weight per minute is limited, over all workers",
        "acquire",
        "if used + weight > tonumber(own_limit) or",
        "if",
        "test_a_hundred_workers_share_one_budget",
    ),
    _budget(
        "the venue's own count limits too",
        "acquire",
        " or reported + weight > tonumber(venue_limit) then",
        " then",
        "test_the_venues_own_count_limits_too",
    ),
    _budget(
        "an overtaken answer doesn't lower the venue's count",
        "report",
        "    reported = math.max(reported, whole(b[2]) or 0)\n",
        "",
        "test_the_venues_own_count_limits_too",
    ),
    _budget(
        "a shorter pause doesn't shorten a longer one",
        "report",
        "  if stored > now and stored - now <= MOST_PAUSE_MS then until_ms = math.max(until_ms, stored) end\n",
        "",
        "test_a_pause_stops_every_worker_and_every_refresh_for_as_long_as_the_venue_said",
    ),
    _budget(
        "a pause longer than any is kept for three days",
        "report",
        "now + math.min(tonumber(seconds) * 1000, MOST_PAUSE_MS)\n",
        "now + tonumber(seconds) * 1000\n",
        "test_a_pause_longer_than_any_is_kept_for_three_days",
    ),
    # --- holds
    Guard(
        promise="a hold is set until somebody clears it",
        file="store/lua/change_hold.lua",
        old="  redis.call('SET', hold_key, cjson.encode(hold))\n",
        new="  redis.call('SET', hold_key, cjson.encode(hold), 'EX', 3600)\n",
        tests=(f"{OPERATOR_TESTS}::test_a_hold_denies_says_what_ends_it_and_ends_by_clearing",),
    ),
    Guard(
        promise="a hold that lasts longer than the new one stays",
        file="store/lua/change_hold.lua",
        old="if left and (left < 0 or for_ms ~= '' and tonumber(for_ms) <= left) then return { 'unchanged' } end\n",
        new="",
        tests=("integration/cli/test_operator.py::test_a_hold_that_would_end_earlier_gives_way_and_any_other_stays",),
    ),
    Guard(
        promise="a hold on a symbol that nobody judges is refused",
        file="cli/symbols.py",
        old="    if symbol in allowlist:\n",
        new="    if True:\n",
        tests=("integration/cli/test_operator.py::test_a_symbol_outside_the_allowlist_is_refused_with_the_near_ones",),
    ),
    Guard(
        promise="any value under the hold key holds",
        file="store/lua/load_facts.lua",
        old="  return found ~= 'none' and '(a ' .. found .. ')'\n",
        new="  return false\n",
        tests=(f"{OPERATOR_TESTS}::test_any_value_under_the_hold_key_holds",),
    ),
    Guard(
        promise="market rules that a symbol misses are asked for again within a minute",
        file="store/snapshots.py",
        old="self._times.markets_ms - MARKET_RETRY_MS) if is_partial",
        new="0) if is_partial",
        tests=(f"{SERVICE_TESTS}::test_order_rules_that_one_symbol_misses_are_asked_for_again_within_a_minute",),
    ),
    _claim(
        "a refused quantity makes the market rules due at once",
        "if refused and refused <= now and refused >= (whole(m[2]) or 0) then due = true end\n",
        "",
        "test_a_refusal_makes_market_rules_due_until_they_were_asked_for_again",
    ),
    Guard(
        promise="rules that were asked for before a refusal don't answer it",
        file="store/lua/finish_refresh.lua",
        old="'markets_asked_ms', text(began))",
        new="'markets_asked_ms', text(at))",
        tests=(f"{CLAIM_TESTS}::test_a_refusal_makes_market_rules_due_until_they_were_asked_for_again",),
    ),
    Guard(
        promise="a symbol that the venue no longer trades loses its market rules",
        file="store/snapshots.py",
        old="            written[symbol] = encode_market_problem(problem, source, ts_ms)\n",
        new="            log_nothing = problem  # noqa: F841\n",
        tests=(f"{SERVICE_TESTS}::test_a_symbol_that_stops_trading_while_the_service_runs_loses_its_rules",),
    ),
    Guard(
        promise="market rules are as old as the request for them",
        file="services/refresh_snapshot.py",
        old="source=self._venue.source, ts_ms=claim.now_ms)\n        for symbol",
        new="source=self._venue.source, ts_ms=claim.now_ms + 600_000)\n        for symbol",
        tests=(f"{SERVICE_TESTS}::test_market_rules_are_stamped_with_the_time_before_the_request",),
    ),
    Guard(
        promise="refreshes that nobody takes don't fill Redis",
        file="celery/scheduler.py",
        old="            self._full = self._full_queues()\n",
        new="",
        tests=("integration/engine/test_beat.py::test_while_no_worker_takes_them_a_few_ticks_wait_and_no_more",),
    ),
    Guard(
        promise="a message whose acknowledgement was lost isn't counted as work for ever",
        file="celery/broker.py",
        old='        "ack_emulation": False,\n',
        new="",
        tests=(
            f"{RECOVERY_TESTS}::test_a_message_whose_acknowledgement_never_arrived_is_not_counted_as_work_for_ever",
        ),
    ),
)
