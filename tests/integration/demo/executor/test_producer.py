"""The demo's cases end as they say they do: producer, governor, executor and the brain's services together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.client import SimControlError
from p33_tasks.demo.executor.apply_layer import run_apply_layer
from p33_tasks.demo.governor import Limits, run_governor
from p33_tasks.demo.names import DemoKeys
from p33_tasks.demo.scenarios.cases import CASES
from p33_tasks.demo.scenarios.environment import Environment
from p33_tasks.demo.scenarios.producer import CaseResult, run_producer
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import Settings
from tests.integration.demo.executor.brain import Brain, settings_for
from tests.support.waiting import wait_until

GENEROUS = Limits(per_5_min=10_000, per_hour=10_000, daily_notional=Decimal(10**12))
UNREACHABLE = {Reason.PLAN_EXPIRED, Reason.CONTENTION, Reason.INTERNAL_ERROR, Reason.HEDGE_MODE_UNSUPPORTED}
ONLY_WITH_RESTING = {Reason.RESTING_ORDERS_UNKNOWN, Reason.RESTING_ORDERS_COVER_POSITION}
"""The demo leaves ``P33_SUBTRACT_RESTING`` as it is by default, off."""


@contextmanager
def running_neighbours(settings: Settings) -> Iterator[threading.Event]:
    stop = threading.Event()
    threads = [
        threading.Thread(target=run_apply_layer, args=(settings, stop)),
        threading.Thread(target=run_governor, args=(settings, stop), kwargs={"limits": GENEROUS}),
    ]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_every_case_ends_as_it_says_round_after_round(redis_server, sim):
    settings = settings_for(
        redis_server, sim, P33_COOLDOWN_SEC="2", P33_POLL_SEC="0.3", P33_STALE_THRESHOLD_SEC="4", P33_KEY_PREFIX="demo"
    )
    brain, results = Brain(settings), list[CaseResult]()
    with brain.running(), running_neighbours(settings) as stop:
        run_producer(settings, stop, sim, report=results.append, interval_sec=0.05, rounds=2)
    assert [result for result in results if not result.ok] == []
    assert len(results) == 2 * sum(False in case.modes for case in CASES)  # a one-way account
    assert {result.plan_id[:17] for result in results if result.case == "action HOLD"} == {"demo-action-hold-"}
    # Nothing the demo did left exchange and ledger apart.
    assert brain.client.hget(brain.keys.counters, "p33_unpermitted_execution_total|BTCUSDT") is None


def test_every_denial_that_can_be_brought_about_is_shown():
    shown = {reason for case in CASES for reason in Reason if reason in case.expected}
    assert shown == set(Reason) - UNREACHABLE - ONLY_WITH_RESTING


def test_the_producer_stops_promptly_in_the_middle_of_a_case(redis_server, sim):
    """No brain is running, so the first case waits for its position to be known."""
    settings = settings_for(redis_server, sim, P33_KEY_PREFIX="alone")
    stop = threading.Event()
    thread = threading.Thread(target=run_producer, args=(settings, stop, sim))
    thread.start()
    wait_until(lambda: sim.position("BTCUSDT"), "the first case is being set up")
    stop.set()
    thread.join(1)
    assert not thread.is_alive()


class StopsWhenAsked(threading.Event):
    """Told to stop as soon as somebody waits: what a terminal's Ctrl-C looks like to a process that hears it last."""

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the event's own signature
        self.set()
        return True


def test_a_case_that_failed_because_everything_ends_is_not_told_as_a_failure(redis_server, sim, monkeypatch):
    settings = settings_for(redis_server, sim, P33_KEY_PREFIX="ending")
    results = list[CaseResult]()

    def gone(*_: object, **__: object) -> None:
        raise SimControlError("no simulator answers")

    monkeypatch.setattr(Environment, "hold_position", gone)
    run_producer(settings, StopsWhenAsked(), sim, report=results.append, interval_sec=0, rounds=1)
    assert results == []


def test_results_are_kept_for_another_process_to_show(redis_server, sim):
    settings = settings_for(redis_server, sim, P33_KEY_PREFIX="kept", P33_POLL_SEC="0.3")
    brain, stop = Brain(settings), threading.Event()
    thread = threading.Thread(target=run_producer, args=(settings, stop, sim))
    with brain.running(), running_neighbours(settings):
        thread.start()
        try:
            wait_until(lambda: brain.client.xlen(DemoKeys("kept").cases), "the first case is over", timeout_sec=20)
        finally:
            stop.set()
            thread.join(5)
    ((_, first),) = brain.client.xrange(DemoKeys("kept").cases, count=1)
    assert (first["case"], first["expected"], first["got"], first["ok"]) == (CASES[0].name, "allow", "allow", "True")


def test_no_plan_is_ever_produced_for_another_venue_than_the_simulator(redis_server, sim):
    settings = settings_for(redis_server, sim, P33_EXCHANGE_BASE_URL="https://fapi.example.com")
    with pytest.raises(ConfigurationError, match="for the simulator at"):
        run_producer(settings, threading.Event(), sim)
    stream = redis_server.client().xlen("quantum:stream:apply.plan")
    assert stream == 0


def test_an_allowlist_without_the_demos_symbols_is_refused(redis_server, sim):
    settings = settings_for(redis_server, sim, P33_ALLOWLIST="LTCUSDT")
    with pytest.raises(ConfigurationError, match="BTCUSDT,ETHUSDT"):
        run_producer(settings, threading.Event(), sim)
