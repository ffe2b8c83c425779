"""Who may ask the exchange, when, and how much."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

STORE_TESTS = "integration/store"
SERVICE_TESTS = "integration/services/test_snapshot_service.py"
RECOVERY_TESTS = "integration/engine/test_recovery.py"
OPERATOR_TESTS = "integration/store/test_operator.py"


def _claim(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{STORE_TESTS}/{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _budget(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{STORE_TESTS}/{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _service(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{SERVICE_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


REFRESHING = (
    # --- the service
    _service(
        "a symbol outside the allowlist isn't fetched",
        "SnapshotService.refresh",
        instead("symbol not in self._allowlist", "not symbol"),
        "test_a_symbol_outside_the_allowlist_is_not_fetched",
    ),
    _service(
        "only the claim's holder asks the exchange",
        "SnapshotService.refresh",
        instead("not Claim.MINE", "Claim.DONE"),
        "test_a_pause_and_a_request_in_flight_are_respected",
    ),
    _service(
        "a snapshot is stamped before the request is sent",
        "SnapshotService._refresh_positions",
        instead("ts_ms=claim.now_ms,", "ts_ms=claim.now_ms + 10,"),
        "test_snapshots_are_stamped_with_the_time_before_the_request",
    ),
    _service(
        "what nobody asked for isn't written",
        "SnapshotService._refresh_positions",
        instead("report.positions.items() if symbol in self._allowlist", "report.positions.items()"),
        "test_symbols_that_nobody_asked_for_are_not_written",
    ),
    _service(
        "a claim is given back however the request ended",
        "SnapshotService.refresh",
        instead("finally:", "else:"),
        "test_a_programming_error_gives_the_claim_back_and_is_raised",
    ),
    # --- single flight
    _claim(
        "one worker at a time asks the exchange",
        "lua.claim_refresh",
        without("if lease_left > 0 and lease_left <= tonumber(lease_ms) then return answer('in_flight') end"),
        "test_refresh_claim.py::test_of_a_hundred_workers_one_makes_the_request",
    ),
    _claim(
        "the rest of a tick finds it done",
        "lua.claim_refresh",
        without("if now - ticked < tonumber(gap_ms) and not is_asked and not wished then return answer('done') end"),
        "test_refresh_claim.py::test_the_rest_of_the_tick_finds_it_done_well_or_badly",
    ),
    _claim(
        "a worker that died in flight gives way",
        "lua.claim_refresh",
        instead("lease_left > 0 and lease_left <= tonumber(lease_ms)", "r[4] ~= '0'"),
        "test_refresh_claim.py::test_a_worker_that_died_in_flight_gives_way_after_its_lease",
    ),
    Guard(
        promise="who lost its claim can't end another's",
        within="lua.finish_refresh",
        change=without("if redis.call('HGET', refresh_key, 'token') ~= token then return { 'not_mine' } end"),
        tests=(f"{STORE_TESTS}/test_refresh_claim.py::test_a_worker_that_died_in_flight_gives_way_after_its_lease",),
    ),
    _claim(
        "after a restart nobody fetches while an order of before may be sent",
        "lua.claim_refresh",
        without("if now - since <= tonumber(new_life_pause_ms) then return answer('paused') end"),
        "test_refresh_claim.py::test_after_a_restart_nobody_fetches_while_an_order_of_before_may_still_be_sent",
    ),
    Guard(
        promise="the pause after a restart outlasts the placing window",
        within="RefreshTimes.new_life_pause_ms",
        change=instead("int = 5_000", "int = 2_000"),
        tests=(
            f"{STORE_TESTS}/test_refresh_claim.py::test_after_a_restart_nobody_fetches_while_an_order_of_before_may_still_be_sent",
        ),
    ),
    _claim(
        "the pause after a restart begins anew for a clock that stepped back",
        "lua.claim_refresh",
        without("or since > now"),
        "test_refresh_claim.py::test_after_a_restart_the_pause_of_a_clock_that_stepped_back_ends",
    ),
    _claim(
        "after a restart neither gap nor lease of before is kept",
        "lua.claim_refresh",
        without("r[2] == current_life and"),
        "test_refresh_claim.py::test_after_a_restart_nobody_fetches_while_an_order_of_before_may_still_be_sent",
    ),
    _claim(
        "a claim of a clock that was ahead blocks nobody",
        "lua.claim_refresh",
        without("started <= now and"),
        "test_refresh_claim.py::test_a_claim_from_a_clock_that_was_ahead_blocks_nobody",
    ),
    # --- wishes of the forecaster
    _claim(
        "a wish takes no more weight than the ticks leave",
        "claim_refresh.is_wished",
        instead("return used + tonumber(request_weight) <= tonumber(spare_weight)", "return true"),
        "test_refresh_claim.py::test_a_wish_is_granted_only_from_the_weight_that_the_ticks_leave",
    ),
    _claim(
        "at most one wish is granted per poll period",
        "claim_refresh.is_wished",
        without("if last and last <= now and now - last < tonumber(wish_gap_ms) then return false end"),
        "test_refresh_claim.py::test_a_wish_is_granted_once_per_poll_period",
    ),
    _claim(
        "a request that was wished for leaves the next tick its own",
        "lua.claim_refresh",
        instead("if not ticked or ticked > started then ticked = started end", "ticked = started"),
        "test_refresh_claim.py::test_the_tick_after_a_wish_makes_its_own_request",
    ),
    # --- pause and budget
    _claim(
        "no refresh during a pause that the venue asked for",
        "lua.claim_refresh",
        without(
            "if paused_until and paused_until > now and paused_until - now <= MOST_PAUSE_MS then return"
            " answer('paused') end"
        ),
        "test_refresh_budget.py::test_a_pause_stops_every_worker_and_every_refresh_for_as_long_as_the_venue_said",
    ),
    _claim(
        "a pause of a clock that was ahead is over",
        "lua.claim_refresh",
        without("and paused_until - now <= MOST_PAUSE_MS"),
        "test_refresh_budget.py::test_a_pause_from_a_clock_that_was_ahead_is_over",
    ),
    _budget(
        "no request at all during a pause",
        "lua.acquire_budget",
        never("paused_until and paused_until > now"),
        "test_refresh_budget.py::test_a_pause_stops_every_worker_and_every_refresh_for_as_long_as_the_venue_said",
    ),
    _budget(
        "our own weight per minute is limited, over all workers",
        "lua.acquire_budget",
        without("used + weight > tonumber(own_limit) or"),
        "test_refresh_budget.py::test_a_hundred_workers_share_one_budget",
    ),
    _budget(
        "the venue's own count limits too",
        "lua.acquire_budget",
        without("or reported + weight > tonumber(venue_limit)"),
        "test_refresh_budget.py::test_the_venues_own_count_limits_too",
    ),
    _budget(
        "an overtaken answer doesn't lower the venue's count",
        "lua.report_budget",
        without("reported = math.max(reported, whole(b[2]) or 0)"),
        "test_refresh_budget.py::test_the_venues_own_count_limits_too",
    ),
    _budget(
        "a shorter pause doesn't shorten a longer one",
        "report_budget.pause",
        without("if stored > now and stored - now <= MOST_PAUSE_MS then until_ms = math.max(until_ms, stored) end"),
        "test_refresh_budget.py::test_a_pause_stops_every_worker_and_every_refresh_for_as_long_as_the_venue_said",
    ),
    _budget(
        "a pause longer than any is kept for three days",
        "report_budget.pause",
        instead("math.min(tonumber(seconds) * 1000, MOST_PAUSE_MS)", "tonumber(seconds) * 1000"),
        "test_refresh_budget.py::test_a_pause_longer_than_any_is_kept_for_three_days",
    ),
    # --- holds
    Guard(
        promise="a hold is set until somebody clears it",
        within="lua.change_hold",
        change=instead(
            "redis.call('SET', hold_key, cjson.encode(hold))",
            "redis.call('SET', hold_key, cjson.encode(hold), 'EX', 3600)",
        ),
        tests=(f"{OPERATOR_TESTS}::test_a_hold_denies_says_what_ends_it_and_ends_by_clearing",),
    ),
    Guard(
        promise="a hold that lasts longer than the new one stays",
        within="lua.change_hold",
        change=without(
            "if left and (left < 0 or for_ms ~= '' and tonumber(for_ms) <= left) then return { 'unchanged' } end"
        ),
        tests=("integration/cli/test_operator.py::test_a_hold_that_would_end_earlier_gives_way_and_any_other_stays",),
    ),
    Guard(
        promise="a hold on a symbol that nobody judges is refused",
        within="symbols.listed_symbol_of",
        change=always("symbol in allowlist"),
        tests=("integration/cli/test_operator.py::test_a_symbol_outside_the_allowlist_is_refused_with_the_near_ones",),
    ),
    Guard(
        promise="any value under the hold key holds",
        within="load_facts.hold_of",
        change=instead("return found ~= 'none' and '(a ' .. found .. ')'", "return false"),
        tests=(f"{OPERATOR_TESTS}::test_any_value_under_the_hold_key_holds",),
    ),
    Guard(
        promise="market rules that a symbol misses are asked for again within a minute",
        within="RedisSnapshotStore.finish_refresh",
        change=instead("self._times.markets_ms - MARKET_RETRY_MS", "0"),
        tests=(f"{SERVICE_TESTS}::test_order_rules_that_one_symbol_misses_are_asked_for_again_within_a_minute",),
    ),
    _claim(
        "a refused quantity makes the market rules due at once",
        "lua.claim_refresh",
        without("if refused and refused <= now and refused >= (whole(m[2]) or 0) then due = true end"),
        "test_refresh_budget.py::test_a_refusal_makes_market_rules_due_until_they_were_asked_for_again",
    ),
    Guard(
        promise="rules that were asked for before a refusal don't answer it",
        within="lua.finish_refresh",
        change=instead("(began)", "(at)"),
        tests=(
            f"{STORE_TESTS}/test_refresh_budget.py::test_a_refusal_makes_market_rules_due_until_they_were_asked_for_again",
        ),
    ),
    Guard(
        promise="a symbol that the venue no longer trades loses its market rules",
        within="RedisSnapshotStore.put_markets",
        change=instead("written[symbol] = encode_market_problem(problem, source, ts_ms)", "log_nothing = problem"),
        tests=(f"{SERVICE_TESTS}::test_a_symbol_that_stops_trading_while_the_service_runs_loses_its_rules",),
    ),
    Guard(
        promise="market rules are as old as the request for them",
        within="SnapshotService._refresh_markets",
        change=instead("claim.now_ms", "claim.now_ms + 600_000"),
        tests=(f"{SERVICE_TESTS}::test_market_rules_are_stamped_with_the_time_before_the_request",),
    ),
    Guard(
        promise="refreshes that nobody takes don't fill Redis",
        within="BatchScheduler._sent",
        change=without("self._full = self._full_queues()"),
        tests=("integration/engine/test_beat.py::test_while_no_worker_takes_them_a_few_ticks_wait_and_no_more",),
    ),
    Guard(
        promise="a message whose acknowledgement was lost isn't counted as work for ever",
        within="broker.redis_options",
        change=without(', "ack_emulation": False'),
        tests=(
            f"{RECOVERY_TESTS}::test_a_message_whose_acknowledgement_never_arrived_is_not_counted_as_work_for_ever",
        ),
    ),
)
