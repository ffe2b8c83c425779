"""A supervisor learns of a process that hangs, and restarts none whose Redis is away."""

from __future__ import annotations

from tests.guards.changes import Change, instead
from tests.guards.guard import Guard

UNIT = "unit/bootstrap/test_alive.py"
PROCESSES = "integration/engine/test_alive.py"


def _guard(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(test,))


ALIVE = (
    _guard(
        "a worker that waits for its broker gives signs of life",
        "SignsOfLife._while_waiting",
        instead("if sign is not None: sign.show()", "assert sign is None or sign is not None"),
        f"{PROCESSES}::test_a_worker_whose_redis_is_away_is_alive",
    ),
    _guard(
        "a worker without its ingest is not alive",
        "alive._process",
        instead("([INGEST] if record.has_ingest else [])", "[]"),
        f"{UNIT}::test_a_worker_needs_main_loop_pool_and_ingest",
    ),
    _guard(
        "a worker whose pool doesn't work is not alive",
        "alive._process",
        instead("POOL, *", "*"),
        f"{UNIT}::test_a_worker_needs_main_loop_pool_and_ingest",
    ),
    _guard(
        "an old sign of life is none",
        "alive._process",
        instead("not 0 <= age <= max_age_sec", "age < 0"),
        f"{UNIT}::test_an_old_sign_is_none_and_the_limit_is_the_callers",
    ),
    _guard(
        "a host on which nothing runs is not alive",
        "alive.alive",
        instead("is_alive = bool(found) and", "is_alive ="),
        f"{UNIT}::test_nothing_that_runs_here_is_not_alive",
    ),
    _guard(
        "a pid that is used again is not the process that gave the sign",
        "Record.is_running",
        instead("== self.started", '!= ""'),
        f"{UNIT}::test_what_a_dead_process_left_is_ignored_and_removed_at_the_next_start",
    ),
)
