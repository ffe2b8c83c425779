"""Repair against results, consume and commit: every interleaving of one order; and what each check is there for.

``P33_MODEL=large`` explores an order of more parts too; ``make faults`` does.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.model.repairs import Guards, broken, can_agree, explore

SMALL, LARGE = (7, 4, 1_500), (10, 6, 5_000)
CASES = (SMALL, LARGE) if os.environ.get("P33_MODEL") == "large" else (SMALL,)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("start", "order", "least"), CASES)
def test_no_interleaving_breaks_an_invariant_and_every_state_can_agree_without_a_result(
    start: int, order: int, least: int
) -> None:
    states, wrong = explore(Guards(), start=start, order=order)
    assert wrong == []
    assert len(states) > least
    assert can_agree(states, Guards()) == states


@pytest.mark.parametrize(
    ("guard", "breaks"),
    [
        ("compares_ledger_and_memory", "an execution was applied twice"),
        ("remembers_orders", "an execution was applied twice"),
        ("waits_for_final", "a plan was allowed while an order could still be executed"),
        ("repair_is_final", "a position is held for a plan whose order was repaired"),
        ("repair_ends_unknown", "a position is held for a plan whose order was repaired"),
        ("part_ends_nothing", "a plan was allowed while an order could still be executed"),
        ("unknown_holds", "a plan was allowed while an outcome was unknown"),
    ],
)
def test_without_a_check_an_invariant_breaks(guard: str, breaks: str) -> None:
    _, wrong = explore(replace(Guards(), **{guard: False}))
    assert breaks in {broken(state) for state in wrong}
