"""A refusal that isn't one, in both orders with a snapshot from before the order; and the execution told at last.

The exploration meets these ways among all others. Here each is gone by itself, so that what happens on it is said.
"""

from __future__ import annotations

import pytest

from tests.model.executors import Move
from tests.model.moves import moves
from tests.model.scenario import Scenario
from tests.model.state import FILLED, REJECTED, World

CASE = Scenario(name="a refusal that isn't one", lies=True, owns_up=True, gives_up=False)
SENT: tuple[Move, ...] = (
    *(("publish", 0), ("judge", 0, "allow"), ("commit",)),
    ("fetch",),  # before the order: it doesn't show it
    *(("consume", 0, "consumed"), ("send", 0)),
)
REFUSED, STORED = ("told", 0, REJECTED), ("put",)
ORDERS = {"refused, then stored": (REFUSED, STORED), "stored, then refused": (STORED, REFUSED)}


def gone(case: Scenario, *wanted: Move, begin: World | None = None) -> World:
    """The world after these moves; each is named by how it begins."""
    world = begin or case.first()
    for start in wanted:
        found = [after for move, after in moves(case, world) if move[: len(start)] == start]
        assert found, f"{start} can't happen"
        world = found[0]
    return world


def verdict_on_the_next(case: Scenario, world: World) -> object:
    """What a second plan gets now."""
    published = gone(case, ("publish", 1), begin=world)
    (word,) = {move[-1] for move, _ in moves(case, published) if move[:2] == ("judge", 1)}
    return word


@pytest.mark.parametrize("order", ORDERS)
def test_a_false_refusal_frees_nothing_for_a_snapshot_from_before_the_order(order: str) -> None:
    world = gone(CASE, *SENT, *ORDERS[order])
    assert world.redis.reservation is None, "the refusal was believed"
    assert world.position == 1
    assert verdict_on_the_next(CASE, world) == "stale_exchange_state"


@pytest.mark.parametrize("order", ORDERS)
def test_the_execution_that_is_told_afterwards_is_booked(order: str) -> None:
    world = gone(CASE, *SENT, *ORDERS[order], ("told", 0, FILLED))
    assert world.redis.ledger == world.position == 1
    assert verdict_on_the_next(CASE, world) == "cooldown_in_flight"


@pytest.mark.parametrize("order", ORDERS)
def test_without_the_barrier_the_next_plan_is_allowed_on_it(order: str) -> None:
    world = gone(CASE, *SENT, *ORDERS[order])
    bare = Scenario(name="no barrier", lies=True, gives_up=False, removed=frozenset({"result.barrier"}))
    assert verdict_on_the_next(bare, gone(bare, *SENT, *ORDERS[order])) == "allow"
    assert verdict_on_the_next(CASE, world) != "allow"
