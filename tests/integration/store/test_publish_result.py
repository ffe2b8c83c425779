"""``publish_result`` and what the brain makes of it: fill, release, cooldown."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.apply import ExecutedOrder, PermitClient, StoreError
from p33_tasks.contract.results import parse_result
from p33_tasks.ports import StreamEntry
from tests.support.gate import CONSUMER, SYMBOL, Gate
from tests.support.redis_server import free_port


@pytest.fixture
def consumed(gate: Gate) -> tuple[Gate, PermitClient, str]:
    gate.make_ready()
    gate.allow()
    client = gate.client()
    gate.grant()
    return gate, client, client.consume("plan-1", SYMBOL).consume_id


def record(gate: Gate) -> None:
    """The brain reads and records what is new on the stream."""
    ((_, entries),) = gate.redis.xreadgroup("p33", CONSUMER, {gate.keys.results: ">"})
    for entry_id, fields in entries:
        gate.recorder.record(parse_result(fields), StreamEntry(stream=gate.keys.results, entry_id=entry_id))


def test_a_fill_moves_the_ledger_once_however_often_it_is_published(consumed: Any) -> None:
    gate, client, consume_id = consumed
    for executed_qty in ("0.01", "0.03", "0.03"):
        order = ExecutedOrder(order_id=7, side="SELL", executed_qty=executed_qty)
        client.publish_result("plan-1", SYMBOL, "executed", orders=[order], consume_id=consume_id)
        record(gate)
    assert gate.ledger_amt() == "0.01"
    assert gate.reserved_by() is None


def test_a_rejection_frees_the_position_and_an_unknown_outcome_does_not(consumed: Any) -> None:
    gate, client, consume_id = consumed
    client.publish_result("plan-1", SYMBOL, "unknown", consume_id=consume_id, error="time-out")
    record(gate)
    assert gate.reserved_by() == "plan-1"
    client.publish_result("plan-1", SYMBOL, "rejected", consume_id="of another consumption")
    record(gate)
    assert gate.reserved_by() == "plan-1"
    client.publish_result("plan-1", SYMBOL, "rejected", consume_id=consume_id, error="-2022")
    record(gate)
    assert gate.reserved_by() is None
    assert gate.ledger_amt() == "0.04"


def test_a_result_carries_redis_time(consumed: Any) -> None:
    gate, client, _ = consumed
    client.publish_result("plan-2", SYMBOL, "blocked", error="missing_permit_or_redis", reason="missing")
    ((entry_id, fields),) = gate.redis.xrange(gate.keys.results)
    assert abs(int(fields["timestamp"]) - int(entry_id.partition("-")[0]) // 1000) <= 1


def test_a_result_that_could_not_be_published_is_an_error() -> None:
    with PermitClient(f"redis://127.0.0.1:{free_port()}/0") as client, pytest.raises(StoreError):
        client.publish_result("plan-1", SYMBOL, "blocked")


def test_a_contradiction_is_refused_before_anything_is_published(consumed: Any) -> None:
    gate, client, _ = consumed
    with pytest.raises(ValueError, match="consume_id"):
        client.publish_result("plan-1", SYMBOL, "rejected")
    assert gate.redis.xlen(gate.keys.results) == 0
