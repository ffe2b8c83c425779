"""Reconciliation: a drift is explained exactly, applied once, or held (CONTRACT section 11)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

ARITHMETIC, DECIDING = "domain/reconciliation.py", "domain/reconciling.py"
TWINS = "property/test_reconciliation.py"
DECIDING_TESTS = "unit/domain/test_reconciling.py"


def _sum(promise: str, within: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=tuple(f"{TWINS}::{test}" for test in tests))


def _decision(promise: str, within: str, change: Change, *tests: str) -> Guard:
    node_ids = tuple(f"{DECIDING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=node_ids)


def _history(promise: str, within: str, change: Change, *tests: str) -> Guard:
    node_ids = tuple(f"unit/venues/test_exchange_history.py::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=node_ids)


def _leg(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(
        promise=promise, within=within, change=change, tests=(f"integration/services/test_reconcile_legs.py::{test}",)
    )


def _script(
    promise: str, within: str, change: Change, test: str, file: str = "integration/store/test_foreign_types.py"
) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(f"{file}::{test}",))


RECONCILIATION = (
    _sum(
        "reconciliation: start and trades make the exchange's position, exactly",
        "Account.problem",
        never("self.difference != 0"),
        "test_a_trade_that_the_list_lacks_is_missed_although_its_result_came",
    ),
    _sum(
        "reconciliation: a ledger that something else moved isn't repaired",
        "Account.problem",
        never("self.ledger_after not in {self.ledger_target, self.exchange_amt}"),
        "test_a_ledger_that_something_else_moved_is_not_repaired",
    ),
    _sum(
        "reconciliation: a trade of another leg counts for nothing",
        "reconciliation.explain",
        instead("tuple(trade for trade in reading.trades if trade.leg is reading.leg)", "reading.trades"),
        "test_a_wrong_twin_never_closes",
    ),
    _sum(
        "reconciliation: what the memory of fills holds isn't applied again",
        "reconciliation._order_share",
        instead("q.subtract(executed, max(remembered if remembered is not None else q.ZERO, before))", "since"),
        "test_results_before_and_after_a_repair_change_nothing",
    ),
    _sum(
        "reconciliation: what was executed before the watermark isn't applied again",
        "reconciliation._order_share",
        instead(
            "max(remembered if remembered is not None else q.ZERO, before)",
            "remembered if remembered is not None else q.ZERO",
        ),
        "test_what_was_executed_before_the_watermark_is_not_applied_again",
    ),
    _sum(
        "reconciliation: only the venue's own word makes an order a forced one",
        "reconciliation._class_of",
        instead(
            "return TradeClass.EXTERNAL if state is not None else TradeClass.UNEXPLAINED",
            "return TradeClass.LIQUIDATION",
        ),
        "test_a_client_order_id_that_looks_forced_is_external_without_the_venues_word",
    ),
    _sum(
        "reconciliation: a trade without an order is applied once",
        "reconciliation._lone_share",
        instead("missing=q.ZERO if is_applied else", "missing="),
        "test_a_trade_without_an_order_is_applied_once",
    ),
    _decision(
        "reconciliation: an order in flight is waited for",
        "reconciling.decide",
        never("TradeClass.IN_FLIGHT in account.classes"),
        "test_an_order_in_flight_is_waited_for_whatever_else_there_is",
    ),
    _decision(
        "reconciliation: a reserved position is waited for",
        "reconciling.decide",
        never("reserved_by is not None and releases is None"),
        "test_a_reserved_position_is_waited_for",
    ),
    _decision(
        "reconciliation: not explained is believed after three readings over a minute",
        "reconciling._unexplained",
        without("or not tries.are_enough"),
        "test_not_explained_is_believed_after_three_readings_over_a_minute",
    ),
    _decision(
        "reconciliation: somebody else's trades are applied under adopt only",
        "reconciling._objection",
        never("TradeClass.EXTERNAL in account.classes and external is ExternalPolicy.HOLD"),
        "test_external_trades_are_held_or_adopted_as_the_setting_says",
    ),
    _decision(
        "reconciliation: a position that changed its side is held",
        "reconciling._objection",
        never("account.crosses_zero"),
        "test_a_position_on_the_other_side_is_held_though_it_is_explained",
    ),
    _history(
        "an order that bears the venue's mark may be a forced one",
        "binance_usdm.trade_rows._state",
        instead("_marked(client_id) is not None", "False"),
        "test_an_order_that_bears_the_marker_may_be_a_forced_one",
    ),
    _history(
        "own trades: more than can be read is an error, never a part",
        "binance_usdm.history.BinanceHistory._pages",
        instead(
            'raise MalformedResponseError(f"own trades: more than {MOST_PAGES * PAGE} in the window of {symbol}")',
            "return merged(pages)",
        ),
        "test_a_window_of_too_many_trades_is_an_error_and_never_a_part",
    ),
    _history(
        "own trades: every page is read",
        "binance_usdm.history.BinanceHistory._pages",
        always('len(page) < PAGE or max(trade.time_ms for trade in page) > window["endTime"]'),
        "test_every_page_of_a_window_is_read_also_when_one_millisecond_holds_more_than_a_page",
    ),
    _history(
        "an order is final by a known status only",
        "binance_usdm.trade_rows._state",
        instead("in FINAL_STATUSES,", '!= "NEW",'),
        "test_an_order_is_final_by_a_known_status_only",
    ),
    Guard(
        promise="reconciliation: what a watermark contains isn't new when a list shows it again",
        within="PositionCase.watermark",
        change=instead("counted |= before.counted", "pass"),
        tests=(
            "integration/services/test_reconcile.py::test_a_trade_that_one_list_lacked_is_not_new_when_it_is_listed_again",
        ),
    ),
    Guard(
        promise="reconciliation: observe repairs nothing",
        within="Drift._close",
        change=without("if self._policy.mode is not Mode.REPAIR: return self._report(decision, account)"),
        tests=("integration/services/test_reconcile_observes.py::test_no_reading_changes_any_other_key",),
    ),
    _leg(
        "reconciliation: a position of a mode that the symbol has left is left alone",
        "PositionCase.is_known",
        without("and state.is_of_mode"),
        "test_both_legs_are_due_and_the_symbol_is_not",
    ),
    _leg(
        "reconciliation: a repair is of the symbol's mode when it is written",
        "lua.repair_ledger",
        never("s[1] ~= base_mode or not is_of_mode(position_side, symbol_snapshot_key, s[2], s[3])"),
        "test_a_repair_is_not_written_once_the_symbol_has_another_mode",
    ),
    _leg(
        "reconciliation: a repair keeps the leg that its orders went to",
        "reconcile_repair._record_of",
        instead("leg=went_to", "leg=None"),
        "test_a_result_after_the_repair_changes_nothing",
    ),
    _leg(
        "reconciliation: one leg's agreement ends its own hold only",
        "RedisReconcileStore.settle",
        instead("keys.service_hold(*at)", "keys.service_hold(state.symbol)"),
        "test_a_hold_of_one_leg_is_none_of_the_other_and_ends_by_its_own_agreement",
    ),
    _script(
        "reconciliation: a note that can't be told leaves nothing half written",
        "lua.note_reconcile",
        instead("if event_name", "redis.call('HSET', case_key, 'drift', '') if event_name"),
        "test_an_events_stream_whose_ids_are_used_up_changes_nothing",
    ),
    _script(
        "reconciliation: a hold takes the unconsumed permit with it",
        "lua.hold_position",
        instead("set_service_hold", "local _ ="),
        "test_a_hold_takes_an_unconsumed_permit_with_it",
        file="integration/services/test_reconcile_holds.py",
    ),
    Guard(
        promise="reconciliation: nobody is shown the explanation of another drift",
        within="drifts.decode_drift",
        change=never("drift != drift_name(exchange_amt, ledger_amt)"),
        tests=("unit/contract/test_drifts.py::test_of_other_amounts_nothing_is_known",),
    ),
    _script(
        "reconciliation: what was found of one drift is forgotten with it",
        "lua.note_reconcile",
        without(", 'class', 'why'"),
        "test_another_drift_forgets_what_was_tried_about_the_one_before",
        file="integration/services/test_port_contracts_of_holds.py",
    ),
    Guard(
        promise="reconciliation: an order beyond its permit is counted before the repair hides it",
        within="Drift._repair",
        change=without('if self._count_breaches(account, known) == "again": return "moved"'),
        tests=("unit/services/test_reconcile.py::test_what_a_lost_result_hid_is_counted_once_and_repaired",),
    ),
    Guard(
        promise="reconciliation: what its result counted of an order is not counted again",
        within="late_breaches.late_breaches",
        change=without("if kind not in record.breaches"),
        tests=("integration/services/test_reconcile_holds.py::test_what_its_result_counted_is_not_counted_again",),
    ),
    _script(
        "reconciliation: a breach found by a repair holds the position",
        "lua.count_breaches",
        without("hold_for_breach(hold_key, reservation_key, position)"),
        "test_an_order_beyond_its_permit_whose_result_is_lost_is_counted_held_and_repaired",
        file="integration/services/test_reconcile_holds.py",
    ),
    _script(
        "reconciliation: an order that a result recorded meanwhile is looked at anew",
        "lua.count_breaches",
        without(
            "if (redis.call('HGET', orders_key, order.id) or '') ~= order.record_before then return { 'moved' } end"
        ),
        "test_a_breach_over_another_record_of_the_order_is_none",
        file="integration/services/test_port_contracts_of_holds.py",
    ),
    _script(
        "notifications: an event is claimed by one",
        "lua.claim_notifications",
        without("if #found > 0 then redis.call('SET', notified_key, found[#found][1]) end"),
        "test_telling_begins_with_the_next_event_and_goes_on_where_it_stood",
        file="integration/store/test_notifications.py",
    ),
    Guard(
        promise="notifications: a slow address ends with the task's time",
        within="NotifyService.send",
        change=without("or time.monotonic() > ends"),
        tests=("unit/services/test_notify.py::test_a_slow_address_ends_with_the_tasks_time",),
    ),
)
