"""The protocol, in every interleaving of small cases (ARCHITECTURE.md lists the invariants).

``P33_MODEL=large`` explores the larger cases too; ``make faults`` does.
"""

from __future__ import annotations

import os

import pytest

from tests.model.explorer import explore
from tests.model.quotient import representative
from tests.model.scenario import HALF, Scenario
from tests.model.scenarios import LARGE, SMALL

IS_LARGE = os.environ.get("P33_MODEL") == "large"
CASES = (*SMALL, *LARGE) if IS_LARGE else SMALL


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_interleaving_breaks_an_invariant(case: Scenario, capsys: pytest.CaptureFixture[str]):
    explored = explore(case)
    with capsys.disabled():
        print(  # noqa: T201 - how much was explored is part of the result
            f"\n{case.name}: {explored.states} states, {explored.moves} moves,"
            f" {explored.depth} deep, {explored.seconds:.1f} s",
            end="",
        )
    assert explored.violation is None, str(explored.violation)


@pytest.mark.parametrize("changes", [{}, {"told_later": True}, {"crashes": 1, "gives_up": False}], ids=str)
def test_the_states_left_out_are_like_others_that_were_visited(changes: dict[str, object]):
    """The reduction by what can't be told apart is checked against the full exploration."""
    case = Scenario(name="one plan", actions=(HALF,), executors=2, **changes)  # type: ignore[arg-type]  # as given
    whole, reduced = explore(case, reduced=False), explore(case)
    assert whole.violation is None
    assert reduced.states < whole.states
    assert {representative(case, world) for world in whole.visited} == set(reduced.visited)
