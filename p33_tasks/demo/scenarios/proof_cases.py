"""The five acceptance cases: what is staged, what must come of it, and what was seen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from p33_tasks.contract.ledgers import LEDGER_FIELDS
from p33_tasks.demo.scenarios.proof_stage import Ground
from p33_tasks.demo.scenarios.stage import Stage
from p33_tasks.domain import exact_json
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.scripts import translated_errors

POSITION_STEPS = 38
"""Of the venue's step: with a step of 0.001 the position is 0.038."""
ACTION, FACTOR = "CLOSE_PARTIAL_75", Decimal("0.75")
BLOCKED_BY = "missing_or_denied_p33_permit"
MISMATCH = Decimal("1.05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """One case, as it was played."""

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
    """Plays the cases on one symbol."""

    def __init__(self, ground: Ground, tell: Callable[[str], None]) -> None:
        self._ground = ground
        self._stage: Stage = ground.stage
        self._tell = tell
        step = ground.market.step_size
        # A whole number of steps that the venue trades, also where its minimum is many steps.
        unit = max(step, ground.market.min_qty)
        size = q.multiply(unit, Decimal(POSITION_STEPS))
        self.part = q.floor_to_step(q.multiply(size, FACTOR), step)
        self.position = size if ground.leg is not Leg.SHORT else q.negated(size)

    def all(self) -> Iterator[Proven]:
        """The cases, in an order in which the one that trades comes late: its cooldown is the last case's stage."""
        yield self._quantity_mismatch()
        yield self._no_position()
        yield self._stale()
        yield self._normal()
        yield self._cooldown()

    # --- the cases --------------------------------------------------------------------------------------------------

    def _normal(self) -> Proven:
        self._staged(self.position)
        orders_before = len(self._stage.sim.orders())
        plan_id, verdict, result = self._played()
        left = q.subtract(self.position, self.part if self.position > 0 else q.negated(self.part))
        with contextlib.suppress(Exception):  # judged below, by what is there
            self._stage.wait_for(lambda: self._ground.state().ledger_amt == left, "the ledger", 10)
        ledger, position = self._ground.state().ledger_amt, self._at_exchange()
        orders = self._stage.sim.orders()[orders_before:]
        quantities = [str(order.get("executedQty")) for order in orders if order.get("symbol") == self._ground.symbol]
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
        self._staged(Decimal(0))
        return self._denied("no position", Reason.NO_POSITION)

    def _quantity_mismatch(self) -> Proven:
        self._staged(self.position)
        key, amount = self._ground.session.keys.ledger(self._ground.symbol, self._ground.leg), LEDGER_FIELDS[0]
        with translated_errors():
            self._stage.client.hset(key, amount, q.canonical(q.multiply(self.position, MISMATCH)))
        try:
            return self._denied("quantity mismatch", Reason.QTY_MISMATCH)
        finally:
            with translated_errors():
                self._stage.client.hset(key, amount, q.canonical(self.position))

    def _stale(self) -> Proven:
        self._staged(self.position)
        limit_ms, poll_ms = self._stage.policy.stale_threshold_ms, self._stage.policy.poll_ms
        faults = self._stage.sim.state()["faults"]["rows"]
        # Only this symbol's row can't be read: others on the same simulator stay fresh.
        self._stage.sim.fault(rows={**faults, self._ground.symbol: "text_amount"})
        try:
            self._tell(f"no refresh for {self._ground.symbol} until its snapshot is older than {limit_ms / 1000:g} s")
            wait_sec = (limit_ms + 2 * poll_ms) / 1000 + 10
            self._stage.wait_for(lambda: self._age_ms() > limit_ms, "an old snapshot", wait_sec)
            return self._denied("stale", Reason.STALE_EXCHANGE_STATE)
        finally:
            self._stage.sim.fault(rows=faults)

    # --- their parts ------------------------------------------------------------------------------------------------

    def restore(self, amount: Decimal) -> None:
        """The account holds again what it held, and ledger and snapshot agree with it."""
        self._staged(amount)

    def _staged(self, amount: Decimal) -> None:
        symbol, leg, stage = self._ground.symbol, self._ground.leg, self._stage
        left_ms = stage.quiet_at_ms(symbol, leg) - stage.state(symbol, leg).now_ms
        wait = f", after a cooldown of {left_ms / 1000:.0f} s" if left_ms > 1_000 else ""  # noqa: PLR2004 - worth telling
        self._tell(f"{symbol} at {q.canonical(amount)} on exchange, snapshot and ledger{wait}")
        if left_ms > 0:
            stage.wait_for(
                lambda: stage.quiet_at_ms(symbol, leg) <= stage.state(symbol, leg).now_ms, "quiet", left_ms / 1000 + 10
            )
        stage.hold_position(symbol, amount, leg)

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
        stage = self._stage
        plan_id = stage.send(self._ground.symbol, ACTION, **self._ground.side)
        stage.verdict(plan_id)
        stage.outcome(plan_id)
        with translated_errors():
            decision = stage.client.get(self._ground.session.keys.decision(plan_id))
            entries: Any = stage.client.xrevrange(self._ground.session.keys.results, count=200)
        try:
            verdict = exact_json.loads_object(str(decision))
        except CorruptStateError:
            verdict = {}
        return plan_id, verdict, next((f for _, f in entries if f.get("plan_id") == plan_id), {})

    def _age_ms(self) -> int:
        state = self._ground.state()
        return state.now_ms - state.snapshot_ms

    def _at_exchange(self) -> Decimal:
        return self._stage.sim.position(self._ground.symbol, self._ground.leg)


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
