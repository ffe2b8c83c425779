"""Each guard of ``mutants``: left out of the model it is missed, and the scripts have it.

The explorer can fail, then; and so can the comparison with the scripts: a script without the guard is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p33_tasks.store import scripts
from tests.model.breaks import BREAKS
from tests.model.explorer import violation_of
from tests.model.leg_mutants import LEGS_BROKEN_BY, LEGS_SPARE
from tests.model.mutants import BROKEN_BY, SPARE, Mutant
from tests.model.parting import parted, way_to, with_real_limits
from tests.model.scenario import GUARDS
from tests.support.redis_server import RedisServer, running_redis

MUTANTS = {mutant.without[0]: mutant for mutant in reversed(BROKEN_BY)}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


@pytest.mark.parametrize("mutant", BROKEN_BY, ids=str)
def test_without_a_guard_an_invariant_breaks(mutant: Mutant):
    found = violation_of(mutant.mutated, mutant.breaks)
    assert found is not None, "nothing breaks: the guard is spare, or the case too small"
    assert found.invariant == mutant.breaks


@pytest.mark.parametrize("mutant", BROKEN_BY, ids=str)
def test_where_a_guard_is_needed_the_scripts_have_it(
    mutant: Mutant, server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    with_real_limits(mutant.case, monkeypatch)
    story = parted(mutant.case, way_to(mutant), server)
    assert story is None, story


@pytest.mark.parametrize("guard", BREAKS)
def test_a_script_without_a_guard_is_noticed(guard: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    mutant, (script, *lines), original = MUTANTS[guard], BREAKS[guard], scripts.source
    with_real_limits(mutant.case, monkeypatch)

    def broken(name: str, room: str) -> str:
        text = original(name, room)
        for line, instead in zip(lines[::2], lines[1::2], strict=True):
            assert name != script or text.count(line) == 1
            text = text.replace(line, instead) if name == script else text
        return text

    monkeypatch.setattr(scripts, "source", broken)
    assert parted(mutant.case, way_to(mutant), server) is not None


def test_every_guard_is_left_out_once():
    mutants = (*BROKEN_BY, *LEGS_BROKEN_BY)
    tried = {guard for mutant in mutants for guard in mutant.without} | set(SPARE) | set(LEGS_SPARE)
    assert tried == set(GUARDS)
