"""Every fault of the exchange, alone and one after the other: no snapshot from a bad answer, verdicts in time."""

from __future__ import annotations

import itertools
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fault.load import Load
from tests.fault.promises import check
from tests.fault.record import Effort, Record
from tests.fault.world import FLAT, REAL, START_AMT, World, running_world
from tests.support.waiting import wait_until

POLL_MS, THRESHOLD_MS = 500, 2_000
POSITION_RISK = "GET /fapi/v2/positionRisk"
VERDICT_WITHIN_MS = 1_200
FRESH_AGAIN_MS = 7_000  # a request that hangs is given up after 4 s; the rest is a tick, and room

WHOLE: dict[str, dict[str, Any]] = {
    **{f"HTTP {status}": {"status": status} for status in (400, 401, 403, 404, 408, 500, 502, 503, 504)},
    **{
        f"body {body}": {"body": body}
        for body in ("empty", "null", "object", "list", "html", "truncated", "cut", "drop", "hang")
    },
    "429": {"status": 429, "retry_after_sec": 1},
    "418": {"status": 418, "retry_after_sec": 1},
}
"""Answers from which nothing can be known about any symbol."""

QUICK = ("HTTP 403", "HTTP 503", *(f"body {b}" for b in ("empty", "list", "html", "cut")), "429")

ROWS = (
    *("missing", "duplicate", "conflict", "no_amount", "null_amount", "text_amount", "empty_amount", "nan_amount"),
    *("huge_amount", "not_object"),
)
"""Rows from which nothing can be known about their symbol."""

_PAUSE = threading.Event()


@dataclass
class Watcher:
    """Looks at the snapshots all the time: an amount that the exchange never held is from a bad answer."""

    world: World
    looks: int = 0
    wrong: list[str] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        done = threading.Event()

        def watch() -> None:
            client = self.world.redis.client()
            while not done.wait(0.02):
                pipeline = client.pipeline(transaction=False)
                for symbol in (*REAL, *FLAT):
                    pipeline.hget(f"quantum:position:snapshot:{symbol}", "position_amt")
                for symbol, amt in zip((*REAL, *FLAT), pipeline.execute(), strict=True):
                    if amt != str(START_AMT.get(symbol, 0)):
                        self.wrong.append(f"{symbol}: {amt}")
                self.looks += 1

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(10)
        assert not self.wrong, self.wrong[:5]
        assert self.looks > 5


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    settings = {"P33_POLL_SEC": str(POLL_MS / 1000), "P33_STALE_THRESHOLD_SEC": str(THRESHOLD_MS / 1000)}
    with running_world(workers=2, apply=False, settings=settings) as found:
        yield found


@pytest.fixture(autouse=True)
def healthy_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").exchange.clear_faults()


def _fetched_ms(world: World, symbol: str) -> int:
    return int(world.client.hget(f"quantum:position:snapshot:{symbol}", "ts_ms") or 0)


def _errors(world: World) -> int:
    """Answers that said nothing about a symbol."""
    return int(world.client.hget("quantum:p33:counters", f"p33_snapshot_total|{REAL[0]}|error") or 0)


def _probe(world: World, symbol: str = FLAT[0]) -> int:
    return world.verdict_ms(symbol, f"probe-{uuid.uuid4().hex}")


def test_an_answer_that_says_nothing_writes_no_snapshot_and_delays_no_verdict(
    world: World, effort: Effort, record: Record
) -> None:
    limit_ms = effort.pick(5 * VERDICT_WITHIN_MS, VERDICT_WITHIN_MS)
    for name in effort.pick(QUICK, tuple(WHOLE)):
        switches, verdict_ms = WHOLE[name], list[int]()
        for _ in range(effort.pick(1, 10)):
            with Watcher(world).watching():
                world.exchange.fault(paths=["positionRisk"], **switches)
                bad_from_ms, errors = world.now_ms() + 1, _errors(world)
                wait_until(lambda e=errors: _errors(world) > e, f"{name}: a refresh fails", timeout_sec=15)
                verdict_ms.append(_probe(world))
                newest = max(_fetched_ms(world, symbol) for symbol in (*REAL, *FLAT))
                world.exchange.clear_faults()
                assert newest <= bad_from_ms, f"{name}: a snapshot of {newest}, bad since {bad_from_ms}"
                back_ms = world.await_fresh()
            assert back_ms < FRESH_AGAIN_MS, f"{name}: fresh again after {back_ms} ms"
        record.add("exchange", name, tried=len(verdict_ms), held=len(verdict_ms), verdict_ms=verdict_ms)
        assert max(verdict_ms) < limit_ms, (name, verdict_ms)


def test_a_bad_row_spoils_its_symbol_only(world: World, record: Record) -> None:
    invalid = dict(zip(REAL[:4] + FLAT[:6], ROWS, strict=True))
    with Watcher(world).watching():
        world.exchange.fault(rows=invalid, delisted=[REAL[4]])
        bad_from_ms = world.now_ms() + 1
        world.await_fresh((*REAL[5:], *FLAT[6:]))
        for symbol in (*invalid, REAL[4]):
            assert _fetched_ms(world, symbol) <= bad_from_ms, (symbol, invalid.get(symbol))
        assert _probe(world, FLAT[7]) < 5 * VERDICT_WITHIN_MS
        world.exchange.clear_faults()
        world.await_fresh()
    record.add("exchange", "bad rows, each kind at once", tried=len(invalid) + 1, held=len(invalid) + 1)


def test_while_the_exchange_hangs_plans_are_denied_in_time_once_stale(world: World, record: Record) -> None:
    world.exchange.fault(body="hang", paths=["positionRisk"])
    try:
        fetched_ms = _fetched_ms(world, REAL[0])
        wait_until(lambda: world.now_ms() > fetched_ms + THRESHOLD_MS + POLL_MS, "it is stale", timeout_sec=10)
        plan_id = f"stale-{uuid.uuid4().hex}"
        verdict_ms = world.verdict_ms(REAL[0], plan_id)
        assert "stale_exchange_state" in (world.client.get(f"quantum:p33:decision:{plan_id}") or "")
    finally:
        world.exchange.clear_faults()
    world.await_fresh()
    record.add("exchange", "hangs until stale", tried=1, held=1, verdict_ms=[verdict_ms])
    assert verdict_ms < 5 * VERDICT_WITHIN_MS


@pytest.mark.parametrize("status", [429, 418])
def test_a_pause_that_the_exchange_asks_for_is_kept_by_all_workers(
    world: World, record: Record, effort: Effort, status: int
) -> None:
    pause_sec = 2
    for _ in range(effort.pick(1, 10)):
        world.exchange.forget_requests()
        world.exchange.fault(status=status, retry_after_sec=pause_sec, times=1, paths=["positionRisk"])
        wait_until(lambda: world.exchange.requests().endpoints.get(POSITION_RISK), "the answer", timeout_sec=10)
        world.await_fresh()
        world.exchange.clear_faults()
        # A request of before may stand in front of the refused one; only the pause makes so long a gap.
        times_ms = world.exchange.requests().endpoints[POSITION_RISK].times_ms
        longest_ms = max(later - earlier for earlier, later in itertools.pairwise(times_ms))
        assert longest_ms >= pause_sec * 1000 - 50, f"asked again after {longest_ms} ms"
    record.add("exchange", f"{status} with Retry-After: nobody asks", tried=effort.pick(1, 10), held=effort.pick(1, 10))


@pytest.mark.parametrize("skew_ms", [5_000, -5_000, 300_000, -300_000])
def test_a_clock_that_differs_is_measured_and_ages_stay_right(
    world: World, effort: Effort, record: Record, skew_ms: int
) -> None:
    """-1021 is cured by measuring the offset; a snapshot's time is Redis's, so its age doesn't depend on the venue."""
    if abs(skew_ms) < 60_000 and not effort.is_long:
        pytest.skip("only in the long run: --faults=long")
    world.exchange.fault(clock_skew_ms=skew_ms)
    try:
        world.await_fresh(timeout_sec=15)
        ages = [world.now_ms() - _fetched_ms(world, symbol) for symbol in REAL]
        assert all(0 <= age < THRESHOLD_MS + 3_000 for age in ages), ages
    finally:
        world.exchange.clear_faults()
    world.await_fresh(timeout_sec=15)
    record.add("exchange", f"clock {skew_ms // 1000:+d} s", tried=1, held=1)


def test_random_faults_one_after_the_other(world: World, effort: Effort, record: Record) -> None:
    chance, verdict_ms, tried = random.Random(11), [], 0
    ends_ms = world.now_ms() + effort.pick(4_000, 600_000)
    with Watcher(world).watching():
        while world.now_ms() < ends_ms:
            tried += 1
            switches = dict(chance.choice(list(WHOLE.values())))
            if chance.random() < 0.3:
                switches = {"rows": {symbol: chance.choice(ROWS) for symbol in chance.sample((*REAL, *FLAT), 5)}}
            if chance.random() < 0.3:
                switches |= {"latency_ms": chance.choice((50, 300, 1500))}
            if chance.random() < 0.2:
                switches |= {"clock_skew_ms": chance.choice((-60_000, -2_000, 3_000, 60_000))}
            if chance.random() < 0.5:
                world.exchange.clear_faults()
            world.exchange.fault(**switches)
            _PAUSE.wait(chance.uniform(0.05, 1.5))
            verdict_ms.append(_probe(world, chance.choice((*REAL, *FLAT))))
        world.exchange.clear_faults()
        back_ms = world.await_fresh()
    record.add(
        "exchange", "random faults in sequence", tried=tried, held=tried, verdict_ms=verdict_ms,
        note=f"fresh {back_ms} ms after the last",
    )  # fmt: skip
    assert max(verdict_ms) < effort.pick(5, 1) * VERDICT_WITHIN_MS
    assert back_ms < FRESH_AGAIN_MS


ORDERS: list[dict[str, Any]] = [
    {"order": "filled"},
    {"order": "partial_expired"},
    {"order": "timeout_executed"},
    {"order": "timeout_lost"},
    {"order_error": -2022},
    {"order": "filled", "fill_delay_ms": 400},
    {"body": "cut", "methods": ["POST"]},
    {"body": "cut", "paths": ["/fapi/v1/order"]},
    {"body": "drop", "takes_effect": True, "methods": ["POST"]},
    {"status": 502, "takes_effect": True, "methods": ["POST"]},
    {"status": 503, "paths": ["/fapi/v1/order"]},
]
"""What can happen to an order; the executor must find out what became of it, and the ledger must follow."""


def test_orders_whose_answers_are_lost_or_wrong_are_executed_once_and_counted_once(
    effort: Effort, record: Record
) -> None:
    chance = random.Random(13)
    with running_world(workers=1, settings={"P33_COOLDOWN_SEC": "1"}) as world:
        with Load(world.redis.client, plans_per_sec=20, results_per_sec=2).running():
            for fault in ORDERS * effort.pick(1, 30):
                world.exchange.clear_faults()
                world.exchange.fault(**fault)
                _PAUSE.wait(chance.uniform(0.2, effort.pick(0.7, 1.5)))
            world.exchange.clear_faults()
        world.settle(timeout_sec=60, answers_lost=True)
        world.await_fresh()
        found = check(world.client, world.exchange.orders(), world.exchange.position)
    tried = len(ORDERS) * effort.pick(1, 30)
    record.add(
        "exchange", "orders: answers lost, wrong, late", tried=tried, held=0 if found.broken else tried,
        verdict_ms=[decided - published for published, decided in found.lived.values()],
        note=f"{found.orders} orders",
    )  # fmt: skip
    found.assert_held()
    assert found.orders > 3
