"""Plays a trace of the model on the real scripts, on a real Redis, and reads back what the model talks about.

Time goes on by writing the stored times into the past. A tick is 20 s; the limits lie a quarter of a tick beside whole
ticks, so that the milliseconds that really go by tip no scale, and what was stored in the same tick is set to the same
millisecond, as in the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Allow, Facts, Leg, Plan, Verdict
from p33_tasks.domain.models import Snapshot as StoredSnapshot
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import LedgerState, StreamEntry
from tests.model import executor_replay, promotion_replay
from tests.model.ageing import aged_executor, aged_snapshot, aged_worker
from tests.model.brain import CUT_TTL
from tests.model.clockwork import (
    QUARTER_MS,
    TICK_MS,
    Clockwork,
    consumed_ms,
    older_facts,
    place_window_ms,
    real_limits,
)
from tests.model.executor_replay import Held
from tests.model.executors import Move
from tests.model.judging import signed
from tests.model.real_answers import answer
from tests.model.real_results import consume_id_of, loaded, real_result, recorded
from tests.model.scenario import Scenario
from tests.model.state import (
    FILLED,
    ORDER_ONLY,
    READ,
    ROGUE,
    Executor,
    Judging,
    Recording,
    Result,
    Snapshot,
    World,
)
from tests.model.told import leg_of, legs_of
from tests.support.gate import SOURCE, SYMBOL, Gate
from tests.support.redis_server import RedisServer


@dataclass
class Replay:
    """One trace's world. ``step`` plays a move and returns the word that the real script said."""

    server: RedisServer
    case: Scenario
    pools: dict[str, list[Held]] = field(default_factory=lambda: {"workers": [], "executors": [], "refreshers": []})
    plan_entries: dict[int, StreamEntry] = field(default_factory=dict)
    result_entries: dict[Result, StreamEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.client().flushall()
        self._connect()
        self.clock = Clockwork(self.gate, self.case)
        self.before = first = self.case.first()
        self.gate.put_market(step="1")
        self.gate.redis.hset(self.gate.keys.market(SYMBOL), "ts_ms", self.clock.start_ms)  # they never get old
        for leg in legs_of(self.case) if self.case.ledger_known else ():
            self.gate.put_ledger(signed(first.redis.ledger, leg), leg=leg)
        self._store(self._answer(first.shown(0), first.shown(1))[1])
        self.clock.settle()
        self.on_disk = self.clock.dump() if self.case.crashes else {}

    def _connect(self) -> None:
        self.gate = Gate(self.server, poll_ms=1, **real_limits(self.case.limits))
        pause_ms = place_window_ms(self.case.limits)
        self.gate.snapshots._times = replace(
            self.gate.snapshots._times, new_life_pause_ms=pause_ms, place_window_ms=pause_ms
        )
        self.permit_client = self.gate.client()

    def step(self, before: World, move: Move) -> str:
        """Play a move; the state before it is only used to look up ages and numbers."""
        self.before = before
        name, *about = move
        word: str = getattr(self, f"_{name}")(*about) or ""
        self.clock.settle()
        return word

    # --- the brain --------------------------------------------------------------------------------------------------

    def plan_of(self, index: int) -> Plan:
        """A plan as it was published."""
        action = self.case.actions[index]
        issued_ms, leg = self.clock.start_ms - self.before.redis.plans[index].age * TICK_MS, leg_of(self.case, index)
        return self.gate.plan(f"plan-{index}", action=action, position_side=leg, issued_ms=issued_ms)

    def _publish(self, index: int) -> None:
        _, self.plan_entries[index] = self.gate.publish(f"plan-{index}", action=self.case.actions[index])

    def _judge(self, index: int, _: str) -> str:
        plan, entry = self.plan_of(index), self.plan_entries[index]
        facts = self.gate.verdicts.load(plan)
        if facts is None:
            self.gate.verdicts.acknowledge(entry)
            return "decided"
        facts = replace(facts, now_ms=self.clock.start_ms)
        verdict = evaluate(plan, facts, self.gate.policy)
        if isinstance(verdict, Allow):
            redis = self.case.at(self.before.redis, self.case.leg_of(index))
            snapshot = redis.snapshot
            assert snapshot is not None, "an allow without a snapshot"
            qty, run, order_age = int(verdict.safe_close_qty), redis.run, redis.order_age
            held = Judging(0, index, qty, snapshot.amount, snapshot.age, run, redis.ledger, order_age, 0)
            self.pools["workers"].append(Held(held, (verdict, facts)))
            return "allow"
        self._commit_real(index, verdict, facts)
        return str(verdict.reason)

    def _commit_real(self, index: int, verdict: Verdict, facts: Facts | None) -> str:
        return self.clock.said(
            lambda: self.gate.verdicts.commit(
                plan=self.plan_of(index),
                verdict=verdict,
                facts=facts,
                policy=self.gate.policy,
                entry=self.plan_entries[index],
                evaluation_us=0,
            )
        )

    def _commit(self, worker: Judging, _: str) -> str:
        verdict, facts = self._pop("workers", worker)
        return self._commit_real(worker.plan, verdict, facts)

    def _deny(self, index: int, _: str) -> str:
        plan, entry = self.plan_of(index), self.plan_entries[index]
        return self.clock.said(lambda: self.gate.permits.deny(plan, entry, Reason.INTERNAL_ERROR, {}))

    def _die(self, worker: Judging | Recording) -> None:
        self._pop("workers", worker)

    def _prepare(self, index: int, _: str) -> str:
        return promotion_replay.prepare(self, index)

    def _save(self, held: Judging) -> None:
        promotion_replay.save(self, held)

    def _promote(self, held: Judging, _: str) -> str:
        return promotion_replay.promote(self, held.plan)

    def keep(self, model: Judging, real: object) -> None:
        """A worker holds something."""
        self.pools["workers"].append(Held(model, real))

    def taken(self, model: Judging) -> Any:
        """What a worker held, and holds no more."""
        return self._pop("workers", model)

    # --- results ----------------------------------------------------------------------------------------------------

    def _report(self, plan: int, kind: int, by: int, qty: int, leg: int) -> None:
        result = Result(plan, kind, by, qty, is_open=True, leg=leg)
        self.result_entries[result] = self.gate.publish_result(f"plan-{plan}")

    def _told(self, plan: int, kind: int, by: int, qty: int, leg: int, _: str) -> str:
        self._report(plan, kind, by, qty, leg)
        result = Result(plan, kind, by, qty, is_open=True, leg=leg)
        return self._record_real(result, self._load_ledger(result))

    def _read_ledger(self, worker: Recording) -> None:
        self.pools["workers"].append(Held(worker, self._load_ledger(worker.result)))

    def _record(self, worker: Recording, _: str) -> str:
        if any(held.model == worker for held in self.pools["workers"]):
            return self._record_real(worker.result, self._pop("workers", worker))
        return self._record_real(worker.result, self._load_ledger(worker.result))

    def _load_ledger(self, result: Result) -> LedgerState:
        return loaded(self.gate, real_result(self.case, result), self.result_entries[result])

    def _record_real(self, told: Result, base: LedgerState) -> str:
        result, entry = real_result(self.case, told), self.result_entries[told]
        return self.clock.said(lambda: recorded(self.gate, result, base, entry))

    # --- snapshots --------------------------------------------------------------------------------------------------

    def _answer(self, amount: int, short: int = 0) -> tuple[str, StoredSnapshot]:
        held = {Leg.LONG: signed(amount, Leg.LONG), Leg.SHORT: signed(short, Leg.SHORT)} if self.case.legs else {}
        claim = self.gate.snapshots.claim_refresh(SOURCE)
        self.gate.snapshots.finish_refresh(claim)
        found = answer(amount - short, held, ts_ms=self.clock.start_ms, run_id=claim.run_id, life=claim.life)
        return str(claim.claim), found

    def _store(self, answer: StoredSnapshot) -> str:
        return str(self.gate.snapshots.put_snapshots([answer])[SYMBOL])

    def _fetch(self, answer: Snapshot, _: str) -> str:
        word, real = self._answer(answer.amount, answer.short)
        if word == "mine":
            self.pools["refreshers"].append(Held(answer, real))
        return word

    def _put(self, answer: Snapshot, _: str) -> str:
        return self._store(self._pop("refreshers", answer))

    # --- executors --------------------------------------------------------------------------------------------------

    def _get(self, index: int) -> None:
        self.pools["executors"].append(Held(executor_replay.reader(self, index), self.clock.permit(index)))

    def _consume(self, index: int, _: str) -> str:
        readers = [held for held in self.pools["executors"] if held.model.plan == index]
        raw = self.clock.permit(index) if not self.case.reads else readers[0].real
        if self.case.reads:
            self.pools["executors"].remove(readers[0])
        consume_id = consume_id_of(index, self.before.consumptions[index] + 1)
        return executor_replay.taken(self.gate, self.permit_client, f"plan-{index}", raw, consume_id) or "consumed"

    def _del(self, index: int, _: int) -> str:
        self.pools["executors"] = [held for held in self.pools["executors"] if held.model.plan != index]
        return str(self.gate.redis.delete(self.gate.keys.permit(f"plan-{index}")))

    def _vanish(self, executor: Executor) -> None:
        if executor.phase == READ:
            self._pop("executors", executor)

    def _send(self, *_: object) -> None:
        """The venue is the model's own."""

    _trade = _show = _send

    def _rogue(self, plan: int) -> None:
        leg = self.case.leg_of(plan)
        self._report(plan, ORDER_ONLY, ROGUE, 0, leg)
        self._report(plan, FILLED, ROGUE, 1, leg)

    # --- everybody else ---------------------------------------------------------------------------------------------

    def _hold(self, what: str, leg: int) -> None:
        if what == "set":
            self.gate.operator.set_hold(SYMBOL, why="a test", by="the model")
        elif what == "release":
            self.gate.service_holds.release(SYMBOL, legs_of(self.case)[leg], why="a test", by="the model")
        else:
            self.gate.operator.clear_hold(SYMBOL, by="the model")

    def _hold_position(self, leg: int, _: str) -> str:
        found = self.gate.service_holds.set(
            SYMBOL,
            legs_of(self.case)[leg],
            reason=HoldReason.UNEXPLAINED,
            evidence_id="a test",
            evidence={"by": "the model"},
        )
        return " ".join(filter(None, (found.word, found.withdrawn)))

    def _lower(self) -> None:
        limits, own = self.case.limits, real_limits(self.case.limits)
        lowered_ms = CUT_TTL * TICK_MS - QUARTER_MS
        self.gate.snapshots._times = replace(
            self.gate.snapshots._times,
            longest_reservation_ms=max(lowered_ms + own["cooldown_ms"], consumed_ms(limits)),
            permit_ttl_ms=lowered_ms,
        )

    def _crash(self, what: str) -> None:
        found = self.clock.dump() if what == "kept" else self.on_disk
        self.server.kill()
        self.server.start()
        self._connect()
        self.clock.reconnected(self.gate, found)
        self._answer(0)  # a worker notices at once

    def _tick(self) -> None:
        limits = self.case.limits
        self.clock.tick()
        for held in self.pools["workers"]:
            if isinstance(held.model, Judging):
                held.real = (held.real[0], older_facts(held.real[1]))
            else:
                held.real = self.clock.older_base(held.real)
            held.model = aged_worker(held.model, limits)
        for held in self.pools["executors"]:
            held.model, held.real = aged_executor(held.model, limits), self.clock.older_permit(held.real)
        for held in self.pools["refreshers"]:
            held.model = aged_snapshot(held.model, limits)
            held.real = replace(held.real, ts_ms=held.real.ts_ms - TICK_MS)
        self.on_disk = self.clock.dump() if self.before.crashes else {}

    def _pop(self, pool: str, model: object) -> Any:
        held = next(held for held in self.pools[pool] if held.model == model)
        self.pools[pool].remove(held)
        return held.real
