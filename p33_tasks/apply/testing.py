"""Fakes for an executor's tests: every answer of a ``PermitClient``, without Redis and workers.

::

    permits = FakePermitClient()
    permits.allow("plan-1", safe_close_qty="0.028", order_side="SELL")
    permits.refuse("plan-2", "cooldown_in_flight")

    my_executor(permits).handle(plan)

    assert permits.calls == [Call("wait_and_consume", "plan-1", "BTCUSDT")]
    assert permits.results[0]["outcome"] == "executed"

A plan without ``allow`` or ``refuse`` is refused as ``missing``, a second consumption as ``already_consumed``.
Arguments are checked as in the client.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Self

from p33_tasks.apply.consuming import Consumed
from p33_tasks.apply.options import checked_id, checked_timeout, consume_id_of
from p33_tasks.apply.permit import Leg
from p33_tasks.apply.refusals import NO_GOVERNOR, NO_P33, REFUSALS, refusal_of
from p33_tasks.apply.result import ExecutedOrder, Outcome, result_fields
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.quantities import parse_quantity
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import PermitRefused, StoreUnavailableError

PLACE_BEFORE_MS = 1_771_305_131_000

EVERY_REASON = tuple(dict.fromkeys([*(refusal.reason for refusal in REFUSALS), *map(str, Reason)]))
"""All reasons of refusals: ``@pytest.mark.parametrize("reason", EVERY_REASON)``."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the executor made."""

    method: str
    plan_id: str
    symbol: str


class FakePermitClient:
    """A fake ``PermitClient``."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """The consumptions tried, in order."""
        self.results: list[dict[str, str]] = []
        """The fields of the results published, in order."""
        self.redis_is_away = False
        """If True, everything is refused, and nothing can be published."""
        self._allowed: dict[str, Consumed] = {}
        self._refused: dict[str, tuple[str, str]] = {}
        self._numbers = itertools.count(1)

    # --- calls of the test ------------------------------------------------------------------------------------------

    def allow(
        self,
        plan_id: str,
        *,
        safe_close_qty: Decimal | int | str,
        order_side: OrderSide | str = OrderSide.SELL,
        position_side: Leg = "BOTH",
        place_before_ms: int = PLACE_BEFORE_MS,
    ) -> None:
        """Make both permits of this plan exist."""
        self._refused.pop(plan_id, None)
        self._allowed[plan_id] = Consumed(
            safe_close_qty=parse_quantity(safe_close_qty),
            order_side=OrderSide(order_side),
            position_side=position_side,
            consume_id=f"consume-{next(self._numbers)}",
            place_before_ms=place_before_ms,
        )

    def refuse(self, plan_id: str, reason: str, *, error: str | None = None) -> None:
        """Make this plan refused.

        Args:
            plan_id: The plan.
            reason: One of ``EVERY_REASON``, or one that begins with it.
            error: If the reason has several: ``missing_permit_or_redis`` or ``missing_or_denied_p33_permit``.

        Raises:
            ValueError: The client never gives this reason.
        """
        known = refusal_of(reason)
        if known is None and reason not in set(Reason):
            raise ValueError(f"{reason!r:.80} is never given as a reason; see EVERY_REASON")
        self._allowed.pop(plan_id, None)
        self._refused[plan_id] = (error or (known.errors[-1] if known else NO_P33), reason)

    # --- calls of the executor --------------------------------------------------------------------------------------

    def consume(self, plan_id: str, symbol: str, *, consume_id: str | None = None) -> Consumed:
        """As ``PermitClient.consume``."""
        return self._consume("consume", plan_id, symbol, consume_id)

    def wait_and_consume(
        self, plan_id: str, symbol: str, timeout_sec: float = 1.2, *, consume_id: str | None = None
    ) -> Consumed:
        """As ``PermitClient.wait_and_consume``; never waits."""
        checked_timeout(timeout_sec)
        return self._consume("wait_and_consume", plan_id, symbol, consume_id)

    def publish_result(
        self,
        plan_id: str,
        symbol: str,
        outcome: Outcome | str,
        *,
        orders: Sequence[ExecutedOrder] = (),
        consume_id: str | None = None,
        action: str = "",
        error: str = "",
        reason: str | None = "",
    ) -> str:
        """As ``PermitClient.publish_result``; the fields are added to ``results``."""
        fields = result_fields(
            plan_id, symbol, outcome, orders=orders, consume_id=consume_id, action=action, error=error, reason=reason
        )
        if self.redis_is_away:
            raise StoreUnavailableError("Redis can't be reached: the test says so")
        self.results.append({**fields, "timestamp": str(PLACE_BEFORE_MS // 1000)})
        return f"{PLACE_BEFORE_MS}-{len(self.results)}"

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def _consume(self, method: str, plan_id: str, symbol: str, consume_id: str | None) -> Consumed:
        checked_id("plan_id", plan_id)
        checked_id("symbol", symbol)
        given = None if consume_id is None else consume_id_of(consume_id)
        self.calls.append(Call(method, plan_id, symbol))
        if self.redis_is_away:
            raise PermitRefused(NO_GOVERNOR, "Redis can't be reached: the test says so")
        allowed = self._allowed.pop(plan_id, None)
        if allowed is None:
            raise PermitRefused(*self._refused.get(plan_id, (NO_GOVERNOR, "missing")))
        self._refused[plan_id] = (NO_GOVERNOR, "already_consumed")
        return Consumed(
            safe_close_qty=allowed.safe_close_qty,
            order_side=allowed.order_side,
            position_side=allowed.position_side,
            consume_id=given or allowed.consume_id,
            place_before_ms=allowed.place_before_ms,
        )


class AsyncFakePermitClient:
    """A fake ``AsyncPermitClient``; set up and read it through ``sync``, a ``FakePermitClient``."""

    def __init__(self, sync: FakePermitClient | None = None) -> None:
        self.sync = sync or FakePermitClient()

    async def consume(self, plan_id: str, symbol: str, *, consume_id: str | None = None) -> Consumed:
        """As ``AsyncPermitClient.consume``."""
        return self.sync.consume(plan_id, symbol, consume_id=consume_id)

    async def wait_and_consume(
        self, plan_id: str, symbol: str, timeout_sec: float = 1.2, *, consume_id: str | None = None
    ) -> Consumed:
        """As ``AsyncPermitClient.wait_and_consume``; never waits."""
        return self.sync.wait_and_consume(plan_id, symbol, timeout_sec, consume_id=consume_id)

    async def publish_result(
        self,
        plan_id: str,
        symbol: str,
        outcome: Outcome | str,
        *,
        orders: Sequence[ExecutedOrder] = (),
        consume_id: str | None = None,
        action: str = "",
        error: str = "",
        reason: str | None = "",
    ) -> str:
        """As ``PermitClient.publish_result``; the fields are added to ``sync.results``."""
        return self.sync.publish_result(
            plan_id, symbol, outcome, orders=orders, consume_id=consume_id, action=action, error=error, reason=reason
        )

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""
