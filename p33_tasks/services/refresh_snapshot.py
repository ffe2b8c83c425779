"""Refresh snapshots: the first task of a tick makes one bulk request to the venue, for all symbols."""

from __future__ import annotations

from collections import Counter

import structlog

from p33_tasks.domain.models import Snapshot
from p33_tasks.errors import ExchangeError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import Claim, MarketsLoaded, RefreshClaim, SnapshotStore, Venue

_NOT_WRITTEN = {
    "wrong_type": "a key of the symbol holds another type; find it with TYPE, move it away",
    "other_run": "Redis restarted or failed over while the request was under way; the next refresh writes a usable one",
}

log = structlog.get_logger("p33.snapshot")


class SnapshotService:
    """Refreshes the snapshots of all symbols in the allowlist. After a failed request nothing is written."""

    def __init__(self, venue: Venue, store: SnapshotStore, allowlist: tuple[str, ...]) -> None:
        self._venue = venue
        self._store = store
        self._allowlist = allowlist

    def refresh(self, symbol: str, *, only_wished: bool = False) -> str:
        """Refresh all symbols, unless this tick's request was made already or is under way.

        Args:
            symbol: The task's symbol; the bulk request refreshes all the others too.
            only_wished: Not a tick: refresh only if the forecaster requested it and the budget has room.

        Returns:
            ``done``, ``in_flight``, ``paused``, ``not_allowed``, ``refreshed`` or ``failed``.
        """
        if symbol not in self._allowlist:
            log.warning(LogEvent.REFUSED, symbol=symbol[:40], note="not in P33_ALLOWLIST of this worker")
            return "not_allowed"
        claim = self._store.claim_refresh(self._venue.source, only_wished=only_wished)
        if claim.claim is not Claim.MINE:
            return str(claim.claim)
        error, markets = "the worker failed", None
        try:
            error = self._refresh_positions(claim)
            if claim.markets_due and not error:
                markets = self._refresh_markets(claim)
        except ExchangeError as failure:
            error = f"{type(failure).__name__}: {failure}"
            log.warning(LogEvent.SNAPSHOT_FAILED, source=self._venue.source, error=error)
            self._store.count_snapshot_errors(self._allowlist)
        finally:
            self._store.finish_refresh(claim, error=error, markets=markets)
        return "failed" if error else "refreshed"

    def _refresh_positions(self, claim: RefreshClaim) -> str:
        """The reason why nothing was written; empty if snapshots were written."""
        report = self._venue.fetch_positions(self._allowlist)
        if report.account and self._store.note_account(report.account):
            log.warning(LogEvent.ACCOUNT_CHANGED, source=self._venue.source, account=report.account)
            return "the positions are of another account than those of the last 10 minutes: they are not written"
        written = self._store.put_snapshots(
            Snapshot(
                position=position,
                ts_ms=claim.now_ms,
                source=self._venue.source,
                run_id=claim.run_id,
                life=claim.life,
            )
            for symbol, position in report.positions.items()
            if symbol in self._allowlist
        )
        unknown = {symbol: "missing in the answer" for symbol in self._allowlist if symbol not in report.positions}
        unknown.update({symbol: problem for symbol, problem in report.invalid.items() if symbol in self._allowlist})
        unknown.update({symbol: _NOT_WRITTEN[status] for symbol, status in written.items() if status in _NOT_WRITTEN})
        if unknown:
            self._store.count_snapshot_errors(unknown)
            for symbol, problem in unknown.items():
                log.warning(LogEvent.SNAPSHOT_UNKNOWN, symbol=symbol, problem=problem)
        log.debug(LogEvent.SNAPSHOTS, source=self._venue.source, **Counter(written.values()))
        return ""

    def _refresh_markets(self, claim: RefreshClaim) -> MarketsLoaded | None:
        """Fetch and store market rules; None after a failure, which leaves the old rules until they are too old.

        A symbol that the venue no longer trades, or whose rules can't be read, loses its old rules: the venue's latest
        answer counts.
        """
        try:
            report = self._venue.fetch_markets(self._allowlist)
        except ExchangeError as failure:
            log.warning(
                LogEvent.MARKETS_FAILED, source=self._venue.source, error=f"{type(failure).__name__}: {failure}"
            )
            return None
        self._store.put_markets(report, source=self._venue.source, ts_ms=claim.now_ms)
        for symbol, problem in report.invalid.items():
            log.warning(LogEvent.MARKET_UNKNOWN, symbol=symbol, problem=problem)
        log.info(LogEvent.MARKETS, source=self._venue.source, loaded=len(report.markets), unknown=len(report.invalid))
        return MarketsLoaded.SOME if report.invalid else MarketsLoaded.ALL
