"""The exchange's request weight, shared by every worker through Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p33_tasks.contract.keys import Keys
from p33_tasks.errors import ExchangeBudgetSpentError, ExchangeRateLimitedError
from p33_tasks.store.scripts import Scripts

if TYPE_CHECKING:
    import redis

OWN_WEIGHT_PER_MINUTE = 1_200
"""Half of Binance's 2400: the executor on the same address needs the rest."""
VENUE_WEIGHT_PER_MINUTE = 2_280
"""95 % of it, by the venue's own count of everybody on this address."""


class RedisRequestBudget:
    """Implements ``ports.RequestBudget``."""

    def __init__(
        self,
        client: redis.Redis,
        keys: Keys,
        *,
        own_weight: int = OWN_WEIGHT_PER_MINUTE,
        venue_weight: int = VENUE_WEIGHT_PER_MINUTE,
    ) -> None:
        self._scripts = Scripts(client)
        self._keys = keys
        self._own_weight = own_weight
        self._venue_weight = venue_weight

    def acquire(self, weight: int) -> None:
        """See ``ports.RequestBudget.acquire``."""
        reply = self._scripts.run(
            "acquire_budget",
            {"budget_key": self._keys.budget},
            {"wanted_weight": weight, "own_limit": self._own_weight, "venue_limit": self._venue_weight},
        )
        if reply[0] == "paused":
            raise ExchangeRateLimitedError(
                f"the exchange asked for a pause; {reply[1]} s of it are left", retry_after_sec=int(reply[1])
            )
        if reply[0] == "spent":
            raise ExchangeBudgetSpentError(
                f"this minute's request weight is used up (ours {self._own_weight}, the venue's {self._venue_weight}); "
                f"the next minute begins in {reply[1]} s"
            )

    def report(self, used_weight: int) -> None:
        """See ``ports.RequestBudget.report``."""
        self._report(used_weight, "")

    def pause(self, seconds: int) -> None:
        """See ``ports.RequestBudget.pause``."""
        self._report("", seconds)

    def _report(self, reported_weight: int | str, pause_sec: int | str) -> None:
        self._scripts.run(
            "report_budget",
            {"budget_key": self._keys.budget},
            {"reported_weight": reported_weight, "pause_sec": pause_sec},
        )
