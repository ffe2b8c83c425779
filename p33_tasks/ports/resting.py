"""Port: the store of the account's open orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from p33_tasks.abilities import RestingReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingClaim:
    """The claim to read the account's open orders once, with the time, life and source to store."""

    now_ms: int  # Redis TIME, before the requests are sent
    life: str  # the store's life, see ``Facts.life``
    source: str  # venue and host


class RestingStore(Protocol):
    """Stores each position's resting orders."""

    def is_due(self) -> bool:
        """Whether the last reading began a minute ago or more."""

    def claim(self, source: str) -> RestingClaim | None:
        """Claim this minute's reading; None if another task has it, or while the store has no life yet."""

    def put(self, claim: RestingClaim, report: RestingReport) -> bool:
        """Store every position's orders; False, and nothing is stored, if a new life of the store has begun."""

    def fail(self, claim: RestingClaim, error: str) -> None:
        """Record why the reading failed; the stored orders stay, and age."""
