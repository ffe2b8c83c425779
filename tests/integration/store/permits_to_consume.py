"""What can be wrong with a permit, or can have changed behind it, when it is consumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.gate import OTHER, SYMBOL, Gate

NO_GOVERNOR, NO_P33 = "missing_permit_or_redis", "missing_or_denied_p33_permit"


def both_are_there(gate: Gate, plan_id: str = "plan-1") -> bool:
    return gate.redis.exists(gate.keys.permit(plan_id), gate.keys.governor_permit(plan_id)) == 2


def change(gate: Gate, **fields: Any) -> None:
    """Forge the permit: change, add or (with ...) take away fields; the reservation stands."""
    permit = json.loads(gate.redis.get(gate.keys.permit("plan-1")) or "{}")
    permit = {name: value for name, value in {**permit, **fields}.items() if value is not ...}
    gate.redis.set(gate.keys.permit("plan-1"), json.dumps(permit), ex=60)


FORGED: dict[str, dict[str, Any]] = {
    "allow as a string": {"allow": "true"},
    "allow as a false string": {"allow": "false"},
    "allow as a number": {"allow": 1},
    "no allow": {"allow": ...},
    "another plan": {"plan_id": "plan-2"},
    "another symbol": {"symbol": OTHER},
    "quantity as a string": {"safe_close_qty": "0.030"},
    "quantity above the position": {"safe_close_qty": 0.041},
    "quantity zero": {"safe_close_qty": 0},
    "quantity negative": {"safe_close_qty": -0.01},
    "quantity a flag": {"safe_close_qty": True},
    "no quantity": {"safe_close_qty": ...},
    "the wrong side": {"order_side": "BUY"},
    "a side of another case": {"order_side": "sell"},
    "no side": {"order_side": ...},
    "a leg of the other side": {"position_side": "SHORT"},
    "a leg that isn't one": {"position_side": "long"},
    "a leg as a number": {"position_side": 1},
    "a leg as a list": {"position_side": []},
    "position as a string": {"exchange_position_amt": "0.040"},
    "no position": {"exchange_position_amt": ...},
    "no time": {"ts_ms": ...},
    "time as a string": {"ts_ms": "1771305126000"},
    "time as a fraction": {"ts_ms": 1771305126000.5},
    "no expiry": {"expires_ms": ...},
    "valid for years": {"expires_ms": 10**13},
    "no run": {"run_id": ...},
    "an empty run": {"run_id": ""},
    "threshold as a string": {"stale_threshold_sec": "10"},
    "lag as a string": {"read_lag_sec": "2"},
}


def expire_permit(gate: Gate) -> None:
    now_ms = gate.now_ms()
    change(gate, ts_ms=now_ms - 60_000, expires_ms=now_ms)


CHANGED: dict[str, tuple[Callable[[Gate], object], str]] = {
    # Without the script that sets it, which takes the permit away too.
    "a service hold was set": (lambda g: g.redis.set(g.keys.service_hold(SYMBOL), "x"), "reconcile_hold_active"),
    "a hold was set": (lambda g: g.operator.set_hold(SYMBOL, why="x", by="me"), "reconcile_hold_active"),
    "a fill": (lambda g: g.report("x", ("1", "SELL", "0.001")), "order_since_permit"),
    "an order that filled nothing": (lambda g: g.report("x", ("1", "SELL", "0")), "order_since_permit"),
    "an order by whole seconds": (
        lambda g: g.redis.hset(g.keys.ledger(SYMBOL), "last_order_time_epoch", g.now_ms() // 1000),
        "order_since_permit",
    ),
    "an order time that is none": (
        lambda g: g.redis.hset(g.keys.ledger(SYMBOL), "last_order_time_ms", "nan"),
        "ledger_unreadable",
    ),
    "the ledger is gone": (lambda g: g.redis.delete(g.keys.ledger(SYMBOL)), "ledger_missing"),
    "the position changed": (lambda g: g.put_position("0.039"), "position_changed"),
    "the position is flat": (lambda g: g.put_position("0"), "position_changed"),
    "the position turned": (lambda g: g.put_position("-0.040"), "position_changed"),
    "the snapshot is stale": (
        lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "ts_ms", g.now_ms() - 10_001),
        "stale_exchange_state",
    ),
    "the snapshot is of the future": (
        lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "ts_ms", g.now_ms() + 60_000),
        "stale_exchange_state",
    ),
    "the snapshot's time is none": (
        lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "ts_ms", "nan"),
        "stale_exchange_state",
    ),
    "the snapshot is gone": (lambda g: g.redis.delete(g.keys.snapshot(SYMBOL)), "snapshot_missing"),
    "the snapshot is another run's": (
        lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "run_id", "b" * 40),
        "snapshot_of_another_run",
    ),
    "hedge mode": (
        lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "position_mode", "hedge"),
        "position_mode_changed",
    ),
    "the reservation is gone": (lambda g: g.redis.delete(g.keys.reservation(SYMBOL)), "reservation_lost"),
    "the reservation is another's": (lambda g: g.redis.set(g.keys.reservation(SYMBOL), "plan-2"), "reservation_lost"),
    "the permit expired": (expire_permit, "expired"),
    "the permit is another run's": (lambda g: change(g, run_id="b" * 40), "other_redis_run"),
}
