"""Reads the cluster for many requests at once: one shared read, outside the event loop, with a time limit.

Each request gets an answer within its time limit, also if Redis refuses, hangs or loses packets, or if a name server
doesn't answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from p33_tasks.contract.keys import Keys
from p33_tasks.errors import P33Error, StoreUnavailableError
from p33_tasks.settings import Settings
from p33_tasks.store.connection import connect
from p33_tasks.venues.build import venue_source
from p33_tasks.views.dead_letters import DeadLetter, read_dead_letters
from p33_tasks.views.overview import Overview, read_overview
from p33_tasks.views.recent import RecentVerdict, VerdictPage, read_recent, read_verdicts
from p33_tasks.views.stories import Story, Trace, read_story, read_trace

READ_TIMEOUT_SEC = 3.0
"""Prometheus gives a scrape 10 s by default."""
SOCKET_TIMEOUT_SEC = 1.0
PAGE_THREADS = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of the whole cluster."""

    overview: Overview | None  # None: Redis did not answer
    problem: str  # the error; empty if it answered
    took_sec: float


class Cluster:
    """Reads Redis, for the event loop. Read-only."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is sent before the first read.

        Raises:
            ConfigurationError: The Redis URL or the venue can't be used.
        """
        self.settings = settings
        self.keys = Keys(settings.key_prefix)
        self.source = venue_source(settings.exchange, settings.testnet, settings.exchange_base_url)
        self._client = connect(settings.state_url, socket_timeout_sec=SOCKET_TIMEOUT_SEC, retries=0)
        # Separate threads, so that a plan's long page never delays a scrape.
        self._overviews = ThreadPoolExecutor(1, "overview")
        self._pages = ThreadPoolExecutor(PAGE_THREADS, "page")
        self._in_flight: asyncio.Future[Reading] | None = None

    async def overview(self, timeout_sec: float = READ_TIMEOUT_SEC) -> Reading:
        """Read everything, or join a running read; after ``timeout_sec`` the reading is "no answer"."""
        if self._in_flight is None or self._in_flight.done():
            self._in_flight = asyncio.get_running_loop().run_in_executor(self._overviews, self._read_overview)
        try:
            return await asyncio.wait_for(asyncio.shield(self._in_flight), timeout_sec)
        except TimeoutError:
            return Reading(overview=None, problem=_no_answer(timeout_sec), took_sec=timeout_sec)

    async def recent(self, count: int) -> Sequence[RecentVerdict]:
        """The latest verdicts, newest first.

        Raises:
            StoreError: Redis did not answer, or refused.
        """
        return await self._on_page(lambda: read_recent(self._client, self.keys, count))

    async def verdicts(self, *, symbol: str, reason: str, before: str) -> VerdictPage:
        """A page of verdicts that match a filter.

        Raises:
            StoreError: Redis did not answer, or refused.
        """
        return await self._on_page(
            lambda: read_verdicts(self._client, self.keys, symbol=symbol, reason=reason, before=before)
        )

    async def dead_letters(self, before: str) -> Sequence[DeadLetter]:
        """The newest dead letters, or those before an entry id.

        Raises:
            StoreError: Redis did not answer, or refused.
        """
        return await self._on_page(lambda: read_dead_letters(self._client, self.keys, before=before))

    async def plan(self, plan_id: str) -> Story | Trace:
        """A plan's story, or its trace if it has no verdict.

        Raises:
            StoreError: Redis did not answer, or refused.
            CorruptStateError: The decision is not a JSON object.
        """

        def read() -> Story | Trace:
            story = read_story(self._client, self.keys, plan_id)
            return read_trace(self._client, self.keys, plan_id) if story is None else story

        return await self._on_page(read)

    def close(self) -> None:
        """Stop reading."""
        for pool in (self._overviews, self._pages):
            pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _on_page(self, read: Callable[[], T]) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._pages, read)
        try:
            return await asyncio.wait_for(future, READ_TIMEOUT_SEC)
        except TimeoutError:
            raise StoreUnavailableError(_no_answer(READ_TIMEOUT_SEC)) from None

    def _read_overview(self) -> Reading:
        began = time.perf_counter()
        overview, problem = None, ""
        try:
            overview = read_overview(self._client, self.keys, self.settings.allowlist, source=self.source)
        except P33Error as error:
            problem = str(error)
        return Reading(overview=overview, problem=problem, took_sec=time.perf_counter() - began)


def _no_answer(timeout_sec: float) -> str:
    return f"Redis did not answer within {timeout_sec:g} s; check REDIS_HOST, REDIS_PORT and the server's log"
