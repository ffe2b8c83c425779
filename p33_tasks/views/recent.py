"""The latest verdicts, from the audit stream. Read-only, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.domain import exact_json
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views import denials, narrative

if TYPE_CHECKING:
    import redis

MAX_RECENT = 100
PAGE = 500
PAGES = 10
"""A filter searches at most 5 000 entries at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentVerdict:
    """One entry of the audit stream."""

    plan_id: str
    symbol: str
    ts_ms: int  # Redis TIME of the entry
    verdict: Mapping[str, Any]  # empty: the entry can't be read

    @property
    def position(self) -> str:
        """The symbol, in hedge mode with its leg."""
        return narrative.position_name({**self.verdict, "symbol": self.symbol})

    @property
    def allowed(self) -> bool:
        """Whether it is an allow."""
        return self.verdict.get("allow") is True

    @property
    def outcome(self) -> str:
        """``allow``, or the reason of the deny."""
        return "allow" if self.allowed else self.reason

    @property
    def reason(self) -> str:
        """The reason of a deny, as recorded."""
        return str(self.verdict.get("reason"))

    @property
    def side(self) -> str:
        """The side of an allow's order, buy or sell, as recorded."""
        return str(self.verdict.get("order_side")).lower()

    @property
    def quantity(self) -> str:
        """An allow's quantity, as recorded."""
        return narrative.number(self.verdict.get("safe_close_qty"))

    @property
    def why(self) -> str:
        """What a deny's rule requires and what to do; empty for an allow."""
        if self.allowed or not self.verdict:
            return ""
        needed = denials.needed(self.verdict)
        return (f"Needed {needed}. " if needed else "") + denials.remedy(self.verdict)


def read_recent(client: redis.Redis, keys: Keys, count: int) -> tuple[RecentVerdict, ...]:
    """The latest verdicts, newest first, in one round trip.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    with translated_errors():
        rows: Any = client.xrevrange(keys.decisions, count=min(count, MAX_RECENT))
    return tuple(_recent(entry_id, fields) for entry_id, fields in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPage:
    """Verdicts that match a filter, newest first."""

    verdicts: tuple[RecentVerdict, ...]
    older: str  # the next page has the entries older than this id; empty: there are none
    now_ms: int


def read_verdicts(
    client: redis.Redis, keys: Keys, *, symbol: str = "", reason: str = "", before: str = "", count: int = 50
) -> VerdictPage:
    """One page of the audit stream; with a filter at most 5 000 entries are searched.

    Args:
        client: Any client that decodes replies.
        keys: The keys of the account.
        symbol: Only its verdicts, or those of one of its legs (``BTCUSDT:LONG``); empty: all.
        reason: Only denials for it, or ``allow``: only allows; empty: all.
        before: Only entries older than this entry id; empty: from the newest.
        count: Verdicts on a page.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    found: list[RecentVerdict] = []
    with translated_errors():
        sec, micros = client.time()
        now_ms = int(sec) * 1000 + int(micros) // 1000
        for _ in range(PAGES):
            rows: Any = client.xrevrange(keys.decisions, max=f"({before}" if before else "+", count=PAGE)
            for entry_id, fields in rows:
                verdict, before = _recent(entry_id, fields), entry_id
                if symbol in {"", verdict.symbol, verdict.position} and reason in {"", verdict.outcome}:
                    found.append(verdict)
                if len(found) == count:
                    return VerdictPage(verdicts=tuple(found), older=before, now_ms=now_ms)
            if len(rows) < PAGE:
                return VerdictPage(verdicts=tuple(found), older="", now_ms=now_ms)
    return VerdictPage(verdicts=tuple(found), older=before, now_ms=now_ms)


def _recent(entry_id: str, fields: Mapping[str, str]) -> RecentVerdict:
    try:
        verdict = exact_json.loads_object(fields.get("verdict", ""))
    except CorruptStateError:
        verdict = {}
    return RecentVerdict(
        plan_id=fields.get("plan_id", ""),
        symbol=fields.get("symbol", ""),
        ts_ms=int(entry_id.partition("-")[0]),
        verdict=verdict,
    )
