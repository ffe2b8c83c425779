"""Resting orders as if the venue had told of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from p33_tasks.abilities import RestingOrder, RestingReport
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.ports import RestingClaim
from p33_tasks.store.resting import RedisRestingStore
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate


def order(qty: str = "0.010", leg: Leg = Leg.BOTH, side: OrderSide = OrderSide.SELL, **changes: Any) -> RestingOrder:
    fields: dict[str, Any] = {"order_id": "77", "client_order_id": "", "symbol": SYMBOL, **changes}
    return RestingOrder(
        leg=leg, side=side, open_qty=Decimal(qty), reduce_only=True, **{"is_conditional": False, **fields}
    )


def read_resting(gate: Gate, *orders: RestingOrder, age_ms: int = 0, **report: Any) -> bool:
    """As if the open orders had been read now, or ``age_ms`` ago."""
    store = RedisRestingStore(gate.verdicts._client, gate.keys)
    gate.redis.delete(gate.keys.resting_reading)
    claim = store.claim(SOURCE)
    assert claim is not None
    claim = RestingClaim(now_ms=claim.now_ms - age_ms, life=claim.life, source=claim.source)
    return store.put(claim, RestingReport(orders={SYMBOL: orders, OTHER: ()}, **report))
