"""Consuming: both permits or neither, once, and only while everything still holds (CONTRACT section 6, "Consuming")."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard, guard

STORE_TESTS = "integration/store"
SIGNED_TESTS = "integration/store/test_signed_permits.py"
OPTION_TESTS = "unit/apply/test_options.py"
RELEASE_TESTS = "integration/store/test_reservation_release.py"
AT_USE = f"{STORE_TESTS}/test_consume_conditions.py::test_what_changed_since_the_verdict_is_seen_at_use"


def _consume(promise: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within="lua.consume_permits", change=change, tests=tests)


CONSUMING = (
    guard(
        "a wait that was cancelled consumes nothing, also where the Redis client forgets it",
        "AsyncPermitClient._run",
        never("task is not None and task.cancelling() > cancelled_before"),
        "integration/store/test_async_client.py::"
        "test_a_cancellation_that_the_redis_client_forgets_ends_the_wait_all_the_same",
    ),
    # --- both or neither, and once
    _consume(
        "the governor's permit must be there when both are taken",
        without(
            "if type_of(governor_permit_key) ~= 'string' then return refused('governor', 'missing') end if"
            " redis.call('GET', governor_permit_key) ~= governor_permit then return refused('governor',"
            " 'changed') end"
        ),
        f"{STORE_TESTS}/test_consume.py::test_a_governors_permit_changed_since_it_was_read_refuses_both",
    ),
    _consume(
        "the governor's permit must be the one that was read",
        without(
            "if redis.call('GET', governor_permit_key) ~= governor_permit then return refused('governor',"
            " 'changed') end"
        ),
        f"{STORE_TESTS}/test_consume.py::test_a_governors_permit_changed_since_it_was_read_refuses_both",
    ),
    _consume(
        "the permit must be there when both are taken",
        instead(
            "if type_of(permit_key) ~= 'string' then return refused('p33', 'missing') end",
            (
                "local there = type_of(permit_key) if there ~= 'string' and there ~= 'none' then return"
                " refused('p33', 'missing') end if type_of(permit_key) == 'none' then redis.call('SET', permit_key,"
                " permit) end"
            ),
        ),
        f"{STORE_TESTS}/test_consume.py::test_of_a_hundred_executors_exactly_one_may_send",
        f"{STORE_TESTS}/test_consume_conditions.py::test_a_permit_taken_away_since_it_was_verified_is_refused",
    ),
    _consume(
        "the permit must be the very bytes that were verified",
        without("if redis.call('GET', permit_key) ~= permit then return refused('p33', 'changed') end"),
        f"{STORE_TESTS}/test_consume_conditions.py::test_a_permit_changed_since_it_was_verified_is_refused",
    ),
    _consume(
        "both permits are taken",
        instead("governor_permit_key, permit_key", "permit_key"),
        f"{STORE_TESTS}/test_consume.py::test_consuming_gives_the_exact_quantity_and_takes_both_permits",
    ),
    _consume(
        "permits put back aren't consumed again",
        without("if type_of(consumed_key) ~= 'none' then return refused('p33', 'already_consumed') end"),
        f"{STORE_TESTS}/test_consume.py::test_permits_put_back_are_not_consumed_again",
    ),
    _consume(
        "the same consume_id consumes once, whoever shares it",
        instead("c[1] == call and c[2]", "redis.call('HGET', consumed_key, 'consume_id') == consume_id"),
        f"{STORE_TESTS}/test_consume.py::test_of_two_that_verified_the_same_permit_under_one_consume_id_one_may_send",
    ),
    _consume(
        "a consumption whose answer was lost is the same one",
        without("if c[1] == call and c[2] then return { 'consumed', c[2] } end"),
        f"{STORE_TESTS}/test_consume.py::test_a_consumption_whose_answer_was_lost_is_repeated_and_is_one",
    ),
    # --- what must still hold
    _consume(
        "an expired permit isn't consumed",
        without("if now >= tonumber(permit_expires_ms) then return refused('p33', 'expired') end"),
        AT_USE,
    ),
    _consume(
        "a permit dated in the future isn't consumed",
        without("if tonumber(permit_ts_ms) > now then return refused('p33', 'issued_in_the_future') end"),
        "integration/store/test_restart.py::test_a_permit_from_before_the_clock_stepped_back_is_not_consumed",
    ),
    _consume(
        "a permit from before a restart of Redis isn't consumed",
        without("if run_id() ~= permit_run_id then return refused('p33', 'other_redis_run') end"),
        AT_USE,
    ),
    _consume(
        "the reservation must be this plan's", without("or redis.call('GET', reservation_key) ~= plan_id"), AT_USE
    ),
    _consume(
        "without the reservation nothing is consumed",
        instead("(reservation_key) ~= 'string' or", "(reservation_key) == 'string' and"),
        AT_USE,
    ),
    _consume(
        "a hold stops the consumption",
        instead("if (passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1)", "if false"),
        AT_USE,
    ),
    _consume(
        "a hold of the service stops the consumption",
        without("or (emergency ~= '1' and redis.call('EXISTS', service_hold_key) == 1)"),
        AT_USE,
    ),
    _consume(
        "on a ledger that lost its amount nothing is consumed",
        instead("has_amount = l and l[4]", "has_amount = ledger_type == 'hash'"),
        "integration/store/test_legs.py::test_a_permit_is_void_after_a_switch_of_the_mode_there_and_back",
    ),
    _consume("without a ledger nothing is consumed", without("return refused('p33', 'ledger_missing')"), AT_USE),
    _consume(
        "an order time that is none stops the consumption",
        without("if unreadable then return refused('p33', 'ledger_unreadable') end"),
        AT_USE,
    ),
    _consume(
        "an order since the permit stops the consumption",
        without("if ordered and ordered >= issued then return refused('p33', 'order_since_permit') end"),
        AT_USE,
    ),
    _consume(
        "an order in the permit's own millisecond came after it",
        instead("ordered >= issued", "ordered > issued"),
        f"{STORE_TESTS}/test_consume_conditions.py::test_an_order_in_the_millisecond_of_the_permit_came_after_its_facts",
    ),
    _consume(
        "an order told in whole seconds is compared in whole seconds",
        without("if not l[1] or l[1] == '' then issued = math.floor(issued / 1000) * 1000 end"),
        f"{STORE_TESTS}/test_consume_conditions.py::test_an_order_in_the_second_of_the_permit_may_have_come_after_its_facts",
    ),
    _consume(
        "without a snapshot nothing is consumed",
        without("if type_of(snapshot_key) ~= 'hash' then return refused('p33', 'snapshot_missing') end"),
        AT_USE,
    ),
    _consume(
        "the snapshot must be young when it counts", without("or now - fetched > tonumber(max_snapshot_age_ms)"), AT_USE
    ),
    _consume("a snapshot dated in the future stops the consumption", without("fetched > now or"), AT_USE),
    _consume(
        "a snapshot without a time stops the consumption",
        instead(
            "not fetched or fetched > now or now - fetched > tonumber(max_snapshot_age_ms)",
            "fetched and (fetched > now or now - fetched > tonumber(max_snapshot_age_ms))",
        ),
        AT_USE,
    ),
    _consume(
        "the snapshot must be of this life of Redis at use",
        without("if s[4] ~= permit_run_id then return refused('p33', 'snapshot_of_another_run') end"),
        AT_USE,
    ),
    _consume(
        "a mode switched since the verdict stops the consumption",
        without("return refused('p33', 'position_mode_changed')"),
        AT_USE,
    ),
    _consume(
        "a position that moved stops the consumption",
        without("if s[1] ~= permit_position_amt then return refused('p33', 'position_changed') end"),
        AT_USE,
    ),
    # --- after it
    _consume(
        "the reservation is renewed for the order's time",
        without("redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms)"),
        f"{RELEASE_TESTS}::test_a_consumed_reservation_outlasts_every_snapshot_from_before_the_barrier",
    ),
    guard(
        "however short the permit, the symbol is held until snapshots show its order",
        "consuming._reservation_ttl_ms",
        instead(
            "return max(allow.expires_ms - allow.ts_ms, consumed_ms(allow.read_lag_ms))",
            "return allow.expires_ms - allow.ts_ms",
        ),
        f"{RELEASE_TESTS}::test_a_consumed_reservation_outlasts_every_snapshot_from_before_the_barrier",
    ),
    guard(
        "an order may be placed for five seconds",
        "timing.PLACE_WINDOW_MS",
        instead("PLACE_WINDOW_MS = 5_000", "PLACE_WINDOW_MS = 30_000"),
        f"{STORE_TESTS}/test_consume.py::test_consuming_gives_the_exact_quantity_and_takes_both_permits",
    ),
    guard(
        "every attempt to consume is told from every other",
        "Consuming._take",
        instead("uuid.uuid4().hex", "consume_id"),
        f"{STORE_TESTS}/test_consume.py::test_of_two_that_verified_the_same_permit_under_one_consume_id_one_may_send",
    ),
    guard(
        "Redis out of reach is a refusal",
        "consuming.as_refusal",
        instead("raise PermitRefused(NO_GOVERNOR, str(error)) from error", "raise"),
        f"{STORE_TESTS}/test_consume_conditions.py::test_redis_out_of_reach_is_a_refusal",
    ),
    guard(
        "a verdict is read in the same moment as its permit",
        "Consuming.queue_look",
        instead(", *verdict", ", *map(self.keys.consumed, verdict)"),
        f"{STORE_TESTS}/test_consume.py::test_a_permit_that_somebody_took_without_the_client_is_refused_at_once_as_withdrawn",
    ),
    guard(
        "a consume_id that can't be reported is refused",
        "options.consume_id_of",
        instead("not 0 < len(consume_id) <=", "len(consume_id) > 10 *"),
        f"{STORE_TESTS}/test_consume_conditions.py::test_a_consume_id_that_cannot_be_reported_is_refused_before_anything_happens",
    ),
    guard(
        "one signing key isn't taken apart into letters",
        "ClientOptions.checked",
        never("isinstance(signing_keys, str | bytes)"),
        f"{SIGNED_TESTS}::test_signing_keys_are_a_list",
    ),
    guard(
        "an empty signing key doesn't switch signatures off",
        "ClientOptions.checked",
        instead("_checked_keys(signing_keys)", "tuple(key for key in signing_keys if key)"),
        f"{OPTION_TESTS}::test_a_signing_key_that_is_none_never_switches_the_check_off",
    ),
    guard(
        "a waiting time that isn't a time is refused",
        "options.checked_timeout",
        without("not math.isfinite(timeout_sec) or"),
        f"{STORE_TESTS}/test_consume.py::test_a_waiting_time_that_is_none_is_refused",
    ),
    Guard(
        promise="a blank signing key in the environment is an error, not a missing one",
        within="environment.options_from_env",
        change=instead('if not variables.get(SIGNING_KEY, "x").strip()', 'if variables.get(SIGNING_KEY) == "none"'),
        tests=(f"{OPTION_TESTS}::test_a_blank_signing_key_in_the_environment_or_file_is_refused",),
    ),
    Guard(
        promise="a rejection is published with the consumption that it belongs to",
        within="result._require_consistent",
        change=instead("elif not consume_id:", 'elif consume_id == "none":'),
        tests=("unit/apply/test_result.py::test_a_report_that_contradicts_itself_is_refused",),
    ),
    Guard(
        promise="an executed quantity is never published as a rejection",
        within="result._require_consistent",
        change=instead(
            "has_executed is not (outcome is Outcome.EXECUTED)", "outcome is Outcome.EXECUTED and not has_executed"
        ),
        tests=("unit/apply/test_result.py::test_a_report_that_contradicts_itself_is_refused",),
    ),
    Guard(
        promise="a permit's leg is the side of its position",
        within="permit._allow_permit",
        change=without('or leg == ("SHORT" if position > 0 else "LONG")'),
        tests=("unit/apply/test_permit.py::test_a_permit_must_name_the_side_that_its_position_has",),
    ),
)
