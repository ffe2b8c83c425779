"""Reconcile one position: while both sides agree, keep a watermark; on drift, explain, repair or hold it.

Mode ``observe`` writes only reconciliation's own keys. While an order of ours may be in flight, the position waits.
Repairs need evidence from the venue; an unexplained drift is a hold, with its amounts.
"""

from __future__ import annotations

from p33_tasks.contract.positions import position_key
from p33_tasks.domain.models import Leg
from p33_tasks.ports import DriftBudget, ReconcileStore
from p33_tasks.services.agreement import Agreement, ends_by_agreement
from p33_tasks.services.drift import Drift
from p33_tasks.services.position_case import PositionCase, ReconcilePolicy
from p33_tasks.services.read_history import HistoryReader


class ReconcileService:
    """Reconciles positions. Safe to run twice: each write first compares the stored values."""

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
        """Do the next step for a position.

        Returns:
            ``busy`` (another task reconciles), ``not_allowed``, ``unknown`` (no usable snapshot or ledger), ``wait``,
            ``quiet``, ``agreed``, ``marked``, ``unread``, ``explained``, ``settled``, ``repaired``, ``moved``,
            ``held``, ``known`` (held before) or ``released``.

        Raises:
            StoreError: Redis is away.
            CorruptStateError: A stored value of the position can't be read.
        """
        found = self._positions.get(position)
        if found is None:
            return "not_allowed"
        state = self._store.claim(*found)
        if state is None:
            return "busy"
        try:
            self._budget.begin()
            return self._run(PositionCase(state, self._policy, self._reader.source))
        finally:
            self._store.release(state)

    def _run(self, case: PositionCase) -> str:
        state = case.state
        agreement, drift = Agreement(case, self._reader, self._store), Drift(case, self._reader, self._store)
        if not case.is_known():
            return "unknown"
        differs = case.exchange_amt != case.ledger_amt
        if differs and ends_by_agreement(state.hold_text):
            agreement.count()  # no agreement, in flight or not: the count begins anew
        if case.may_be_in_flight():
            return "wait"
        if not differs:
            return agreement.keep()
        if case.is_marked():
            agreement.confirm()
            return "agreed"
        if case.is_too_early():
            return "wait"
        if state.case.get("unconfirmed_ms") and case.is_denied():
            drift.doubt_repair()
        return drift.settle()
