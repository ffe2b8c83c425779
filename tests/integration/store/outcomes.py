"""An executor's words about one plan, and what holds its position."""

from __future__ import annotations

from typing import Any

from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Leg
from tests.support.gate import SYMBOL, Gate

UNKNOWN_MS = 600_000


CONSUMED_MS = 67_000


def left_ms(gate: Gate) -> int:
    return int(gate.redis.pttl(gate.keys.reservation(SYMBOL)))


def say_unknown(gate: Gate, consume_id: str | None, plan_id: str = "plan-1", **changes: Any) -> None:
    gate.report(plan_id, executed=False, unknown=True, consume_id=consume_id, **changes)


def say_rejected(gate: Gate, consume_id: str | None, plan_id: str = "plan-1", **changes: Any) -> None:
    gate.report(plan_id, executed=False, rejected=True, consume_id=consume_id, **changes)


def end_reservation(gate: Gate, leg: Leg = Leg.BOTH) -> None:
    """Its time is over; and so is the barrier's."""
    gate.redis.delete(gate.keys.reservation(SYMBOL, leg))
    gate.end_cooldown(leg=leg)


def consumed_ago(gate: Gate, ago_ms: int, plan_id: str = "plan-1") -> None:
    gate.redis.hset(gate.keys.consumed(plan_id), "consumed_ms", gate.now_ms() - ago_ms)


def hold(gate: Gate, leg: Leg = Leg.BOTH) -> dict[str, Any]:
    return exact_json.loads_object(gate.redis.get(gate.keys.service_hold(SYMBOL, leg)) or "{}")


def held_for(gate: Gate, leg: Leg = Leg.BOTH) -> list[str]:
    """The plans that the service's hold names."""
    return [one["plan_id"] for one in hold(gate, leg).get("evidence", [])]
