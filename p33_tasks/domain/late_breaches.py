"""Breaches of own orders without a result: a repair finds such orders in the venue's trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce

from p33_tasks.domain import quantities as q
from p33_tasks.domain.executions import Breach, OrderRecord, Permitted, breaches_of
from p33_tasks.domain.models import Fill, Leg, OrderSide, PositionSide
from p33_tasks.domain.reconciliation import Account, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanExecution:
    """What a plan's allow permits, and what is stored about its orders."""

    permitted: Permitted | None  # None: its allow is no longer stored
    executed: Mapping[str, Decimal] = field(default_factory=dict)  # order id to cumulative quantity, base units


@dataclass(frozen=True, slots=True, kw_only=True)
class LateBreach:
    """An order that exceeded its permit and is not counted yet."""

    order_id: str
    plan_id: str
    kinds: tuple[Breach, ...]
    record: OrderRecord  # the new record, with these breaches
    executed: Mapping[str, Decimal]  # order id to quantity, of all orders of the plan, this one included


def late_breaches(
    account: Account, leg: Leg, plans: Mapping[str, PlanExecution], records: Mapping[str, OrderRecord]
) -> tuple[LateBreach, ...]:
    """The breaches by the orders that a repair applies.

    Args:
        account: The arithmetic of the drift.
        leg: The leg of the position that drifts.
        plans: The plans of those orders, by plan_id.
        records: What is stored about the orders; counted breaches aren't counted again.
    """
    found = []
    for share in account.missing:
        plan = plans.get(share.plan_id) if share.plan_id is not None else None
        if share.order_id is None or share.plan_id is None or plan is None or plan.permitted is None:
            continue
        record = records.get(share.order_id) or OrderRecord(plan_id=share.plan_id)
        executed = {**plan.executed, share.order_id: share.remembered_after}
        kinds = tuple(
            kind
            for kind in breaches_of(
                plan.permitted,
                _fill(share, leg),
                increase=q.magnitude(share.missing),
                total=reduce(q.add, executed.values(), q.ZERO),
            )
            if kind not in record.breaches
        )
        if kinds:
            marked = OrderRecord(
                plan_id=record.plan_id or share.plan_id,
                side=record.side,
                breaches=(*record.breaches, *kinds),
                leg=record.leg,
            )
            found.append(
                LateBreach(
                    order_id=share.order_id, plan_id=share.plan_id, kinds=kinds, record=marked, executed=executed
                )
            )
    return tuple(found)


def _fill(share: Share, leg: Leg) -> Fill:
    return Fill(
        order_id=share.order_id or "",
        side=OrderSide.BUY if share.moved > 0 else OrderSide.SELL,
        cumulative_qty=share.remembered_after,
        leg=None if leg is Leg.BOTH else PositionSide(leg.value),
    )
