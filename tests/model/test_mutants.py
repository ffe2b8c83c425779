"""The explorer can fail: each guard that is left out of the model is found missing, or is a second net."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.explorer import explore, violation_of
from tests.model.leg_mutants import LEGS_BROKEN_BY, LEGS_SPARE
from tests.model.mutants import BROKEN_BY, SPARE, Mutant
from tests.model.scenario import GUARDS, Scenario
from tests.model.scenarios import LARGE, SMALL
from tests.model.test_protocol_model import IS_LARGE

CHEAP = SMALL[:1]
OF_LEGS = tuple(case for case in (*SMALL, *LARGE) if case.misnames and (IS_LARGE or case in SMALL))


@pytest.mark.parametrize("mutant", [*BROKEN_BY, *LEGS_BROKEN_BY], ids=str)
def test_without_a_guard_an_invariant_breaks(mutant: Mutant):
    found = violation_of(mutant.mutated, mutant.breaks)
    assert found is not None, "nothing breaks: the guard is spare, or the case too small"
    assert found.invariant == mutant.breaks


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("guard", SPARE)
@pytest.mark.parametrize("case", SMALL if IS_LARGE else CHEAP, ids=lambda case: case.name)
def test_behind_a_second_net_there_is_a_first(guard: str, case: Scenario):
    assert explore(replace(case, removed=frozenset({guard}))).violation is None


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("guard", LEGS_SPARE)
@pytest.mark.parametrize("case", OF_LEGS, ids=lambda case: case.name)
def test_behind_a_second_net_of_legs_there_is_a_first(guard: str, case: Scenario):
    assert explore(replace(case, removed=frozenset({guard}))).violation is None


def test_every_guard_is_left_out_once():
    mutants = (*BROKEN_BY, *LEGS_BROKEN_BY)
    tried = {guard for mutant in mutants for guard in mutant.without} | set(SPARE) | set(LEGS_SPARE)
    assert tried == set(GUARDS)
