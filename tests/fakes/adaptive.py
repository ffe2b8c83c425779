"""``ports.AdaptiveStore`` in memory."""

from __future__ import annotations

from collections.abc import Sequence

from p33_tasks.contract.positions import HEDGE_LEGS
from p33_tasks.domain.models import Leg
from p33_tasks.domain.statistics import Statistics
from p33_tasks.ports import Adapted, Observed
from tests.fakes.account import MemoryAccount


class MemoryAdaptiveStore:
    """Statistics over the snapshots and ledgers of an account."""

    def __init__(self, account: MemoryAccount) -> None:
        self._account = account

    def observe(self, symbols: Sequence[str]) -> tuple[Observed, ...]:
        return tuple(self._observed(symbol) for symbol in symbols)

    def _observed(self, symbol: str) -> Observed:
        here = self._account
        snapshot, ledger = here.snapshots.get(symbol), here.ledgers.get(symbol)
        mark = None if snapshot is None else snapshot.position.mark_price
        is_hedged = snapshot is not None and bool(snapshot.position.hedge_mode)
        return Observed(
            symbol=symbol,
            now_ms=here.now_ms,
            mark=None if mark is None else float(mark),
            position_amt=None if snapshot is None else snapshot.position_amt,
            ts_ms=None if snapshot is None else snapshot.ts_ms,
            source="" if snapshot is None else snapshot.source,
            ledger_amt=None if ledger is None else ledger.last_known_amt,
            ordered_ms=None if ledger is None else ledger.last_order_time_ms,
            limits=here.limits_of(symbol, adaptive=False),
            statistics=here.statistics.get(symbol, Statistics()),
            legs=HEDGE_LEGS if is_hedged else (Leg.BOTH,),
        )

    def save(self, adapted: Sequence[Adapted]) -> None:
        for one in adapted:
            self._account.statistics[one.symbol] = one.statistics
            self._account.adapted[one.symbol] = one
