"""The reference executor sends a plan's order once, and says which of its tries it was.

Each test takes one plan through the real executor: real Redis, permits issued by the brain's own services, orders on
the simulator over HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from p33_tasks.apply import PermitClient
from p33_tasks.demo.executor.apply_layer import build_executor
from p33_tasks.demo.executor.attempt import Executor
from p33_tasks.demo.executor.journal import Journal
from p33_tasks.demo.names import DemoKeys
from p33_tasks.demo.plan_reader import PlanReader
from p33_tasks.errors import ExchangeUnavailableError, StoreError
from p33_tasks.store.budget import RedisRequestBudget
from tests.integration.demo.executor.one_look import (
    PLAN,
    dies_at,
    journal,
    let_the_window_end,
    only_result,
    orders,
    step,
)
from tests.support.waiting import wait_until


def unanswered(
    monkeypatch, owner: object, name: str, executor: Executor, reader: PlanReader, *, after: bool = True
) -> None:
    """One look in which Redis does what this call asks for (``after``), or doesn't, and the answer never comes."""
    real: Callable[..., object] = getattr(owner, name)

    def lost(*args: object, **kwargs: object) -> object:
        if after:
            real(*args, **kwargs)
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, lost)
        with pytest.raises(StoreError):
            step(executor, reader)


def test_the_same_plan_thrice_on_the_stream_is_executed_and_reported_once(brain, sim, reader, executor):
    brain.allow(PLAN)
    brain.add_plan(PLAN)
    brain.add_plan(PLAN)
    sim.forget_requests()
    step(executor, reader)
    assert len(orders(brain, sim)) == 1
    assert sim.requests().count("GET /fapi/v1/order") == 1, "asked once before sending; the others have nothing to ask"
    assert only_result(brain)["outcome"] == "executed"
    assert list(reader.pending()) == []


def test_twenty_deliveries_at_once_execute_and_report_once(brain, sim, reader, executor):
    brain.allow(PLAN)
    (entry,) = reader.new(count=1, block_ms=1000)
    plan = reader.plan_of(entry)
    assert plan is not None
    barrier = threading.Barrier(20)

    def deliver(_: int) -> None:
        barrier.wait()
        executor.attempt(entry, plan)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(deliver, range(20)))
    wait_until(lambda: step(executor, reader) is None, "nothing is left to do")
    assert len(orders(brain, sim)) <= 1
    result = only_result(brain)
    # Twins may find the permit gone before the winner wrote it down; then nobody sends. Both is once.
    assert result["outcome"] == ("executed" if orders(brain, sim) else "rejected")
    brain.record_all()
    assert sim.position("BTCUSDT") == brain.ledger_amt()


def twenty_take_up(executor: Executor, reader: PlanReader) -> None:
    """Twenty threads look at the one pending plan at once."""
    (entry,) = reader.pending()
    plan = reader.plan_of(entry)
    assert plan is not None
    barrier = threading.Barrier(20)

    def take_up(_: int) -> None:
        barrier.wait()
        executor.attempt(entry, plan)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(take_up, range(20)))


def test_twenty_that_take_up_a_consumed_plan_at_once_send_one_order(brain, sim, reader, executor, monkeypatch):
    """Even where the venue would take the client order id again."""
    sim.fault(client_ids="open")
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "mark_sending"):
        step(executor, reader)
    twenty_take_up(executor, reader)
    wait_until(lambda: step(executor, reader) is None, "nothing is left to do")
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")
    assert sim.position("BTCUSDT") == Decimal("0.010")


@pytest.mark.parametrize("after", [False, True], ids=["not received", "answer lost"])
def test_a_right_to_send_that_redis_did_not_answer_is_used_once(brain, sim, reader, executor, monkeypatch, after):
    """Twenty take the plan up at once, and the venue would take the client order id again: one order is sent."""
    sim.fault(client_ids="open")
    brain.allow(PLAN)
    unanswered(monkeypatch, Journal, "mark_sending", executor, reader, after=after)
    twenty_take_up(executor, reader)
    wait_until(lambda: step(executor, reader) is None, "nothing is left to do")
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")
    assert sim.position("BTCUSDT") == Decimal("0.010")


@pytest.mark.parametrize("how", ["too late", "another life"])
@pytest.mark.parametrize("again", [False, True], ids=["answered then", "unanswered twice"])
def test_a_right_to_send_whose_answer_was_lost_for_too_long_is_told_as_not_sent(
    brain, sim, reader, executor, monkeypatch, how, again
):
    """The process knows that it never called the venue; nothing stays pending for ten minutes."""
    brain.allow(PLAN)
    unanswered(monkeypatch, Journal, "mark_sending", executor, reader)
    if how == "too late":
        let_the_window_end(brain)
    else:
        brain.client.hset(DemoKeys(brain.keys.prefix).journal(PLAN), "life", "b" * 40)
    if again:
        unanswered(monkeypatch, Journal, "mark_sending", executor, reader)
    assert step(executor, reader) is None
    assert only_result(brain)["outcome"] == "rejected"
    assert orders(brain, sim) == []
    assert list(reader.pending()) == []
    brain.record_all()
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))


@pytest.mark.parametrize("after", [False, True], ids=["not received", "answer lost"])
@pytest.mark.parametrize("why", ["refused by the venue", "another life"])
def test_a_rejection_that_redis_did_not_take_is_not_forgotten(brain, sim, reader, executor, monkeypatch, why, after):
    """Only this process knows that nothing was executed. The outcome would be unknown, and the position held for it."""
    brain.allow(PLAN)
    if why == "refused by the venue":
        sim.fault(order_error=-2022)
    else:
        unanswered(monkeypatch, Journal, "mark_sending", executor, reader)
        brain.client.hset(DemoKeys(brain.keys.prefix).journal(PLAN), "life", "b" * 40)
    for _ in range(2):
        unanswered(monkeypatch, Journal, "settle", executor, reader, after=after)
        sim.clear_faults()
        let_the_window_end(brain)
        if after:
            break  # it was published
    assert step(executor, reader) is None
    assert [result["outcome"] for result in brain.results_of(PLAN)] == ["rejected"]
    assert orders(brain, sim) == []
    assert list(reader.pending()) == []
    brain.record_all()
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))


def test_a_kept_rejection_is_of_the_order_before_where_redis_went_back(brain, sim, reader, executor, monkeypatch):
    """Back to before the consumption: the order that is sent then has an outcome of its own."""
    brain.allow(PLAN)
    with monkeypatch.context() as patch:
        patch.setattr(PermitClient, "wait_and_consume", lambda *_, **__: (_ for _ in ()).throw(KeyError("busy")))
        with pytest.raises(KeyError):
            step(executor, reader)
    assert journal(brain)["state"] == "claimed"
    before = {key: (brain.client.pttl(key), brain.client.dump(key)) for key in brain.client.scan_iter()}
    sim.fault(order_error=-2022)
    unanswered(monkeypatch, Journal, "settle", executor, reader, after=False)
    sim.clear_faults()
    brain.client.flushall()
    for key, (ttl_ms, value) in before.items():
        brain.client.restore(key, max(ttl_ms, 0), value)
    sim.fault(order="timeout_lost")
    for _ in range(2):
        assert step(executor, reader) is not None
    assert journal(brain)["state"] == "sending"
    assert brain.results_of(PLAN) == []
    assert executor._unpublished == {}


@pytest.mark.parametrize("late", [False, True], ids=["in time", "too late"])
def test_a_request_budget_out_of_reach_leaves_the_right_to_send_unused(brain, sim, reader, executor, monkeypatch, late):
    """Redis went away between the step to ``sending`` and the order: nothing was sent, and this process knows it."""
    brain.allow(PLAN)
    with monkeypatch.context() as patch:
        patch.setattr(RedisRequestBudget, "acquire_order", lambda _: (_ for _ in ()).throw(StoreError("gone")))
        with pytest.raises(StoreError):
            step(executor, reader)
    assert journal(brain)["state"] == "sending"
    if late:
        let_the_window_end(brain)
    assert step(executor, reader) is None
    outcome, count = ("rejected", 0) if late else ("executed", 1)
    assert [result["outcome"] for result in brain.results_of(PLAN)] == [outcome]
    assert len(orders(brain, sim)) == count


def test_a_venue_that_is_away_takes_no_unanswered_right_away(brain, sim, reader, executor, monkeypatch):
    brain.allow(PLAN)
    unanswered(monkeypatch, Journal, "mark_sending", executor, reader)
    with monkeypatch.context() as patch:
        patch.setattr(
            executor._orders, "fetch_order", lambda *_: (_ for _ in ()).throw(ExchangeUnavailableError("away"))
        )
        assert step(executor, reader) is not None
    assert step(executor, reader) is None
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def test_two_processes_one_of_them_late_do_not_send_twice_even_where_the_venue_would_take_it(
    brain, sim, reader, executor, monkeypatch
):
    """Binance takes a client order id again once its order is closed, so the id alone doesn't protect."""
    sim.fault(client_ids="open")
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "settle"):
        step(executor, reader)
    assert len(orders(brain, sim)) == 1
    assert step(build_executor(brain.settings), reader) is None
    assert len(orders(brain, sim)) == 1
    assert only_result(brain)["outcome"] == "executed"
