"""A venue that answers badly, late or not: the reference executor finds the order, or says that it doesn't know.

Each test takes one plan through the real executor: real Redis, permits issued by the brain's own services, orders on
the simulator over HTTP.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from p33_tasks.demo.executor.apply_layer import build_executor
from tests.integration.demo.executor.one_look import (
    PLAN,
    Died,
    dies_at,
    journal,
    let_the_window_end,
    only_result,
    orders,
    step,
)
from tests.support.waiting import wait_until


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
    error = only_result(brain)["error"]
    assert f"was traded since it was sent, by order {order['orderId']}" in error  # other tests' orders may follow
    assert "the position is 0.01" in error


def test_while_the_venue_is_away_the_outcome_is_unknown_and_the_reservation_stays(brain, sim, reader, executor):
    """Sequence A: plan B must not be allowed while A may have been executed."""
    brain.allow(PLAN)
    sim.fault(status=502, takes_effect=True, paths=["/order"], methods=["POST"])
    step(executor, reader)
    sim.fault(methods=["GET"])
    let_the_window_end(brain)
    assert step(executor, reader) is not None
    assert step(executor, reader) is not None
    result = only_result(brain)
    assert (result["outcome"], result["executed"]) == ("unknown", "False")
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
    quantities = [json.loads(result["steps_results"])[0]["executed_qty"] for result in brain.results_of(PLAN)]
    assert quantities == ["0", "0.01", "0.03"]
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
