"""The reference executor killed at each step: its next life goes on from the journal, and sends nothing twice.

Each test takes one plan through the real executor: real Redis, permits issued by the brain's own services, orders on
the simulator over HTTP.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from p33_tasks.apply import PermitClient
from p33_tasks.demo.executor.apply_layer import build_executor
from p33_tasks.demo.executor.journal import Journal
from p33_tasks.demo.names import APPLY_GROUP, DemoKeys
from p33_tasks.demo.plan_reader import PlanReader
from tests.integration.demo.executor.brain import Brain, settings_for
from tests.integration.demo.executor.one_look import (
    PLAN,
    dies_at,
    journal,
    let_the_window_end,
    only_result,
    orders,
    step,
)
from tests.support.redis_server import running_redis


def _now_ms(brain: Brain) -> int:
    seconds, microseconds = brain.client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def test_killed_between_sending_and_publishing_the_order_is_reported_once(brain, sim, reader, executor, monkeypatch):
    brain.allow(PLAN)
    with dies_at(monkeypatch, executor._orders, "place_reduce_only_market", after=True):
        step(executor, reader)
    assert brain.results_of(PLAN) == []
    assert step(build_executor(brain.settings), reader) is None
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")
    brain.record_all()
    assert brain.ledger_amt() == sim.position("BTCUSDT") == Decimal("0.010")


def test_killed_after_publishing_nothing_is_published_again(brain, sim, reader, executor, monkeypatch):
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "settle", after=True):
        step(executor, reader)
    step(build_executor(brain.settings), reader)
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def test_killed_right_before_sending_nothing_is_sent_later_and_the_outcome_is_unknown(
    brain, sim, reader, executor, monkeypatch
):
    brain.allow(PLAN)
    with dies_at(monkeypatch, executor._orders, "place_reduce_only_market"):
        step(executor, reader)
    after = build_executor(brain.settings)
    assert step(after, reader) is not None, "an order may still be on its way"
    assert brain.results_of(PLAN) == []
    let_the_window_end(brain)
    assert step(after, reader) is not None
    result = only_result(brain)
    assert (result["outcome"], result["executed"]) == ("unknown", "False")
    assert result["consume_id"] == brain.client.hget(brain.keys.consumed(PLAN), "consume_id")
    assert orders(brain, sim) == []
    brain.record_all()
    assert brain.client.get(brain.keys.reservation("BTCUSDT")) == PLAN


def test_killed_between_writing_the_permit_down_and_sending_the_order_is_still_sent(
    brain, sim, reader, executor, monkeypatch
):
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "mark_sending"):
        step(executor, reader)
    assert step(build_executor(brain.settings), reader) is None
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def test_the_same_but_too_late_nothing_is_sent(brain, sim, reader, executor, monkeypatch):
    """Sequence G: consumed, frozen, and awake again when another plan may hold the symbol."""
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "mark_sending"):
        step(executor, reader)
    let_the_window_end(brain)
    assert step(build_executor(brain.settings), reader) is None
    assert only_result(brain)["outcome"] == "rejected"
    assert orders(brain, sim) == []


def test_killed_between_consuming_and_writing_it_down_the_reservation_is_given_back(
    brain, sim, reader, executor, monkeypatch
):
    brain.allow(PLAN)
    with dies_at(monkeypatch, PermitClient, "wait_and_consume", after=True):
        step(executor, reader)
    assert journal(brain)["state"] == "claimed"
    assert step(build_executor(brain.settings), reader) is None
    assert only_result(brain)["outcome"] == "rejected"
    assert orders(brain, sim) == []
    brain.record_all()
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))


def test_a_twin_that_finds_our_permit_gone_does_not_report_the_plan_as_blocked(
    brain, sim, reader, executor, monkeypatch
):
    brain.allow(PLAN)
    real = PermitClient.wait_and_consume

    def answer_is_lost(self: PermitClient, *args: object, **kwargs: object) -> object:
        real(self, *args, **kwargs)
        return real(self, *args, **kwargs)  # what the twin finds

    monkeypatch.setattr(PermitClient, "wait_and_consume", answer_is_lost)
    assert step(executor, reader) is not None
    assert brain.results_of(PLAN) == []
    monkeypatch.undo()
    assert step(executor, reader) is None
    assert only_result(brain)["outcome"] == "rejected"


def test_when_redis_forgot_everything_the_order_at_the_venue_is_still_found(brain, sim, reader, executor, monkeypatch):
    entry_id = brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "settle"):
        step(executor, reader)
    (entry,) = reader.pending()
    plan = reader.plan_of(entry)
    brain.client.flushall()
    brain.client.xadd(brain.keys.plans, {"plan_id": "later", "symbol": "BTCUSDT"})
    assert plan is not None
    assert executor.attempt(entry, plan) is None
    assert only_result(brain)["outcome"] == "executed"
    assert entry.entry_id == entry_id
    assert len(orders(brain, sim)) == 1


def test_when_redis_forgot_everything_the_same_plan_sent_again_is_not_executed_again(brain, sim, reader, executor):
    """Not redelivered: a new entry, new permits, and a venue that would take the client order id again."""
    sim.fault(client_ids="open")
    brain.allow(PLAN)
    step(executor, reader)
    assert len(orders(brain, sim)) == 1
    brain.client.flushall()
    reader.new(count=1, block_ms=1)  # makes the group again
    brain.allow(PLAN)
    assert step(executor, reader) is None
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")
    assert sim.position("BTCUSDT") == Decimal("0.010")


def test_unless_the_venue_says_that_it_does_not_know_the_order_none_is_sent(brain, sim, reader, executor):
    brain.allow(PLAN)
    sim.fault(status=503, methods=["GET"], paths=["/order"])
    assert step(executor, reader) is not None
    assert journal(brain)["state"] == "consumed"
    let_the_window_end(brain)
    assert step(executor, reader) is None
    assert (orders(brain, sim), only_result(brain)["outcome"]) == ([], "rejected")


@pytest.mark.parametrize("lost", ["journal", "journal's last steps"])
def test_when_the_venue_cannot_be_asked_at_first_the_order_is_found_later(
    brain, sim, reader, executor, monkeypatch, lost
):
    """The plan was reported as blocked, and its fill was never in a ledger."""
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "settle"):
        step(executor, reader)
    key = DemoKeys(brain.keys.prefix).journal(PLAN)
    if lost == "journal":
        brain.client.delete(key)
    else:
        brain.client.hset(key, "state", "claimed")
    after = build_executor(brain.settings)
    sim.fault(status=502, paths=["/order"], times=1)
    assert step(after, reader) is not None
    assert brain.results_of(PLAN) == []
    assert step(after, reader) is None
    assert only_result(brain)["outcome"] == "executed"
    assert len(orders(brain, sim)) == 1


def test_a_redis_that_forgot_that_the_order_was_sent_has_it_sent_once(sim, monkeypatch):
    """It is on its way or not to be found yet, and the journal is back where the order could still be sent."""
    sim.fault(client_ids="open")
    with running_redis(aof=True) as server:
        brain = Brain(settings_for(server, sim, P33_KEY_PREFIX=f"test-{uuid.uuid4().hex[:8]}"))
        reader = PlanReader(brain.client, brain.keys.plans, group=APPLY_GROUP, consumer="apply-1")
        reader.new(count=1, block_ms=1)
        executor = build_executor(brain.settings)
        brain.allow(PLAN)
        with dies_at(monkeypatch, Journal, "settle"):
            step(executor, reader)
        server.kill()
        server.start()
        key = DemoKeys(brain.keys.prefix).journal(PLAN)
        brain.client.hset(key, mapping={"state": "consumed", "place_before_ms": _now_ms(brain) + 4_000})
        with monkeypatch.context() as patch:
            patch.setattr(executor._orders, "fetch_order", lambda *_: None)
            assert step(executor, reader) is not None
        assert step(executor, reader) is None
        assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def test_after_a_clock_of_redis_stepped_back_no_order_gets_more_time_than_a_permit_gives(
    brain, sim, reader, executor, monkeypatch
):
    """S: consumed by the clock of before, an hour ahead; the next plan's order could meet this one."""
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "mark_sending"):
        step(executor, reader)
    let_the_window_end(brain, -3_600_000)
    assert step(build_executor(brain.settings), reader) is None
    assert only_result(brain)["outcome"] == "rejected"
    assert orders(brain, sim) == []


def test_after_a_clock_of_redis_stepped_back_a_lost_order_is_not_waited_for_until_it_has_caught_up(
    brain, sim, reader, executor
):
    brain.allow(PLAN)
    sim.fault(order="timeout_lost")
    step(executor, reader)
    let_the_window_end(brain, -3_600_000)
    step(executor, reader)
    assert int(journal(brain)["place_before_ms"]) <= _now_ms(brain) + 5_000
