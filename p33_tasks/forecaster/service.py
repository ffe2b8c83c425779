"""The forecaster's loop: after each refresh it reads new events, learns, predicts and publishes."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import structlog

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.contract.forecast_status import BINS, ForecastStatus, Tenth
from p33_tasks.errors import StoreError
from p33_tasks.forecaster.issuing import Issue
from p33_tasks.forecaster.learner import Outlook
from p33_tasks.forecaster.publishing import ForecastStore
from p33_tasks.forecaster.reading import Happenings, sights_of
from p33_tasks.forecaster.state import Learned
from p33_tasks.forecaster.warning import Warnings
from p33_tasks.log_events import LogEvent
from p33_tasks.views.overview import Overview, read_overview

TICK_SEC = 0.5
IDLE_LOOK_MS = 5_000
"""Without a refresh a cycle starts after this time, to read plans and settle waiting samples."""
SAVE_EVERY_MS = 60_000
AWAY_SEC = 1.0
WISH_AGE_MS = 500
"""After a refresh that began less than this ago no earlier one is requested."""

log = structlog.get_logger("p33.forecast")


class Forecaster:
    """The forecaster of one account; a second one waits until the first has ended."""

    def __init__(self, here: Runtime, stop: threading.Event, *, show_life: Callable[[], None]) -> None:
        self._here = here
        self._stop = stop
        self._show_life = show_life
        self._store = ForecastStore(here.client, here.keys, poll_ms=here.settings.policy.poll_ms)
        self._token = uuid.uuid4().hex
        self._learned: Learned | None = None
        self._warnings = Warnings()
        self._looked_ms = self._refreshed_ms = self._saved_ms = 0
        self._spoke: bool | None = None
        self._happenings: Happenings | None = None

    def run(self) -> None:
        """Run until ``stop`` is set. Waits during an outage of Redis; no other process waits for this one."""
        away = waits = False
        while not self._stop.is_set():
            self._show_life()
            try:
                mine = self._store.keep_lease(self._token)
                if mine:
                    self._round()
                elif not waits:
                    log.info(LogEvent.FORECASTER_WAITS)
                    self._learned = None  # the other one continues from the stored state, and so does its successor
                waits, away = not mine, False
            except StoreError as error:
                if not away:
                    log.warning(LogEvent.FORECASTER_AWAY, error=str(error))
                away = True
            self._stop.wait(AWAY_SEC if away else TICK_SEC)
        self._end()

    def _round(self) -> None:
        if self._learned is None:
            self._learned = self._store.load()
            self._happenings = Happenings(self._here.client, self._here.keys, self._learned)
            log.info(LogEvent.FORECASTER_READY, samples=self._learned.totals["samples"])
        refreshed_ms = self._store.refreshed_ms() or 0
        seconds, micros = self._here.client.time()
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        if refreshed_ms == self._refreshed_ms and 0 <= now_ms - self._looked_ms < IDLE_LOOK_MS:
            return
        self._refreshed_ms, self._looked_ms = refreshed_ms, now_ms
        self._look(self._learned)
        if not 0 <= now_ms - self._saved_ms < SAVE_EVERY_MS:
            self._store.save(self._learned)
            self._saved_ms = now_ms

    def _look(self, learned: Learned) -> None:
        here, learner, policy = self._here, learned.learner, self._here.settings.policy
        if self._happenings is None:
            raise AssertionError("a round began without its reader")
        self._happenings.read()
        overview = read_overview(here.client, here.keys, here.settings.allowlist, source=here.source)
        seen = list(sights_of(overview.symbols, source=here.source))
        outlook = learner.look((sight for sight, _ in seen), overview.now_ms)
        speaks = learner.issuer.speaks
        new = self._warnings.look(
            outlook.predictions if speaks else (), {view.position: view for _, view in seen}, policy
        )
        issues = outlook.issues[: here.settings.prepare_max]
        wishes = self._wishes(issues, overview)
        self._store.publish(issues, new, wishes_at_ms=overview.now_ms if wishes else None)
        for ahead in new:
            log.warning(
                LogEvent.PLAN_WOULD_BE_DENIED,
                position=ahead.position,
                action=ahead.action,
                probability=ahead.probability,
                reason=ahead.reason,
                needed=ahead.words,
            )
        totals = learned.totals
        totals["samples"] = learner.scores.samples
        totals["published"] += len(issues)
        totals["warnings"] += len(new)
        totals["wishes"] += wishes
        if speaks is not self._spoke:
            self._spoke = speaks
            if speaks:
                log.info(LogEvent.FORECASTS_SPEAK, why=learner.issuer.why)
            else:
                log.info(LogEvent.FORECASTS_SILENT, why=learner.issuer.why)
        self._store.show(status_of(learned, self._warnings, outlook, overview.now_ms))

    def _wishes(self, issues: tuple[Issue, ...], overview: Overview) -> bool:
        """Request an earlier refresh: verdicts for new forecasts are prepared after the next refresh."""
        started_ms = overview.refresh.started_ms
        return bool(issues) and started_ms is not None and overview.now_ms - started_ms > WISH_AGE_MS

    def _end(self) -> None:
        try:
            if self._learned is not None:
                self._store.save(self._learned)
            self._store.give_back(self._token)
        except StoreError as error:
            log.warning(LogEvent.FORECASTER_AWAY, error=str(error))


def status_of(learned: Learned, warnings: Warnings, outlook: Outlook, now_ms: int) -> ForecastStatus:
    """The status to store after one cycle."""
    learner = learned.learner
    scores, issuer = learner.scores, learner.issuer

    def mean(total: float) -> float | None:
        return total / scores.weight if scores.weight else None

    return ForecastStatus(
        ts_ms=now_ms,
        speaks=issuer.speaks,
        why=issuer.why,
        positions=len(outlook.predictions),
        left_out=learner.left_out,
        weight=scores.weight,
        brier=mean(scores.brier),
        base_brier=mean(scores.base_brier),
        log_loss=mean(scores.log_loss),
        base_log_loss=mean(scores.base_log_loss),
        hit_rate=scores.hit_rate,
        cost=scores.cost,
        limit=issuer.limit,
        totals=dict(learned.totals),
        tenths=tuple(
            Tenth(
                count=bin_.count,
                forecast=bin_.probability / bin_.count if bin_.count else 0.0,
                came=bin_.came / bin_.count if bin_.count else 0.0,
            )
            for bin_ in scores.bins[:BINS]
        ),
        warnings=tuple(warnings.standing.values()),
    )
