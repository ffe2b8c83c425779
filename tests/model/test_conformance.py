"""The model does what the scripts do, on a real Redis.

Random ways through the model are played on the real scripts; and so is every shortest way in which a guard is missed
once it is left out (``test_mutants``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.model.explorer import walk
from tests.model.parting import expected_word, parted, with_real_limits
from tests.model.scenarios import LARGE, SMALL
from tests.support.redis_server import RedisServer, running_redis

LENGTH = 30
CASES = {case.name: case for case in (*SMALL, *LARGE) if case not in LARGE or case.name == "everything at once"}
SEEDS = {name: range(6 if case.crashes else 28) for name, case in CASES.items()}

WORDS = {
    *("judge allow", "judge decided", "judge reconcile_hold_active", "judge stale_exchange_state", "judge no_position"),
    *("judge cooldown_in_flight", "judge permit_in_flight", "judge plan_expired", "judge no_exchange_snapshot"),
    *("judge reconcile_required_qty_mismatch", "judge reconcile_required_missing_ledger"),
    *("commit committed", "commit exists", "commit moved hold", "commit moved reservation", "commit moved snapshot"),
    *("commit moved snapshot_age", "deny committed", "fetch paused", "put ok", "put older", "put other_run"),
    *("consume consumed", "consume reconcile_hold_active", "consume stale_exchange_state", "consume position_changed"),
    *("hold_position set", "hold_position set plan-0"),
    *("prepare allow", "promote committed", "promote moved snapshot"),
    *("consume missing", "record recorded none", "record recorded released", "record moved"),
    *("told recorded released", "told recorded kept", "told recorded none"),
    "told recorded renewed",
}
"""What the walks must have met."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_the_scripts_do_what_the_model_does(name: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    # What merges states is not for one that is compared with reality.
    case = replace(CASES[name], limits=CASES[name].limits._replace(remember=LENGTH))
    with_real_limits(case, monkeypatch)
    for seed in SEEDS[name]:
        story = parted(case, walk(case, seed, LENGTH), server)
        assert story is None, f"seed {seed}, {story}"


def test_the_walks_meet_what_can_happen():
    met = set()
    for name, case in CASES.items():
        for seed in SEEDS[name]:
            met |= {f"{move[0]} {expected_word(move)}" for _, move, _ in walk(case, seed, LENGTH)}
    assert set() == WORDS - met
