"""The addresses of the web application and their handlers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import unquote

import structlog
from aiohttp import hdrs, web
from prometheus_client.exposition import choose_encoder

from p33_tasks.domain.reasons import GIVEN
from p33_tasks.errors import CorruptStateError, StoreError
from p33_tasks.exporter.answers import add_headers, no_traceback, own_names_only, page, plain
from p33_tasks.exporter.cluster import READ_TIMEOUT_SEC, Cluster, Reading
from p33_tasks.exporter.exposition import encode
from p33_tasks.exporter.health import readiness
from p33_tasks.exporter.history import PERIOD_SEC, History
from p33_tasks.exporter.metrics import ClusterMetrics
from p33_tasks.exporter.page import home, plan, templates
from p33_tasks.exporter.page.text import MAX_PLAN_ID_CHARS
from p33_tasks.settings import Settings
from p33_tasks.views.dead_letters import PAGE, is_entry_id

MAX_SYMBOL_CHARS = 40

log = structlog.get_logger("p33.exporter")

OPENMETRICS = "application/openmetrics-text"
_SCRAPE_TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"


def make_app(settings: Settings) -> web.Application:
    """The web application; reading begins when it is started.

    Raises:
        ConfigurationError: The Redis URL or the venue can't be used.
    """
    service = Service(settings)
    app = web.Application(middlewares=[no_traceback, own_names_only(settings.metrics_host)])
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(service.lifetime)
    app.add_routes(
        [
            web.get("/", service.home),
            web.get("/verdicts", service.verdicts),
            web.get("/deadletters", service.dead_letters),
            web.get("/plan", service.plan_by_query),
            web.get("/plan/{plan_id:.+}", service.plan_by_path),
            web.get("/metrics", service.metrics),
            web.get("/healthz", service.healthz),
            web.get("/readyz", service.readyz),
        ]
    )
    return app


class Service:
    """The handlers and their shared state."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._policy = settings.policy
        self._cluster = Cluster(settings)
        self._history = History()

    async def lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        """Take samples for the trends while the application runs."""
        sampling = asyncio.create_task(self._sample())
        yield
        sampling.cancel()
        self._cluster.close()

    async def metrics(self, request: web.Request) -> web.Response:
        """``/metrics``: answers in time, also if Redis does not."""
        began = time.perf_counter()
        reading = await self._cluster.overview(_scrape_timeout_sec(request))
        _, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        metrics = ClusterMetrics(reading.overview, self._policy, read_sec=time.perf_counter() - began)
        body = await asyncio.get_running_loop().run_in_executor(
            None, lambda: encode(metrics.collect(), openmetrics=content_type.startswith(OPENMETRICS))
        )
        response = web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})
        response.enable_compression()
        return response

    async def healthz(self, _request: web.Request) -> web.Response:
        """``/healthz``: this process is alive; Redis isn't read."""
        return plain("ok\n")

    async def readyz(self, _request: web.Request) -> web.Response:
        """``/readyz``: whether the cluster serves plans, with the reasons; 503 if it doesn't."""
        answer = readiness(await self._cluster.overview(), self._policy)
        return plain(answer.text(), status=200 if answer.ready else 503)

    async def home(self, request: web.Request) -> web.Response:
        """``/``: the operator's page."""
        reading = await self._cluster.overview()
        choices = home.Choices.of(request.query)
        if reading.overview is None:
            return page(home.redis_is_away(reading.problem, self._history, self._settings, choices), status=503)
        try:
            recent = await self._cluster.recent(home.RECENT)
        except StoreError as error:
            return page(home.redis_is_away(str(error), self._history, self._settings, choices), status=503)
        return page(
            home.render(
                reading.overview,
                recent,
                history=self._history,
                ready=readiness(reading, self._policy),
                settings=self._settings,
                choices=choices,
            )
        )

    async def verdicts(self, request: web.Request) -> web.Response:
        """``/verdicts?symbol=&reason=&before=``: the audit stream, a page at a time."""
        symbol, reason = (
            request.query.get("symbol", "").strip().upper()[:MAX_SYMBOL_CHARS],
            request.query.get("reason", ""),
        )
        before, outcomes = _entry_id(request), ("allow", *GIVEN)
        reason = reason if reason in outcomes else ""
        try:
            found = await self._cluster.verdicts(symbol=symbol, reason=reason, before=before)
        except StoreError as error:
            return self._away(error)
        asked = {"symbol": symbol, "reason": reason, "before": before, "outcomes": outcomes}
        return page(templates.render("verdicts", found=found, links=home.links(self._settings), **asked))

    async def dead_letters(self, request: web.Request) -> web.Response:
        """``/deadletters?before=``: entries that could not be understood."""
        before = _entry_id(request)
        try:
            letters = await self._cluster.dead_letters(before)
        except StoreError as error:
            return self._away(error)
        shown = {"letters": letters, "before": before, "most": PAGE, "links": home.links(self._settings)}
        return page(templates.render("deadletters", **shown))

    def _away(self, error: StoreError) -> web.Response:
        choices = home.Choices()
        return page(home.redis_is_away(str(error), self._history, self._settings, choices), status=503)

    async def plan_by_path(self, request: web.Request) -> web.Response:
        """``/plan/<id>``: one plan's page. The id is used as it was sent, since it may contain any characters."""
        raw = request.rel_url.raw_path.removeprefix("/plan/")
        return await self._plan(unquote(raw, errors="replace"))

    async def plan_by_query(self, request: web.Request) -> web.Response:
        """``/plan?id=<id>``: one plan's page, from the form."""
        if "id" not in request.query:
            return page(templates.render("find", links=home.links(self._settings)))
        return await self._plan(request.query["id"].strip())

    async def _plan(self, plan_id: str) -> web.Response:
        if not 0 < len(plan_id) <= MAX_PLAN_ID_CHARS:
            text = f"Write a plan_id of 1 to {MAX_PLAN_ID_CHARS} characters; this one has {len(plan_id)}."
            return page(templates.message("No such plan", text), status=404)
        try:
            found = await self._cluster.plan(plan_id)
        except CorruptStateError as error:
            return page(templates.message("Unreadable", f"The record of this plan can't be read: {error}"), status=500)
        except StoreError as error:
            return self._away(error)
        body, status = plan.render(plan_id, found, home.links(self._settings), self._settings.allowlist)
        return page(body, status=status)

    async def _sample(self) -> None:
        while True:
            reading: Reading = await self._cluster.overview()
            if reading.overview is not None:
                self._history.add(reading.overview)
            await asyncio.sleep(PERIOD_SEC)


def _entry_id(request: web.Request) -> str:
    """The entry id at which a list continues; empty, the list's beginning, for any other text."""
    before = request.query.get("before", "")
    return before if is_entry_id(before) else ""


def _scrape_timeout_sec(request: web.Request) -> float:
    """The time limit of a scrape: slightly below Prometheus's header value, and at most our own."""
    try:
        given = float(request.headers.get(_SCRAPE_TIMEOUT_HEADER, "inf"))
    except ValueError:
        return READ_TIMEOUT_SEC
    return min(READ_TIMEOUT_SEC, max(0.2, given * 0.8)) if given > 0 else READ_TIMEOUT_SEC
