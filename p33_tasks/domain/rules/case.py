"""The input of a rule: one plan, the facts, and the limits in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.domain.models import Deny, Facts, Ledger, Plan, Policy, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One plan, the facts, and the limits in force."""

    plan: Plan
    facts: Facts
    policy: Policy

    @property
    def known_snapshot(self) -> Snapshot:
        """The snapshot, for the rules after ``exchange_snapshot_is_known``."""
        if self.facts.snapshot is None:
            raise AssertionError("a rule that needs the snapshot was placed before the one that requires it")
        return self.facts.snapshot

    @property
    def position_amt(self) -> Decimal:
        """Signed base quantity on the exchange."""
        return self.known_snapshot.position_amt

    @property
    def snapshot_age_ms(self) -> int:
        """Age of the snapshot in milliseconds, from before its request; negative if its time is in the future."""
        return self.facts.now_ms - self.known_snapshot.ts_ms

    @property
    def epsilon(self) -> Decimal:
        """Base units: the configured epsilon, or the venue's least quantity if smaller. Below it, no position exists.

        A larger epsilon would hide positions that can be closed. Verdicts recorded before 0.2, whose market rules have
        no time, used the configured one.
        """
        market = self.facts.market
        if market is None or market.fetched_ms is None:
            return self.policy.position_epsilon
        return min(self.policy.position_epsilon, market.least_qty)

    @property
    def known_ledger_amt(self) -> Decimal:
        """The ledger's signed amount in base units, for the rules after ``ledger_is_known``."""
        ledger = self.facts.ledger
        if ledger is None or ledger.last_known_amt is None:
            raise AssertionError("a rule that needs the ledger was placed before the one that requires it")
        return ledger.last_known_amt

    @property
    def ledger_amt(self) -> Decimal | None:
        """The ledger's signed amount in base units; None if unknown, which only an emergency close passes."""
        return None if self.facts.ledger is None else self.facts.ledger.last_known_amt

    @property
    def last_order_time_ms(self) -> int | None:
        """Redis TIME at which the last order was recorded; a future time counts as now (CONTRACT section 1)."""
        ledger: Ledger | None = self.facts.ledger
        if ledger is None or not ledger.last_order_time_ms:
            return None
        return min(ledger.last_order_time_ms, self.facts.now_ms)


Rule = Callable[[Case], Deny | None]


def set_by(name: str, who: str) -> dict[str, str]:
    """Who set a limit, for the details of a deny; empty for a configured limit."""
    return {} if who == "config" else {name: who}
