"""The executor's side: consume both permits, or send nothing.

Needs neither Celery nor ccxt, only redis-py::

    client = PermitClient("redis://localhost:6379/0")
    try:
        permit = client.wait_and_consume(plan_id, "BTCUSDT")
    except PermitRefused as refused:
        ...  # refused.error, refused.reason: publish a not-executed result, send no order
    else:
        ...  # a reduce-only market order of permit.safe_close_qty, before permit.place_before_ms
"""

from p33_tasks.apply.client import Consumed, PermitClient
from p33_tasks.errors import PermitRefused

__all__ = ["Consumed", "PermitClient", "PermitRefused"]
