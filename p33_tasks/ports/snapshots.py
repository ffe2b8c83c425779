"""Where position snapshots and market rules are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from p33_tasks.domain.models import Snapshot
from p33_tasks.ports.venue import MarketReport


class MarketsLoaded(StrEnum):
    """How many of the wanted symbols' order rules were."""

    ALL = "all"
    SOME = "some"


class Claim(StrEnum):
    """Who makes this tick's bulk request."""

    MINE = "mine"
    DONE = "done"  # this tick was fetched already
    IN_FLIGHT = "in_flight"  # somebody is fetching
    PAUSED = "paused"  # the venue asked for one, or Redis restarted a moment ago


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaim:
    """The right to make one bulk request, and the time to stamp its snapshots with."""

    claim: Claim
    now_ms: int  # Redis TIME, before the request is sent
    run_id: str
    life: str  # of the store, see ``Facts.life``
    token: str  # proves the claim when it is given back
    markets_due: bool = False  # the market metadata is missing or older than its refresh period


class SnapshotStore(Protocol):
    """Where snapshots and market rules are kept."""

    def claim_refresh(self, source: str, *, only_wished: bool = False) -> RefreshClaim:
        """Take this tick's bulk request, if nobody has; with ``only_wished`` the one that a forecaster wished for."""

    def note_account(self, account: str) -> bool:
        """Remember whose positions were fetched; whether they are of another account than those of the last 10 minutes.

        Then they must not be written. A new life of the store has begun: nothing that was fetched or permitted for the
        other account counts.
        """

    def finish_refresh(self, claim: RefreshClaim, *, error: str = "", markets: MarketsLoaded | None = None) -> None:
        """Give the claim back: the request is over, well or badly, and the order rules with it if they were due."""

    def put_snapshots(self, snapshots: Iterable[Snapshot]) -> Mapping[str, str]:
        """Write snapshots, never backwards; keeps ledgers alive, creates a proven flat one, adopts when told to.

        Returns:
            What happened to each symbol: ``ok``, ``older``, ``ledger_created``, ``ledger_adopted``, or an error word.
        """

    def count_snapshot_errors(self, symbols: Iterable[str]) -> None:
        """Count a failed refresh for each symbol."""

    def put_markets(self, report: MarketReport, *, source: str, ts_ms: int) -> None:
        """Share the venue's market rules with every worker, and which symbols have none by its latest word.

        Args:
            report: What the venue said.
            source: Venue and host.
            ts_ms: Redis TIME before it was asked.
        """
