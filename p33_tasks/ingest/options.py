"""Options of an ingest process: its streams, the size of the pool, and when to end."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from p33_tasks.contract.entries import MAX_TOGETHER

PLANS = "plans"
RESULTS = "results"
STREAMS = (PLANS, RESULTS)

MIN_WINDOW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one ingest process."""

    streams: tuple[str, ...] = STREAMS
    concurrency: int = 2  # processes in the worker's pool
    logfile: str | None = None  # None: standard error
    verbose: bool = False
    parent_pid: int | None = None  # end when this process has ended; None: run independently

    @property
    def window(self) -> int:
        """Maximum of unacknowledged entries per stream: enough for the pool, few enough that none waits too long."""
        return max(MIN_WINDOW, 2 * self.concurrency)

    @property
    def widest_window(self) -> int:
        """The same for plans during a backlog: one full task in each pool process, and one waiting for it."""
        return 2 * MAX_TOGETHER * self.concurrency

    def arguments(self) -> list[str]:
        """The options as command-line arguments."""
        parts = ["--streams", ",".join(self.streams), "--concurrency", str(self.concurrency)]
        if self.logfile is not None:
            parts += ["--logfile", self.logfile]
        if self.verbose:
            parts.append("--verbose")
        if self.parent_pid is not None:
            parts += ["--parent-pid", str(self.parent_pid)]
        return parts

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> Options:
        """Read command-line arguments; if they are wrong, the process exits with 2."""
        parser = argparse.ArgumentParser(prog="ingest", description="Reads the streams and sends Celery tasks.")
        parser.add_argument("--streams", default=",".join(STREAMS), help="comma-separated: plans, results")
        parser.add_argument("--concurrency", type=int, default=2, help="of the worker pool it feeds")
        parser.add_argument("--logfile", help="default: standard error")
        parser.add_argument("--verbose", action="store_true", help="log at DEBUG")
        parser.add_argument("--parent-pid", type=int, help="end when this process has ended")
        found = parser.parse_args(arguments)
        streams = tuple(name.strip() for name in found.streams.split(",") if name.strip())
        if not streams or set(streams) - set(STREAMS):
            parser.error(f"--streams {found.streams!r}: use {' and '.join(STREAMS)}")
        if found.concurrency < 1:
            parser.error(f"--concurrency {found.concurrency}: must be 1 or more")
        return cls(
            streams=streams,
            concurrency=found.concurrency,
            logfile=found.logfile,
            verbose=found.verbose,
            parent_pid=found.parent_pid,
        )
