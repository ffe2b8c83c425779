"""The cooldowns that recorded verdicts would have had with another ``P33_COOLDOWN_MODE``.

Each record has the mark price, the amounts and the last order. A position's records in time order serve as input for
its statistics, like the snapshots of refreshes. Records too far apart give too little data, by the same bounds as in
``domain/statistics.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from p33_tasks.contract.positions import position_key
from p33_tasks.domain.models import Facts, Leg
from p33_tasks.domain.records import RecordedVerdict
from p33_tasks.domain.statistics import Statistics, adapted_cooldown, with_amounts, with_mark
from p33_tasks.services.replay import Limits

ADAPTIVE, FIXED = MODES = ("adaptive", "fixed")
_OWN = frozenset({"volatility", "settlement"})


@dataclass
class Cooldowns:
    """The cooldown of each verdict with a given mode, by entry id. Verdicts must be given oldest first."""

    mode: str
    base_ms: int | None  # the fixed cooldown to try; None: each verdict's own
    max_ms: int  # the longest adapted cooldown
    seen: int = 0  # verdicts with facts
    other: int = 0  # ... whose cooldown would have been different
    unknown: int = 0  # ... with too little data
    _known: dict[str, Statistics] = field(default_factory=dict)  # by position
    _tried: dict[str, int] = field(default_factory=dict)  # ms, by entry id

    def see(self, record: RecordedVerdict) -> None:
        """Update statistics by a verdict's facts, and compute its cooldown; ignores verdicts without facts."""
        facts, policy = record.facts, record.policy
        if facts is None:
            return
        self.seen += 1
        was_ms, base_ms = policy.cooldown_ms, self.base_ms
        if base_ms is None and policy.cooldown_by not in _OWN:
            base_ms = was_ms
        elif base_ms is None:
            base_ms = facts.limits.adaptive_base_ms
        if base_ms is None:  # recorded by a version without the base
            self.unknown += 1
            return
        tried_ms = base_ms if self.mode == FIXED else self._adapted_ms(record, facts, base_ms)
        self._tried[record.entry_id] = tried_ms
        self.other += tried_ms != was_ms

    def limits_of(self, record: RecordedVerdict, limits: Limits | None) -> Limits:
        """The limits to try for a verdict, with this mode's cooldown."""
        limits = limits or Limits()
        tried_ms = self._tried.get(record.entry_id)
        return limits if tried_ms is None else replace(limits, cooldown_ms=tried_ms)

    def _adapted_ms(self, record: RecordedVerdict, facts: Facts, base_ms: int) -> int:
        key = position_key(record.plan.symbol, facts.position_side or Leg.BOTH)
        known = self._known[key] = _looked(self._known.get(key, Statistics()), facts)
        if record.policy.cooldown_by in _OWN and self.base_ms is None:
            return record.policy.cooldown_ms  # the service computed it from every refresh
        found = adapted_cooldown(known, in_force_ms=base_ms, max_ms=self.max_ms)
        self.unknown += known.ratio is None and known.settle_p95_ms is None
        return base_ms if found is None else found[0]


def _looked(known: Statistics, facts: Facts) -> Statistics:
    """The statistics updated by a position's snapshot and ledger, as a refresh does."""
    snapshot, ledger = facts.snapshot, facts.ledger
    if snapshot is None or snapshot.source != facts.source or snapshot.ts_ms > facts.now_ms:
        return known
    mark = snapshot.position.mark_price
    known = with_mark(known, None if mark is None else float(mark), snapshot.ts_ms)
    return with_amounts(
        known,
        position_amt=snapshot.position_amt,
        ts_ms=snapshot.ts_ms,
        ledger_amt=None if ledger is None else ledger.last_known_amt,
        ordered_ms=None if ledger is None else ledger.last_order_time_ms,
    )
