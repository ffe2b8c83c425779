"""``ports.RequestBudget`` in memory."""

from __future__ import annotations

from p33_tasks.errors import ExchangeBudgetSpentError, ExchangeOrderLimitedError, ExchangeRateLimitedError
from tests.fakes.account import MemoryAccount

MINUTE_MS = 60_000


class MemoryBudget:
    """One minute's request weight, by the clock of an account."""

    def __init__(self, account: MemoryAccount, *, own_weight: int, venue_weight: int) -> None:
        self._account = account
        self._own_weight = own_weight
        self._venue_weight = venue_weight
        self._minute = -1
        self._used = self._reported = 0
        self._paused_until_ms = self._orders_paused_until_ms = 0

    def acquire(self, weight: int) -> None:
        self._begin_minute()
        self._refuse_while_paused()
        if self._used + weight > self._own_weight or self._reported + weight > self._venue_weight:
            raise ExchangeBudgetSpentError("this minute's request weight is used up")
        self._used += weight
        self._reported += weight

    def acquire_order(self) -> None:
        self._refuse_while_paused()
        left_ms = self._orders_paused_until_ms - self._account.now_ms
        if left_ms > 0:
            raise ExchangeOrderLimitedError("no orders now", retry_after_sec=-(-left_ms // 1000))

    def report(self, used_weight: int) -> None:
        self._begin_minute()
        self._reported = max(self._reported, used_weight)

    def pause(self, seconds: int) -> None:
        self._paused_until_ms = max(self._paused_until_ms, self._account.now_ms + seconds * 1000)

    def pause_orders(self, seconds: int) -> None:
        self._orders_paused_until_ms = max(self._orders_paused_until_ms, self._account.now_ms + seconds * 1000)

    def _begin_minute(self) -> None:
        minute = self._account.now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self._used, self._reported = minute, 0, 0

    def _refuse_while_paused(self) -> None:
        left_ms = self._paused_until_ms - self._account.now_ms
        if left_ms > 0:
            raise ExchangeRateLimitedError("the exchange asked for a pause", retry_after_sec=-(-left_ms // 1000))
