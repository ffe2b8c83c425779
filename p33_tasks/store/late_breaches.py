"""Breaches found by repairs: read the plans' data, and arguments to count each order's breaches once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.executions import decode_executed, encode_executed, encode_order, permitted_of
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.domain.executions import Breach
from p33_tasks.domain.holds import ENDS, HoldReason
from p33_tasks.domain.late_breaches import LateBreach, PlanExecution
from p33_tasks.domain.reconciliation import Known
from p33_tasks.ports import PositionState
from p33_tasks.store.lua_header import Named
from p33_tasks.store.results import FILLS_MEMORY_SEC
from p33_tasks.store.scripts import translated_errors
from p33_tasks.store.service_holds import evidence_json
from p33_tasks.store.snapshots import AUDIT_MAXLEN

if TYPE_CHECKING:
    import redis


def read_plans(client: redis.Redis, keys: Keys, symbol: str, plan_ids: Iterable[str]) -> dict[str, PlanExecution]:
    """See ``ports.ReconcileStore.plans``."""
    ids = list(plan_ids)
    with translated_errors():
        pipeline = client.pipeline(transaction=True)
        pipeline.hget(keys.market(symbol), "step_size")
        for plan_id in ids:
            pipeline.get(keys.decision(plan_id))
            pipeline.get(keys.executed(plan_id))
        step, *found = pipeline.execute()
    pairs = zip(ids, found[::2], found[1::2], strict=True)
    return {
        plan_id: PlanExecution(
            permitted=permitted_of(decision, plan_id=plan_id, symbol=symbol, step_size=step),
            executed=decode_executed(executed),
        )
        for plan_id, decision, executed in pairs
    }


def breach_keys(keys: Keys, state: PositionState, breaches: Sequence[LateBreach]) -> dict[str, Any]:
    """The keys of ``count_breaches.lua``."""
    symbol, leg, opposite = state.symbol, state.leg, state.leg.opposite or state.leg
    return {
        "lease_key": keys.reconcile_lease,
        "orders_key": keys.orders(symbol),
        "counters_key": keys.counters,
        "audit_key": keys.audit,
        "hold_key": keys.service_hold(symbol, leg),
        "reservation_key": keys.reservation(symbol, leg),
        "opposite_hold_key": keys.service_hold(symbol, opposite),
        "opposite_reservation_key": keys.reservation(symbol, opposite),
        "executed_keys": [keys.executed(breach.plan_id) for breach in breaches],
    }


def breach_arguments(
    keys: Keys, state: PositionState, breaches: Sequence[LateBreach], known: Known, *, hold: bool
) -> Named:
    """The arguments of ``count_breaches.lua``."""
    opposite = state.leg.opposite
    is_of_leg = any(Breach.LEG in breach.kinds for breach in breaches)
    return {
        "token": state.token,
        "label": state.position,
        "position": state.position,
        "opposite_position": position_key(state.symbol, opposite or state.leg),
        "permit_prefix": keys.permit_prefix,
        "reason": HoldReason.BREACH,
        "ends": ENDS[HoldReason.BREACH],
        "evidence_json": _evidence(breaches) if hold else "",
        "holds_both": int(is_of_leg and opposite is not None),
        "audit_maxlen": AUDIT_MAXLEN,
        "keep_sec": FILLS_MEMORY_SEC,
        "orders": [
            {
                "id": breach.order_id,
                "record_before": known.records.get(breach.order_id, ""),
                "record_after": encode_order(breach.record),
                "kinds": ",".join(breach.kinds),
                "executed": encode_executed(breach.executed),
            }
            for breach in breaches
        ],
    }


def _evidence(breaches: Sequence[LateBreach]) -> str:
    kinds = [f"{breach.order_id}: {', '.join(breach.kinds)}" for breach in breaches]
    plan_id = breaches[0].plan_id
    name = hashlib.sha256("\n".join([plan_id, *kinds]).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    found: Mapping[str, Any] = {"plan_id": plan_id, "orders": kinds, "by": "reconciliation"}
    return evidence_json(f"breach:{name}", found)
