"""Keys and arguments of ``commit_verdict.lua``, for new and for prepared verdicts."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Facts, Leg, Plan, Policy
from p33_tasks.domain.quantities import ZERO, canonical
from p33_tasks.domain.rules.plan import MAX_AHEAD_MS
from p33_tasks.ports import StreamEntry

DECISION_TTL_MS = 86_400_000
AUDIT_MAXLEN = 100_000
EVALUATION_BUCKETS_US = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000)
LATENCY_BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 250, 500, 1_200, 3_000, 10_000, 60_000)
_EVALUATION_BUCKETS, _LATENCY_BUCKETS = (
    ",".join(map(str, bounds)) for bounds in (EVALUATION_BUCKETS_US, LATENCY_BUCKETS_MS)
)
OTHER_SYMBOL = "_other"
"""The label for all symbols outside the allowlist: foreign symbols must not add metrics without limit."""

# The facts of an allow: the script's arguments ``evaluated_...``.
_EVALUATED = (
    "run_id",
    "life",
    "position_amt",
    "ts_ms",
    "source",
    "ledger_amt",
    "order_ms",
    "market",
    "limits",
    "adaptive",
    "resting",
)

_NOTHING_YET: dict[str, str | int] = {
    **{f"evaluated_{name}": "" for name in _EVALUATED},
    "decision_json": "",
    "permit_json": "",
    "permit_expires_ms": "",
    "inputs_json": "",
    "reason": "",
    "evaluation_us": 0,
    "policy_digest": "",
}
_NO_LIMITS = dict.fromkeys(("reservation_ttl_ms", "stale_threshold_ms", "limits_until_ms", "cooldown_ms"), "")
_NO_PROMOTION: dict[str, str | int] = {"promote": 0, "policy_digest": "", "plan_id_json": "", "action_json": ""}
_OF_DENY = {"decision_json", "inputs_json", "reason", "evaluation_us"}
_POSITION_KEYS = (
    *("reservation_key", "hold_key", "service_hold_key", "snapshot_key", "symbol_snapshot_key", "ledger_key"),
    *("limits_key", "adaptive_key", "epoch_key", "market_key", "resting_key", "prepared_key"),
)
_NO_EMERGENCY = {"emergency": "", "passes_operator_hold": "0", "event_id": "", "event_json": ""}


def plan_keys(keys: Keys, plan: Plan, entry: StreamEntry | None) -> dict[str, str]:
    """The keys that the script uses for a deny."""
    return {
        "decision_key": keys.decision(plan.plan_id),
        "permit_key": keys.permit(plan.plan_id),
        "plans_key": entry.stream if entry is not None else keys.decisions,
        "first_seen_key": keys.first_seen,
        "decisions_key": keys.decisions,
        "counters_key": keys.counters,
    }


def position_keys(keys: Keys, symbol: str, leg: Leg, close_factor: Decimal | None) -> dict[str, str]:
    """The keys that are the same for all plans on a position with the same close factor."""
    return {
        "reservation_key": keys.reservation(symbol, leg),
        "hold_key": keys.hold(symbol),
        "service_hold_key": keys.service_hold(symbol, leg),
        "snapshot_key": keys.snapshot(symbol, leg),
        "symbol_snapshot_key": keys.snapshot(symbol),
        "ledger_key": keys.ledger(symbol, leg),
        "decisions_key": keys.decisions,
        "counters_key": keys.counters,
        "limits_key": keys.limits(symbol),
        "adaptive_key": keys.adaptive_limits(symbol, leg),
        "epoch_key": keys.epoch,
        "market_key": keys.market(symbol),
        "resting_key": keys.resting(symbol, leg),
        "prepared_key": keys.prepared(symbol, leg, canonical(close_factor or ZERO)),
    }


def limits_args(plan: Plan, policy: Policy) -> dict[str, str | int]:
    """The arguments for the limits that an operator or this service may set per symbol."""
    return {
        "reservation_ttl_ms": policy.permit_ttl_ms + policy.cooldown_ms,
        "stale_threshold_ms": policy.stale_threshold_ms,
        "limits_until_ms": "" if policy.limits_until_ms is None else policy.limits_until_ms,
        "cooldown_ms": 0 if plan.emergency and plan.emergency.passes_cooldown else policy.cooldown_ms,
    }


def plan_args(plan: Plan, leg: Leg, entry: StreamEntry | None, policy: Policy) -> dict[str, str | int]:
    """The arguments that depend on the plan."""
    return {
        "plan_id": plan.plan_id,
        "symbol": plan.symbol,
        "symbol_label": position_key(plan.symbol, leg) if plan.symbol in policy.allowlist else OTHER_SYMBOL,
        "position_side": leg,
        "entry_id": entry.entry_id if entry is not None else "",
        "plan_issued_ms": plan.issued_ms,
    }


def policy_args(policy: Policy) -> dict[str, str | int]:
    """The arguments that depend only on the configured limits."""
    return {
        "decision_ttl_ms": max(DECISION_TTL_MS, policy.plan_max_age_ms + MAX_AHEAD_MS),
        "permit_ttl_ms": policy.permit_ttl_ms,
        "decisions_maxlen": AUDIT_MAXLEN,
        "group": GROUP,
        "plan_max_age_ms": policy.plan_max_age_ms,
        "read_lag_ms": policy.read_lag_ms,
        "accept_old_life": int(policy.accept_old_life),
        "market_max_age_ms": policy.market_max_age_ms,
        "subtract_resting": int(policy.subtract_resting),
        "resting_max_age_ms": policy.resting_max_age_ms,
        "evaluation_buckets_us": _EVALUATION_BUCKETS,
        "latency_buckets_ms": _LATENCY_BUCKETS,
    }


def fixed_for_promotion(policy: Policy, policy_digest: str) -> dict[str, str]:
    """The values that are the same for every promotion of a process: its limits, and those in the prepared verdict.

    Its keys are those that a promotion doesn't use.
    """
    fixed = {**_NOTHING_YET, **policy_args(policy), **_NO_LIMITS, **_NO_EMERGENCY}
    fixed |= {"verdict": "allow", "promote": 1, "policy_digest": policy_digest}
    fixed |= dict.fromkeys(("audit_key", "events_key", "first_seen_key"), "")
    return {name: str(value) for name, value in fixed.items()}


def everything(keys: Keys, plan: Plan, leg: Leg, policy: Policy) -> tuple[dict[str, str], dict[str, str | int]]:
    """The further keys and arguments of a verdict's call when no values are written into the script's text."""
    return {
        **position_keys(keys, plan.symbol, leg, plan.close_factor),
        "audit_key": keys.audit,
        "events_key": keys.reconcile_events,
    }, {**_NOTHING_YET, **policy_args(policy), **_NO_LIMITS, **_NO_PROMOTION, **_emergency_arguments(plan, leg)}


def fixed_for_allow(policy: Policy) -> dict[str, str]:
    """The values that are the same in every call of an ordinary allow, with keys that it doesn't use."""
    fixed = {**policy_args(policy), **_NO_PROMOTION, **_NO_EMERGENCY, "verdict": "allow", "reason": ""}
    fixed |= dict.fromkeys(("audit_key", "events_key", "prepared_key"), "")
    return {name: str(value) for name, value in fixed.items()}


def fixed_for_deny(policy: Policy) -> dict[str, str]:
    """As ``fixed_for_allow``, for denies. A deny uses no key of its position, and no facts are compared again."""
    fixed = {**_NOTHING_YET, **_NO_LIMITS, **fixed_for_allow(policy), "verdict": "deny"}
    fixed |= dict.fromkeys(_POSITION_KEYS, "")
    return {name: str(value) for name, value in fixed.items() if name not in _OF_DENY}


def evaluated(facts: Facts) -> dict[str, str]:
    """The facts of an allow as stored: the script compares them again before it writes."""
    if facts.snapshot is None:
        raise AssertionError("an allow without facts")
    ordered_ms = None if facts.ledger is None else facts.ledger.last_order_time_ms
    return {
        "evaluated_run_id": facts.run_id,
        "evaluated_life": facts.life or "",
        "evaluated_position_amt": facts.as_stored[0],
        "evaluated_ts_ms": str(facts.snapshot.ts_ms),
        "evaluated_source": facts.snapshot.source,
        "evaluated_ledger_amt": facts.as_stored[1],
        "evaluated_order_ms": "" if ordered_ms is None else str(ordered_ms),
        "evaluated_market": facts.market_as_stored,
        "evaluated_limits": facts.limits_as_stored[0],
        "evaluated_adaptive": facts.limits_as_stored[1],
        "evaluated_resting": facts.resting_as_stored,
    }


def _emergency_arguments(plan: Plan, leg: Leg) -> dict[str, str]:
    emergency, position = plan.emergency, position_key(plan.symbol, leg)
    if emergency is None:
        return _NO_EMERGENCY
    event = {"position": position, "plan_id": plan.plan_id, "action": plan.action}
    now = "1" if emergency.passes_cooldown else "0"
    return {
        "emergency": "1",
        "passes_operator_hold": str(int(emergency.passes_operator_hold)),
        "event_id": hashlib.sha256(f"{position}\nemergency\n{plan.plan_id}".encode()).hexdigest()[:32],
        "event_json": exact_json.dumps({**event, "now": now, "why": emergency.why, "by": emergency.by}),
    }
