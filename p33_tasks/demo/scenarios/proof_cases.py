"""The five acceptance cases: their setup, the expected results and the actual results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from p33_tasks.contract.ledgers import LEDGER_FIELDS
from p33_tasks.demo.scenarios.environment import Environment
from p33_tasks.demo.scenarios.proof_setup import ProofSetup
from p33_tasks.domain import exact_json
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.scripts import translated_errors

POSITION_STEPS = 38
"""The position in step sizes: with a step size of 0.001 the position is 0.038."""
ACTION, FACTOR = "CLOSE_PARTIAL_75", Decimal("0.75")
BLOCKED_BY = "missing_or_denied_p33_permit"
MISMATCH = Decimal("1.05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The result of one case."""

    name: str
    expected: str
    seen: str
    failures: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures


class Cases:
    """Runs the cases on one symbol."""

    def __init__(self, setup: ProofSetup, tell: Callable[[str], None]) -> None:
        self._setup = setup
        self._environment: Environment = setup.environment
        self._tell = tell
        step = setup.market.step_size
        # A whole number of steps above the venue's minimum, also if the minimum is many steps.
        unit = max(step, setup.market.min_qty)
        size = q.multiply(unit, Decimal(POSITION_STEPS))
        self.part = q.floor_to_step(q.multiply(size, FACTOR), step)
        self.position = size if setup.leg is not Leg.SHORT else q.negated(size)

    def all(self) -> Iterator[Proven]:
        """Run the cases; the one that trades is the last but one, because the last needs its cooldown."""
        yield self._quantity_mismatch()
        yield self._no_position()
        yield self._stale()
        yield self._normal()
        yield self._cooldown()

    # --- the cases --------------------------------------------------------------------------------------------------

    def _normal(self) -> Proven:
        self._prepare_position(self.position)
        orders_before = len(self._environment.sim.orders())
        plan_id, verdict, result = self._played()
        left = q.subtract(self.position, self.part if self.position > 0 else q.negated(self.part))
        with contextlib.suppress(Exception):  # checked below
            self._environment.wait_for(lambda: self._setup.state().ledger_amt == left, "the ledger", 10)
        ledger, position = self._setup.state().ledger_amt, self._at_exchange()
        orders = self._environment.sim.orders()[orders_before:]
        quantities = [str(order.get("executedQty")) for order in orders if order.get("symbol") == self._setup.symbol]
        failures = [
            *_unless(verdict.get("allow") is True, f"denied {verdict.get('reason')}"),
            *_unless(verdict.get("safe_close_qty") == self.part, f"safe_close_qty {verdict.get('safe_close_qty')}"),
            *_unless(result.get("executed") == "True", f"not executed: {result.get('error')} {result.get('reason')}"),
            *_unless([Decimal(text) for text in quantities] == [self.part], f"orders of {quantities}"),
            *_unless(position == left, f"the exchange holds {position}"),
            *_unless(ledger == left, f"the ledger says {ledger}"),
        ]
        text = q.canonical
        told = f"ledger {'-' if ledger is None else text(ledger)}"
        return Proven(
            name="normal",
            expected=f"allow {text(self.part)} of {text(self.position)}; executed; ledger {text(left)}",
            seen=f"{_verdict_text(verdict)}; {_result_text(result)}; {told}",
            failures=tuple(failures),
            facts={"plan_id": plan_id, "verdict": verdict, "result": result, "ledger": ledger, "exchange": position},
        )

    def _cooldown(self) -> Proven:
        return self._denied("cooldown", Reason.COOLDOWN_IN_FLIGHT)

    def _no_position(self) -> Proven:
        self._prepare_position(Decimal(0))
        return self._denied("no position", Reason.NO_POSITION)

    def _quantity_mismatch(self) -> Proven:
        self._prepare_position(self.position)
        key, amount = self._setup.session.keys.ledger(self._setup.symbol, self._setup.leg), LEDGER_FIELDS[0]
        with translated_errors():
            self._environment.client.hset(key, amount, q.canonical(q.multiply(self.position, MISMATCH)))
        try:
            return self._denied("quantity mismatch", Reason.QTY_MISMATCH)
        finally:
            with translated_errors():
                self._environment.client.hset(key, amount, q.canonical(self.position))

    def _stale(self) -> Proven:
        self._prepare_position(self.position)
        limit_ms, poll_ms = self._environment.policy.stale_threshold_ms, self._environment.policy.poll_ms
        faults = self._environment.sim.state()["faults"]["rows"]
        # Only this symbol's row can't be read: others on the same simulator stay fresh.
        self._environment.sim.fault(rows={**faults, self._setup.symbol: "text_amount"})
        try:
            self._tell(f"no refresh for {self._setup.symbol} until its snapshot is older than {limit_ms / 1000:g} s")
            wait_sec = (limit_ms + 2 * poll_ms) / 1000 + 10
            self._environment.wait_for(lambda: self._age_ms() > limit_ms, "an old snapshot", wait_sec)
            return self._denied("stale", Reason.STALE_EXCHANGE_STATE)
        finally:
            self._environment.sim.fault(rows=faults)

    # --- their parts ------------------------------------------------------------------------------------------------

    def restore(self, amount: Decimal) -> None:
        """Set position, snapshot and ledger to the amount before the proof."""
        self._prepare_position(amount)

    def _prepare_position(self, amount: Decimal) -> None:
        symbol, leg, environment = self._setup.symbol, self._setup.leg, self._environment
        left_ms = environment.quiet_at_ms(symbol, leg) - environment.state(symbol, leg).now_ms
        wait = f", after a cooldown of {left_ms / 1000:.0f} s" if left_ms > 1_000 else ""  # noqa: PLR2004 - worth telling
        self._tell(f"{symbol} at {q.canonical(amount)} on exchange, snapshot and ledger{wait}")
        if left_ms > 0:
            environment.wait_for(
                lambda: environment.quiet_at_ms(symbol, leg) <= environment.state(symbol, leg).now_ms,
                "quiet",
                left_ms / 1000 + 10,
            )
        environment.hold_position(symbol, amount, leg)

    def _denied(self, name: str, reason: Reason) -> Proven:
        before = self._at_exchange()
        plan_id, verdict, result = self._played()
        after = self._at_exchange()
        failures = [
            *_unless(verdict.get("allow") is False, "allowed"),
            *_unless(verdict.get("reason") == reason, f"denied {verdict.get('reason')}"),
            *_unless(result.get("executed") == "False", "executed"),
            *_unless(result.get("error") == BLOCKED_BY, f"blocked by {result.get('error')!r}"),
            *_unless(before == after, f"the position moved from {before} to {after}"),
        ]
        return Proven(
            name=name,
            expected=f"deny {reason}; blocked",
            seen=f"{_verdict_text(verdict)}; {_result_text(result)}",
            failures=tuple(failures),
            facts={"plan_id": plan_id, "verdict": verdict, "result": result, "exchange": after},
        )

    def _played(self) -> tuple[str, dict[str, Any], dict[str, str]]:
        environment = self._environment
        plan_id = environment.send(self._setup.symbol, ACTION, **self._setup.side)
        environment.verdict(plan_id)
        environment.outcome(plan_id)
        with translated_errors():
            decision = environment.client.get(self._setup.session.keys.decision(plan_id))
            entries: Any = environment.client.xrevrange(self._setup.session.keys.results, count=200)
        try:
            verdict = exact_json.loads_object(str(decision))
        except CorruptStateError:
            verdict = {}
        return plan_id, verdict, next((f for _, f in entries if f.get("plan_id") == plan_id), {})

    def _age_ms(self) -> int:
        state = self._setup.state()
        return state.now_ms - state.snapshot_ms

    def _at_exchange(self) -> Decimal:
        return self._environment.sim.position(self._setup.symbol, self._setup.leg)


def _unless(holds: bool, failure: str) -> list[str]:
    return [] if holds else [failure]


def _verdict_text(verdict: dict[str, Any]) -> str:
    if verdict.get("allow") is True:
        return f"allow {verdict.get('safe_close_qty')}"
    details = verdict.get("details")
    numbers = ", ".join(f"{name} {value}" for name, value in details.items()) if isinstance(details, dict) else ""
    return f"deny {verdict.get('reason')} ({numbers})"


def _result_text(result: dict[str, str]) -> str:
    if result.get("executed") == "True":
        return "executed"
    return f"blocked: {result.get('error')}"
