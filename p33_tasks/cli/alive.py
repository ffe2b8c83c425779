"""``p33 alive``: whether the loops of this host's worker, ingest and beat iterate; for a supervisor's probe."""

from __future__ import annotations

import time
from decimal import Decimal
from math import isfinite
from typing import Any

import click

from p33_tasks.cli.durations import Seconds
from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.show import print_json

DEFAULT_MAX_AGE_SEC = 30.0


@click.command(short_help="Local liveness probe of this host's worker, ingest and beat.")
@click.option(
    "--max-age",
    "max_age_sec",
    type=Seconds(min=0, min_open=True, max=86_400),
    default=DEFAULT_MAX_AGE_SEC,
    show_default=True,
    metavar="SEC",
    help="Maximum age of a heartbeat, seconds.",
)
@click.option(
    "--of",
    "role",
    type=click.Choice(["worker", "ingest", "beat", "forecaster"]),
    help="Only this kind of process. Default: every kind that runs on this host, at least one.",
)
@json_option
def alive(max_age_sec: float, role: str | None, as_json: bool) -> None:
    """Check the heartbeat files that the processes of this host write about once a second.

    It connects to nothing: not to Redis, the exchange or the processes. So a worker that waits for Redis is alive. A
    worker is alive if its main loop and its ingest still iterate and its pool works. Exit 0 if all processes are alive,
    1 if one is not or none runs here, 2 for wrong usage or configuration.

    \b
    Examples:
      p33 alive --max-age 30
      p33 alive --max-age 30 --of beat --json
    """
    if not isfinite(max_age_sec):
        raise click.BadParameter("a number of seconds, e.g. 30", param_hint="--max-age")
    from p33_tasks.bootstrap.alive import read_signs, runtime_dir
    from p33_tasks.settings import load_settings

    limit = Decimal(str(max_age_sec))
    folder = runtime_dir(load_settings().runtime_dir)
    records = read_signs(folder)
    now_ms = int(time.monotonic() * 1000)
    found = [
        _process(record, records, now_ms, limit)
        for record in records
        if record.of is None and role in {None, record.role}
    ]
    is_alive = bool(found) and not any(process["problems"] for process in found)
    if as_json:
        print_json({"alive": is_alive, "max_age_sec": limit, "folder": str(folder), "processes": found})
    else:
        for process in found:
            click.echo(_line(process))
        if not found:
            click.echo(f"no {role or 'worker, ingest, beat or forecaster'} runs here: no heartbeat file in {folder}")
    if not is_alive:
        raise click.exceptions.Exit(NO)


def _process(record: Any, records: list[Any], now_ms: int, max_age_sec: Decimal) -> dict[str, Any]:
    """One process's parts, the seconds since each one's last iteration, and the problem if there is one."""
    from p33_tasks.bootstrap.alive import INGEST, MAIN, POOL

    seen = {part: ms for part, ms in record.seen_ms.items() if part in {MAIN, POOL}}
    wanted = [MAIN, *([POOL, *([INGEST] if record.has_ingest else [])] if record.role == "worker" else [])]
    for other in records:
        if other.of == record.pid and MAIN in other.seen_ms:
            seen[INGEST] = max(other.seen_ms[MAIN], seen.get(INGEST, 0))
    ages = {part: Decimal(now_ms - seen[part]) / 1000 if part in seen else None for part in wanted}
    problems = [
        f"{part}: {'no sign' if age is None else f'{age:f} s ago, allowed are {max_age_sec:f} s'}"
        for part, age in ages.items()
        if age is None or not 0 <= age <= max_age_sec
    ]
    return {"role": record.role, "pid": record.pid, "age_sec": ages, "problems": problems}


def _line(process: dict[str, Any]) -> str:
    ages = ", ".join(
        f"{part} {'never' if age is None else f'{age:f} s ago'}" for part, age in process["age_sec"].items()
    )
    verdict = "NOT ALIVE" if process["problems"] else "alive"
    return f"{process['role']} {process['pid']}: {verdict} ({ages})"
