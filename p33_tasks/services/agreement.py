"""While ledger and exchange agree: count agreements that end a hold, and keep a watermark."""

from __future__ import annotations

import structlog

from p33_tasks.contract.holds import decode_hold
from p33_tasks.domain.holds import HeldBy, HoldEnds
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciling import OVERLAP_MS
from p33_tasks.errors import ExchangeError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import Note, ReconcileStore
from p33_tasks.services.position_case import PositionCase, whole, with_case
from p33_tasks.services.read_history import HistoryReader
from p33_tasks.services.unread import leave_unread

QUIET_MS = 10_000
"""A watermark is taken after ledger and exchange didn't change for this time."""

log = structlog.get_logger("p33.reconcile")


class Agreement:
    """A position whose ledger equals the exchange, or differs from it by the same amount as at the watermark."""

    def __init__(self, case: PositionCase, reader: HistoryReader, store: ReconcileStore) -> None:
        self._case = case
        self._state = case.state
        self._reader = reader
        self._store = store

    def keep(self) -> str:
        """Count and mark an equal position; returns ``released``, ``agreed``, ``quiet``, ``marked`` or ``unread``."""
        self.confirm()
        if ends_by_agreement(self._state.hold_text):
            ended = self.count()
            if ended == "released":
                log.warning(LogEvent.POSITION_RELEASED, position=self._state.position)
                return ended
        state, snapshot = self._state, self._state.snapshot
        if snapshot is None or state.reserved_by is not None or self._case.is_recently_marked():
            return "agreed"
        amount = canonical(self._case.exchange_amt)
        if state.case.get("candidate_amt") != amount:
            case = {"candidate_amt": amount, "candidate_ms": str(snapshot.ts_ms), "drift": ""}
            self._store.note(state, Note(case=case, is_new_drift=True))
            return "quiet"
        if snapshot.ts_ms - whole(state.case.get("candidate_ms")) < QUIET_MS:
            return "quiet"
        return self._mark_agreement()

    def count(self) -> str:
        """Count an agreement under a hold; without an agreement, the count begins anew."""
        note = self._case.note(
            "released", None, "ledger and exchange are equal again", what=self._state.hold_text or ""
        )
        return self._store.settle(self._state, note)

    def _mark_agreement(self) -> str:
        state = self._state
        try:
            window = self._reader.trades_since(state.symbol, None)
            amount = self._reader.position(state.symbol, state.leg)
        except ExchangeError as error:
            return leave_unread(self._case, self._store, error)
        latest_ms = max((trade.time_ms for trade in window.trades if trade.leg is state.leg), default=0)
        if amount != self._case.exchange_amt or window.venue_ms - latest_ms < QUIET_MS:
            self._store.note(self._state, Note(case={"candidate_amt": "", "candidate_ms": ""}))
            return "quiet"
        mark = self._case.watermark(amount, self._case.ledger_amt, window, window.venue_ms - OVERLAP_MS)
        self._store.note(self._state, Note(watermark=mark, case={"candidate_amt": "", "candidate_ms": ""}))
        return "marked"

    def confirm(self) -> None:
        """Write ``confirmed`` if a repair isn't confirmed yet: the snapshot agrees with it."""
        repaired = self._state.case.get("unconfirmed_id")
        if repaired is None:
            return
        note = self._case.note("confirmed", None, "the snapshot after the repair confirms it", what=repaired)
        self._store.note(self._state, with_case(note, case={"unconfirmed_id": "", "unconfirmed_ms": ""}))


def ends_by_agreement(text: str | None) -> bool:
    """Whether the service's hold ends by agreement of ledger and exchange, i.e. is a hold of a drift."""
    hold = decode_hold(HeldBy.SERVICE, text)
    return hold is not None and hold.ends in {HoldEnds.AGREEMENT, HoldEnds.ADOPTION}
