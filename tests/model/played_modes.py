"""Plays a way through ``modes`` on the real scripts, on a real Redis, and reads back what the model talks about.

Each move happens some milliseconds after the one before; limits of time are so short, or so long, that nothing else of
time matters. A reservation that ends is one that is deleted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Leg, OrderSide, PositionSide
from p33_tasks.domain.models import Snapshot as StoredSnapshot
from p33_tasks.ports import ExecutionResult
from tests.factories import make_fill
from tests.model.clockwork import held_for
from tests.model.executor_replay import taken
from tests.model.modes import ALLOWED, DENIED, LONG, NOBODY, NOTHING, OWN, UNDECIDED, Case, Move, State
from tests.model.real_answers import answer
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer

LEGS = (Leg.BOTH, Leg.LONG)
BETWEEN_MS = 3
LIMITS = {"cooldown_ms": 1, "read_lag_ms": 0, "stale_threshold_ms": 60_000, "permit_ttl_ms": 60_000, "poll_ms": 1}
LIMITS |= {"plan_max_age_ms": 60_000}


class Played:
    """One way's world."""

    def __init__(self, server: RedisServer, c: Case) -> None:
        server.client().flushall()
        self._c = c
        self.gate = gate = Gate(server, bootstrap="adopt", **LIMITS)
        gate.snapshots._times = replace(gate.snapshots._times, new_life_pause_ms=0, longest_reservation_ms=10**7)
        gate.put_market(step="1")
        gate.put_ledger(c.start, leg=LEGS[c.mode])
        self._store(self._answer(c.first()))
        self._client = gate.client()
        self._plans = {index: gate.publish(f"plan-{index}", **self._about(index)) for index in range(len(c.names_leg))}
        self._held: Any = None
        self._fetched: Any = None

    def _about(self, index: int) -> dict[str, Any]:
        side = Leg.LONG if self._c.names_leg[index] else Leg.BOTH
        return {"action": "CLOSE_FULL", "position_side": side}

    def step(self, before: State, move: Move) -> str:
        """Play a move; returns the word that the code said, "" where nothing is asked."""
        self.gate.until_after(self.gate.now_ms() + BETWEEN_MS)
        return getattr(self, f"_{move[0]}")(before, *move[1:]) or ""

    # --- the brain --------------------------------------------------------------------------------------------------

    def _judge(self, _: State, index: int, __: str) -> str:
        plan, entry = self._plans[index]
        facts = self.gate.verdicts.load(plan)
        assert facts is not None
        verdict = evaluate(plan, facts, self.gate.policy)
        if isinstance(verdict, Allow):
            self._held = (plan, entry, facts, verdict)
            return "allow"
        self._commit_real(plan, entry, facts, verdict)
        return "deny"

    def _commit(self, _: State, __: str) -> str:
        return self._commit_real(*self._held)

    def _commit_real(self, plan: Any, entry: Any, facts: Any, verdict: Any) -> str:
        gate = self.gate
        return str(
            gate.verdicts.commit(
                plan=plan, verdict=verdict, facts=facts, policy=gate.policy, entry=entry, evaluation_us=0
            )
        )

    def _die(self, _: State) -> None:
        self._held = None

    def _consume(self, _: State, index: int, __: str) -> str:
        gate, plan_id = self.gate, f"plan-{index}"
        raw = gate.redis.get(gate.keys.permit(plan_id))
        return "refused" if taken(gate, self._client, plan_id, raw, f"consumption-{index}") else "consumed"

    def _told(self, before: State, index: int, word: str) -> None:
        plan = before.plans[index]
        fills: tuple[Any, ...] = ()
        if word in {"named", "unnamed"}:
            fill = make_fill(order_id=f"order-{index}", side=OrderSide.SELL, quantity=str(plan.qty))
            fills = (replace(fill, leg=PositionSide.LONG if word == "named" else None),)
        result = ExecutionResult(
            plan_id=f"plan-{index}",
            symbol=SYMBOL,
            executed=bool(fills),
            fills=fills,
            rejected=word == "rejected",
            unknown=word == "unknown",
            consume_id=None if fills else f"consumption-{index}",
        )
        self.gate.recorder.record(result, self.gate.publish_result(f"plan-{index}"))

    def _answer(self, s: State) -> StoredSnapshot:
        legs = {Leg.LONG: str(s.held[LONG]), Leg.SHORT: "0"} if s.mode == LONG else {}
        gate = self.gate
        return answer(s.held[s.mode], legs, ts_ms=gate.now_ms(), run_id=gate.run_id, life=gate.life)

    def _store(self, answer: StoredSnapshot) -> None:
        self.gate.snapshots.put_snapshots([answer])

    def _fetch(self, before: State) -> None:
        self._fetched = self._answer(before)

    def _put(self, _: State) -> None:
        self._store(self._fetched)

    # --- everybody else ---------------------------------------------------------------------------------------------

    def _send(self, *_: object) -> None:
        """The venue is the model's own."""

    _rogue = _switch = _open = _close = _send

    def _expire(self, _: State, at: int, index: int) -> None:
        keys = self.gate.keys
        self.gate.redis.delete(keys.reservation(SYMBOL, LEGS[at]), keys.permit(f"plan-{index}"))

    def _release(self, _: State, at: int) -> None:
        for leg in (Leg.BOTH,) if at == OWN else (Leg.LONG, Leg.SHORT):
            self.gate.service_holds.release(SYMBOL, leg, why="a test", by="the model")

    # --- looking ----------------------------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """What Redis holds, as ``view_of`` tells it of the model."""
        gate, keys = self.gate, self.gate.keys
        orders = gate.redis.hgetall(keys.fills(SYMBOL))
        return {
            "known": gate.snapshot()["position_mode"],
            "places": [self._place(leg) for leg in LEGS],
            "plans": [
                (_decision(gate.decision(f"plan-{index}")), bool((gate.permit(f"plan-{index}") or {}).get("allow")))
                for index in self._plans
            ],
            "orders": {name: qty for name, qty in orders.items() if name.startswith("order-")},
        }

    def _place(self, leg: Leg) -> dict[str, Any]:
        gate = self.gate
        ledger, hold = gate.ledger(leg=leg), gate.redis.get(gate.keys.service_hold(SYMBOL, leg))
        return {
            "amount": gate.snapshot(leg=leg).get("position_amt"),
            "ledger": ledger.get("last_known_amt"),
            "reservation": gate.reserved_by(leg=leg),
            "note": ledger.get("unknown_plan_id") or None,
            "held": bool(hold),
            "held_for": held_for(hold),
            "ordered": "last_order_time_ms" in ledger,
            "barrier": "barrier_ms" in ledger,
        }


def _decision(found: dict[str, Any] | None) -> int:
    return UNDECIDED if found is None else ALLOWED if found["allow"] else DENIED


def view_of(s: State) -> dict[str, Any]:
    """What the model says Redis holds."""

    def plan(index: int) -> str | None:
        return None if index == NOBODY else f"plan-{index}"

    return {
        "known": "hedge" if s.known == LONG else "one_way",
        "places": [
            {
                "amount": None if one.amount == NOTHING else str(one.amount),
                "ledger": None if one.ledger == NOTHING else str(one.ledger),
                "reservation": plan(one.plan),
                "note": plan(one.note),
                "held": one.held or bool(one.held_for),
                "held_for": sorted(f"plan-{index}" for index in one.held_for),
                "ordered": one.ordered > 0,
                "barrier": one.barrier > 0,
            }
            for one in s.places
        ],
        "plans": [(one.decision, one.permit != NOTHING) for one in s.plans[:-1]],
        "orders": {f"order-{index}": str(one.memory) for index, one in enumerate(s.plans) if one.memory != NOTHING},
    }
