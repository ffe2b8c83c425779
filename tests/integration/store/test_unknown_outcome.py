"""An order of unknown outcome holds its position; a refusal that contradicts itself is one (CONTRACT section 4)."""

from __future__ import annotations

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.contract.results import parse_result
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from tests.support.gate import SYMBOL, Gate

UNKNOWN_MS = 600_000


@pytest.fixture
def consumed(gate: Gate) -> tuple[Gate, Consumed]:
    gate.make_ready()
    gate.allow()
    return gate, gate.consume()


def left_ms(gate: Gate) -> int:
    return int(gate.redis.pttl(gate.keys.reservation(SYMBOL)))


def say_unknown(gate: Gate, consume_id: str | None) -> None:
    gate.report("plan-1", executed=False, unknown=True, consume_id=consume_id)


def test_it_renews_the_reservation_until_ten_minutes_after_the_consumption(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    for _ in range(2):
        say_unknown(gate, taken.consume_id)
        assert UNKNOWN_MS - 5_000 < left_ms(gate) <= UNKNOWN_MS
    assert gate.reserved_by() == "plan-1"


def test_never_beyond(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    before_ms = left_ms(gate)
    gate.redis.hset(gate.keys.consumed("plan-1"), "consumed_ms", gate.now_ms() - UNKNOWN_MS + 1_000)
    say_unknown(gate, taken.consume_id)
    assert left_ms(gate) <= before_ms


@pytest.mark.parametrize("consume_id", ["wrong", None])
def test_only_by_the_consumptions_own_id(consumed: tuple[Gate, Consumed], consume_id: str | None) -> None:
    gate, _ = consumed
    say_unknown(gate, consume_id)
    assert left_ms(gate) <= 67_000


def test_the_next_snapshot_leaves_it_and_a_result_ends_it(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    times = RefreshTimes(poll_ms=5_000, cooldown_ms=15_000, longest_reservation_ms=75_000)
    gate.snapshots = RedisSnapshotStore(gate.scripts._client, gate.keys, allowlist=gate.policy.allowlist, times=times)
    say_unknown(gate, taken.consume_id)
    gate.put_position()
    assert left_ms(gate) > UNKNOWN_MS - 5_000
    gate.redis.pexpire(gate.keys.reservation(SYMBOL), 3_600_000)
    gate.put_position()
    assert left_ms(gate) <= UNKNOWN_MS, "a clock that stepped back"
    gate.report("plan-1", ("7", "SELL", "0.010"))
    assert gate.reserved_by() is None
    assert gate.redis.hget(gate.keys.ledger(SYMBOL), "unknown_plan_id") is None


def test_it_releases_no_permit_that_nobody_took(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    say_unknown(gate, None)
    assert gate.reserved_by() == "plan-1"
    assert gate.permit() is not None


def test_a_refusal_of_an_order_that_is_on_record_as_executed_releases_nothing(
    consumed: tuple[Gate, Consumed],
) -> None:
    gate, taken = consumed
    gate.report("another", ("7", "SELL", "0.010"))
    gate.report("plan-1", ("7", "SELL", "0"), executed=False, rejected=True, consume_id=taken.consume_id)
    assert gate.reserved_by() == "plan-1"


@pytest.mark.parametrize("quantity", ["0.010", "n/a"])
def test_nor_does_one_that_names_an_executed_quantity(consumed: tuple[Gate, Consumed], quantity: str) -> None:
    gate, taken = consumed
    entry = {
        "plan_id": "plan-1",
        "symbol": SYMBOL,
        "executed": "False",
        "outcome": "rejected",
        "consume_id": taken.consume_id,
        "order_id": "7",
        "side": "SELL",
        "filled_qty": quantity,
    }
    gate.recorder.record(parse_result(entry), gate.publish_result())
    assert gate.reserved_by() == "plan-1"
