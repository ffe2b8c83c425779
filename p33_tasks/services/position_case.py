"""One position in reconciliation: its stored state and the earlier readings. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.contract.drifts import MAX_DRIFT_WHY_CHARS, drift_name
from p33_tasks.contract.reconciliation import class_of, event_fields
from p33_tasks.domain.models import Policy
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, Watermark
from p33_tasks.domain.reconciling import (
    MAX_WINDOW_MS,
    OVERLAP_MS,
    ExternalPolicy,
    Mode,
    Tries,
    event_id,
    is_denied,
)
from p33_tasks.ports import Note, PositionState
from p33_tasks.services.read_history import WindowTrades

AGAIN_MS = 20_000
"""Time until the next reading of an unexplained drift: three readings take a minute."""
LONGEST_WAIT_MS = 300_000
BY = "reconciliation"
_SETTLED = frozenset({"confirmed", "released"})
_MOST_DIGITS = 14
"""As in Lua's ``whole``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePolicy:
    """What reconciliation may do."""

    mode: Mode
    external: ExternalPolicy
    limits: Policy


class PositionCase:
    """A claimed position, with what its state means for reconciliation."""

    def __init__(self, state: PositionState, policy: ReconcilePolicy, source: str) -> None:
        self.state = state
        self.policy = policy
        self._source = source

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def exchange_amt(self) -> Decimal:
        """The snapshot's amount, signed base units."""
        if self.state.snapshot is None:
            raise AssertionError("looked at before it is known")
        return self.state.snapshot.position_amt

    @property
    def ledger_amt(self) -> Decimal:
        """The ledger's amount, signed base units."""
        ledger = self.state.ledger
        if ledger is None or ledger.last_known_amt is None:
            raise AssertionError("looked at before it is known")
        return ledger.last_known_amt

    def is_known(self) -> bool:
        """Whether there are a usable, fresh snapshot and a ledger with a known amount."""
        state, snapshot = self.state, self.state.snapshot
        if snapshot is None or state.ledger is None or state.ledger.last_known_amt is None:
            return False
        age_ms = state.now_ms - snapshot.ts_ms
        return (
            state.life != ""
            and snapshot.life == state.life
            and snapshot.source == self._source
            and state.is_of_mode
            and 0 <= age_ms <= self.policy.limits.stale_threshold_ms
        )

    def may_be_in_flight(self) -> bool:
        """Whether the snapshot was requested before our last order, or before the barrier of a consumption."""
        snapshot, ledger, limits = self.state.snapshot, self.state.ledger, self.policy.limits
        if snapshot is None or ledger is None:
            return True
        if ledger.last_order_time_ms is not None and snapshot.ts_ms <= ledger.last_order_time_ms:
            return True
        return ledger.barrier_ms is not None and snapshot.ts_ms < ledger.barrier_ms + limits.read_lag_ms

    def is_denied(self) -> bool:
        """Whether rule 3 or 4 denies these amounts."""
        return is_denied(self.exchange_amt, self.ledger_amt, self.policy.limits.qty_tolerance_pct)

    def is_marked(self) -> bool:
        """Whether the watermark has exactly these amounts."""
        mark = self.state.watermark
        return mark is not None and (mark.exchange_amt, mark.ledger_amt) == (self.exchange_amt, self.ledger_amt)

    def is_recently_marked(self) -> bool:
        """Whether the watermark has these amounts and is recent, so that no new one is needed."""
        mark = self.state.watermark
        return self.is_marked() and mark is not None and self.state.now_ms - mark.ts_ms < MAX_WINDOW_MS // 7

    # --- what was tried ---------------------------------------------------------------------------------------------

    @property
    def drift_name(self) -> str:
        """The identity of the drift: both amounts."""
        return drift_name(canonical(self.exchange_amt), canonical(self.ledger_amt))

    def is_same_drift(self) -> bool:
        """Whether this drift was read before."""
        return self.state.case.get("drift") == self.drift_name

    def is_too_early(self) -> bool:
        """Whether the next reading of this drift isn't due yet."""
        return self.is_same_drift() and self.state.now_ms < whole(self.state.case.get("next_ms"))

    def tries(self, *, is_closed: bool) -> Tries:
        """The unsuccessful readings of this drift, with this one unless ``is_closed``."""
        case, now_ms = self.state.case, self.state.now_ms
        is_same = self.is_same_drift()
        readings = whole(case.get("readings")) if is_same else 0
        first_ms = whole(case.get("first_ms")) if is_same and readings else now_ms
        return Tries(readings=readings + (0 if is_closed else 1), first_ms=first_ms, now_ms=now_ms)

    def last_reading(self, account: Account | None, why: str) -> dict[str, str]:
        """What is stored of a reading for people, with its drift."""
        return {"drift": self.drift_name, "class": class_of(account), "why": why[:MAX_DRIFT_WHY_CHARS]}

    def waits(self) -> int:
        """How often this drift was reported and left unchanged."""
        return min(whole(self.state.case.get("waits")), 10) if self.is_same_drift() else 0

    def next_ms(self) -> int:
        """Redis TIME (ms) of the next reading; the delay grows with each one."""
        wait_ms: int = min(AGAIN_MS * 2 ** self.waits(), LONGEST_WAIT_MS)
        return self.state.now_ms + wait_ms

    # --- what is written down ---------------------------------------------------------------------------------------

    def watermark(self, amount: Decimal, ledger_amt: Decimal, window: WindowTrades, since_ms: int) -> Watermark:
        """A new watermark, with the trades of a window from ``since_ms`` (the venue's clock)."""
        counted = frozenset(trade.trade_id for trade in window.trades if trade.time_ms >= since_ms)
        before = self.state.watermark
        # Another replica's list may briefly lack trades of the last list; when they reappear, they aren't new.
        if before is not None and self.state.now_ms - before.ts_ms <= 2 * OVERLAP_MS:
            counted |= before.counted
        return Watermark(
            ts_ms=self.state.now_ms, since_ms=since_ms, exchange_amt=amount, ledger_amt=ledger_amt, counted=counted
        )

    def note(
        self, event: str, account: Account | None, why: str, *, what: str = "", after: Decimal | None = None
    ) -> Note:
        """An event; its id is computed from the facts."""
        state = self.state
        name = event_id(state.position, self._source, state.watermark, account, f"{event}\n{what}")
        if account is None:
            name = event_id(state.position, self._source, state.watermark, None, f"{event}\n{what}\n{self.drift_name}")
        fields = event_fields(
            state.position,
            account=account,
            before=canonical(self.ledger_amt),
            after=canonical(self.ledger_amt if after is None else after),
            why=why,
            by=BY,
            is_settled=event in _SETTLED,
        )
        return Note(event=event, event_id=name, fields=fields)


def whole(text: str | None) -> int:
    """A stored number of milliseconds or tries; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def with_case(note: Note, *, case: dict[str, str], is_new_drift: bool = False) -> Note:
    """The same note, with fields of the case added."""
    return Note(
        event=note.event,
        event_id=note.event_id,
        fields=note.fields,
        case=case,
        is_new_drift=is_new_drift,
    )
