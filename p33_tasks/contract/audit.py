"""The inputs of a verdict, as the decision stream stores them (CONTRACT section 6)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from p33_tasks.contract.hash_values import MAX_NAME_CHARS
from p33_tasks.domain.models import Facts, Plan, Policy, SymbolLimits

MAX_ACTION_CHARS = 80


def audit_inputs(plan: Plan, facts: Facts | None, policy: Policy) -> dict[str, Any]:
    """All inputs of a verdict as JSON, so that a replay can evaluate them again (read by ``audit.decode_entry``)."""
    return {
        "plan": {
            "action": plan.action[:MAX_ACTION_CHARS],
            "close_factor": plan.close_factor,
            "reduce_only": plan.reduce_only,
            "position_side": plan.position_side,
            "issued_ms": plan.issued_ms,
            "from_stream": plan.from_stream,
            "problem": plan.problem,
            **({} if plan.emergency is None else {"emergency": asdict(plan.emergency)}),
            **({"prepared": True, "prepared_by": plan.prepared_by} if plan.prepared else {}),
        },
        "policy": {
            "allowlisted": plan.symbol in policy.allowlist,
            "allowlist_size": len(policy.allowlist),
            "stale_threshold_ms": policy.stale_threshold_ms,
            "cooldown_ms": policy.cooldown_ms,
            "qty_tolerance_pct": policy.qty_tolerance_pct,
            "position_epsilon": policy.position_epsilon,
            "plan_max_age_ms": policy.plan_max_age_ms,
            "permit_ttl_ms": policy.permit_ttl_ms,
            "poll_ms": policy.poll_ms,
            "read_lag_ms": policy.read_lag_ms,
            "accept_old_life": policy.accept_old_life,
            "market_max_age_ms": policy.market_max_age_ms,
            **_set_by(policy),
            **_resting_policy(policy),
        },
        "facts": None if facts is None else _facts_fields(facts),
    }


def _set_by(policy: Policy) -> dict[str, Any]:
    """Who set each limit that differs from the configured one."""
    names = ("cooldown_by", "tolerance_by", "threshold_by")
    found: dict[str, Any] = {name: who for name in names if (who := getattr(policy, name)) != "config"}
    return found if policy.limits_until_ms is None else {**found, "limits_until_ms": policy.limits_until_ms}


def _resting_policy(policy: Policy) -> dict[str, Any]:
    if not policy.subtract_resting:
        return {}
    return {"subtract_resting": True, "resting_max_age_ms": policy.resting_max_age_ms}


def _resting_fields(facts: Facts) -> dict[str, Any]:
    resting = facts.resting
    return {
        "resting": resting
        and {
            "ts_ms": resting.ts_ms,
            "life": resting.life,
            "source": resting.source,
            "qty": resting.qty,
            "order_ids": list(resting.order_ids),
            "conditional_ids": list(resting.conditional_ids),
        },
        "resting_problem": facts.resting_problem,
    }


def _facts_fields(facts: Facts) -> dict[str, Any]:
    snapshot, ledger, market = facts.snapshot, facts.ledger, facts.market
    return {
        "now_ms": facts.now_ms,
        "run_id": facts.run_id,
        "life": facts.life,
        "source": facts.source,
        "position_side": facts.position_side,
        "hold": facts.hold,
        "holds": [
            {
                "held_by": str(hold.held_by),
                "reason": hold.reason,
                "since_ms": hold.since_ms,
                "ends": str(hold.ends),
                "by": hold.by,
                "until_ms": hold.until_ms,
            }
            for hold in facts.holds
        ],
        "reserved_by": facts.reserved_by,
        "reservation_ttl_ms": facts.reservation_ttl_ms,
        "snapshot": snapshot
        and {
            "position_amt": snapshot.position_amt,
            "hedge_mode": snapshot.position.hedge_mode,
            **{f"{leg.leg.lower()}_amt": leg.position_amt for leg in snapshot.position.legs},
            "ts_ms": snapshot.ts_ms,
            "source": snapshot.source,
            "run_id": snapshot.run_id,
            "life": snapshot.life,
            **({} if (mark := snapshot.position.mark_price) is None else {"mark_price": mark}),
        },
        "snapshot_problem": facts.snapshot_problem,
        "ledger": ledger
        and {
            "last_known_amt": ledger.last_known_amt,
            "last_order_id": ledger.last_order_id and ledger.last_order_id[:MAX_NAME_CHARS],
            "last_order_time_ms": ledger.last_order_time_ms,
            "barrier_ms": ledger.barrier_ms,
            **({} if ledger.unknown_plan_id is None else {"unknown_plan_id": ledger.unknown_plan_id}),
        },
        "ledger_problem": facts.ledger_problem,
        "market": market
        and {
            "step_size": market.step_size,
            "min_qty": market.min_qty,
            "max_market_qty": market.max_market_qty,
            "fetched_ms": market.fetched_ms,
        },
        "market_problem": facts.market_problem,
        **({} if (facts.resting, facts.resting_problem) == (None, None) else _resting_fields(facts)),
        **({} if facts.limits == SymbolLimits() else {"limits": _limits_fields(facts.limits)}),
        **({} if facts.limits_problem is None else {"limits_problem": facts.limits_problem}),
    }


def _limits_fields(limits: SymbolLimits) -> dict[str, Any]:
    return {
        "cooldown_ms": limits.cooldown_ms,
        "qty_tolerance_pct": limits.qty_tolerance_pct,
        "stale_threshold_ms": limits.stale_threshold_ms,
        "expires_ms": limits.expires_ms,
        "adaptive_cooldown_ms": limits.adaptive_cooldown_ms,
        "adaptive_by": limits.adaptive_by,
        **({} if limits.adaptive_base_ms is None else {"adaptive_base_ms": limits.adaptive_base_ms}),
        **({} if limits.adaptive_measured is None else {"adaptive_measured": limits.adaptive_measured}),
    }
