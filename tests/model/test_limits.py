"""What the promises rest on: the assumptions that an installation must keep, and what happens without them."""

from __future__ import annotations

import pytest

from tests.model.explorer import explore, violation_of
from tests.model.mutants import ABOVE, OUTSTANDING
from tests.model.scenario import Scenario
from tests.model.state import Limits

GETDEL = {"getdel": True, "gives_up": False, "executors": 2}
SHORT_LIVED = {"gives_up": False, "executors": 2}

KEPT = {
    "GET and DEL, with a cooldown of at least the placing window and the longest snapshot age": GETDEL,
    "GET and DEL, and what DEL answers is looked at": {"getdel": True, "told_later": True},
    "the reservation of a consumption outlasts what the venue shows late": {
        **SHORT_LIVED,
        "limits": Limits(ttl=5, lag=2),
    },
    "an executor that never reports, a short permit, a venue that shows late, and the gate knows how late": {
        **SHORT_LIVED,
        "limits": Limits(ttl=1, lag=2, read_lag=2),
    },
    "a refusal that isn't one, at a venue that shows as late as the gate knows": {
        **SHORT_LIVED,
        "lies": True,
        "executors": 1,
        "limits": Limits(lag=2, read_lag=1),
    },
    "our client, whatever the cooldown": {**SHORT_LIVED, "unfilled": True, "limits": Limits(cooldown=0)},
}
GIVEN_UP = {
    "GET and DEL, with a shorter cooldown": ({**GETDEL, "limits": Limits(cooldown=1)}, ABOVE),
    "GET and DEL, whatever DEL answers": ({"getdel": True, "sloppy": True, "told_later": True}, OUTSTANDING),
    "a refusal that isn't one, at a venue that shows later than the gate knows": (
        {"lies": True, "limits": Limits(lag=2)},
        ABOVE,
    ),
    "GET and DEL, on a Redis that forgets": ({**GETDEL, "crashes": 1}, "one_consumption_per_plan"),
    "an executor that never reports, a short permit, a venue that shows later than the gate knows": (
        {**SHORT_LIVED, "limits": Limits(ttl=1, lag=2)},
        ABOVE,
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_an_assumption_that_is_kept_keeps_the_promises(name: str):
    explored = explore(Scenario(name=name, **KEPT[name]))  # type: ignore[arg-type]  # the fields of a scenario
    assert explored.violation is None, str(explored.violation)


@pytest.mark.parametrize("name", GIVEN_UP)
def test_an_assumption_that_is_given_up_breaks_one(name: str):
    fields, invariant = GIVEN_UP[name]
    assert violation_of(Scenario(name=name, **fields), invariant) is not None  # type: ignore[arg-type]  # as above
