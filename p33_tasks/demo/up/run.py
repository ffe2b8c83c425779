"""One run: processes in the foreground, a thread that observes them, an orderly end."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from p33_tasks.cli.session import Session
from p33_tasks.cli.tables import totals_of
from p33_tasks.demo.exchange.client import SimControl, SimControlError
from p33_tasks.demo.up.demo import PRODUCER, STRATEGY
from p33_tasks.demo.up.processes import Child, LogFiles, Processes
from p33_tasks.demo.up.summary import Order, Outcome
from p33_tasks.demo.up.tally import Reader, Tally
from p33_tasks.demo.up.view import View
from p33_tasks.errors import StoreError
from p33_tasks.views.overview import Overview

LOOK_EVERY_SEC = 0.25
QUIET_TIMEOUT_SEC = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run, and for how long."""

    session: Session
    children: Sequence[Child]
    env: Mapping[str, str]
    cwd: Path
    logs_folder: Path
    places: Sequence[str]  # lines with addresses and paths
    for_sec: float | None  # None: until it is ended by hand
    simulator_url: str
    own_executor: bool  # the user's executor, whose client order ids aren't those of the reference executor
    own_redis: subprocess.Popen[bytes]
    cases_key: str
    after: str  # entry id from which on events are shown


class Run:
    """Runs a plan once."""

    def __init__(self, plan: Plan, view: View) -> None:
        self._plan = plan
        self.logs = LogFiles(plan.logs_folder)
        self._view = view
        self._tally = Tally()
        self._reader = Reader(plan.session, plan.session.client, cases_key=plan.cases_key, after=plan.after)
        self._overview: Overview | None = None
        self._orders: Sequence[Order] | None = None
        self._error = ""
        self._over = threading.Event()
        self._done_in_time = plan.for_sec is None
        self._processes = Processes(
            plan.children, env=plan.env, cwd=plan.cwd, logs=self.logs, on_start=self._start_watching
        )
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._began_sec = time.monotonic()

    def run(self) -> Outcome:
        """Start everything, wait for the end, and return the outcome. Only from the main thread (signals)."""
        self._began_sec = time.monotonic()
        try:
            self._processes.loop()
        finally:
            self._over.set()
            if self._watcher.ident is not None:
                self._watcher.join(QUIET_TIMEOUT_SEC + 5)
            self._view.end()
            self.logs.close()
        shown = self._overview
        self._look()  # lines that processes wrote while they ended
        settings = self._plan.session.settings
        return Outcome(
            tally=self._tally,
            overview=shown or self._overview,
            totals=None if self._overview is None else totals_of(self._overview),
            policy=settings.policy,
            prefix=settings.key_prefix,
            order_ids=settings.venue.client_order_ids,
            is_demo=True,
            ran_sec=Decimal(int((time.monotonic() - self._began_sec) * 1000)).scaleb(-3),
            interrupted=self._interruption(),
            processes=self._processes.states(),
            orders=self._orders,
            error=self._error,
        )

    def _interruption(self) -> str:
        if self._done_in_time or not self._processes.interrupted:
            return ""
        return signal.Signals(int(self._processes.returncode) - 128).name

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _start_watching(self) -> None:
        self._view.begin(self._plan.places)
        self._watcher.start()

    def _watch(self) -> None:
        try:
            while not self._over.wait(LOOK_EVERY_SEC):
                note = self._look()
                self._view.show(self._tally, self._overview, note)
                if self._plan.own_redis.poll() is not None:
                    self._error = f"the demo's Redis ended on its own with exit code {self._plan.own_redis.returncode}"
                    break
                if self._plan.for_sec is not None and time.monotonic() - self._began_sec >= self._plan.for_sec:
                    self._done_in_time = True
                    self._settle()
                    break
        except Exception as error:
            self._error = f"the view failed: {type(error).__name__}: {error}"
            raise
        finally:
            self._processes.terminate()

    def _look(self) -> str:
        try:
            self._overview = self._reader.look(self._tally)
        except StoreError as error:
            return str(error)
        return ""

    def _settle(self) -> None:
        """Stop the producer and wait until sent plans are finished; then read the simulator's record."""
        for child in self._plan.children:
            if child.name in {PRODUCER, STRATEGY}:
                self._processes.stop_one(child.name)
        until_sec = time.monotonic() + QUIET_TIMEOUT_SEC
        while time.monotonic() < until_sec and not self._is_quiet() and not self._over.wait(LOOK_EVERY_SEC):
            note = self._look()
            self._view.show(self._tally, self._overview, note or "time is over, finishing what is under way")
        if not self._plan.own_executor:
            try:
                self._orders = SimControl(self._plan.simulator_url).orders()
            except SimControlError as error:
                self._error = f"the simulator's record of orders could not be read: {error}"

    def _is_quiet(self) -> bool:
        found = self._overview
        if found is None or any(stream.lag for stream in found.streams):
            return False
        return not any(view.facts.reserved_by for view in found.symbols)


def tail_lines(logs: LogFiles, processes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The last lines of every process that died; not escaped."""
    lines = []
    for process in processes:
        if process["died"]:
            lines.append(f"{process['name']} ended with exit code {process['exit_code']}; its last lines:")
            lines += [f"  {line}" for line in logs.tail(process["name"])]
    return lines
