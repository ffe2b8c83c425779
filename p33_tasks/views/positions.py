"""Reads for display: one position as a verdict would read it. In hedge mode a symbol has two, its legs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.contract.drifts import KnownDrift
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.snapshots import SNAPSHOT_PRICE_FIELDS
from p33_tasks.domain import quantities as q
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Facts, Leg, Plan, Policy, Verdict
from p33_tasks.errors import InvalidQuantityError


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolView:
    """One position: a symbol, or in hedge mode one of its legs. The facts of a verdict, and data for display."""

    symbol: str
    leg: Leg = Leg.BOTH  # LONG or SHORT in hedge mode
    facts: Facts
    hold_why: str | None  # why the position is held, the operator's hold first; None: no hold
    prices: tuple[str | None, ...] = (None,) * len(SNAPSHOT_PRICE_FIELDS)  # as stored, decoded at access
    volatility_ratio: float | None = None  # last 5 minutes divided by the last day, at least 1; None: unknown
    reservation_is_endless: bool = False  # the reservation has no expiry, which this service never writes
    reconciling: KnownDrift | None = None  # reconciliation's record of a drift of exactly these amounts

    @property
    def position(self) -> str:
        """The position key, as used in metrics and audits."""
        return position_key(self.symbol, self.leg)

    def price(self, name: str) -> Decimal | None:
        """A value of ``SNAPSHOT_PRICE_FIELDS``, quote units; None: unknown."""
        text = self.prices[SNAPSHOT_PRICE_FIELDS.index(name)]
        try:
            return q.parse_quantity(text) if text else None
        except InvalidQuantityError:
            return None

    @property
    def position_amt(self) -> Decimal | None:
        """Signed base quantity on the exchange; None: unknown."""
        return None if self.facts.snapshot is None else self.facts.snapshot.position_amt

    @property
    def ledger_amt(self) -> Decimal | None:
        """Signed base quantity by our own fills; None: unknown."""
        return None if self.facts.ledger is None else self.facts.ledger.last_known_amt

    @property
    def snapshot_age_ms(self) -> int | None:
        """Milliseconds since before the snapshot's request was sent; None: no snapshot."""
        return None if self.facts.snapshot is None else self.facts.now_ms - self.facts.snapshot.ts_ms

    @property
    def drift_amt(self) -> Decimal | None:
        """Exchange minus ledger, signed; None if unknown, or if the snapshot is older than the last order."""
        amount, ledger = self.position_amt, self.ledger_amt
        if amount is None or ledger is None or self.snapshot_precedes_last_order:
            return None
        return q.subtract(amount, ledger)

    @property
    def drift_pct(self) -> Decimal | None:
        """``|exchange - ledger|`` in percent of the exchange position.

        None if either is unknown, if the position is flat, or if the snapshot is older than the last order: it then
        shows the position before that order, and the difference is the order itself.
        """
        amount, drift = self.position_amt, self.drift_amt
        if amount is None or drift is None:
            return None
        if amount == 0:
            return q.ZERO if drift == 0 else None
        return q.percent_of(q.magnitude(drift), q.magnitude(amount))

    def policy_in_force(self, policy: Policy) -> Policy:
        """The configured limits with this symbol's own."""
        return in_force(policy, self.facts.limits, self.facts.now_ms)

    @property
    def snapshot_precedes_last_order(self) -> bool:
        """Whether the snapshot was requested before the last order was recorded."""
        snapshot, ledger = self.facts.snapshot, self.facts.ledger
        if snapshot is None or ledger is None or not ledger.last_order_time_ms:
            return False
        return snapshot.ts_ms < ledger.last_order_time_ms

    def cooldown_left_ms(self, policy: Policy) -> int:
        """Milliseconds for which the last order still blocks this position, by the limits in force."""
        ordered = None if self.facts.ledger is None else self.facts.ledger.last_order_time_ms
        if not ordered:
            return 0
        return max(0, self.policy_in_force(policy).cooldown_ms - (self.facts.now_ms - min(ordered, self.facts.now_ms)))

    def gate(self, policy: Policy) -> Verdict:
        """The verdict that a plan to close all of it would get now, by the rules of verdicts."""
        plan = Plan(
            plan_id="-",
            symbol=self.symbol,
            position_side=self.leg,
            action="CLOSE_FULL",
            close_factor=Decimal(1),
            issued_ms=self.facts.now_ms,
        )
        return evaluate(plan, self.facts, self.policy_in_force(policy))
