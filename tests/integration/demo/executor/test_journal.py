"""The executor's journal, step by step: each step is taken once, by the one whose turn it is."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.contract.keys import Keys
from p33_tasks.demo.executor import journal as journals
from p33_tasks.demo.executor.journal import Claim, Journal, Settled, State
from p33_tasks.demo.names import APPLY_GROUP, DemoKeys
from p33_tasks.domain.models import OrderSide, Plan
from p33_tasks.store.connection import connect
from tests.support.redis_server import RedisServer

PLAN = Plan(plan_id="plan-1", symbol="BTCUSDT", action="CLOSE_FULL", close_factor=Decimal(1), issued_ms=0)


class Desk:
    """One account's plan stream and journals."""

    def __init__(self, server: RedisServer) -> None:
        self.keys = Keys(f"test-{uuid.uuid4().hex[:8]}")
        self.redis = connect(server.url())
        self.journal = Journal(self.redis, self.keys)
        self.redis.xgroup_create(self.keys.plans, APPLY_GROUP, id="0", mkstream=True)

    def entry(self) -> str:
        """A delivery of the plan."""
        entry_id: str = self.redis.xadd(self.keys.plans, {"plan_id": PLAN.plan_id})
        self.redis.xreadgroup(APPLY_GROUP, "apply-1", {self.keys.plans: ">"})
        return entry_id

    def pending(self) -> int:
        return int(self.redis.xpending(self.keys.plans, APPLY_GROUP)["pending"])

    def now_ms(self) -> int:
        seconds, micros = self.redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def fields(self) -> dict[str, str]:
        found: dict[str, str] = self.redis.hgetall(DemoKeys(self.keys.prefix).journal(PLAN.plan_id))
        return found

    def write(self, **fields: object) -> None:
        self.redis.hset(DemoKeys(self.keys.prefix).journal(PLAN.plan_id), mapping=fields)

    def consumed(self, consume_id: str, *, window_ms: int = 4_000) -> Consumed:
        return Consumed(
            safe_close_qty=Decimal("0.03"),
            order_side=OrderSide.SELL,
            consume_id=consume_id,
            place_before_ms=self.now_ms() + window_ms,
        )

    def results(self) -> list[dict[str, str]]:
        return [fields for _, fields in self.redis.xrange(self.keys.results)]


@pytest.fixture
def desk(redis_server: RedisServer) -> Desk:
    return Desk(redis_server)


@pytest.fixture
def claim(desk: Desk) -> Claim:
    """The plan is claimed, nothing is consumed."""
    made = desk.journal.claim(PLAN, desk.entry())
    assert made is not None
    return made


@pytest.fixture
def sendable(desk: Desk, claim: Claim) -> Claim:
    """The permit is written down; the order can be sent."""
    assert desk.journal.mark_consumed(PLAN, desk.consumed(claim.consume_id))
    return claim


def test_a_plan_has_one_journal_whatever_entries_name_it(desk: Desk, claim: Claim) -> None:
    assert desk.journal.claim(PLAN, desk.entry()) is None
    assert desk.pending() == 1, "the second entry is acknowledged, the first is worked on"
    assert desk.fields()["consume_id"] == claim.consume_id


def test_a_plan_found_again_has_the_consume_id_of_before(desk: Desk, claim: Claim) -> None:
    again = desk.journal.claim(PLAN, desk.fields()["entry_id"])
    assert again is not None
    assert (again.state, again.consume_id) == (State.CLAIMED, claim.consume_id)


def test_a_finished_plan_is_acknowledged_and_left_alone(desk: Desk, claim: Claim) -> None:
    entry_id = desk.fields()["entry_id"]
    desk.write(state="done")
    assert desk.journal.claim(PLAN, entry_id) is None
    assert desk.pending() == 0


def test_a_permit_is_written_down_once_and_by_its_consumer_only(desk: Desk, claim: Claim) -> None:
    assert not desk.journal.mark_consumed(PLAN, desk.consumed("somebody else's"))
    assert desk.fields()["state"] == "claimed"
    assert desk.journal.mark_consumed(PLAN, desk.consumed(claim.consume_id))
    assert desk.journal.mark_sending(PLAN, claim.consume_id, "token") != "lost"
    assert not desk.journal.mark_consumed(PLAN, desk.consumed(claim.consume_id)), "the order may be sent already"


def test_the_right_to_send_is_taken_once(desk: Desk, sendable: Claim) -> None:
    """A venue takes a client order id again once its order is closed: nothing else holds the second order back."""
    remaining_ms = desk.journal.mark_sending(PLAN, sendable.consume_id, "token")
    assert isinstance(remaining_ms, int)
    assert 0 < remaining_ms <= 4_000
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "another token") == "lost"


def test_a_try_whose_answer_was_lost_has_the_right_still_and_nobody_else(desk: Desk, sendable: Claim) -> None:
    assert isinstance(desk.journal.mark_sending(PLAN, sendable.consume_id, "mine"), int)
    assert isinstance(desk.journal.mark_sending(PLAN, sendable.consume_id, "mine"), int)
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "another's") == "lost"


@pytest.mark.parametrize("why", [{"run_id": "b" * 40}, {"life": "b" * 40}, {"place_before_ms": "1"}], ids=str)
def test_a_right_that_was_taken_and_can_not_be_used_any_more_was_used_by_nobody(
    desk: Desk, sendable: Claim, why: dict[str, str]
) -> None:
    """It was taken in the life in which the permit was consumed, so nobody had it before."""
    assert isinstance(desk.journal.mark_sending(PLAN, sendable.consume_id, "mine"), int)
    desk.write(**why)
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "another's") == "lost"
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "mine") == "unsent"


def test_a_right_that_was_not_taken_before_a_restart_is_nobodys(desk: Desk, sendable: Claim) -> None:
    """Redis may have forgotten that somebody took it: the same token a second time proves nothing then."""
    desk.write(run_id="b" * 40)
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "mine") == "other_run"
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "mine") == "lost"


def test_another_consumption_has_no_right_to_send(desk: Desk, sendable: Claim) -> None:
    assert desk.journal.mark_sending(PLAN, "somebody else's", "token") == "lost"
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "token") != "lost"


@pytest.mark.parametrize("window_ms", [-1, 20, 3_600_000], ids=["over", "nearly over", "of a clock that was ahead"])
def test_without_a_usable_window_nothing_is_sent(desk: Desk, claim: Claim, window_ms: int) -> None:
    desk.journal.mark_consumed(PLAN, desk.consumed(claim.consume_id, window_ms=window_ms))
    assert desk.journal.mark_sending(PLAN, claim.consume_id, "token") == "late"
    assert desk.fields()["state"] == "consumed"


def test_after_a_restart_of_redis_the_venue_is_only_asked(desk: Desk, sendable: Claim) -> None:
    """It may have forgotten that the order was sent."""
    desk.write(run_id="b" * 40)
    assert desk.journal.mark_sending(PLAN, sendable.consume_id, "token") == "other_run"
    assert desk.fields()["state"] == "sending"


def test_the_same_news_is_published_once(desk: Desk, claim: Claim) -> None:
    entry_id = desk.fields()["entry_id"]
    for digest, status in (("a", Settled.PUBLISHED), ("a", Settled.UNCHANGED), ("b", Settled.PUBLISHED)):
        found = desk.journal.settle(PLAN, entry_id, {"digest": digest}, digest=digest, final=State.OPEN)
        assert found is status
    assert [result["digest"] for result in desk.results()] == ["a", "b"]
    assert desk.pending() == 1


def test_the_last_result_acknowledges_the_plan_and_nothing_is_said_after_it(desk: Desk, claim: Claim) -> None:
    entry_id = desk.fields()["entry_id"]
    assert desk.journal.settle(PLAN, entry_id, {"n": "1"}, digest="a") is Settled.PUBLISHED
    assert desk.pending() == 0
    assert desk.journal.settle(PLAN, entry_id, {"n": "2"}, digest="b") is Settled.DONE
    assert len(desk.results()) == 1


def test_a_result_is_only_said_in_the_state_that_it_is_about(desk: Desk, sendable: Claim) -> None:
    """That nothing was sent must not be said by somebody who fell asleep before another one sent it."""
    entry_id = desk.fields()["entry_id"]
    found = desk.journal.settle(PLAN, entry_id, {"n": "1"}, digest="a", only_from=(State.CLAIMED,))
    assert found is Settled.MOVED
    assert desk.results() == []
    assert desk.fields()["state"] == "consumed"


def test_a_plan_whose_permit_we_consumed_after_all_is_not_blocked(desk: Desk, claim: Claim) -> None:
    """The answer to the consumption was lost; the order is still ours to send."""
    desk.redis.hset(desk.keys.consumed(PLAN.plan_id), "consume_id", claim.consume_id)
    entry_id = desk.fields()["entry_id"]
    found = desk.journal.settle(PLAN, entry_id, {"n": "1"}, digest="a", unless_consumed=claim.consume_id)
    assert found is Settled.CONSUMED
    assert desk.results() == []


def test_a_consumption_of_ours_is_seen_and_another_ones_is_not(desk: Desk, claim: Claim) -> None:
    entry_id = desk.fields()["entry_id"]
    for consume_id, seen in (("somebody else's", False), (claim.consume_id, True)):
        desk.redis.hset(desk.keys.consumed(PLAN.plan_id), "consume_id", consume_id)
        found = desk.journal.claim(PLAN, entry_id)
        assert found is not None
        assert found.consumption_on_record is seen


def test_the_result_stream_is_trimmed(desk: Desk, claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "RESULT_MAXLEN", 100)
    with desk.redis.pipeline(transaction=False) as pipeline:
        for number in range(1_000):
            pipeline.xadd(desk.keys.results, {"number": number})
        pipeline.execute()
    assert desk.journal.settle(PLAN, desk.fields()["entry_id"], {"n": "1"}, digest="a") is Settled.PUBLISHED
    assert 100 <= desk.redis.xlen(desk.keys.results) < 300
