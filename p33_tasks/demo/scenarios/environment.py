"""The environment of the cases: positions at the simulator, ledgers, plans, verdicts and results.

Positions are changed through the simulator's control API; ledgers are adopted like by an operator (audited, "demo").
Nothing here works on a real venue.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import redis

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.limits import cooldown_ms
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.snapshots import HEDGE
from p33_tasks.contract.timing import decode_time
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, Policy
from p33_tasks.errors import P33Error
from p33_tasks.settings import Settings
from p33_tasks.store.connection import connect
from p33_tasks.store.operator import OperatorStore
from p33_tasks.store.scripts import translated_errors
from p33_tasks.venues.build import venue_source

LOOK_EVERY_SEC = 0.02
SETUP_TIMEOUT_SEC = 30.0
VERDICT_TIMEOUT_SEC = 5.0
RESULT_TIMEOUT_SEC = 10.0
GROWTH_PCT = 25
"""An adaptive cooldown may grow between a case's setup and its plan."""
_NOT_IN_AN_ID = re.compile(r"[^a-z0-9]+")

T = TypeVar("T")


class SetupTimeoutError(P33Error):
    """A state that a case needs was not reached in time; are workers, beat and executor running?"""


class StoppedError(P33Error):
    """The producer was told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolState:
    """The data in Redis about a symbol, or in hedge mode about one of its legs."""

    now_ms: int  # Redis TIME
    position_amt: Decimal | None  # of the snapshot
    snapshot_ms: int
    is_hedged: bool  # the venue reports two legs of the symbol
    ledger_amt: Decimal | None
    ordered_ms: int
    barrier_ms: int
    reserved: bool
    own_cooldown_ms: int = 0  # the adaptive cooldown, if longer than the configured one; 0: none


class Environment:
    """One running demo: its state store, its simulator, its limits."""

    def __init__(
        self,
        *,
        client: redis.Redis,
        keys: Keys,
        sim: SimControl,
        policy: Policy,
        source: str,
        stop: threading.Event,
    ) -> None:
        self.client = client
        self.keys = keys
        self.sim = sim
        self.policy = policy
        self.operator = OperatorStore(client, keys)
        self.case = ""
        """The name of the running case; empty: no case of the demo."""
        self._source = source
        self._stop = stop

    @classmethod
    def of(cls, settings: Settings, sim: SimControl, stop: threading.Event) -> Environment:
        """The environment for these settings."""
        return cls(
            client=connect(settings.state_url),
            keys=Keys(settings.key_prefix),
            sim=sim,
            policy=settings.policy,
            source=venue_source(settings.exchange, settings.testnet, settings.exchange_base_url),
            stop=stop,
        )

    # --- waiting ----------------------------------------------------------------------------------------------------

    def wait_for(self, look: Callable[[], T | None], what: str, timeout_sec: float = SETUP_TIMEOUT_SEC) -> T:
        """Call ``look`` until it returns a true value, and return that.

        Raises:
            SetupTimeoutError: It didn't within ``timeout_sec``.
            StoppedError: The producer was told to stop.
        """
        until_sec = time.monotonic() + timeout_sec
        while not (found := look()):
            if time.monotonic() >= until_sec:
                raise SetupTimeoutError(f"waited {timeout_sec:g} s in vain for {what}")
            if self._stop.wait(LOOK_EVERY_SEC):
                raise StoppedError
        return found

    # --- positions and ledgers --------------------------------------------------------------------------------------

    def state(self, symbol: str, leg: Leg = Leg.BOTH) -> SymbolState:
        """The current state of a position. Raises StoreError: also for a foreign value in one of its keys."""
        with translated_errors(), self.client.pipeline(transaction=True) as pipe:
            pipe.time()
            pipe.hmget(self.keys.snapshot(symbol, leg), ["position_amt", "ts_ms", "ts_epoch"])
            pipe.hget(self.keys.snapshot(symbol), "position_mode")
            pipe.hmget(
                self.keys.ledger(symbol, leg),
                ["last_known_amt", "last_order_time_ms", "last_order_time_epoch", "barrier_ms"],
            )
            pipe.exists(self.keys.reservation(symbol, leg))
            pipe.hget(self.keys.adaptive_limits(symbol, leg), "cooldown_sec")
            (seconds, micros), snapshot, mode, ledger, reserved, own_cooldown = pipe.execute()
        return SymbolState(
            now_ms=int(seconds) * 1000 + int(micros) // 1000,
            position_amt=None if snapshot[0] is None else q.parse_quantity(snapshot[0]),
            snapshot_ms=decode_time(snapshot[1], snapshot[2]) or 0,
            is_hedged=mode == HEDGE,
            ledger_amt=None if ledger[0] is None else q.parse_quantity(ledger[0]),
            ordered_ms=decode_time(ledger[1], ledger[2]) or 0,
            barrier_ms=decode_time(ledger[3], None) or 0,
            reserved=bool(reserved),
            own_cooldown_ms=0 if own_cooldown is None else cooldown_ms(own_cooldown),
        )

    def quiet_at_ms(self, symbol: str, leg: Leg = Leg.BOTH) -> int:
        """Redis TIME in ms at which the position's last order stops blocking plans."""
        state = self.state(symbol, leg)
        settles_ms = state.now_ms + self.policy.permit_ttl_ms if state.reserved else 0
        return max(settles_ms, self._over_ms(state))

    def _over_ms(self, state: SymbolState) -> int:
        """The time in ms at which cooldown and barrier of the last order end; 0 without an order."""
        longest_ms = max(self.policy.cooldown_ms, state.own_cooldown_ms * (100 + GROWTH_PCT) // 100)
        cool_at_ms = state.ordered_ms + longest_ms if state.ordered_ms else 0
        return max(cool_at_ms, state.barrier_ms + self.policy.read_lag_ms if state.barrier_ms else 0)

    def hold_position(self, symbol: str, amount: Decimal, leg: Leg = Leg.BOTH) -> None:
        """Set position, snapshot and ledger to this amount, after the last order's cooldown and barrier."""
        if self.sim.position(symbol, leg) != amount:
            self.move_position(symbol, amount, leg)
        what = f"{position_key(symbol, leg)} settled at {amount}"
        self.wait_for(lambda: self.is_settled(symbol, amount, leg), what)

    def is_settled(self, symbol: str, amount: Decimal, leg: Leg = Leg.BOTH) -> bool:
        """Whether snapshot and ledger equal ``amount``; adopts the snapshot into the ledger if allowed."""
        state = self.state(symbol, leg)
        fresh = state.now_ms - state.snapshot_ms <= self.policy.stale_threshold_ms // 2
        known = fresh and state.is_hedged is (leg is not Leg.BOTH) and state.position_amt == amount
        if state.reserved or state.snapshot_ms <= self._over_ms(state) or not known:
            return False
        if state.ledger_amt != amount:
            shown = q.canonical(amount)
            self.operator.adopt_ledger(
                symbol, leg, source=self._source, policy=self.policy, by="demo", replace=True, shown_amt=shown
            )
            return False
        return True

    def move_position(self, symbol: str, amount: Decimal, leg: Leg = Leg.BOTH) -> None:
        """Change the position without a plan, and wait until a later snapshot shows it."""
        self.sim.set_position(symbol, amount, position_side=leg)
        since_ms = self.state(symbol).now_ms

        def shows() -> bool:
            state = self.state(symbol, leg)
            return state.snapshot_ms >= since_ms and state.position_amt == amount

        self.wait_for(shows, f"a snapshot of {position_key(symbol, leg)} with {amount}")

    def wait_for_refresh(self, symbols: tuple[str, ...]) -> None:
        """Wait until a bulk request that begins after this call has updated one of the symbols."""
        since_ms = self.state(symbols[0]).now_ms
        self.wait_for(lambda: any(self.state(symbol).snapshot_ms > since_ms for symbol in symbols), "the next refresh")

    # --- plans ------------------------------------------------------------------------------------------------------

    def new_plan_id(self) -> str:
        """A new plan_id; it contains the name of the running case, for the reader of a log."""
        case = _NOT_IN_AN_ID.sub("-", self.case.lower()).strip("-")
        return f"demo-{case}-{uuid.uuid4().hex[:8]}" if case else f"demo-{uuid.uuid4().hex[:16]}"

    def send(self, symbol: str, action: str = "CLOSE_PARTIAL_75", plan_id: str = "", **fields: str) -> str:
        """Add a plan to the stream; returns its plan_id."""
        plan_id = plan_id or self.new_plan_id()
        self.send_entry(
            {"plan_id": plan_id, "symbol": symbol, "decision": "EXECUTE", "action": action, "reduceOnly": "true"}
            | fields
        )
        return plan_id

    def send_entry(self, fields: dict[str, str]) -> str:
        """Add any entry to the plan stream; returns its id."""
        with translated_errors():
            entry_id: str = self.client.xadd(self.keys.plans, fields | {"timestamp": str(int(time.time()))})  # type: ignore[arg-type, assignment]  # redis-py's invariant unions
        return entry_id

    def verdict(self, plan_id: str) -> str:
        """Wait for a plan's verdict: ``allow``, or the reason of the deny."""
        text = self.wait_for(lambda: self._get(self.keys.decision(plan_id)), "a verdict", VERDICT_TIMEOUT_SEC)
        decided: dict[str, Any] = json.loads(text)
        return "allow" if decided.get("allow") is True else str(decided.get("reason"))

    def was_ignored(self, plan_id: str, entry_id: str) -> bool:
        """Wait until the brain has acknowledged an entry. Returns whether there is no verdict."""

        def acknowledged() -> bool:
            with translated_errors():
                groups: Any = self.client.xinfo_groups(self.keys.plans)
                pending: Any = self.client.xpending_range(self.keys.plans, GROUP, entry_id, entry_id, 1)
            read = [group["last-delivered-id"] for group in groups if group["name"] == GROUP]
            return bool(read) and _order(read[0]) >= _order(entry_id) and not pending

        self.wait_for(acknowledged, "the plan's acknowledgement", VERDICT_TIMEOUT_SEC)
        return self._get(self.keys.decision(plan_id)) is None

    def outcomes(self, plan_id: str) -> list[str]:
        """The outcomes in the results on a plan so far, oldest first."""
        with translated_errors():
            entries: Any = self.client.xrevrange(self.keys.results, count=200)
        results = [fields for _, fields in entries if fields.get("plan_id") == plan_id]
        return [fields.get("outcome", "?") for fields in reversed(results)]

    def outcome(self, plan_id: str, *, after: int = 0) -> str:
        """Wait for the executor's outcome of a plan: ``executed``, ``blocked``, ``rejected``, ``unknown``.

        Args:
            plan_id: The plan.
            after: The number of results on it that already exist.
        """
        later = self.wait_for(lambda: self.outcomes(plan_id)[after:], "the apply layer's result", RESULT_TIMEOUT_SEC)
        return later[-1]

    def is_dead_letter(self, entry_id: str) -> bool:
        """Whether an entry is in the dead-letter stream."""
        with translated_errors():
            entries: Any = self.client.xrevrange(self.keys.dead_letters, count=50)
        return any(fields.get("source_id") == entry_id for _, fields in entries)

    def _get(self, key: str) -> str | None:
        with translated_errors():
            return self.client.get(key)  # type: ignore[return-value]  # redis-py's union with its async twin


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
