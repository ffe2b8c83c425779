"""While ledger and exchange differ: explain the drift by the venue's trades, then repair, report, wait or hold."""

from __future__ import annotations

import structlog

from p33_tasks.contract.executions import decode_order
from p33_tasks.contract.reconciliation import hold_evidence
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.late_breaches import late_breaches
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, Known, Reading, Watermark, explain
from p33_tasks.domain.reconciling import MAX_WINDOW_MS, OVERLAP_MS, Act, Decision, Mode, Tries, decide
from p33_tasks.errors import ExchangeError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import HoldRequest, Note, ReconcileStore
from p33_tasks.services.position_case import AGAIN_MS, PositionCase, with_case
from p33_tasks.services.read_history import HistoryReader, TooManyOrdersError, WindowTrades
from p33_tasks.services.unread import leave_unread

log = structlog.get_logger("p33.reconcile")


class Drift:
    """A position whose ledger differs from the exchange by another amount than at the watermark."""

    def __init__(self, case: PositionCase, reader: HistoryReader, store: ReconcileStore) -> None:
        self._case = case
        self._state = case.state
        self._policy = case.policy
        self._reader = reader
        self._store = store

    def settle(self) -> str:
        """Do the next step for this drift; returns as ``ReconcileService.reconcile``."""
        mark = self._state.watermark
        if mark is None:
            return self._without_history("there is no watermark: nothing tells where a window would begin")
        try:
            window = self._window(mark)
            if window is None:
                return self._without_history("the watermark is older than 7 days less an hour")
            reading = self._reader.reading(self._state, mark, window)
        except TooManyOrdersError as error:
            return self._without_history(str(error))
        except ExchangeError as error:
            return leave_unread(self._case, self._store, error)
        ids = {trade.order_id for trade in reading.trades}
        known = self._store.known(
            self._state,
            sorted(one for one in ids if one is not None),
            sorted(trade.trade_id for trade in reading.trades if trade.order_id is None),
        )
        account = explain(mark, known, reading)
        tries = self._case.tries(is_closed=account.problem is None)
        decision = decide(
            account,
            external=self._policy.external,
            reserved_by=self._state.reserved_by,
            tries=tries,
            tolerance_pct=self._policy.limits.qty_tolerance_pct,
        )
        if decision.act in {Act.REPAIR, Act.SETTLED}:
            return self._close(decision, account, known, self._marked_after(account, reading, window))
        return self._open(decision, account, tries)

    def _window(self, mark: Watermark) -> WindowTrades | None:
        if self._state.now_ms - mark.ts_ms > MAX_WINDOW_MS - OVERLAP_MS:
            return None
        return self._reader.trades_since(self._state.symbol, mark.since_ms)

    def _marked_after(self, account: Account, reading: Reading, window: WindowTrades) -> Watermark:
        since_ms = window.venue_ms - OVERLAP_MS
        return self._case.watermark(reading.exchange_amt, account.ledger_after, window, since_ms)

    def _close(self, decision: Decision, account: Account, known: Known, mark: Watermark) -> str:
        note = self._case.note(
            "repaired" if decision.act is Act.REPAIR else "explained", account, decision.why, after=account.ledger_after
        )
        if decision.act is Act.SETTLED:
            self._store.note(self._state, Note(watermark=mark, case={"drift": ""}, is_new_drift=True))
            return "settled"
        if self._policy.mode is not Mode.REPAIR:
            return self._report(decision, account)
        return self._repair(decision, account, known, mark, note)

    def _repair(self, decision: Decision, account: Account, known: Known, mark: Watermark, note: Note) -> str:
        # Before the repair: afterwards the ledger lacks nothing of the order, and the order isn't checked again.
        if self._count_breaches(account, known) == "again":
            return "moved"
        status = self._store.repair(
            self._state,
            account=account,
            known=known,
            watermark=mark,
            note=note,
            releases=decision.releases is not None,
        )
        about = {"position": self._state.position, "why": decision.why, "event_id": note.event_id}
        amounts = {"ledger_before": canonical(account.ledger_before), "ledger_after": canonical(account.ledger_after)}
        if status == "repaired":
            log.warning(LogEvent.LEDGER_REPAIRED, **about, **amounts)
        else:
            log.info(LogEvent.RECONCILE_MOVED, **about, **amounts)
        return status

    def _count_breaches(self, account: Account, known: Known) -> str:
        """Count breaches of permits; returns ``again`` if there were any, because the orders' records have changed."""
        plan_ids = {share.plan_id for share in account.missing if share.plan_id is not None}
        if not plan_ids:
            return ""
        plans = self._store.plans(self._state.symbol, sorted(plan_ids))
        records = {one: decode_order(text) for one, text in known.records.items()}
        breaches = late_breaches(
            account, self._state.leg, plans, {one: record for one, record in records.items() if record is not None}
        )
        if not breaches:
            return ""
        if self._store.count_breaches(self._state, breaches, known) == "counted":
            for breach in breaches:
                log.error(
                    LogEvent.PERMIT_BREACH,
                    symbol=self._state.symbol,
                    plan_id=breach.plan_id,
                    order_id=breach.order_id,
                    kinds=",".join(breach.kinds),
                )
        return "again"

    def _open(self, decision: Decision, account: Account, tries: Tries) -> str:
        case = {
            **self._case.last_reading(account, decision.why),
            "readings": str(tries.readings),
            "first_ms": str(tries.first_ms),
        }
        if decision.act is Act.HOLD and decision.hold is not None and self._policy.mode is Mode.REPAIR:
            self._store.note(self._state, Note(case=case, is_new_drift=not self._case.is_same_drift()))
            return self._hold(decision.hold, decision.why, account)
        if decision.act is Act.WAIT:
            note = self._case.note("drift_seen", account, decision.why)
            next_ms = self._state.now_ms + AGAIN_MS
            self._store.note(
                self._state,
                with_case(note, case={**case, "next_ms": str(next_ms)}, is_new_drift=not self._case.is_same_drift()),
            )
            return "wait"
        return self._report(decision, account)

    def _report(self, decision: Decision, account: Account) -> str:
        """Write an event and change nothing: the mode or setting permits no more, or no rule denies the drift."""
        note = self._case.note("explained" if account.problem is None else "drift_seen", account, decision.why)
        case = {
            **self._case.last_reading(account, decision.why),
            "next_ms": str(self._case.next_ms()),
            "waits": str(self._case.waits() + 1),
        }
        self._store.note(self._state, with_case(note, case=case, is_new_drift=not self._case.is_same_drift()))
        return "explained"

    def _without_history(self, why: str) -> str:
        if self._state.reserved_by is not None:
            return "wait"
        tries = self._case.tries(is_closed=False)
        case = {**self._case.last_reading(None, why), "readings": str(tries.readings), "first_ms": str(tries.first_ms)}
        is_held = tries.are_enough and self._case.is_denied() and self._policy.mode is Mode.REPAIR
        note = self._case.note("drift_seen", None, why)
        wait_ms = self._case.next_ms() if tries.are_enough else self._state.now_ms + AGAIN_MS
        self._store.note(
            self._state,
            with_case(note, case={**case, "next_ms": str(wait_ms)}, is_new_drift=not self._case.is_same_drift()),
        )
        return self._hold(HoldReason.HISTORY_MISSING, why, None) if is_held else "wait"

    def _hold(self, reason: HoldReason, why: str, account: Account | None) -> str:
        if self._policy.mode is not Mode.REPAIR:
            return "wait"
        note = self._case.note("held", account, why, what=str(reason))
        request = HoldRequest(
            reason=reason,
            event_id=note.event_id,
            evidence_json=hold_evidence(why, note.event_id, account),
            fields=note.fields,
            next_ms=self._case.next_ms(),
        )
        status = self._store.hold(self._state, request)
        if status == "held":
            log.error(LogEvent.POSITION_HELD, position=self._state.position, reason=reason, why=why)
        return status

    def doubt_repair(self) -> None:
        """Hold the position: the snapshot after a repair shows another amount."""
        self._hold(HoldReason.CONFIRMATION_FAILED, "the snapshot after a repair doesn't confirm it", None)
