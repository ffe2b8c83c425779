"""The reference governor's limits hold under concurrency, and a redelivered plan is counted once."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from p33_tasks.demo.governor import Governor, Limits, run_governor
from p33_tasks.demo.names import GOVERNOR_GROUP, DemoKeys
from p33_tasks.demo.plan_reader import PlanEntry, PlanReader
from tests.integration.demo.executor.brain import Brain
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until


@pytest.fixture
def reader(brain: Brain) -> PlanReader:
    made = PlanReader(brain.client, brain.keys.plans, group=GOVERNOR_GROUP, consumer="governor-1")
    made.new(count=1, block_ms=1)  # makes the group
    return made


def permit(brain: Brain, plan_id: str) -> dict[str, object]:
    text = brain.client.get(brain.keys.governor_permit(plan_id, brain.settings.governor_permit_key))
    found: dict[str, object] = json.loads(text or "{}")
    return found


def governor(brain: Brain, **limits: object) -> Governor:
    return Governor(brain.client, brain.keys, Limits(**limits), permit_key=brain.settings.governor_permit_key)


def entries(brain: Brain, reader: PlanReader, count: int, **fields: str) -> list[PlanEntry]:
    for number in range(count):
        brain.add_plan(f"plan-{number}", **fields)
    return reader.new(count=count, block_ms=1000)


def decide(made: Governor, reader: PlanReader, entry: PlanEntry) -> str:
    plan = reader.plan_of(entry)
    assert plan is not None
    return made.decide(entry, plan)


@pytest.mark.parametrize(
    ("limits", "granted", "refusal"),
    [
        ({"per_5_min": 2, "per_hour": 3}, 2, "rate_limit_short"),
        ({"per_5_min": 10, "per_hour": 3}, 3, "rate_limit_long"),
        # 0.75 of 0.040 BTC, at 67 500 a little over 2 000
        ({"per_5_min": 100, "per_hour": 100, "daily_notional": Decimal(9_000)}, 4, "daily_notional"),
    ],
)
def test_of_100_plans_at_once_exactly_the_limit_passes(brain, sim, reader, *, limits, granted, refusal):
    sim.set_price("BTCUSDT", 67_500)
    brain.know("BTCUSDT")
    made, plans = governor(brain, **limits), entries(brain, reader, 100)
    barrier = threading.Barrier(20)

    def race(entry: PlanEntry) -> str:
        barrier.wait()
        return decide(made, reader, entry)

    with ThreadPoolExecutor(20) as pool:
        decisions = list(pool.map(race, plans))
    assert decisions.count("granted") == granted
    assert decisions.count(refusal) == 100 - granted
    assert sum(permit(brain, f"plan-{n}")["granted"] is True for n in range(100)) == granted
    assert list(reader.pending()) == []


def test_a_redelivered_or_repeated_plan_is_counted_once(brain, reader):
    brain.know("BTCUSDT")
    made = governor(brain, per_5_min=2)
    (first,) = entries(brain, reader, 1)
    assert decide(made, reader, first) == "granted"
    assert decide(made, reader, first) == "already"
    brain.client.delete(brain.keys.governor_permit("plan-0"))  # consumed
    brain.add_plan("plan-0")
    (again,) = reader.new(count=1, block_ms=1000)
    assert decide(made, reader, again) == "already"
    assert permit(brain, "plan-0") == {}
    brain.add_plan("plan-1")
    (other,) = reader.new(count=1, block_ms=1000)
    assert decide(made, reader, other) == "granted"


def test_an_entry_decided_again_after_its_grant_was_forgotten_is_not_granted(brain, reader):
    """An hour later, say: its permit was consumed, its grant is out of the window, and the entry comes once more."""
    brain.know("BTCUSDT")
    made = governor(brain)
    (entry,) = entries(brain, reader, 1)
    assert decide(made, reader, entry) == "granted"
    brain.client.delete(
        brain.keys.governor_permit("plan-0", brain.settings.governor_permit_key),
        DemoKeys(brain.keys.prefix).grants("BTCUSDT"),
    )
    assert decide(made, reader, entry) == "already"
    assert permit(brain, "plan-0") == {}


def test_the_limit_is_per_symbol(brain, sim, reader):
    sim.set_position("ETHUSDT", 2)
    brain.know("BTCUSDT")
    made = governor(brain, per_5_min=1)
    (btc,) = entries(brain, reader, 1)
    brain.add_plan("eth", "ETHUSDT")
    (eth,) = reader.new(count=1, block_ms=1000)
    assert [decide(made, reader, btc), decide(made, reader, eth)] == ["granted", "granted"]


def test_a_permit_says_what_it_is_about_and_lives_for_a_minute(brain, reader):
    brain.know("BTCUSDT")
    plan_id = 'quo"te {plan_id} \\ ü'
    brain.add_plan(plan_id)
    (entry,) = reader.new(count=1, block_ms=1000)
    decide(governor(brain), reader, entry)
    found = permit(brain, plan_id)
    assert (found["plan_id"], found["symbol"], found["granted"]) == (plan_id, "BTCUSDT", True)
    assert isinstance(found["ts_epoch"], int)
    ttl_ms = brain.client.pttl(brain.keys.governor_permit(plan_id, brain.settings.governor_permit_key))
    assert 50_000 < ttl_ms <= 60_000


def test_without_a_snapshot_the_notional_is_unknown_and_the_brain_gives_the_reason(brain, reader):
    """A no from the governor would make the executor give up before the brain's reason is there."""
    (entry,) = entries(brain, reader, 1)
    assert decide(governor(brain), reader, entry) == "notional_unknown"
    assert permit(brain, "plan-0") == {}
    assert list(reader.pending()) == []


def test_a_refusal_says_why(brain, reader):
    brain.know("BTCUSDT")
    (entry,) = entries(brain, reader, 1)
    assert decide(governor(brain, per_5_min=0), reader, entry) == "rate_limit_short"
    found = permit(brain, "plan-0")
    assert (found["granted"], found["reason"], found["plan_id"]) == (False, "rate_limit_short", "plan-0")


def test_the_running_governor_skips_what_it_must_not_grant_and_outlives_redis(brain, redis_server: RedisServer):
    brain.know("BTCUSDT")
    brain.client.set(DemoKeys(brain.keys.prefix).grants("ETHUSDT"), "a foreign value")
    stop = threading.Event()
    thread = threading.Thread(target=run_governor, args=(brain.settings, stop), kwargs={"limits": Limits(per_hour=99)})
    thread.start()
    try:
        brain.add_plan("held", decision="HOLD")
        brain.client.xadd(brain.keys.plans, {"nonsense": b"\xff\xfe"})
        brain.add_plan("foreign", "ETHUSDT")
        brain.add_plan("good")
        wait_until(lambda: permit(brain, "good"), "the plan behind the bad ones is granted")
        assert permit(brain, "held") == permit(brain, "foreign") == {}
        redis_server.kill()
        redis_server.start()
        brain.know("BTCUSDT")
        brain.add_plan("after")
        wait_until(lambda: permit(brain, "after").get("granted"), "a plan after the outage is granted")
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("used", ["", "nonsense", "1.5", "1e3", "-5"])
def test_a_days_notional_that_is_no_number_grants_nothing_more(brain, reader, used):
    brain.know("BTCUSDT")
    (entry,) = entries(brain, reader, 1)
    seconds, _ = brain.client.time()
    brain.client.hset(DemoKeys(brain.keys.prefix).notional, str(seconds // 86_400), used)
    assert decide(governor(brain), reader, entry) == "daily_notional"
