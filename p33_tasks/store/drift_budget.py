"""The request weight of reconciliation: a separate share of the shared budget, after the refreshes' needs."""

from __future__ import annotations

from p33_tasks.errors import ExchangeBudgetSpentError
from p33_tasks.store.budget import RedisRequestBudget

WEIGHT_PER_DRIFT = 60
WEIGHT_PER_MINUTE = 240


class ReconcileBudget:
    """Implements ``ports.RequestBudget`` and ``ports.DriftBudget``."""

    def __init__(self, own: RedisRequestBudget, shared: RedisRequestBudget) -> None:
        """Make a budget.

        Args:
            own: The budget of all reconciliation, ``WEIGHT_PER_MINUTE``.
            shared: The account's budget, less the weight that refreshes need.
        """
        self._own = own
        self._shared = shared
        self._left = WEIGHT_PER_DRIFT

    def begin(self) -> None:
        """See ``ports.DriftBudget.begin``."""
        self._left = WEIGHT_PER_DRIFT

    def acquire(self, weight: int) -> None:
        """See ``ports.RequestBudget.acquire``."""
        if weight > self._left:
            raise ExchangeBudgetSpentError(f"one drift may use a weight of {WEIGHT_PER_DRIFT}; it is read again later")
        self._own.acquire(weight)
        self._shared.acquire(weight)
        self._left -= weight

    def acquire_order(self) -> None:
        """See ``ports.RequestBudget.acquire_order``."""
        self._shared.acquire_order()

    def report(self, used_weight: int) -> None:
        """See ``ports.RequestBudget.report``."""
        self._shared.report(used_weight)

    def pause(self, seconds: int) -> None:
        """See ``ports.RequestBudget.pause``."""
        self._shared.pause(seconds)

    def pause_orders(self, seconds: int) -> None:
        """See ``ports.RequestBudget.pause_orders``."""
        self._shared.pause_orders(seconds)
