"""Reconciliation: a drift is explained exactly, applied once, or held (CONTRACT section 11)."""

from __future__ import annotations

from tests.guards.guard import Guard

ARITHMETIC, DECIDING = "domain/reconciliation.py", "domain/reconciling.py"
TWINS = "property/test_reconciliation.py"
DECIDING_TESTS = "unit/domain/test_reconciling.py"


def _sum(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file=ARITHMETIC, old=old, new=new, tests=tuple(f"{TWINS}::{test}" for test in tests))


def _decision(promise: str, old: str, new: str, *tests: str) -> Guard:
    node_ids = tuple(f"{DECIDING_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=DECIDING, old=old, new=new, tests=node_ids)


def _history(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    node_ids = tuple(f"unit/venues/test_exchange_history.py::{test}" for test in tests)
    return Guard(promise=promise, file=f"venues/binance_usdm/{file}", old=old, new=new, tests=node_ids)


def _leg(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(
        promise=promise, file=file, old=old, new=new, tests=(f"integration/services/test_reconcile_legs.py::{test}",)
    )


def _script(
    promise: str, script: str, old: str, new: str, test: str, file: str = "integration/store/test_foreign_types.py"
) -> Guard:
    return Guard(promise=promise, file=f"store/lua/{script}", old=old, new=new, tests=(f"{file}::{test}",))


RECONCILIATION = (
    _sum(
        "reconciliation: start and trades make the exchange's position, exactly",
        "        if self.difference != 0:\n",
        "        if False:\n",
        "test_a_trade_that_the_list_lacks_is_missed_although_its_result_came",
    ),
    _sum(
        "reconciliation: a ledger that something else moved isn't repaired",
        "        if self.ledger_after not in {self.ledger_target, self.exchange_amt}:\n",
        "        if False:\n",
        "test_a_ledger_that_something_else_moved_is_not_repaired",
    ),
    _sum(
        "reconciliation: a trade of another leg counts for nothing",
        "    of_leg = tuple(trade for trade in reading.trades if trade.leg is reading.leg)\n",
        "    of_leg = reading.trades\n",
        "test_a_wrong_twin_never_closes",
    ),
    _sum(
        "reconciliation: what the memory of fills holds isn't applied again",
        "    lacking = q.subtract(executed, max(remembered if remembered is not None else q.ZERO, before))\n",
        "    lacking = since\n",
        "test_results_before_and_after_a_repair_change_nothing",
    ),
    _sum(
        "reconciliation: what was executed before the watermark isn't applied again",
        "    lacking = q.subtract(executed, max(remembered if remembered is not None else q.ZERO, before))\n",
        "    lacking = q.subtract(executed, remembered if remembered is not None else q.ZERO)\n",
        "test_what_was_executed_before_the_watermark_is_not_applied_again",
    ),
    _sum(
        "reconciliation: only the venue's own word makes an order a forced one",
        "    return TradeClass.EXTERNAL if state is not None else TradeClass.UNEXPLAINED\n",
        "    return TradeClass.LIQUIDATION\n",
        "test_a_client_order_id_that_looks_forced_is_external_without_the_venues_word",
    ),
    _sum(
        "reconciliation: a trade without an order is applied once",
        "        missing=q.ZERO if is_applied else trade.signed_qty,\n",
        "        missing=trade.signed_qty,\n",
        "test_a_trade_without_an_order_is_applied_once",
    ),
    _decision(
        "reconciliation: an order in flight is waited for",
        "    if TradeClass.IN_FLIGHT in account.classes:\n",
        "    if False:\n",
        "test_an_order_in_flight_is_waited_for_whatever_else_there_is",
    ),
    _decision(
        "reconciliation: a reserved position is waited for",
        "    if reserved_by is not None and releases is None:\n",
        "    if False:\n",
        "test_a_reserved_position_is_waited_for",
    ),
    _decision(
        "reconciliation: not explained is believed after three readings over a minute",
        "    if reserved_by is not None or not tries.are_enough:\n",
        "    if reserved_by is not None:\n",
        "test_not_explained_is_believed_after_three_readings_over_a_minute",
    ),
    _decision(
        "reconciliation: somebody else's trades are applied under adopt only",
        "    if TradeClass.EXTERNAL in account.classes and external is ExternalPolicy.HOLD:\n",
        "    if False:\n",
        "test_external_trades_are_held_or_adopted_as_the_setting_says",
    ),
    _decision(
        "reconciliation: a position that changed its side is held",
        "    if account.crosses_zero:\n",
        "    if False:\n",
        "test_a_position_on_the_other_side_is_held_though_it_is_explained",
    ),
    _history(
        "own trades: more than can be read is an error, never a part",
        "history.py",
        'raise MalformedResponseError(f"own trades: more than {MOST_PAGES * PAGE} in the window of {symbol}")\n',
        "return merged(pages)\n",
        "test_a_window_of_too_many_trades_is_an_error_and_never_a_part",
    ),
    _history(
        "own trades: every page is read",
        "history.py",
        '            if len(page) < PAGE or max(trade.time_ms for trade in page) > window["endTime"]:\n',
        "            if True:\n",
        "test_every_page_of_a_window_is_read_also_when_one_millisecond_holds_more_than_a_page",
    ),
    _history(
        "an order is final by a known status only",
        "trade_rows.py",
        "        is_final=status in FINAL_STATUSES,\n",
        '        is_final=status != "NEW",\n',
        "test_an_order_is_final_by_a_known_status_only",
    ),
    Guard(
        promise="reconciliation: what a watermark contains isn't new when a list shows it again",
        file="services/position_case.py",
        old="            counted |= before.counted\n",
        new="            pass\n",
        tests=(
            "integration/services/test_reconcile.py::test_a_trade_that_one_list_lacked_is_not_new_when_it_is_listed_again",
        ),
    ),
    Guard(
        promise="reconciliation: observe repairs nothing",
        file="services/drift.py",
        old="        if self._policy.mode is not Mode.REPAIR:\n            return self._report(decision, account)\n",
        new="",
        tests=("integration/services/test_reconcile_observes.py::test_no_reading_changes_any_other_key",),
    ),
    _leg(
        "reconciliation: a position of a mode that the symbol has left is left alone",
        "services/position_case.py",
        "            and state.is_of_mode\n",
        "",
        "test_both_legs_are_due_and_the_symbol_is_not",
    ),
    _leg(
        "reconciliation: a repair is of the symbol's mode when it is written",
        "store/lua/repair_ledger.lua",
        "if s[1] ~= base_mode or not is_of_mode(position_side, symbol_snapshot_key, s[2], s[3]) then",
        "if false then",
        "test_a_repair_is_not_written_once_the_symbol_has_another_mode",
    ),
    _leg(
        "reconciliation: a repair keeps the leg that its orders went to",
        "store/reconcile_repair.py",
        "side=record.side or side, leg=went_to)",
        "side=record.side or side, leg=None)",
        "test_a_result_after_the_repair_changes_nothing",
    ),
    _leg(
        "reconciliation: one leg's agreement ends its own hold only",
        "store/reconciliation.py",
        """                "hold_key": keys.service_hold(*at),
                "symbol_snapshot_key": keys.snapshot(state.symbol),
""",
        """                "hold_key": keys.service_hold(state.symbol),
                "symbol_snapshot_key": keys.snapshot(state.symbol),
""",
        "test_a_hold_of_one_leg_is_none_of_the_other_and_ends_by_its_own_agreement",
    ),
    _script(
        "reconciliation: a note that can't be told leaves nothing half written",
        "note_reconcile.lua",
        "if event_name ~= '' and",
        "redis.call('HSET', case_key, 'drift', '')\nif event_name ~= '' and",
        "test_an_events_stream_whose_ids_are_used_up_changes_nothing",
    ),
    _script(
        "reconciliation: a hold takes the unconsumed permit with it",
        "hold_position.lua",
        "set_service_hold({",
        "local _ = ({",
        "test_a_hold_takes_an_unconsumed_permit_with_it",
        file="integration/services/test_reconcile.py",
    ),
    Guard(
        promise="reconciliation: an order beyond its permit is counted before the repair hides it",
        file="services/drift.py",
        old='        if self._count_breaches(account, known) == "again":\n            return "moved"\n',
        new="",
        tests=("unit/services/test_reconcile.py::test_what_a_lost_result_hid_is_counted_once_and_repaired",),
    ),
    Guard(
        promise="reconciliation: what its result counted of an order is not counted again",
        file="domain/late_breaches.py",
        old="            if kind not in record.breaches\n",
        new="",
        tests=("integration/services/test_reconcile.py::test_what_its_result_counted_is_not_counted_again",),
    ),
    _script(
        "reconciliation: a breach found by a repair holds the position",
        "count_breaches.lua",
        "  hold_for_breach(hold_key, reservation_key, position)\n",
        "",
        "test_an_order_beyond_its_permit_whose_result_is_lost_is_counted_held_and_repaired",
        file="integration/services/test_reconcile.py",
    ),
    _script(
        "reconciliation: an order that a result recorded meanwhile is looked at anew",
        "count_breaches.lua",
        "  if (redis.call('HGET', orders_key, order.id) or '') ~= order.record_before then return { 'moved' } end\n",
        "",
        "test_a_breach_over_another_record_of_the_order_is_none",
        file="integration/services/test_port_contracts.py",
    ),
)
