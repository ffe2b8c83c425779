"""The executor's library: consume both permits, or send no order.

Needs only redis-py, neither Celery nor ccxt::

    with PermitClient.from_env() as client:
        try:
            permit = client.wait_and_consume(plan_id, "BTCUSDT")
        except PermitRefused as refused:
            client.publish_result(plan_id, "BTCUSDT", "blocked", error=refused.error, reason=refused.reason)
        else:
            ...  # a reduce-only market order of permit.safe_close_qty, before permit.place_before_ms
            order = ExecutedOrder(order_id=order_id, side=permit.order_side, executed_qty="0.028")
            client.publish_result(plan_id, "BTCUSDT", "executed", orders=[order], consume_id=permit.consume_id)

``AsyncPermitClient`` is the same for asyncio. ``p33_tasks.apply.testing`` has fakes for an executor's own tests.
"""

from p33_tasks.apply.aio import AsyncPermitClient
from p33_tasks.apply.client import PermitClient
from p33_tasks.apply.consuming import Consumed
from p33_tasks.apply.refusals import REFUSALS, Refusal
from p33_tasks.apply.result import ExecutedOrder, Outcome
from p33_tasks.domain.models import OrderSide
from p33_tasks.errors import ConfigurationError, PermitRefused, StoreError

__all__ = [
    "REFUSALS",
    "AsyncPermitClient",
    "ConfigurationError",
    "Consumed",
    "ExecutedOrder",
    "OrderSide",
    "Outcome",
    "PermitClient",
    "PermitRefused",
    "Refusal",
    "StoreError",
]
