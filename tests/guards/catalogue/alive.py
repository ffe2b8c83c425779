"""A supervisor learns of a process that hangs, and restarts none whose Redis is away."""

from __future__ import annotations

from tests.guards.guard import Guard

UNIT = "unit/bootstrap/test_alive.py"
PROCESSES = "integration/engine/test_alive.py"


def _guard(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(test,))


ALIVE = (
    _guard(
        "a worker that waits for its broker gives signs of life",
        "celery/alive.py",
        "        if sign is not None:\n            sign.show()\n",
        "        assert sign is None or sign is not None\n",
        f"{PROCESSES}::test_a_worker_whose_redis_is_away_is_alive",
    ),
    _guard(
        "a worker without its ingest is not alive",
        "cli/alive.py",
        "*([INGEST] if record.has_ingest else [])",
        "*[]",
        f"{UNIT}::test_a_worker_needs_main_loop_pool_and_ingest",
    ),
    _guard(
        "a worker whose pool doesn't work is not alive",
        "cli/alive.py",
        "    wanted = [MAIN, *([POOL, *(",
        "    wanted = [MAIN, *([*(",
        f"{UNIT}::test_a_worker_needs_main_loop_pool_and_ingest",
    ),
    _guard(
        "an old sign of life is none",
        "cli/alive.py",
        "        if age is None or not 0 <= age <= max_age_sec\n",
        "        if age is None or age < 0\n",
        f"{UNIT}::test_an_old_sign_is_none_and_the_limit_is_the_callers",
    ),
    _guard(
        "a host on which nothing runs is not alive",
        "cli/alive.py",
        "    is_alive = bool(found) and not any(",
        "    is_alive = not any(",
        f"{UNIT}::test_nothing_that_runs_here_is_not_alive",
    ),
    _guard(
        "a pid that is used again is not the process that gave the sign",
        "bootstrap/alive.py",
        'return self.started != "" and _started(self.pid) == self.started\n',
        'return self.started != "" and _started(self.pid) != ""\n',
        f"{UNIT}::test_what_a_dead_process_left_is_ignored_and_removed_at_the_next_start",
    ),
)
