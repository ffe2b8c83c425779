"""Builders of domain objects for the tests: an allowable case by default, everything overridable.

A plan, facts and policy made with no changes end in an allow of 0.010 BTC; a test changes the one thing it is about.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from p33_tasks.domain.close_factors import close_factor
from p33_tasks.domain.models import Facts, Fill, Ledger, MarketRules, OrderSide, Plan, Policy, Position, Snapshot

NOW_MS = 1_771_305_126_000
SYMBOL = "BTCUSDT"
SOURCE = "binanceusdm test.example"
RUN_ID = "a" * 40
LIFE = "1" * 40


def make_plan(**changes: Any) -> Plan:
    """A reduce-only full close, one second old."""
    fields: dict[str, Any] = {
        "plan_id": "plan-1",
        "symbol": SYMBOL,
        "action": "CLOSE_FULL",
        "issued_ms": NOW_MS - 1000,
        **changes,
    }
    fields.setdefault("close_factor", close_factor(fields["action"]))
    return Plan(**fields)


def make_position(amount: str | Decimal = "0.010", **changes: Any) -> Position:
    """A one-way position."""
    return Position(**{"symbol": SYMBOL, "position_amt": Decimal(amount), **changes})


def make_snapshot(
    amount: str | Decimal = "0.010", *, age_ms: int = 1000, now_ms: int = NOW_MS, **changes: Any
) -> Snapshot:
    """A fresh snapshot of our own venue and Redis."""
    hedge_mode = changes.pop("hedge_mode", False)
    position = make_position(amount, hedge_mode=hedge_mode, symbol=changes.pop("symbol", SYMBOL))
    return Snapshot(
        **{"position": position, "ts_ms": now_ms - age_ms, "source": SOURCE, "run_id": RUN_ID, "life": LIFE, **changes}
    )


def make_ledger(amount: str | Decimal | None = "0.010", **changes: Any) -> Ledger:
    """A ledger of which no order is known."""
    known = None if amount is None else Decimal(amount)
    return Ledger(**{"symbol": SYMBOL, "last_known_amt": known, **changes})


def make_market(**changes: Any) -> MarketRules:
    """Binance's BTCUSDT: steps of 0.001, at most 120 a market order."""
    defaults: dict[str, Any] = {
        "symbol": SYMBOL,
        "step_size": Decimal("0.001"),
        "min_qty": Decimal("0.001"),
        "max_market_qty": Decimal(120),
    }
    return MarketRules(**{**defaults, **changes})


def make_facts(amount: str | Decimal = "0.010", **changes: Any) -> Facts:
    """Exchange and ledger agree on ``amount``, unless ``ledger`` is given: an amount, a ``Ledger``, or None."""
    now_ms = changes.get("now_ms", NOW_MS)
    ledger = changes.pop("ledger", amount)
    defaults: dict[str, Any] = {
        "now_ms": now_ms,
        "run_id": RUN_ID,
        "life": LIFE,
        "source": SOURCE,
        "snapshot": make_snapshot(amount, now_ms=now_ms),
        "ledger": ledger if ledger is None or isinstance(ledger, Ledger) else make_ledger(ledger),
        "market": make_market(),
    }
    return Facts(**{**defaults, **changes})


def make_policy(**changes: Any) -> Policy:
    """The defaults of CONTRACT section 2, for BTCUSDT."""
    return Policy(**{"allowlist": frozenset({SYMBOL}), **changes})


def make_fill(order_id: str = "1", side: OrderSide | None = OrderSide.SELL, quantity: str | Decimal = "0.010") -> Fill:
    """What one order executed so far."""
    return Fill(order_id=order_id, side=side, cumulative_qty=Decimal(quantity))


def plan_entry(**changes: Any) -> dict[str, Any]:
    """The fields of a plan as seen on a live stream (CONTRACT section 4); a change to None leaves a field out."""
    fields: dict[str, Any] = {
        "plan_id": "abc5f1f59a4df545",
        "symbol": SYMBOL,
        "action": "FULL_CLOSE_PROPOSED",
        "decision": "EXECUTE",
        "kill_score": "0.7247424076694772",
        "reason_codes": "kill_score_close_ok",
        "close_qty": "0.0",
        "price": "",
        "steps": '[{"step": "CLOSE_FULL", "type": "market_reduce_only", "side": "close", "pct": 100.0}]',
        "reduceOnly": "true",
        "timestamp": "1771305126",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def result_entry(**changes: Any) -> dict[str, Any]:
    """The fields that every dialect of a result has; a change to None leaves a field out."""
    fields: dict[str, Any] = {"plan_id": "plan-1", "symbol": SYMBOL, "executed": "True", **changes}
    return {name: value for name, value in fields.items() if value is not None}
