"""Lengthen the cooldown of symbols with unusual volatility, or whose venue shows fills late."""

from __future__ import annotations

from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Policy
from p33_tasks.domain.statistics import adapted_cooldown, measured, with_amounts, with_mark
from p33_tasks.ports import Adapted, AdaptiveStore, Observed


class AdaptiveService:
    """Updates statistics from each refresh's snapshots. Safe to run twice: a snapshot counts once."""

    def __init__(
        self, store: AdaptiveStore, policy: Policy, *, source: str, symbols: tuple[str, ...], max_ms: int
    ) -> None:
        self._store = store
        self._policy = policy
        self._source = source
        self._symbols = symbols
        self._max_ms = max_ms

    def adapt(self) -> int:
        """Update all symbols once; returns how many have a cooldown longer than the one in force.

        Raises:
            StoreUnavailableError: Redis is away.
        """
        adapted = [self._adapted(seen) for seen in self._store.observe(self._symbols)]
        self._store.save(adapted)
        return sum(one.cooldown_ms is not None for one in adapted)

    def _adapted(self, seen: Observed) -> Adapted:
        known = seen.statistics
        if seen.source == self._source and seen.ts_ms is not None and seen.ts_ms <= seen.now_ms:
            known = with_mark(known, seen.mark, seen.ts_ms)
            if seen.position_amt is not None:
                known = with_amounts(
                    known,
                    position_amt=seen.position_amt,
                    ts_ms=seen.ts_ms,
                    ledger_amt=seen.ledger_amt,
                    ordered_ms=seen.ordered_ms,
                )
        found, base_ms = None, self._policy.cooldown_ms
        if seen.limits is not None:
            base_ms = in_force(self._policy, seen.limits, seen.now_ms).cooldown_ms
            found = adapted_cooldown(known, in_force_ms=base_ms, max_ms=self._max_ms)
        cooldown_ms, by = found or (None, "")
        return Adapted(
            symbol=seen.symbol,
            statistics=known,
            cooldown_ms=cooldown_ms,
            by=by,
            base_ms=base_ms,
            measured=measured(known, by),
            legs=seen.legs,
        )
