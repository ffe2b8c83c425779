"""Reconciling one position: while it agrees, keep a watermark; while it drifts, explain it, repair it, or hold it.

In mode ``observe`` nothing but this service's own keys is written. A position is waited for while an order of ours may
be under way; only evidence of the venue repairs, and what can't be explained is held with its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import structlog

from p33_tasks.contract.holds import decode_hold
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.reconciliation import event_fields, hold_evidence
from p33_tasks.domain.holds import HeldBy, HoldEnds, HoldReason
from p33_tasks.domain.models import Leg, Policy
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, Known, Reading, Watermark, explain
from p33_tasks.domain.reconciling import (
    MAX_WINDOW_MS,
    OVERLAP_MS,
    Act,
    Decision,
    ExternalPolicy,
    Mode,
    Tries,
    decide,
    event_id,
    is_denied,
)
from p33_tasks.errors import ExchangeError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import DriftBudget, HoldRequest, Note, PositionState, ReconcileStore
from p33_tasks.services.read_history import HistoryReader, TooManyOrdersError, WindowTrades

QUIET_MS = 10_000
"""A watermark is taken of a position that did not change for so long, on either side."""
AGAIN_MS = 20_000
"""Until the next reading of a drift that isn't explained: three of them take a minute."""
LONGEST_WAIT_MS = 300_000
BY = "reconciliation"

log = structlog.get_logger("p33.reconcile")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePolicy:
    """What reconciliation may do."""

    mode: Mode
    external: ExternalPolicy
    limits: Policy


class ReconcileService:
    """Safe to run twice: everything that is written is compared first."""

    def __init__(
        self, reader: HistoryReader, store: ReconcileStore, budget: DriftBudget, policy: ReconcilePolicy
    ) -> None:
        self._reader = reader
        self._store = store
        self._budget = budget
        self._policy = policy
        legs = ((symbol, leg) for symbol in policy.limits.allowlist for leg in Leg)
        self._positions = {position_key(symbol, leg): (symbol, leg) for symbol, leg in legs}

    def reconcile(self, position: str) -> str:
        """Take a position as far as it goes now.

        Returns:
            ``busy`` (somebody reconciles), ``not_allowed``, ``unknown`` (no usable snapshot or ledger), ``wait``,
            ``quiet``, ``agreed``, ``marked``, ``unread``, ``explained``, ``settled``, ``repaired``, ``moved``,
            ``held``, ``known`` (held before) or ``released``.

        Raises:
            StoreError: Redis is away.
            CorruptStateError: What is stored of the position can't be read.
        """
        found = self._positions.get(position)
        if found is None:
            return "not_allowed"
        state = self._store.claim(*found)
        if state is None:
            return "busy"
        try:
            self._budget.begin()
            return _Run(self._reader, self._store, self._policy, state).run()
        finally:
            self._store.release(state)


class _Run:
    def __init__(
        self, reader: HistoryReader, store: ReconcileStore, policy: ReconcilePolicy, state: PositionState
    ) -> None:
        self._reader = reader
        self._store = store
        self._policy = policy
        self._state = state

    def run(self) -> str:
        state = self._state
        if not self._is_known():
            return "unknown"
        if self._may_be_in_flight():
            return "wait"
        if self._exchange_amt == self._ledger_amt:
            return self._agree()
        if _ends_by_agreement(state.hold_text):
            self._count_agreement()  # there is none: the count begins anew
        if self._is_marked():
            self._confirm()
            return "agreed"
        if self._is_too_early():
            return "wait"
        if state.case.get("unconfirmed_ms") and self._is_denied():
            self._hold(HoldReason.CONFIRMATION_FAILED, "the snapshot after a repair doesn't confirm it", None)
        return self._drift()

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def _exchange_amt(self) -> Decimal:
        if self._state.snapshot is None:
            raise AssertionError("looked at before it is known")
        return self._state.snapshot.position_amt

    @property
    def _ledger_amt(self) -> Decimal:
        ledger = self._state.ledger
        if ledger is None or ledger.last_known_amt is None:
            raise AssertionError("looked at before it is known")
        return ledger.last_known_amt

    def _is_known(self) -> bool:
        state, snapshot = self._state, self._state.snapshot
        if snapshot is None or state.ledger is None or state.ledger.last_known_amt is None:
            return False
        age_ms = state.now_ms - snapshot.ts_ms
        return (
            state.life != ""
            and snapshot.life == state.life
            and snapshot.source == self._reader.source
            and state.is_of_mode
            and 0 <= age_ms <= self._policy.limits.stale_threshold_ms
        )

    def _may_be_in_flight(self) -> bool:
        """The snapshot is from before our last order, or before the barrier of a consumption."""
        snapshot, ledger, limits = self._state.snapshot, self._state.ledger, self._policy.limits
        if snapshot is None or ledger is None:
            return True
        if ledger.last_order_time_ms is not None and snapshot.ts_ms <= ledger.last_order_time_ms:
            return True
        return ledger.barrier_ms is not None and snapshot.ts_ms < ledger.barrier_ms + limits.read_lag_ms

    def _is_marked(self) -> bool:
        mark = self._state.watermark
        return mark is not None and (mark.exchange_amt, mark.ledger_amt) == (self._exchange_amt, self._ledger_amt)

    def _is_too_early(self) -> bool:
        return self._is_same_drift() and self._state.now_ms < _whole(self._state.case.get("next_ms"))

    def _is_same_drift(self) -> bool:
        return self._state.case.get("drift") == self._drift_name

    @property
    def _drift_name(self) -> str:
        return f"{canonical(self._exchange_amt)}|{canonical(self._ledger_amt)}"

    def _is_denied(self) -> bool:
        return is_denied(self._exchange_amt, self._ledger_amt, self._policy.limits.qty_tolerance_pct)

    # --- agreement --------------------------------------------------------------------------------------------------

    def _agree(self) -> str:
        self._confirm()
        if _ends_by_agreement(self._state.hold_text):
            ended = self._count_agreement()
            if ended == "released":
                log.warning(LogEvent.POSITION_RELEASED, position=self._state.position)
                return ended
        state, snapshot = self._state, self._state.snapshot
        if snapshot is None or state.reserved_by is not None or self._is_recently_marked():
            return "agreed"
        amount = canonical(self._exchange_amt)
        if state.case.get("candidate_amt") != amount:
            case = {"candidate_amt": amount, "candidate_ms": str(snapshot.ts_ms), "drift": ""}
            self._store.note(state, Note(case=case, is_new_drift=True))
            return "quiet"
        if snapshot.ts_ms - _whole(state.case.get("candidate_ms")) < QUIET_MS:
            return "quiet"
        return self._mark_agreement()

    def _count_agreement(self) -> str:
        note = self._note("released", None, "ledger and exchange are equal again", what=self._state.hold_text or "")
        return self._store.settle(self._state, note)

    def _is_recently_marked(self) -> bool:
        mark = self._state.watermark
        return self._is_marked() and mark is not None and self._state.now_ms - mark.ts_ms < MAX_WINDOW_MS // 7

    def _mark_agreement(self) -> str:
        state = self._state
        try:
            window = self._reader.trades_since(state.symbol, None)
            amount = self._reader.position(state.symbol, state.leg)
        except ExchangeError as error:
            return self._unread(error)
        latest_ms = max((trade.time_ms for trade in window.trades if trade.leg is state.leg), default=0)
        if amount != self._exchange_amt or window.venue_ms - latest_ms < QUIET_MS:
            self._store.note(self._state, Note(case={"candidate_amt": "", "candidate_ms": ""}))
            return "quiet"
        mark = self._mark(amount, self._ledger_amt, window, window.venue_ms - OVERLAP_MS)
        self._store.note(self._state, Note(watermark=mark, case={"candidate_amt": "", "candidate_ms": ""}))
        return "marked"

    def _mark(self, amount: Decimal, ledger_amt: Decimal, window: WindowTrades, since_ms: int) -> Watermark:
        counted = frozenset(trade.trade_id for trade in window.trades if trade.time_ms >= since_ms)
        before = self._state.watermark
        # A list from another replica may lack, for a moment, what the last one had: listed again it isn't new.
        if before is not None and self._state.now_ms - before.ts_ms <= 2 * OVERLAP_MS:
            counted |= before.counted
        return Watermark(
            ts_ms=self._state.now_ms, since_ms=since_ms, exchange_amt=amount, ledger_amt=ledger_amt, counted=counted
        )

    def _confirm(self) -> None:
        repaired = self._state.case.get("unconfirmed_id")
        if repaired is None:
            return
        note = self._note("confirmed", None, "the snapshot after the repair confirms it", what=repaired)
        self._store.note(self._state, _with(note, case={"unconfirmed_id": "", "unconfirmed_ms": ""}))

    # --- drift ------------------------------------------------------------------------------------------------------

    def _drift(self) -> str:
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
            return self._unread(error)
        ids = {trade.order_id for trade in reading.trades}
        known = self._store.known(
            self._state,
            sorted(one for one in ids if one is not None),
            sorted(trade.trade_id for trade in reading.trades if trade.order_id is None),
        )
        account = explain(mark, known, reading)
        tries = self._tries(is_closed=account.problem is None)
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
        return self._mark(reading.exchange_amt, account.ledger_after, window, since_ms)

    def _tries(self, *, is_closed: bool) -> Tries:
        case, now_ms = self._state.case, self._state.now_ms
        is_same = self._is_same_drift()
        readings = _whole(case.get("readings")) if is_same else 0
        first_ms = _whole(case.get("first_ms")) if is_same and readings else now_ms
        return Tries(readings=readings + (0 if is_closed else 1), first_ms=first_ms, now_ms=now_ms)

    def _close(self, decision: Decision, account: Account, known: Known, mark: Watermark) -> str:
        note = self._note(
            "repaired" if decision.act is Act.REPAIR else "explained", account, decision.why, after=account.ledger_after
        )
        if decision.act is Act.SETTLED:
            self._store.note(self._state, Note(watermark=mark, case={"drift": ""}, is_new_drift=True))
            return "settled"
        if self._policy.mode is not Mode.REPAIR:
            return self._report(decision, account)
        return self._repair(decision, account, known, mark, note)

    def _repair(self, decision: Decision, account: Account, known: Known, mark: Watermark, note: Note) -> str:
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

    def _open(self, decision: Decision, account: Account, tries: Tries) -> str:
        case = {"drift": self._drift_name, "readings": str(tries.readings), "first_ms": str(tries.first_ms)}
        if decision.act is Act.HOLD and decision.hold is not None and self._policy.mode is Mode.REPAIR:
            self._store.note(self._state, Note(case=case, is_new_drift=not self._is_same_drift()))
            return self._hold(decision.hold, decision.why, account)
        if decision.act is Act.WAIT:
            note = self._note("drift_seen", account, decision.why)
            next_ms = self._state.now_ms + AGAIN_MS
            self._store.note(
                self._state,
                _with(note, case={**case, "next_ms": str(next_ms)}, is_new_drift=not self._is_same_drift()),
            )
            return "wait"
        return self._report(decision, account)

    def _report(self, decision: Decision, account: Account) -> str:
        """Tell what was found, and change nothing: the mode or the setting doesn't permit more, or no rule denies."""
        note = self._note("explained" if account.problem is None else "drift_seen", account, decision.why)
        case = {"drift": self._drift_name, "next_ms": str(self._next_ms()), "waits": str(self._waits() + 1)}
        self._store.note(self._state, _with(note, case=case, is_new_drift=not self._is_same_drift()))
        return "explained"

    def _without_history(self, why: str) -> str:
        if self._state.reserved_by is not None:
            return "wait"
        tries = self._tries(is_closed=False)
        case = {"drift": self._drift_name, "readings": str(tries.readings), "first_ms": str(tries.first_ms)}
        is_held = tries.are_enough and self._is_denied() and self._policy.mode is Mode.REPAIR
        note = self._note("drift_seen", None, why)
        wait_ms = self._next_ms() if tries.are_enough else self._state.now_ms + AGAIN_MS
        self._store.note(
            self._state,
            _with(note, case={**case, "next_ms": str(wait_ms)}, is_new_drift=not self._is_same_drift()),
        )
        return self._hold(HoldReason.HISTORY_MISSING, why, None) if is_held else "wait"

    def _hold(self, reason: HoldReason, why: str, account: Account | None) -> str:
        if self._policy.mode is not Mode.REPAIR:
            return "wait"
        note = self._note("held", account, why, what=str(reason))
        request = HoldRequest(
            reason=reason,
            event_id=note.event_id,
            evidence_json=hold_evidence(why, note.event_id, account),
            fields=note.fields,
            next_ms=self._next_ms(),
        )
        status = self._store.hold(self._state, request)
        if status == "held":
            log.error(LogEvent.POSITION_HELD, position=self._state.position, reason=reason, why=why)
        return status

    def _unread(self, error: ExchangeError) -> str:
        """A reading that failed says nothing, and doesn't count as one."""
        log.warning(LogEvent.RECONCILE_UNREAD, position=self._state.position, error=f"{type(error).__name__}: {error}")
        case = {"next_ms": str(self._state.now_ms + AGAIN_MS), "drift": self._drift_name}
        self._store.note(self._state, Note(case=case, is_new_drift=not self._is_same_drift()))
        return "unread"

    def _waits(self) -> int:
        return min(_whole(self._state.case.get("waits")), 10) if self._is_same_drift() else 0

    def _next_ms(self) -> int:
        wait_ms: int = min(AGAIN_MS * 2 ** self._waits(), LONGEST_WAIT_MS)
        return self._state.now_ms + wait_ms

    def _note(
        self, event: str, account: Account | None, why: str, *, what: str = "", after: Decimal | None = None
    ) -> Note:
        state = self._state
        name = event_id(state.position, self._reader.source, state.watermark, account, f"{event}\n{what}")
        if account is None:
            name = event_id(
                state.position, self._reader.source, state.watermark, None, f"{event}\n{what}\n{self._drift_name}"
            )
        fields = event_fields(
            state.position,
            account=account,
            before=canonical(self._ledger_amt),
            after=canonical(self._ledger_amt if after is None else after),
            why=why,
            by=BY,
        )
        return Note(event=event, event_id=name, fields=fields)


def _with(note: Note, *, case: dict[str, str], is_new_drift: bool = False) -> Note:
    return Note(
        event=note.event,
        event_id=note.event_id,
        fields=note.fields,
        case=case,
        is_new_drift=is_new_drift,
    )


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 14 else 0  # noqa: PLR2004 - as Lua's


def _ends_by_agreement(text: str | None) -> bool:
    """Whether the service's hold is one of a drift: others end in their own ways."""
    hold = decode_hold(HeldBy.SERVICE, text)
    return hold is not None and hold.ends in {HoldEnds.AGREEMENT, HoldEnds.ADOPTION}
