"""Where the open orders of the account are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from p33_tasks.abilities import RestingReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingClaim:
    """The right to read the account's open orders once, and what its answer is stamped with."""

    now_ms: int  # Redis TIME, before the requests are sent
    life: str  # of the store, see ``Facts.life``
    source: str  # venue and host


class RestingStore(Protocol):
    """Where each position's resting orders are kept."""

    def is_due(self) -> bool:
        """Whether the last reading began a minute ago or more."""

    def claim(self, source: str) -> RestingClaim | None:
        """Take this minute's reading; None when somebody has, or while the store has no life yet."""

    def put(self, claim: RestingClaim, report: RestingReport) -> bool:
        """Keep what was told of every position; False: the store's life ended meanwhile, nothing counts."""

    def fail(self, claim: RestingClaim, error: str) -> None:
        """Note why nothing was told; what is kept ages."""
