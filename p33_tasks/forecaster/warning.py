"""Warnings of plans that are likely and would be denied now: up to half a minute to remove the cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from p33_tasks.contract.forecast_status import MAX_WORDS, MOST_WARNINGS, Ahead
from p33_tasks.domain.close_factors import ACTIONS
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Deny, Plan, Policy
from p33_tasks.forecaster.issuing import Prediction
from p33_tasks.views.denials import needed
from p33_tasks.views.positions import SymbolView

LIKELY = 0.5
"""Minimum probability of any closing plan within the horizon."""
GRACE_MS = 2_000
"""Added to the expected end of a deny."""
ENDS_BELOW = 0.35
"""A warning ends below this probability, so that it doesn't change at every cycle."""


@dataclass(slots=True, kw_only=True)
class Warnings:
    """The current warnings, by position."""

    standing: dict[str, Ahead] = field(default_factory=dict)
    _denied: dict[str, Ahead] = field(default_factory=dict)  # also those that may end by themselves

    def look(
        self, predictions: Iterable[Prediction], views: Mapping[str, SymbolView], policy: Policy
    ) -> tuple[Ahead, ...]:
        """Evaluate the likely plans with the rules of verdicts.

        A deny that ends by itself, e.g. a cooldown, becomes a warning only after its expected end.

        Args:
            predictions: Of all positions; empty while the model is silent.
            views: Each position as read.
            policy: The configured limits.

        Returns:
            The new warnings, the most likely first.
        """
        before, self.standing, denied, self._denied = self.standing, {}, self._denied, {}
        for prediction in sorted(predictions, key=lambda one: -one.total):
            position = prediction.sight.position
            known = denied.get(position)
            if prediction.total < (LIKELY if known is None else ENDS_BELOW) or len(self._denied) >= MOST_WARNINGS:
                continue
            judged = _judged(prediction, views[position], policy)
            if judged is None:
                continue
            ahead, wait_ms = judged
            now_ms = ahead.since_ms
            if known is not None and known.reason == ahead.reason:
                ahead = replace(ahead, since_ms=known.since_ms)
            self._denied[position] = ahead
            if now_ms - ahead.since_ms >= wait_ms:
                self.standing[position] = ahead
        return tuple(
            one
            for position, one in self.standing.items()
            if position not in before or before[position].reason != one.reason
        )


def _judged(prediction: Prediction, view: SymbolView, policy: Policy) -> tuple[Ahead, int] | None:
    """The deny of the likeliest plan now, and the milliseconds until it may end; None: it would be allowed."""
    factor = max(prediction.by_action, key=lambda action: prediction.by_action[action])
    action = ACTIONS[Decimal(factor)]
    facts = view.facts
    plan = Plan(
        plan_id="-",
        symbol=view.symbol,
        position_side=view.leg,
        action=action,
        close_factor=Decimal(factor),
        issued_ms=facts.now_ms,
    )
    verdict = evaluate(plan, facts, view.policy_in_force(policy))
    if not isinstance(verdict, Deny):
        return None
    wait = verdict.details.get("retry_after_sec")
    wait_ms = int(wait * 1000) + GRACE_MS if isinstance(wait, int | Decimal) else 0
    words = needed({"reason": str(verdict.reason), "details": verdict.details})
    ahead = Ahead(
        position=view.position,
        action=action,
        probability=round(prediction.total, 4),
        reason=str(verdict.reason),
        words="".join(c if c.isprintable() else "?" for c in words)[:MAX_WORDS],
        since_ms=facts.now_ms,
    )
    return ahead, wait_ms
