"""What frees a symbol, and what must not (CONTRACT section 4; A, B, G)."""

from __future__ import annotations

import pytest

from p33_tasks.apply import Consumed
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer


@pytest.fixture
def reserved(gate: Gate) -> Gate:
    """plan-1 was allowed, its permit is there."""
    gate.make_ready()
    gate.allow()
    return gate


@pytest.fixture
def consumed(reserved: Gate) -> tuple[Gate, Consumed]:
    """plan-1 was allowed and consumed; its order may be on its way."""
    return reserved, reserved.consume()


def test_a_fill_releases_and_the_cooldown_takes_over(consumed: tuple[Gate, Consumed]) -> None:
    gate, _ = consumed
    gate.report("plan-1", ("7", "SELL", "0.010"))
    assert gate.reserved_by() is None
    assert gate.why_not("plan-2") == "cooldown_in_flight"


def test_a_fill_without_consuming_releases_and_takes_the_permit_away(reserved: Gate) -> None:
    """An executor that went ahead must not have a permit left over."""
    reserved.report("plan-1", ("7", "SELL", "0.010"))
    assert reserved.reserved_by() is None
    assert reserved.permit() is None


def test_another_plans_fill_releases_nothing(reserved: Gate) -> None:
    reserved.report("stranger", ("7", "SELL", "0.010"))
    assert reserved.reserved_by() == "plan-1"
    assert reserved.refusal() == ("missing_or_denied_p33_permit", "order_since_permit")


@pytest.mark.parametrize(
    "fills", [(), (("7", "SELL", "0"),), (("7", "SELL", "0.010"),)], ids=["none", "NEW", "partial"]
)
@pytest.mark.parametrize("rejected", [False, True])
def test_not_executed_releases_an_unconsumed_permit_and_deletes_it(
    reserved: Gate, fills: tuple[tuple[str, str, str], ...], *, rejected: bool
) -> None:
    """B: the executor gave up. Its retry finds no permit, whatever the next plan does."""
    reserved.report("plan-1", *fills, executed=False, rejected=rejected)
    assert reserved.reserved_by() is None
    assert reserved.permit() is None
    expected = "cooldown_in_flight" if fills else "allow"
    assert reserved.why_not("plan-2") == expected
    assert reserved.refusal("plan-1") == ("missing_or_denied_p33_permit", "withdrawn")


@pytest.mark.parametrize("rejected", [False, True])
def test_not_executed_releases_nothing_once_a_plain_consumer_took_the_permit(reserved: Gate, *, rejected: bool) -> None:
    """GET and DEL leave no record, but the permit is gone: an order may be on its way."""
    reserved.redis.delete(reserved.keys.permit("plan-1"))
    reserved.report("plan-1", executed=False, rejected=rejected, consume_id="anything" if rejected else None)
    assert reserved.reserved_by() == "plan-1"
    assert reserved.why_not("plan-2") == "permit_in_flight"


def test_not_executed_releases_nothing_once_consumed(consumed: tuple[Gate, Consumed]) -> None:
    """A: layer 1 consumed and sends, layer 2 found no permit and says that nothing was executed."""
    gate, _ = consumed
    gate.report("plan-1", executed=False)
    assert gate.reserved_by() == "plan-1"
    assert gate.why_not("plan-2") == "permit_in_flight"


def test_a_permit_put_back_does_not_make_a_consumed_plan_unconsumed(consumed: tuple[Gate, Consumed]) -> None:
    gate, _ = consumed
    gate.redis.set(gate.keys.permit("plan-1"), gate.redis.get(gate.keys.decision("plan-1")) or "")
    gate.report("plan-1", executed=False)
    assert gate.reserved_by() == "plan-1"


@pytest.mark.parametrize("status", ["executed", "not_executed"])
def test_an_order_whose_outcome_is_unknown_keeps_the_symbol(consumed: tuple[Gate, Consumed], status: str) -> None:
    """A: the venue answers -1007, or NEW with quantity 0."""
    gate, _ = consumed
    gate.report("plan-1", ("7", "SELL", "0"), executed=status == "executed")
    assert gate.reserved_by() == "plan-1"
    gate.end_cooldown()
    gate.put_position()
    assert gate.why_not("plan-2") == "permit_in_flight"


def test_an_executed_order_that_filled_nothing_yet_keeps_an_unconsumed_permit(reserved: Gate) -> None:
    """The executor went ahead without consuming, and its order still stands at the venue."""
    reserved.report("plan-1", ("7", "SELL", "0"))
    assert reserved.reserved_by() == "plan-1"
    assert reserved.permit() is not None


@pytest.mark.parametrize(
    ("consume_id", "free"), [("right", True), ("wrong", False), (None, False)], ids=["its own", "another's", "none"]
)
def test_a_rejection_releases_only_with_the_consume_id_of_that_consumption(
    consumed: tuple[Gate, Consumed], consume_id: str | None, *, free: bool
) -> None:
    gate, permit = consumed
    proof = permit.consume_id if consume_id == "right" else consume_id
    gate.report("plan-1", executed=False, rejected=True, consume_id=proof)
    assert (gate.reserved_by() is None) is free
    # Freed or not: the snapshot was requested before the consumption's barrier.
    assert gate.why_not("plan-2") == ("stale_exchange_state" if free else "permit_in_flight")


def test_a_consume_id_alone_releases_nothing_without_the_word_rejected(consumed: tuple[Gate, Consumed]) -> None:
    gate, permit = consumed
    gate.report("plan-1", executed=False, consume_id=permit.consume_id)
    assert gate.reserved_by() == "plan-1"


def test_a_plan_that_lost_its_decision_is_not_taken_for_unconsumed(reserved: Gate) -> None:
    """The deny that is written for it must not be mistaken for its permit."""
    reserved.redis.delete(reserved.keys.permit("plan-1"), reserved.keys.decision("plan-1"))
    reserved.report("plan-1", executed=False)
    assert reserved.reserved_by() == "plan-1"


@pytest.mark.parametrize(("permit_ttl_ms", "lives_ms"), [(2_000, 67_000), (60_000, 67_000), (90_000, 90_000)])
def test_a_consumed_reservation_outlasts_every_snapshot_from_before_the_barrier(
    server: RedisServer, permit_ttl_ms: int, lives_ms: int
) -> None:
    """The placing window, the stale ceiling and the read lag, or the permit's lifetime where that is longer.

    Else the next plan is allowed on a snapshot from before the order, when its result is late: two executions.
    """
    gate = Gate(server, permit_ttl_ms=permit_ttl_ms)
    gate.make_ready()
    gate.allow()
    gate.consume()
    assert lives_ms - 1_000 < gate.redis.pttl(gate.keys.reservation(SYMBOL)) <= lives_ms
