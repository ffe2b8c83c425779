"""A promotion is, letter by letter, the verdict that evaluation gives on the facts of that very moment.

Positions, limits, plans and what happens between preparation and plan are random; ``P33_PROMOTIONS`` says how many.
The scripts' clock is moved as well, as if time had passed or TIME had been set back: nothing else about them is
different. What a promotion issued is compared with ``evaluate`` on facts that were loaded for it independently.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from p33_tasks.contract.audit import audit_inputs
from p33_tasks.contract.keys import GROUP
from p33_tasks.contract.permits import verdict_fields
from p33_tasks.contract.plans import parse_entry
from p33_tasks.contract.prepared import policy_digest
from p33_tasks.domain import exact_json
from p33_tasks.domain.close_factors import CLOSE_FACTORS
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Allow, Facts, Leg, Plan, Policy
from p33_tasks.domain.quantities import canonical
from p33_tasks.ports import CommitStatus, StreamEntry
from p33_tasks.services.prepare_permits import PreparationService
from p33_tasks.store.connection import connect
from p33_tasks.store.prepared import RedisPreparedStore
from p33_tasks.store.verdicts import RedisVerdictStore
from tests.support.gate import EPOCH, SOURCE, Gate
from tests.support.promoting import AHEAD_KEY, TASK_ID, move_the_scripts_clock
from tests.support.random_positions import Moment, Spot, twist, write
from tests.support.redis_server import RedisServer, running_redis

COUNT = int(os.environ.get("P33_PROMOTIONS", "2000"))
TOGETHER = 100
AHEAD_MS = (0, 0, 0, 1, 400, 1_000, 3_000, 9_000, 15_000, 61_000, -1, -900, -5_000, -60_000)
"""How much later it is when the plan comes, ms; below 0: TIME was set back meanwhile."""
SYMBOLS = [f"S{number:03d}USDT" for number in range(TOGETHER)]
POLICY = Policy(allowlist=frozenset(SYMBOLS[:-3]))


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


@pytest.fixture
def moved_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    move_the_scripts_clock(monkeypatch)


class World:
    """A hundred positions at a time."""

    def __init__(self, server: RedisServer, chance: random.Random) -> None:
        self.gate, self.chance = Gate(server), chance
        self.keys, self.redis = self.gate.keys, self.gate.redis
        client = connect(server.url())
        self.verdicts = RedisVerdictStore(client, self.keys, source=SOURCE)
        self.prepared = RedisPreparedStore(client, self.keys)
        self.seen: Counter[str] = Counter()

    def begin(self) -> tuple[Moment, list[Spot]]:
        """Positions in random states, and a forecast for each."""
        self.redis.flushdb()
        self.redis.set(self.keys.epoch, EPOCH)
        self.redis.xgroup_create(self.keys.plans, GROUP, id="0", mkstream=True)
        gate = self.gate
        moment = Moment(now_ms=gate.now_ms(), run_id=gate.run_id, life=gate.life, source=SOURCE)
        pipeline = self.redis.pipeline(transaction=False)
        spots = [write(pipeline, self.keys, symbol, moment, self.chance) for symbol in SYMBOLS]
        for spot in spots:
            if self.chance.random() < 0.25:
                twist(pipeline, self.keys, spot, moment, self.chance)
        pipeline.execute()
        return moment, spots

    def prepare(self, spots: Sequence[Spot]) -> list[str]:
        """Have what is expected prepared, by the service itself; the actions that were foretold."""
        actions = [self.chance.choice(list(CLOSE_FACTORS)) for _ in spots]
        pipeline = self.redis.pipeline(transaction=False)
        for spot, action in zip(spots, actions, strict=True):
            leg = {} if spot.leg is Leg.BOTH and self.chance.random() < 0.9 else {"positionSide": str(spot.leg)}
            entry = {"symbol": spot.symbol, "action": action, "horizon_sec": "300", **leg}
            pipeline.xadd(self.keys.forecasts, dict[Any, Any](entry))
        pipeline.execute()
        service = PreparationService(self.prepared, self.verdicts, POLICY, source=SOURCE, most=600)
        self.seen["prepared"] += service.prepare(task_id=TASK_ID)
        return actions

    def publish(self, spots: Sequence[Spot], actions: Sequence[str]) -> list[tuple[Plan, StreamEntry]]:
        """A plan for each, mostly the one that was foretold, as the stream holds it."""
        chance, pipeline = self.chance, self.redis.pipeline(transaction=False)
        written = []
        for number, (spot, foretold) in enumerate(zip(spots, actions, strict=True)):
            action = foretold if chance.random() < 0.8 else chance.choice([*CLOSE_FACTORS, "HOLD"])
            plan_id = f"{number}{chance.choice(['', chr(34), chr(92) + 'u0041', 'ü€', ' now_ms ', '{}', '%s'])}"
            spelled = chance.choice([action, action.lower(), f" {action} "])
            fields = {"plan_id": plan_id, "symbol": spot.symbol, "action": spelled, "decision": "EXECUTE"}
            if spot.leg is not Leg.BOTH or chance.random() < 0.1:
                fields["positionSide"] = str(spot.leg)
            if chance.random() < 0.05:
                fields["reduceOnly"] = chance.choice(["true", "false"])
            pipeline.xadd(self.keys.plans, dict[Any, Any](fields))
            written.append(fields)
        ids = pipeline.execute()
        self.redis.xreadgroup(GROUP, "ingest", {self.keys.plans: ">"})
        plans = []
        for fields, entry_id in zip(written, ids, strict=True):
            issued_ms = int(entry_id.partition("-")[0]) - chance.choice([0, 0, 5, 800, 59_990, 60_001])
            plan = parse_entry(fields, issued_ms=issued_ms)
            assert plan is not None
            plans.append((plan, StreamEntry(stream=self.keys.plans, entry_id=entry_id)))
        return plans

    def later(self, moment: Moment, spots: Sequence[Spot]) -> tuple[int, frozenset[str]]:
        """What happens between preparation and plan: time, and here and there something else."""
        ahead_ms = self.chance.choice(AHEAD_MS)
        pipeline = self.redis.pipeline(transaction=False)
        pipeline.set(AHEAD_KEY, ahead_ms)
        touched = [spot for spot in spots if self.chance.random() < 0.35]
        for spot in touched:
            twist(pipeline, self.keys, spot, moment, self.chance)
        pipeline.execute()
        return ahead_ms, frozenset(spot.symbol for spot in touched)


@pytest.mark.timeout(7200)
def test_a_promotion_equals_evaluation_at_that_moment(server: RedisServer, moved_clock: None) -> None:
    chance = random.Random(33)
    world = World(server, chance)
    digest = policy_digest(POLICY, SOURCE)
    for _ in range(-(-COUNT // TOGETHER)):
        moment, spots = world.begin()
        actions = world.prepare(spots)
        ahead_ms, touched = world.later(moment, spots)
        plans = world.publish(spots, actions)
        fitting = [(p, e) for p, e in plans if p.problem is None and p.reduce_only and p.close_factor is not None]
        facts = world.verdicts.load_each([plan for plan, _ in fitting])
        known = prepared_symbols(world)
        replies = world.verdicts.promote_each(fitting, POLICY, policy_digest=digest)
        audit = {fields["plan_id"]: fields["inputs"] for _, fields in world.redis.xrange(world.keys.decisions)}
        for (plan, _), found, reply in zip(fitting, facts, replies, strict=True):
            assert isinstance(found, Facts)
            if isinstance(reply, Exception):  # a foreign type: the ordinary way denies
                assert plan.plan_id not in audit
                continue
            status, decision = reply
            world.seen[str(status)] += 1
            if status is CommitStatus.COMMITTED:
                assert_is_the_verdict(plan, found, decision, audit[plan.plan_id])
                assert world.redis.get(world.keys.permit(plan.plan_id)) == decision
                assert world.redis.get(world.keys.reservation(plan.symbol, plan.position_side)) == plan.plan_id
            else:
                assert status is CommitStatus.MOVED
                assert plan.plan_id not in audit
                assert world.redis.get(world.keys.permit(plan.plan_id)) is None
                if not ahead_ms and plan.symbol not in touched and key_of(plan) in known:
                    assert not is_allowed(plan, found), f"nothing moved, and {plan} was not promoted"
    assert world.seen["committed"] > COUNT // 10, world.seen
    assert world.seen["moved"] > COUNT // 10, world.seen
    print(f"\n{COUNT} states: {dict(world.seen)}")  # noqa: T201 - how many of each is part of the result


def assert_is_the_verdict(plan: Plan, facts: Facts, decision: str, inputs: str) -> None:
    """What was issued is what evaluation gives on the loaded facts, at the time that the verdict names."""
    now_ms = exact_json.loads_object(decision)["ts_ms"]
    assert isinstance(now_ms, int)
    now, asked = replace(facts, now_ms=now_ms), replace(plan, prepared=True, prepared_by=TASK_ID)
    policy = in_force(POLICY, now.limits, now_ms)
    verdict = evaluate(asked, now, policy)
    assert isinstance(verdict, Allow), f"promoted, and evaluation says {verdict}"
    assert decision == exact_json.dumps(verdict_fields(asked, verdict, now_ms=now_ms, facts=now, policy=policy))
    assert inputs == exact_json.dumps(audit_inputs(asked, now, policy))


def is_allowed(plan: Plan, facts: Facts) -> bool:
    """Whether evaluation allows it now, and will for some seconds."""
    moments = (replace(facts, now_ms=facts.now_ms + later_ms) for later_ms in (0, 5_000))
    return all(isinstance(evaluate(plan, now, in_force(POLICY, now.limits, now.now_ms)), Allow) for now in moments)


def key_of(plan: Plan) -> tuple[str, Leg, Any]:
    """What a preparation is for."""
    return plan.symbol, plan.position_side, plan.close_factor


def prepared_symbols(world: World) -> frozenset[tuple[str, Leg, Any]]:
    """What is prepared right now."""
    keys, factors = world.keys, sorted(set(CLOSE_FACTORS.values()))
    there = set(world.redis.scan_iter(f"{keys.prefix}:p33:prepared:*", count=1000))
    return frozenset(
        (symbol, leg, factor)
        for symbol in SYMBOLS
        for leg in Leg
        for factor in factors
        if keys.prepared(symbol, leg, canonical(factor)) in there
    )
