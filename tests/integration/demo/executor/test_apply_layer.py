"""The reference executor in the plain cases, and its loop over many plans.

Each test takes one plan through the real executor: real Redis, permits issued by the brain's own services, orders on
the simulator over HTTP.
"""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import contextmanager
from decimal import Decimal

import pytest

from p33_tasks.apply import PermitClient
from p33_tasks.demo.executor.apply_layer import build_executor, run_apply_layer
from p33_tasks.demo.executor.journal import Journal
from p33_tasks.demo.names import APPLY_GROUP
from p33_tasks.demo.plan_reader import PlanReader
from p33_tasks.demo.up.tally import Tally
from p33_tasks.domain.models import Allow
from p33_tasks.errors import StoreError
from p33_tasks.views.feed import Feed
from tests.integration.demo.executor.brain import Brain, settings_for
from tests.integration.demo.executor.one_look import (
    PLAN,
    dies_at,
    only_result,
    orders,
    step,
)
from tests.support.redis_server import free_port, running_redis
from tests.support.waiting import wait_until

ORDER = "POST /fapi/v1/order"


def seen(brain: Brain) -> Tally:
    """What ``p33 up`` counts of all of it."""
    tally = Tally()
    for event in Feed(brain.client, brain.keys, after="0").poll():
        tally.add(event)
    return tally


@contextmanager
def running_apply_layer(brain: Brain):
    stop = threading.Event()
    thread = threading.Thread(target=run_apply_layer, args=(brain.settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_an_allowed_plan_is_executed_and_reported(brain, sim, reader, executor):
    brain.allow(PLAN)
    assert step(executor, reader) is None
    result = only_result(brain)
    assert (result["executed"], result["outcome"]) == ("True", "executed")
    (taken,) = json.loads(result["steps_results"])
    assert (taken["side"], taken["quantity"], taken["executed_qty"]) == ("SELL", "0.03", "0.03")
    assert sim.position("BTCUSDT") == Decimal("0.010")
    assert brain.record_all() == 1
    assert brain.ledger_amt() == Decimal("0.010")
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))
    assert list(reader.pending()) == []


def test_a_short_is_bought_back(brain, sim, reader, executor):
    sim.set_position("BTCUSDT", "-0.040")
    brain.allow(PLAN)
    step(executor, reader)
    brain.record_all()
    assert sim.position("BTCUSDT") == brain.ledger_amt() == Decimal("-0.010")


def test_a_denied_plan_is_blocked_at_once_with_the_brains_reason(brain, sim, reader, executor):
    brain.know("BTCUSDT")
    brain.add_plan(PLAN, action="HOLD")
    brain.judge_all()
    brain.grant(PLAN)
    assert step(executor, reader) is None
    result = only_result(brain)
    assert (result["outcome"], result["error"]) == ("blocked", "missing_or_denied_p33_permit")
    assert result["reason"] == "unknown_action"
    assert orders(brain, sim) == []


def test_without_the_governor_nothing_is_sent_and_the_brain_may_allow_the_next_plan(brain, sim, reader, executor):
    brain.allow(PLAN)
    brain.client.delete(brain.keys.governor_permit(PLAN))
    assert step(executor, reader) is None
    assert only_result(brain)["error"] == "missing_permit_or_redis"
    assert orders(brain, sim) == []
    brain.record_all()
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))
    assert not brain.client.exists(brain.keys.permit(PLAN))


def test_an_allow_after_the_executor_gave_up_is_used_by_nobody_and_the_demo_says_why(brain, sim, reader, executor):
    """The verdict of a busy machine: later than the executor waits, and before the result is recorded."""
    brain.know("BTCUSDT")
    brain.add_plan(PLAN)
    brain.grant(PLAN)
    assert step(executor, reader) is None
    assert (only_result(brain)["outcome"], only_result(brain)["reason"]) == ("blocked", "missing")
    (verdict,) = brain.judge_all()
    assert isinstance(verdict, Allow)
    brain.record_all()
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"), brain.keys.permit(PLAN))
    assert orders(brain, sim) == []
    assert seen(brain).allowed_and_refused == {PLAN: "missing_or_denied_p33_permit; missing"}


def test_an_allow_whose_snapshot_grew_old_before_it_was_used_is_told_with_that_reason(brain, sim, reader, executor):
    brain.allow(PLAN)
    permit = json.loads(brain.client.get(brain.keys.permit(PLAN)))
    grown_old = int((Decimal(permit["stale_threshold_sec"]) + 1) * 1000)
    brain.client.hincrby(brain.keys.snapshot("BTCUSDT"), "ts_ms", -grown_old)
    assert step(executor, reader) is None
    assert orders(brain, sim) == []
    assert seen(brain).allowed_and_refused == {PLAN: "missing_or_denied_p33_permit; stale_exchange_state"}


@pytest.mark.parametrize(
    "fields",
    [
        {"decision": "HOLD"},
        {"plan_id": ""},
        {"plan_id": "x" * 5000},
        {"plan_id": b"\xff\xfe"},
        {"symbol": ""},
        {"plan_id": "line\nbreak"},
    ],
)
def test_what_is_no_plan_to_execute_is_acknowledged_without_a_word(brain, reader, executor, fields):
    usual = {"plan_id": PLAN, "symbol": "BTCUSDT", "decision": "EXECUTE", "action": "CLOSE_FULL"}
    brain.client.xadd(brain.keys.plans, {**usual, **fields})
    step(executor, reader)
    assert brain.client.xlen(brain.keys.results) == 0
    assert list(reader.pending()) == []


def test_the_loop_takes_up_what_another_life_left_pending(brain, sim, reader, executor, monkeypatch):
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "settle"):
        step(executor, reader)
    with running_apply_layer(brain):
        wait_until(lambda: brain.results_of(PLAN), "the pending plan is reported")
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def test_a_plan_at_a_slow_venue_does_not_delay_the_others(brain, sim):
    sim.set_position("ETHUSDT", 2)
    before = sim.requests().count(ORDER)
    brain.allow("slow", "BTCUSDT")
    with running_apply_layer(brain):
        sim.fault(latency_ms=3_000, paths=["/order"])
        brain.add_plan("again", "BTCUSDT")
        wait_until(lambda: sim.requests().count(ORDER) > before, "the slow order is on its way")
        brain.add_plan("other", "ETHUSDT", action="HOLD")
        brain.judge_all()
        wait_until(lambda: brain.results_of("other"), "the other plan is done", timeout_sec=1.2)
        assert brain.results_of("slow") == []
        wait_until(lambda: brain.results_of("slow"), "the slow plan is done")
    assert brain.results_of("slow")[0]["outcome"] == "executed"


def test_forty_plans_without_a_verdict_are_all_given_up_soon(brain):
    brain.know("BTCUSDT")
    with running_apply_layer(brain):
        for number in range(40):
            brain.add_plan(f"plan-{number}")
        wait_until(lambda: brain.client.xlen(brain.keys.results) == 40, "all are given up", timeout_sec=8)


def test_redis_away_while_the_order_is_out_its_result_is_told_afterwards(sim):
    with running_redis(aof=True) as server:
        brain = Brain(settings_for(server, sim, P33_KEY_PREFIX=f"test-{uuid.uuid4().hex[:8]}"))
        with running_apply_layer(brain):
            sim.fault(latency_ms=1_500, paths=["/order"])
            before = sim.requests().count(ORDER)
            brain.allow(PLAN)
            wait_until(lambda: sim.requests().count(ORDER) > before, "it is out")
            server.kill()
            wait_until(lambda: orders(brain, sim), "the order is executed")
            server.start()
            wait_until(lambda: brain.results_of(PLAN), "the result is told", timeout_sec=20)
        assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def test_a_redis_that_is_away_raises_a_store_error_and_sends_nothing(sim, brain, executor, reader):
    with running_redis() as server:
        other = Brain(settings_for(server, sim))
        other.add_plan(PLAN)
        away = build_executor(other.settings)
        its_reader = PlanReader(other.client, other.keys.plans, group=APPLY_GROUP, consumer="apply-1")
        its_reader.new(count=1, block_ms=1)
        (entry,) = its_reader.new(count=1, block_ms=1)
        plan = its_reader.plan_of(entry)
        assert plan is not None
        server.kill()
        with pytest.raises(StoreError):
            away.attempt(entry, plan)
    assert orders(brain, sim) == []


def test_a_redis_that_goes_away_before_the_permits_were_read_blocks_nothing(brain, sim, reader, executor, monkeypatch):
    """Told as blocked, the reservation would be given back while the permit can still be consumed."""
    brain.allow(PLAN)
    with monkeypatch.context() as patch:
        patch.setattr(executor, "_permits", PermitClient(f"redis://127.0.0.1:{free_port()}/0"))
        with pytest.raises(StoreError):
            step(executor, reader)
    assert brain.results_of(PLAN) == []
    assert step(executor, reader) is None
    assert only_result(brain)["outcome"] == "executed"
