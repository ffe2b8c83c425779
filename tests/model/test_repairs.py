"""Repair against results, consume and commit: every interleaving of one order; and what each check is there for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.repairs import Guards, broken, can_agree, explore


def test_no_interleaving_breaks_an_invariant_and_every_state_can_agree_without_a_result() -> None:
    states, wrong = explore(Guards())
    assert wrong == []
    assert len(states) > 400
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
