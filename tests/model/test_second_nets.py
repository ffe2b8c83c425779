"""Guards that are a second net: without one of them nothing breaks, since there is a first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.explorer import explore
from tests.model.leg_mutants import LEGS_SPARE
from tests.model.mutants import SPARE
from tests.model.scenario import Scenario
from tests.model.scenarios import LARGE, SMALL
from tests.model.test_protocol_model import IS_LARGE

CHEAP = SMALL[:1]
OF_LEGS = tuple(case for case in (*SMALL, *LARGE) if case.misnames and (IS_LARGE or case in SMALL))


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
