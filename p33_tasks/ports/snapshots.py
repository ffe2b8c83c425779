"""Port: the store of position snapshots and market rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from p33_tasks.domain.models import Snapshot
from p33_tasks.ports.venue import MarketReport


class MarketsLoaded(StrEnum):
    """How many of the requested symbols' market rules were loaded."""

    ALL = "all"
    SOME = "some"


class Claim(StrEnum):
    """The outcome of claiming this tick's bulk request."""

    MINE = "mine"
    DONE = "done"  # this tick's request was made already
    IN_FLIGHT = "in_flight"  # another task is making the request
    PAUSED = "paused"  # a pause by the venue, or just after a restart of Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaim:
    """The claim to make one bulk request, with the time to store in its snapshots."""

    claim: Claim
    now_ms: int  # Redis TIME, before the request is sent
    run_id: str
    life: str  # the store's life, see ``Facts.life``
    token: str  # identifies the claim when it is given back
    markets_due: bool = False  # market rules are missing or older than their refresh period


class SnapshotStore(Protocol):
    """Stores snapshots and market rules."""

    def claim_refresh(self, source: str, *, only_wished: bool = False) -> RefreshClaim:
        """Claim this tick's bulk request; with ``only_wished`` the one that the forecaster requested."""

    def note_account(self, account: str) -> bool:
        """Record the account of the fetched positions; True if it differs from the account of the last 10 minutes.

        Then the positions must not be written, and a new life of the store has begun: all snapshots and permits of the
        other account are invalid.
        """

    def finish_refresh(self, claim: RefreshClaim, *, error: str = "", markets: MarketsLoaded | None = None) -> None:
        """Give the claim back after the request; ``markets``: how many market rules it loaded, if they were due."""

    def put_snapshots(self, snapshots: Iterable[Snapshot]) -> Mapping[str, str]:
        """Write snapshots, unless newer ones are stored; renew ledgers' TTL, create flat ledgers, adopt if configured.

        Returns:
            For each symbol ``ok``, ``older``, ``ledger_created``, ``ledger_adopted``, or an error word.
        """

    def count_snapshot_errors(self, symbols: Iterable[str]) -> None:
        """Count a failed refresh for each symbol."""

    def put_markets(self, report: MarketReport, *, source: str, ts_ms: int) -> None:
        """Store the venue's market rules for all workers, and the symbols without rules in its latest answer.

        Args:
            report: The venue's answer.
            source: Venue and host.
            ts_ms: Redis TIME before the request.
        """
