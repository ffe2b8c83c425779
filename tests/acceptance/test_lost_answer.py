"""A venue in trouble: the order executes, its answer is lost, and queries and position lag (failure 34).

Whatever the executor says about the first order, no plan is allowed until a position shows it that was read behind the
consumption's barrier.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import pytest

from p33_tasks.apply import PermitClient
from tests.acceptance.system import System
from tests.acceptance.test_recovery import _frozen
from tests.support.waiting import wait_until
from tests.support.wire_order import send_reduce_only

pytestmark = pytest.mark.timeout(180)
POSITION, FIRST, LEFT = Decimal("0.04"), Decimal("0.03"), Decimal("0.01")
SYMBOL_COUNT = 8
TROUBLE_MS = 9_000
FALSE_REFUSAL_LAG_MS = 6_000
"""Less than place window and read lag together: for more a false refusal is beyond what a gate can know."""


class Plans:
    """Sends one plan after another until one is allowed, and keeps what was decided about each."""

    def __init__(self, system: System, symbol: str) -> None:
        self._system, self._symbol = system, symbol
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.verdicts: list[dict[str, Any]] = []

    def _send(self) -> None:
        while not self._stop.wait(0.3) and self.allowed is None:
            plan_id = self._system.publish(self._symbol)
            self.verdicts.append(self._system.verdict(plan_id))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def allowed(self) -> dict[str, Any] | None:
        return next((verdict for verdict in self.verdicts if verdict["allow"]), None)

    @property
    def reasons(self) -> set[str]:
        return {verdict["reason"] for verdict in self.verdicts if not verdict["allow"]}


@pytest.fixture
def mended(system: System) -> Iterator[System]:
    """The venue is healthy afterwards."""
    yield system
    system.exchange.clear_faults()


def executed(system: System, symbol: str, since: int) -> Decimal:
    """By the orders after the first ``since``: a test that is run again finds those of its first run."""
    return sum((Decimal(order["executedQty"]) for order in system.orders(symbol)[since:]), Decimal(0))


def trouble(system: System, lag_ms: int) -> None:
    """The next order's answer is a 503; what it did shows later, in queries and in the position."""
    system.exchange.fault(
        status=503,
        takes_effect=True,
        methods=["POST"],
        paths=["/fapi/v1/order"],
        times=1,
        order_delay_ms=lag_ms,
        fill_delay_ms=lag_ms,
    )


def test_no_plan_is_allowed_until_the_order_is_found(mended: System) -> None:
    system, symbol = mended, "SIM003USDT"
    system.hold_position(symbol, str(POSITION))
    since = len(system.orders(symbol))
    trouble(system, TROUBLE_MS)
    first = system.publish(symbol)
    wait_until(lambda: executed(system, symbol, since) == FIRST, "the first order is executed")

    with Plans(system, symbol) as plans:
        allowed = wait_until(lambda: plans.allowed, "the venue recovers and a plan is allowed", timeout_sec=60)

    assert (allowed["exchange_position_amt"], allowed["ledger_position_amt"]) == (LEFT, LEFT)
    assert "permit_in_flight" in plans.reasons
    told = system.results(first)
    assert [result["outcome"] for result in told if result["executed"].lower() == "true"] == ["executed"]
    assert "rejected" not in {result["outcome"] for result in told}
    assert len(system.orders(symbol)) <= since + 2
    assert executed(system, symbol, since) <= POSITION


def test_nor_while_an_executor_says_falsely_that_the_venue_refused_it(mended: System) -> None:
    system, symbol = mended, "SIM007USDT"
    system.hold_position(symbol, str(POSITION))
    since = len(system.orders(symbol))
    with _frozen(system.neighbours[1]), PermitClient(system.redis.url(0)) as permits:
        first = system.publish(symbol)
        consumed = permits.wait_and_consume(first, symbol, 5)
        trouble(system, FALSE_REFUSAL_LAG_MS)
        assert send_reduce_only(system.exchange, symbol, str(consumed.order_side), consumed.safe_close_qty) == 503
        assert executed(system, symbol, since) == FIRST
        refusal = {
            "plan_id": first,
            "symbol": symbol,
            "executed": "False",
            "outcome": "rejected",
            "consume_id": consumed.consume_id,
        }
        system.client.xadd("quantum:stream:apply.result", dict(refusal))
        reservation = f"quantum:position:inflight:{symbol}"
        wait_until(lambda: not system.client.exists(reservation), "the position is free, which it mustn't be")

        with Plans(system, symbol) as plans:
            system.await_snapshot(symbol, str(LEFT))

    assert plans.allowed is None
    assert "stale_exchange_state" in plans.reasons
    assert executed(system, symbol, since) == FIRST
