"""Request budgets for tests that aren't about Redis."""

from __future__ import annotations

from dataclasses import dataclass, field

from p33_tasks.errors import ExchangeOrderLimitedError, ExchangeRateLimitedError, StoreError


@dataclass
class RecordingBudget:
    """Grants everything until it is paused, and remembers what it was told."""

    acquired: list[int] = field(default_factory=list)
    reported: list[int] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)
    order_pauses: list[int] = field(default_factory=list)

    def acquire(self, weight: int) -> None:
        if self.pauses:
            raise ExchangeRateLimitedError("a pause isn't over", retry_after_sec=self.pauses[-1])
        self.acquired.append(weight)

    def acquire_order(self) -> None:
        if self.order_pauses:
            raise ExchangeOrderLimitedError("a pause of orders isn't over", retry_after_sec=self.order_pauses[-1])
        if self.pauses:
            raise ExchangeRateLimitedError("a pause isn't over", retry_after_sec=self.pauses[-1])

    def report(self, used_weight: int) -> None:
        self.reported.append(used_weight)

    def pause(self, seconds: int) -> None:
        self.pauses.append(seconds)

    def pause_orders(self, seconds: int) -> None:
        self.order_pauses.append(seconds)


class ForgetfulBudget(RecordingBudget):
    """Grants, and then can't be reached any more."""

    def report(self, used_weight: int) -> None:  # noqa: ARG002 - the port's signature
        raise StoreError("Redis went away")

    def pause(self, seconds: int) -> None:  # noqa: ARG002 - the port's signature
        raise StoreError("Redis went away")
