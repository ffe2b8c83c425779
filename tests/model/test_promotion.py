"""A promotion makes every comparison of a commit itself: in the model and on the scripts, none can be left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p33_tasks.store import scripts
from tests.model.breaks import BREAKS
from tests.model.explorer import explore, violation_of
from tests.model.mutants import Mutant
from tests.model.parting import parted, way_to, with_real_limits
from tests.model.promotion_mutants import FORESEEN
from tests.model.scenario import FULL, Scenario
from tests.support.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


def test_promotions_happen_and_race_a_worker():
    """Else nothing here proves anything."""
    case = Scenario(name="foreseen", preparers=1, actions=(FULL,), gives_up=False)
    met = set()
    for world in explore(case).visited:
        busy = {worker.kind for worker in world.workers}
        met.add((bool(world.redis.prepared), 0 in busy, world.redis.plans[0].permit is not None))
    assert (True, True, False) in met
    assert (True, False, True) in met


@pytest.mark.parametrize("mutant", FORESEEN, ids=str)
def test_without_a_comparison_a_promotion_breaks_an_invariant(mutant: Mutant):
    found = violation_of(mutant.mutated, mutant.breaks)
    assert found is not None
    assert any(move[0] == "promote" for move in found.trace), str(found)


@pytest.mark.parametrize("mutant", FORESEEN, ids=str)
def test_the_script_makes_the_comparison(mutant: Mutant, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    with_real_limits(mutant.case, monkeypatch)
    story = parted(mutant.case, way_to(mutant), server)
    assert story is None, story


@pytest.mark.parametrize("mutant", [m for m in FORESEEN if m.without[0] in BREAKS], ids=str)
def test_a_script_that_does_not_is_noticed(mutant: Mutant, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    script, line, instead = BREAKS[mutant.without[0]]
    with_real_limits(mutant.case, monkeypatch)
    original = scripts.source

    def broken(name: str, room: str) -> str:
        text = original(name, room)
        assert name != script or text.count(line) == 1
        return text.replace(line, instead) if name == script else text

    monkeypatch.setattr(scripts, "source", broken)
    assert parted(mutant.case, way_to(mutant), server) is not None
