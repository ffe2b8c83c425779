"""The limits in force for one symbol: configured, an operator's, this service's own (CONTRACT section 10)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from p33_tasks.domain.models import Policy, SymbolLimits

MAX_COOLDOWN_MS = 86_400_000
MAX_STALE_THRESHOLD_MS = 60_000
MAX_QTY_TOLERANCE_PCT = Decimal(10)
"""Maximum in the settings, and for a limit per symbol."""
MAX_LOOSER_MS = 86_400_000
"""Longest time for which a limit looser than the configured one is in force: a day."""

_NONE = SymbolLimits()
# Each limit: the policy's field, the field for who set it, whether a higher value is looser.
_LIMITS = (
    ("cooldown_ms", "cooldown_by", False),
    ("qty_tolerance_pct", "tolerance_by", True),
    ("stale_threshold_ms", "threshold_by", True),
)


def in_force(policy: Policy, limits: SymbolLimits, now_ms: int) -> Policy:
    """The policy with one symbol's limits in force.

    An operator's value replaces the configured one. A looser one is in force only until ``expires_ms``, at most a
    day ahead; without it, or after it, the configured value is. The service's own cooldown is in force only if longer.

    Args:
        policy: The configured limits.
        limits: The limits stored for the symbol, already checked against the bounds.
        now_ms: Redis TIME.
    """
    if limits == _NONE:
        return policy
    changes: dict[str, Any] = {}
    looser_counts = limits.expires_ms is not None and now_ms < limits.expires_ms <= now_ms + MAX_LOOSER_MS
    for name, by, higher_is_looser in _LIMITS:
        value, configured = getattr(limits, name), getattr(policy, name)
        if value is None or value == configured:
            continue
        if (value > configured) is higher_is_looser:
            if not looser_counts:
                continue
            changes["limits_until_ms"] = limits.expires_ms
        changes |= {name: value, by: "operator"}
    own_ms = limits.adaptive_cooldown_ms
    if own_ms is not None and own_ms > changes.get("cooldown_ms", policy.cooldown_ms):
        changes |= {"cooldown_ms": own_ms, "cooldown_by": limits.adaptive_by or "volatility"}
    return replace(policy, **changes)


def looser(policy: Policy, limits: SymbolLimits) -> tuple[str, ...]:
    """Names of the policy's fields for which the operator's value is looser than the configured one."""
    return tuple(
        name
        for name, _, higher_is_looser in _LIMITS
        if (value := getattr(limits, name)) is not None
        and value != getattr(policy, name)
        and (value > getattr(policy, name)) is higher_is_looser
    )
