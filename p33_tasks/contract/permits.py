"""The permit and its signature (CONTRACT section 6)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Deny, Facts, Plan, Policy, Verdict
from p33_tasks.domain.quantities import sec


def verdict_fields(plan: Plan, verdict: Verdict, *, now_ms: int, facts: Facts | None, policy: Policy) -> dict[str, Any]:
    """The permit's fields without the signature; also stored as the decision.

    Args:
        plan: The plan that was judged.
        verdict: The verdict.
        now_ms: Redis TIME of the verdict.
        facts: The facts it was evaluated on; None only for a deny that needs none.
        policy: The limits.
    """
    base: dict[str, Any] = {"plan_id": plan.plan_id, "symbol": plan.symbol}
    if isinstance(verdict, Deny):
        details = {"reason": str(verdict.reason), "details": dict(verdict.details)}
        return {**base, "allow": False, **details, "ts_epoch": now_ms // 1000, "ts_ms": now_ms}
    if facts is None:
        raise AssertionError("an allow without facts")
    return {
        **base,
        "allow": True,
        "safe_close_qty": verdict.safe_close_qty,
        "exchange_position_amt": verdict.exchange_position_amt,
        "ledger_position_amt": verdict.ledger_position_amt,
        **_emergency_fields(plan),
        "snapshot_age_sec": sec(verdict.snapshot_age_ms),
        "ts_epoch": now_ms // 1000,
        "ts_ms": now_ms,
        "expires_ms": now_ms + policy.permit_ttl_ms,
        "order_side": str(verdict.order_side),
        # As life and source below: a replay of a record from before 0.2 must give the same text.
        **({} if facts.position_side is None else {"position_side": str(facts.position_side)}),
        "run_id": facts.run_id,
        # Version 0.1 wrote neither; a replay of its records must give the same text.
        **({} if facts.life is None else {"life": facts.life, "source": facts.source}),
        **({} if facts.life is None else {"read_lag_sec": sec(policy.read_lag_ms)}),
        # For the check at consumption: the executor doesn't have our configuration.
        "stale_threshold_sec": sec(policy.stale_threshold_ms),
        **({"prepared": True} if plan.prepared else {}),
    }


def _emergency_fields(plan: Plan) -> dict[str, Any]:
    """Which checks the consumption skips for an emergency close."""
    if plan.emergency is None:
        return {}
    return {"emergency": True, "passes_operator_hold": plan.emergency.passes_operator_hold}


def sign(fields: Mapping[str, Any], *, prefix: str, key: str) -> str:
    """Hex HMAC-SHA256 over the key prefix, a newline, and the permit without ``sig`` (CONTRACT section 6)."""
    unsigned = {name: value for name, value in fields.items() if name != "sig"}
    message = f"{prefix}\n{exact_json.dumps(unsigned, sort_keys=True)}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
