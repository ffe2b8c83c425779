"""The reference executor: ``python -m p33_tasks.demo.executor.apply_layer``.

Reads the plan stream with a separate consumer group, and processes each plan of decision ``EXECUTE`` with
``attempt.Executor``: permits, order, result. It uses a bounded pool of threads, so that a plan that waits for its
permit or for a slow venue doesn't delay the others; a plan with an unknown outcome uses no thread between attempts.
"""

from __future__ import annotations

import argparse
import heapq
import queue
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypedDict

import structlog

from p33_tasks.apply import PermitClient
from p33_tasks.contract.keys import Keys
from p33_tasks.demo.executor.attempt import Executor
from p33_tasks.demo.executor.journal import Journal
from p33_tasks.demo.loops import repeat, serve
from p33_tasks.demo.names import APPLY_GROUP
from p33_tasks.demo.plan_reader import PlanEntry, PlanReader
from p33_tasks.errors import StoreError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import RequestBudget
from p33_tasks.settings import Settings
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.connection import connect
from p33_tasks.venues.build import build_order_client, build_venue
from p33_tasks.venues.transport import preload

CONSUMER = "apply-1"
WORKERS = 16
BLOCK_MS = 100
RESCAN_SEC = 1.0
"""The period of reading our pending entries again: an answer of Redis with entries may have been lost."""
FAILED_PAUSE_SEC = 1.0

log = structlog.get_logger("p33.apply")


@dataclass(order=True, slots=True)
class _Later:
    """A plan to continue later."""

    at_sec: float  # time.monotonic
    entry: PlanEntry = field(compare=False)


class ApplyLayer:
    """The loop: reads plans, passes them to threads, and continues unfinished plans later."""

    def __init__(self, reader: PlanReader, executor: Executor, *, workers: int = WORKERS) -> None:
        self._reader = reader
        self._executor = executor
        self._workers = workers
        self._known: set[str] = set()  # entry ids that are running or will be continued
        self._troubled: set[str] = set()  # entry ids whose problem was logged
        self._later: list[_Later] = []
        self._finished: queue.SimpleQueue[tuple[PlanEntry, float | None]] = queue.SimpleQueue()
        self._running = 0
        self._rescan_at_sec = 0.0

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set; plans that are in a thread finish their current step."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="apply") as pool:
            repeat(lambda: self._turn(pool), stop, who="apply layer")

    def _turn(self, pool: ThreadPoolExecutor) -> None:
        self._collect()
        self._start_due(pool)
        now_sec = time.monotonic()
        if now_sec >= self._rescan_at_sec:
            self._rescan()
            self._rescan_at_sec = now_sec + RESCAN_SEC
        room = self._workers - self._running
        if room > 0:
            for entry in self._reader.new(count=room, block_ms=BLOCK_MS):
                self._known.add(entry.entry_id)
                self._start(pool, entry)
        else:
            self._collect(wait_sec=BLOCK_MS / 1000)

    def _rescan(self) -> None:
        for entry in self._reader.pending():
            if entry.entry_id not in self._known:
                self._known.add(entry.entry_id)
                heapq.heappush(self._later, _Later(0.0, entry))

    def _start_due(self, pool: ThreadPoolExecutor) -> None:
        while self._later and self._later[0].at_sec <= time.monotonic() and self._running < self._workers:
            self._start(pool, heapq.heappop(self._later).entry)

    def _start(self, pool: ThreadPoolExecutor, entry: PlanEntry) -> None:
        self._running += 1
        pool.submit(self._work, entry)

    def _work(self, entry: PlanEntry) -> None:
        pause_sec: float | None = FAILED_PAUSE_SEC
        try:
            plan = self._reader.plan_of(entry)
            pause_sec = None if plan is None else self._executor.attempt(entry, plan)
        except StoreError as error:
            self._log_once(entry, str(error))
        except Exception:  # an unexpected error in one plan must not stop the others; the plan stays pending
            log.exception(LogEvent.ATTEMPT_FAILED, entry_id=entry.entry_id)
        finally:
            self._finished.put((entry, pause_sec))

    def _log_once(self, entry: PlanEntry, error: str) -> None:
        if entry.entry_id not in self._troubled:
            self._troubled.add(entry.entry_id)
            log.warning(LogEvent.PLAN_DELAYED, entry_id=entry.entry_id, error=error)

    def _collect(self, wait_sec: float = 0.0) -> None:
        """Process the results of finished threads."""
        try:
            while True:
                entry, pause_sec = self._finished.get(timeout=wait_sec) if wait_sec else self._finished.get_nowait()
                wait_sec = 0.0
                self._running -= 1
                if pause_sec is None:
                    self._known.discard(entry.entry_id)
                    self._troubled.discard(entry.entry_id)
                else:
                    again = PlanEntry(entry_id=entry.entry_id, fields=entry.fields, redelivered=True)
                    heapq.heappush(self._later, _Later(time.monotonic() + pause_sec, again))
        except queue.Empty:
            return


class _Account(TypedDict):
    """The arguments of a venue's reader and order client."""

    exchange_id: str
    api_key: str | None
    api_secret: str | None
    password: str | None
    testnet: bool
    base_url: str | None
    budget: RequestBudget


def build_executor(settings: Settings) -> Executor:
    """An executor on the configured venue and state store."""
    keys, client = Keys(settings.key_prefix), connect(settings.state_url)
    api_key, api_secret = settings.api_credentials
    signing_key = settings.permit_signing_key
    requests = settings.venue.requests
    account: _Account = {
        "exchange_id": settings.exchange,
        "api_key": api_key.get_secret_value() if api_key else None,
        "api_secret": api_secret.get_secret_value() if api_secret else None,
        "password": settings.venue_api_password.get_secret_value() if settings.venue_api_password else None,
        "testnet": settings.testnet,
        "base_url": settings.exchange_base_url,
        "budget": RedisRequestBudget(
            client, keys, own_weight=requests.own_weight_per_minute, venue_weight=requests.stop_at_weight
        ),
    }
    return Executor(
        journal=Journal(client, keys, settings.venue.client_order_ids),
        permits=PermitClient(
            settings.state_url,
            prefix=settings.key_prefix,
            governor_key=settings.governor_permit_key,
            signing_keys=[signing_key.get_secret_value()] if signing_key else [],
            accept_old_life=settings.accept_old_life,
        ),
        orders=build_order_client(**account),
        venue=build_venue(**account),
        read_lag_ms=settings.venue.read_lag_ms,
    )


def run_apply_layer(
    settings: Settings, stop: threading.Event, *, consumer: str = CONSUMER, workers: int = WORKERS
) -> None:
    """Run the reference executor until ``stop`` is set.

    Args:
        settings: Redis, venue, credentials, governor's key and signing key.
        stop: Set it, and this returns within about the venue's time-out.
        consumer: Stable name within the group; entries left pending by an earlier process of this name are continued.
        workers: The number of plans processed at the same time.

    Raises:
        ConfigurationError: The venue has no order client.
    """
    executor = build_executor(settings)
    preload(settings.exchange)
    reader = PlanReader(
        connect(settings.state_url), Keys(settings.key_prefix).plans, group=APPLY_GROUP, consumer=consumer
    )
    log.info(LogEvent.APPLY_LAYER, consumer=consumer, workers=workers, prefix=settings.key_prefix)
    ApplyLayer(reader, executor, workers=workers).run(stop)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m p33_tasks.demo.executor.apply_layer", description=__doc__)
    parser.add_argument("--consumer", default=CONSUMER, help="stable name within the consumer group")
    parser.add_argument("--workers", type=int, default=WORKERS, help="plans worked on at the same time")
    chosen = parser.parse_args(argv)
    return serve(
        lambda settings, stop: run_apply_layer(settings, stop, consumer=chosen.consumer, workers=chosen.workers)
    )


if __name__ == "__main__":
    sys.exit(main())
