"""The reference executor executes a plan once or not at all, and says which, whatever happens in between.

Each test takes one plan through the real executor: real Redis, permits issued by the brain's own services, orders on
the simulator over HTTP. ``step`` is one look at the plan, as a thread of the apply layer takes it.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal

import pytest

from p33_tasks.apply import PermitClient
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.executor.apply_layer import build_executor, run_apply_layer
from p33_tasks.demo.executor.attempt import Executor
from p33_tasks.demo.executor.journal import Journal
from p33_tasks.demo.names import APPLY_GROUP, DemoKeys, client_order_id
from p33_tasks.demo.plan_reader import PlanReader
from p33_tasks.demo.up.tally import Tally
from p33_tasks.domain.models import Allow
from p33_tasks.errors import ExchangeUnavailableError, StoreError
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.views.feed import Feed
from tests.integration.demo.executor.brain import Brain, settings_for
from tests.support.redis_server import free_port, running_redis
from tests.support.waiting import wait_until

PLAN = "plan-1"


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def reader(brain: Brain) -> PlanReader:
    made = PlanReader(brain.client, brain.keys.plans, group=APPLY_GROUP, consumer="apply-1")
    made.new(count=1, block_ms=1)  # makes the group
    return made


@pytest.fixture
def executor(brain: Brain) -> Executor:
    return build_executor(brain.settings)


def step(executor: Executor, reader: PlanReader) -> float | None:
    """One look at every plan that is new or pending; the last one's answer."""
    answer: float | None = None
    for entry in [*reader.pending(), *reader.new(count=10, block_ms=1)]:
        plan = reader.plan_of(entry)
        if plan is not None:
            answer = executor.attempt(entry, plan)
    return answer


def orders(brain: Brain, sim: SimControl) -> list[dict[str, object]]:
    wanted = client_order_id(brain.keys.prefix, PLAN)
    return [order for order in sim.orders() if order["clientOrderId"] == wanted]


def only_result(brain: Brain) -> dict[str, str]:
    (result,) = brain.results_of(PLAN)
    return result


def journal(brain: Brain) -> dict[str, str]:
    found: dict[str, str] = brain.client.hgetall(DemoKeys(brain.keys.prefix).journal(PLAN))
    return found


def let_the_window_end(brain: Brain, by_ms: int = 10_000) -> None:
    """As if this much time had passed since the permit was consumed."""
    key = DemoKeys(brain.keys.prefix).journal(PLAN)
    before = int(brain.client.hget(key, "place_before_ms"))
    brain.client.hset(key, "place_before_ms", str(before - by_ms))


@contextmanager
def dies_at(monkeypatch, owner: object, name: str, *, after: bool = False):
    """The process is killed when it comes to this call, or right after it."""
    real: Callable[..., object] = getattr(owner, name)

    def killed(*args: object, **kwargs: object) -> object:
        if after:
            real(*args, **kwargs)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(Died):
            yield


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


# --- the plain cases ------------------------------------------------------------------------------------------------


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


def seen(brain: Brain) -> Tally:
    """What ``p33 up`` counts of all of it."""
    tally = Tally()
    for event in Feed(brain.client, brain.keys, after="0").poll():
        tally.add(event)
    return tally


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


# --- exactly once ---------------------------------------------------------------------------------------------------


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


def test_twenty_that_take_up_a_consumed_plan_at_once_send_one_order(brain, sim, reader, executor, monkeypatch):
    """Even where the venue would take the client order id again."""
    sim.fault(client_ids="open")
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "mark_sending"):
        step(executor, reader)
    (entry,) = reader.pending()
    plan = reader.plan_of(entry)
    assert plan is not None
    barrier = threading.Barrier(20)

    def take_up(_: int) -> None:
        barrier.wait()
        executor.attempt(entry, plan)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(take_up, range(20)))
    wait_until(lambda: step(executor, reader) is None, "nothing is left to do")
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")
    assert sim.position("BTCUSDT") == Decimal("0.010")


@pytest.mark.parametrize("after", [False, True], ids=["not received", "answer lost"])
def test_a_right_to_send_that_redis_did_not_answer_is_used_once(brain, sim, reader, executor, monkeypatch, after):
    """Twenty take the plan up at once, and the venue would take the client order id again: one order is sent."""
    sim.fault(client_ids="open")
    brain.allow(PLAN)
    unanswered(monkeypatch, Journal, "mark_sending", executor, reader, after=after)
    (entry,) = reader.pending()
    plan = reader.plan_of(entry)
    assert plan is not None
    barrier = threading.Barrier(20)

    def take_up(_: int) -> None:
        barrier.wait()
        executor.attempt(entry, plan)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(take_up, range(20)))
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


# --- crashes --------------------------------------------------------------------------------------------------------


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
    """The plan was told to be blocked, and its fill was never in a ledger."""
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


# --- the venue ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"order": "timeout_executed"},
        {"status": 502, "takes_effect": True, "methods": ["POST"]},
        {"body": "html", "takes_effect": True, "methods": ["POST"]},
        {"body": "cut", "methods": ["POST"]},
        {"body": "drop", "takes_effect": True, "methods": ["POST"]},
    ],
)
def test_an_order_behind_a_broken_answer_is_found_and_reported_once(brain, sim, reader, executor, fault):
    brain.allow(PLAN)
    sim.fault(**fault)
    assert step(executor, reader) is not None
    assert brain.results_of(PLAN) == [], "nothing is said before it is known"
    wait_until(lambda: step(executor, reader) is None, "the order is found")
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")
    brain.record_all()
    assert brain.ledger_amt() == sim.position("BTCUSDT")


def test_an_order_that_the_venue_does_not_find_is_never_rejected(brain, sim, reader, executor):
    """Failure 34: the venue in trouble had executed it."""
    brain.allow(PLAN)
    sim.fault(order="timeout_lost")
    assert step(executor, reader) is not None
    assert step(executor, reader) is not None
    assert brain.results_of(PLAN) == []
    assert brain.client.get(brain.keys.reservation("BTCUSDT")) == PLAN
    for _ in range(2):
        let_the_window_end(brain)
        assert step(executor, reader) is not None
    assert only_result(brain)["outcome"] == "unknown"
    brain.record_all()
    assert brain.client.get(brain.keys.reservation("BTCUSDT")) == PLAN


def test_an_order_of_unknown_outcome_is_never_sent_again(brain, sim, reader, executor):
    """Even by another life of the executor, at a venue that finds nothing and would take the order id again."""
    sim.fault(client_ids="open", order="timeout_executed", order_delay_ms=600_000)
    brain.allow(PLAN)
    sim.forget_requests()
    step(executor, reader)
    for _ in range(3):
        let_the_window_end(brain)
        assert step(build_executor(brain.settings), reader) is not None
    assert len(orders(brain, sim)) == 1
    assert sim.requests().count("POST /fapi/v1/order") == 1
    assert only_result(brain)["outcome"] == "unknown"
    sim.clear_faults()
    assert step(executor, reader) is None
    assert [result["outcome"] for result in brain.results_of(PLAN)] == ["unknown", "executed"]


def test_an_unknown_outcome_says_what_trades_and_position_show(brain, sim, reader, executor):
    brain.allow(PLAN)
    sim.fault(order="timeout_executed", order_delay_ms=600_000)
    step(executor, reader)
    let_the_window_end(brain)
    step(executor, reader)
    (order,) = orders(brain, sim)
    told = only_result(brain)["error"]
    assert f"was traded since it was sent, by order {order['orderId']}" in told  # other tests' orders may follow
    assert "the position is 0.01" in told


def test_while_the_venue_is_away_the_outcome_is_unknown_and_the_reservation_stays(brain, sim, reader, executor):
    """Sequence A: plan B must not be allowed while A may have been executed."""
    brain.allow(PLAN)
    sim.fault(status=502, takes_effect=True, paths=["/order"], methods=["POST"])
    step(executor, reader)
    sim.fault(methods=["GET"])
    let_the_window_end(brain)
    assert step(executor, reader) is not None
    assert step(executor, reader) is not None
    told = only_result(brain)
    assert (told["outcome"], told["executed"]) == ("unknown", "False")
    brain.record_all()
    assert brain.client.get(brain.keys.reservation("BTCUSDT")) == PLAN
    sim.clear_faults()
    assert step(executor, reader) is None
    assert [result["outcome"] for result in brain.results_of(PLAN)] == ["unknown", "executed"]
    brain.record_all()
    assert brain.ledger_amt() == sim.position("BTCUSDT") == Decimal("0.010")
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))


def test_after_ten_minutes_of_not_knowing_a_person_is_asked(brain, sim, reader, executor, capsys):
    brain.allow(PLAN)
    sim.fault(status=502, paths=["/order"], methods=["POST"])
    step(executor, reader)
    sim.fault(methods=["GET"])
    let_the_window_end(brain, 700_000)
    assert step(executor, reader) is None
    assert only_result(brain)["outcome"] == "unknown"
    assert "GAVE_UP" in capsys.readouterr().out
    assert list(reader.pending()) == []


@pytest.mark.parametrize("code", [-2022, -1111, -2019])
def test_a_refused_order_releases_the_reservation(brain, sim, reader, executor, code):
    brain.allow(PLAN)
    sim.fault(order_error=code)
    assert step(executor, reader) is None
    result = only_result(brain)
    assert (result["outcome"], result["executed"]) == ("rejected", "False")
    assert str(code) in result["error"]
    brain.record_all()
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))
    assert brain.ledger_amt() == Decimal("0.040")


def test_an_order_that_arrives_too_late_is_refused_by_the_venue(brain, sim, reader, executor):
    """The permit's window is the request's window: a venue whose clock has gone past it executes nothing."""
    brain.allow(PLAN)
    sim.fault(clock_skew_ms=8_000)
    assert step(executor, reader) is None
    assert only_result(brain)["outcome"] == "rejected"
    assert orders(brain, sim) == []


def test_the_venue_is_told_no_more_than_the_permits_window(brain, reader, executor, monkeypatch):
    brain.allow(PLAN)
    sent: dict[str, int] = {}
    with dies_at(monkeypatch, executor._orders, "place_reduce_only_market"):
        monkeypatch.setattr(
            executor._orders, "place_reduce_only_market", lambda **kw: (sent.update(kw), (_ for _ in ()).throw(Died))
        )
        step(executor, reader)
    assert 0 < sent["recv_window_ms"] <= 5_000
    seconds, micros = brain.client.time()
    now_ms = seconds * 1000 + micros // 1000
    assert sent["window_start_ms"] + sent["recv_window_ms"] <= int(journal(brain)["place_before_ms"])
    assert sent["window_start_ms"] <= now_ms


def test_partial_fills_are_followed_to_the_end_each_told_once(brain, sim, reader, executor):
    """Sequences A and K: NEW with quantity 0 is no rejection; an order's quantity is cumulative."""
    brain.allow(PLAN)
    sim.fault(order="new")
    assert step(executor, reader) is not None
    assert step(executor, reader) is not None
    assert only_result(brain)["outcome"] == "unknown"
    brain.record_all()
    assert brain.client.get(brain.keys.reservation("BTCUSDT")) == PLAN
    (order,) = orders(brain, sim)
    sim.fill(int(str(order["orderId"])), "0.010")
    assert step(executor, reader) is not None
    brain.record_all()
    assert brain.ledger_amt() == Decimal("0.030")
    assert brain.client.get(brain.keys.reservation("BTCUSDT")) == PLAN, "more of the order may follow"
    sim.fill(int(str(order["orderId"])))
    assert step(executor, reader) is None
    told = [json.loads(result["steps_results"])[0]["executed_qty"] for result in brain.results_of(PLAN)]
    assert told == ["0", "0.01", "0.03"]
    assert [result["outcome"] for result in brain.results_of(PLAN)] == ["unknown", "unknown", "executed"]
    brain.record_all()
    assert not brain.client.exists(brain.keys.reservation("BTCUSDT"))
    assert brain.ledger_amt() == sim.position("BTCUSDT") == Decimal("0.010")


def test_an_order_that_expires_unfilled_is_rejected_with_its_order_id(brain, sim, reader, executor):
    brain.allow(PLAN)
    sim.fault(order="partial_expired", fill_ratio=Decimal(0))
    assert step(executor, reader) is None
    result = only_result(brain)
    assert result["outcome"] == "rejected"
    assert json.loads(result["steps_results"])[0]["order_id"] == str(orders(brain, sim)[0]["orderId"])


# --- the loop -------------------------------------------------------------------------------------------------------


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


def test_the_loop_takes_up_what_another_life_left_pending(brain, sim, reader, executor, monkeypatch):
    brain.allow(PLAN)
    with dies_at(monkeypatch, Journal, "settle"):
        step(executor, reader)
    with running_apply_layer(brain):
        wait_until(lambda: brain.results_of(PLAN), "the pending plan is reported")
    assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def test_a_plan_at_a_slow_venue_does_not_delay_the_others(brain, sim):
    sim.set_position("ETHUSDT", 2)
    brain.allow("slow", "BTCUSDT")
    with running_apply_layer(brain):
        sim.fault(latency_ms=3_000, paths=["/order"])
        brain.add_plan("again", "BTCUSDT")
        wait_until(lambda: sim.requests().count("POST /fapi/v1/order"), "the slow order is on its way")
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
            brain.allow(PLAN)
            wait_until(lambda: sim.requests().count("POST /fapi/v1/order") and orders_started(brain), "it is out")
            server.kill()
            wait_until(lambda: orders(brain, sim), "the order is executed")
            server.start()
            wait_until(lambda: brain.results_of(PLAN), "the result is told", timeout_sec=20)
        assert (len(orders(brain, sim)), only_result(brain)["outcome"]) == (1, "executed")


def orders_started(brain: Brain) -> bool:
    return journal(brain).get("state") == "sending"


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


def _now_ms(brain: Brain) -> int:
    seconds, microseconds = brain.client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000
