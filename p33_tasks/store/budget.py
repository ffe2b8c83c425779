"""The venue's request weight, shared by all workers through Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p33_tasks.contract.keys import Keys
from p33_tasks.errors import ExchangeBudgetSpentError, ExchangeOrderLimitedError, ExchangeRateLimitedError
from p33_tasks.store.scripts import Scripts

if TYPE_CHECKING:
    import redis


class RedisRequestBudget:
    """Implements ``ports.RequestBudget``."""

    def __init__(
        self,
        client: redis.Redis,
        keys: Keys,
        *,
        own_weight: int,
        venue_weight: int,
        is_reconcile: bool = False,
    ) -> None:
        """Make a budget.

        Args:
            client: The state store.
            keys: The account's keys.
            own_weight: Maximum weight of all workers together per minute.
            venue_weight: Maximum weight per minute by the venue's count, which includes other users of this IP address.
            is_reconcile: True for reconciliation's share, which is counted separately.
        """
        self._scripts = Scripts(client)
        self._key = keys.reconcile_budget if is_reconcile else keys.budget
        self._own_weight = own_weight
        self._venue_weight = venue_weight

    def acquire(self, weight: int) -> None:
        """See ``ports.RequestBudget.acquire``."""
        reply = self._scripts.run(
            "acquire_budget",
            {"budget_key": self._key},
            {"wanted_weight": weight, "own_limit": self._own_weight, "venue_limit": self._venue_weight},
        )
        if reply[0] == "paused":
            raise _paused(reply[1])
        if reply[0] == "spent":
            raise ExchangeBudgetSpentError(
                f"this minute's request weight is used up (ours {self._own_weight}, the venue's {self._venue_weight}); "
                f"the next minute begins in {reply[1]} s"
            )

    def acquire_order(self) -> None:
        """See ``ports.RequestBudget.acquire_order``."""
        status, *left = self._scripts.run("acquire_order", {"budget_key": self._key})
        if status == "paused":
            raise _paused(left[0])
        if status == "orders_paused":
            raise ExchangeOrderLimitedError(
                f"the exchange takes no orders for {left[0]} s more (its order limit)", retry_after_sec=int(left[0])
            )

    def report(self, used_weight: int) -> None:
        """See ``ports.RequestBudget.report``."""
        self._report(reported_weight=used_weight)

    def pause(self, seconds: int) -> None:
        """See ``ports.RequestBudget.pause``."""
        self._report(pause_sec=seconds)

    def pause_orders(self, seconds: int) -> None:
        """See ``ports.RequestBudget.pause_orders``."""
        self._report(order_pause_sec=seconds)

    def _report(
        self, *, reported_weight: int | str = "", pause_sec: int | str = "", order_pause_sec: int | str = ""
    ) -> None:
        self._scripts.run(
            "report_budget",
            {"budget_key": self._key},
            {"reported_weight": reported_weight, "pause_sec": pause_sec, "order_pause_sec": order_pause_sec},
        )


def _paused(seconds_left: int) -> ExchangeRateLimitedError:
    return ExchangeRateLimitedError(
        f"the exchange asked for a pause; {seconds_left} s of it are left", retry_after_sec=int(seconds_left)
    )
