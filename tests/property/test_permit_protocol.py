"""The whole protocol against a real Redis, driven at random, beside an exchange that does what it is told.

The exchange here is not reduce-only: an order too many turns the position around, and the test sees it. Time passes by
shifting every stored time and every TTL back, so a minute takes a millisecond.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from p33_tasks.apply import PermitRefused
from p33_tasks.ports import ResultStatus
from tests.support.gate import SOURCE, SYMBOL, Gate
from tests.support.redis_server import RedisServer, running_redis

STEP = Decimal("0.001")
WINDOW_MS = 5_000
ACTIONS = [*("CLOSE_PARTIAL_25", "CLOSE_PARTIAL_50", "CLOSE_PARTIAL_75", "CLOSE_FULL") * 3, "HOLD"]

# What may happen, and how often in a hundred.
WEIGHTS = {
    "new_plan": 24,
    "consume": 22,
    "time_passes": 11,
    "exchange_executes": 8,
    "report_what_was_filled": 7,
    "somebody_says_not_executed": 7,
    "the_venue_rejects": 5,
    "refresh": 4,
    "exchange_answers": 2,
    "a_slow_worker_writes_its_snapshot": 2,
    "consume_by_get_and_del": 2,
    "a_plan_is_delivered_again": 2,
    "operator_clears_the_hold": 2,
    "operator_adopts": 2,
    "operator_sets_a_hold": 1,
    "somebody_gives_up_before_the_verdict": 1,
    "somebody_adds_to_the_position": 1,
}


@dataclass
class Order:
    """A consumption, and what became of its order."""

    plan_id: str
    quantity: Decimal
    consume_id: str | None
    left_ms: int = WINDOW_MS  # until which it may still reach the exchange
    filled: Decimal = Decimal(0)
    dead: bool = False  # nothing (more) of it will be executed


@dataclass
class Model:
    """What must be true, kept without the code under test."""

    position: Decimal
    ledger: Decimal
    orders: dict[str, Order] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    reported: dict[str, Decimal] = field(default_factory=dict)  # order id to cumulative quantity
    fetched: list[tuple[Decimal, int]] = field(default_factory=list)  # answers of the exchange not yet written


class PermitProtocol(RuleBasedStateMachine):
    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.server = server
        self.plans: list[str] = []

    @initialize(
        ttl_ms=st.sampled_from([2_000, 60_000]),
        stale_ms=st.sampled_from([10_000, 60_000]),
        cooldown_ms=st.sampled_from([6_000, 15_000]),
        start=st.integers(20, 60),
    )
    def begin(self, ttl_ms: int, stale_ms: int, cooldown_ms: int, start: int) -> None:
        with self.server.client() as client:
            client.flushall()
        self.gate = Gate(
            self.server,
            permit_ttl_ms=ttl_ms,
            stale_threshold_ms=stale_ms,
            cooldown_ms=cooldown_ms,
            plan_max_age_ms=10**9,
        )
        self.model = Model(position=start * STEP, ledger=start * STEP)
        self.gate.put_ledger(self.model.ledger)
        self.gate.put_market()
        self.gate.put_position(self.model.position)
        self.client = self.gate.client()

    @rule(seed=st.integers(0, 2**32))
    def story(self, seed: int) -> None:
        """Some steps, evenly spread as hypothesis's own choices aren't; each does nothing where it makes no sense."""
        chance = Random(seed)
        for name in chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=15):
            note(name)
            getattr(self, name)(chance)
            self.check()

    # --- time and the exchange --------------------------------------------------------------------------------------

    def time_passes(self, chance: Random) -> None:
        ms = chance.choice([900, 2_500, 4_000, 16_000, 66_000])
        pass_time(self.gate, ms, self.plans)
        self.model.fetched = [(amount, ts_ms - ms) for amount, ts_ms in self.model.fetched]
        for order in self.model.orders.values():
            order.left_ms -= ms
            order.dead = order.dead or order.left_ms <= 0

    def refresh(self, _: Random) -> None:
        """The usual case: asked and written before anything else happens."""
        self.gate.put_position(self.model.position)

    def exchange_answers(self, _: Random) -> None:
        self.model.fetched.append((self.model.position, self.gate.now_ms()))

    def a_slow_worker_writes_its_snapshot(self, _: Random) -> None:
        if self.model.fetched:
            amount, ts_ms = self.model.fetched.pop(0)
            self.gate.put_position(amount, ts_ms=ts_ms)

    def exchange_executes(self, chance: Random) -> None:
        """Whoever consumed a permit may send its whole order, until its window is over."""
        for order in self.model.orders.values():
            if not order.dead:
                part = chance.choice([Decimal("0.4"), Decimal(1)])
                more = (order.quantity - order.filled) * part // STEP * STEP
                order.filled += more
                self.model.position -= more
                order.dead = order.filled == order.quantity

    def somebody_adds_to_the_position(self, chance: Random) -> None:
        self.model.position += chance.randint(1, 20) * STEP

    # --- the gate ---------------------------------------------------------------------------------------------------

    def new_plan(self, chance: Random) -> None:
        action, fresh = chance.choice(ACTIONS), chance.choice([True, True, False])
        if fresh:
            self.refresh(chance)
        plan_id = f"p-{len(self.plans)}"
        self.plans.append(plan_id)
        self.gate.judge(plan_id, action=action)
        decision = self.gate.redis.get(self.gate.keys.decision(plan_id))
        assert decision is not None, "acknowledged without a verdict"
        verdict = json.loads(decision, parse_float=Decimal)
        if verdict["allow"]:
            position = Decimal(self.gate.redis.hget(self.gate.keys.snapshot(SYMBOL), "position_amt") or 0)
            assert 0 < verdict["safe_close_qty"] <= position == verdict["exchange_position_amt"]
            assert action != "HOLD"
            assert not self.gate.redis.exists(self.gate.keys.hold(SYMBOL))

    def a_plan_is_delivered_again(self, chance: Random) -> None:
        for plan_id in self.recent_plan(chance):
            before = self.gate.redis.get(self.gate.keys.decision(plan_id))
            assert self.gate.judge(plan_id, action=chance.choice(ACTIONS)) is None
            assert self.gate.redis.get(self.gate.keys.decision(plan_id)) == before, "the first verdict stands"

    def consume(self, chance: Random) -> None:
        for plan_id in self.recent_plan(chance):
            self.gate.grant(plan_id)
            try:
                consumed = self.client.consume(plan_id, SYMBOL)
            except PermitRefused:
                assert self.gate.redis.exists(self.gate.keys.governor_permit(plan_id)), "the governor's was burned"
                continue
            assert not self.gate.redis.exists(self.gate.keys.governor_permit(plan_id))
            self.right_to_send(plan_id, consumed.safe_close_qty, consumed.consume_id)

    def consume_by_get_and_del(self, chance: Random) -> None:
        """Such a consumer doesn't renew the reservation: the cooldown must outlast its order and older snapshots."""
        if self.gate.policy.cooldown_ms < WINDOW_MS + self.gate.policy.stale_threshold_ms:
            return
        for plan_id in self.recent_plan(chance):
            permit = self.gate.permit(plan_id)
            if (
                permit is not None
                and permit["allow"] is True
                and self.gate.redis.delete(self.gate.keys.permit(plan_id))
            ):
                self.right_to_send(plan_id, permit["safe_close_qty"], None)

    def right_to_send(self, plan_id: str, quantity: Decimal, consume_id: str | None) -> None:
        assert plan_id not in self.model.orders, "consumed twice"
        assert all(order.dead for order in self.model.orders.values()), "two orders may be under way at once"
        self.model.orders[plan_id] = Order(plan_id=plan_id, quantity=quantity, consume_id=consume_id)

    def recent_plan(self, chance: Random) -> list[str]:
        """The one that holds the symbol, where there is one, or one of the last."""
        holder = self.gate.reserved_by()
        if holder is not None and chance.randint(0, 3):
            return [holder]
        ago = chance.randint(1, 3)
        return self.plans[-ago:][:1]

    def operator_sets_a_hold(self, _: Random) -> None:
        self.gate.operator.set_hold(SYMBOL, why="test", by="test")

    def operator_clears_the_hold(self, _: Random) -> None:
        self.gate.operator.clear_hold(SYMBOL, by="test")

    def operator_adopts(self, _: Random) -> None:
        found = self.gate.operator.adopt_ledger(SYMBOL, source=SOURCE, policy=self.gate.policy, by="test", replace=True)
        if found.adopted:
            self.model.ledger = Decimal(found.after)

    # --- results ----------------------------------------------------------------------------------------------------

    def report_what_was_filled(self, chance: Random) -> None:
        """Also nothing (NEW), also again, also an order of long ago."""
        if not self.model.orders:
            return
        order = self.model.orders[chance.choice(list(self.model.orders)[-2:])]
        # An entry of an adoption's own millisecond counts as its snapshot's; real ones are seconds apart.
        self.gate.until_after(self.gate.now_ms())
        order_id = f"o-{order.plan_id}"
        entry = self.gate.publish_result(order.plan_id)
        fill = (order_id, "SELL", str(order.filled))
        assert self.gate.report(order.plan_id, fill, entry=entry) is ResultStatus.RECORDED
        assert self.gate.report(order.plan_id, fill, entry=entry) is ResultStatus.ALREADY
        self.model.ledger -= order.filled - self.model.reported.get(order_id, Decimal(0))
        self.model.reported[order_id] = order.filled

    def somebody_says_not_executed(self, chance: Random) -> None:
        """The executor's other layer, or one that gave up: true or not."""
        for plan_id in self.recent_plan(chance):
            self.gate.report(plan_id, executed=False)

    def somebody_gives_up_before_the_verdict(self, _: Random) -> None:
        plan_id = f"p-{len(self.plans)}"
        self.plans.append(plan_id)
        self.gate.report(plan_id, executed=False)
        assert self.gate.judge(plan_id) is None
        assert self.gate.reason(plan_id) == "plan_abandoned"

    def the_venue_rejects(self, chance: Random) -> None:
        """The executor says so with its consume_id; somebody who guesses one knows nothing of the order."""
        for order in self.model.orders.values():
            if not order.dead and not order.filled:
                order.dead = order.consume_id is not None and chance.random() < 0.5
                proof = order.consume_id if order.dead else "guessed"
                self.gate.report(order.plan_id, executed=False, rejected=True, consume_id=proof)

    # --- what must always hold --------------------------------------------------------------------------------------

    @invariant()
    def check(self) -> None:
        assert self.model.position >= 0, "the position was turned around"
        self.the_ledger_is_the_sum_of_the_fills()
        self.at_most_one_allow_is_outstanding_and_it_holds_the_symbol()
        self.verdicts_never_change_and_every_entry_is_acknowledged()

    def the_ledger_is_the_sum_of_the_fills(self) -> None:
        assert Decimal(self.gate.ledger_amt() or "nan") == self.model.ledger

    def at_most_one_allow_is_outstanding_and_it_holds_the_symbol(self) -> None:
        permits = [self.gate.permit(plan_id) for plan_id in self.plans]
        outstanding = [permit["plan_id"] for permit in permits if permit is not None and permit["allow"]]
        assert len(outstanding) <= 1
        assert not outstanding or self.gate.reserved_by() == outstanding[0]

    def verdicts_never_change_and_every_entry_is_acknowledged(self) -> None:
        for plan_id in self.plans:
            decision = self.gate.redis.get(self.gate.keys.decision(plan_id))
            assert self.model.verdicts.setdefault(plan_id, decision or "") in {decision, ""}
            self.model.verdicts[plan_id] = decision or ""
        assert self.gate.pending(self.gate.keys.plans) == 0
        assert self.gate.pending(self.gate.keys.results) == 0
        assert self.gate.dead() == []

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.close()


def pass_time(gate: Gate, ms: int, plans: list[str]) -> None:
    """As if ``ms`` had passed: every TTL shorter, every stored time of a fact or a permit earlier."""
    redis, keys = gate.redis, gate.keys
    for key in list(redis.scan_iter()):
        left_ms = redis.pttl(key)
        if left_ms >= 0:
            redis.pexpire(key, left_ms - ms)
    for key, names in (
        (keys.snapshot(SYMBOL), ("ts_ms",)),
        (keys.ledger(SYMBOL), ("last_order_time_ms",)),
        *((keys.consumed(plan_id), ("consumed_ms", "place_before_ms")) for plan_id in plans),
    ):
        for name in names:
            stored = redis.hget(key, name)
            if stored is not None:
                redis.hset(key, name, int(stored) - ms)
    origin = redis.get(keys.ledger_origin(SYMBOL))
    if origin not in {None, "0"}:
        redis.set(keys.ledger_origin(SYMBOL), int(origin) - ms)
    for plan_id in plans:
        permit = redis.get(keys.permit(plan_id))
        if permit is not None:
            redis.set(keys.permit(plan_id), _earlier(permit, ms), keepttl=True)


def _earlier(permit: str, ms: int) -> str:
    def shifted(match: re.Match[str]) -> str:
        return f"{match[1]}{int(match[2]) - ms}"

    return re.sub(r'("(?:ts|expires)_ms":)(\d+)', shifted, permit)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def test_the_permit_protocol_keeps_its_promises(redis_server: RedisServer) -> None:
    examples = int(os.environ.get("P33_TEST_EXAMPLES", "30"))
    run_state_machine_as_test(
        lambda: PermitProtocol(redis_server),
        settings=settings(
            max_examples=examples,
            stateful_step_count=6,
            derandomize="P33_TEST_EXAMPLES" not in os.environ,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),  # seeds don't shrink; the steps are noted
            suppress_health_check=list(HealthCheck),
        ),
    )
