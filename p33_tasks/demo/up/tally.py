"""Counts the events of a run: verdicts, executions, the producer's cases."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from p33_tasks.cli.events import event_line, result_of
from p33_tasks.domain.models import Policy
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.feed import Feed, ResultSeen, VerdictSeen
from p33_tasks.views.overview import Overview, read_overview

if TYPE_CHECKING:
    import redis

    from p33_tasks.cli.session import Session

KEPT_LINES = 200


@dataclass
class Tally:
    """Counts and latest lines; written by one thread."""

    allowed: dict[str, Decimal] = field(default_factory=dict)  # plan_id to the permitted quantity
    denied: Counter[str] = field(default_factory=Counter)
    executed: set[str] = field(default_factory=set)  # plan_ids
    blocked: int = 0
    refused: dict[str, str] = field(default_factory=dict)  # plan_id to the last reason for not executing it
    cases: list[dict[str, Any]] = field(default_factory=list)
    lines: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    seen_lines: int = 0
    adapted: dict[str, tuple[int, str]] = field(default_factory=dict)  # position: its longest own cooldown, ms; by what

    def add(self, event: VerdictSeen | ResultSeen) -> None:
        """Count one event."""
        self.lines.append(event_line(event))
        self.seen_lines += 1
        if isinstance(event, VerdictSeen):
            self._add_verdict(event)
            return
        result = result_of(event)
        if result is None:
            return
        if result.executed:
            self.executed.add(result.plan_id)
        else:
            self.blocked += 1
            self.refused[result.plan_id] = "; ".join(result.errors)

    def _add_verdict(self, event: VerdictSeen) -> None:
        quantity = event.verdict.get("safe_close_qty")
        if not event.allowed:
            self.denied[event.reason] += 1
        elif isinstance(quantity, (int, Decimal)):
            self.allowed[event.plan_id] = Decimal(quantity)

    @property
    def allowed_and_refused(self) -> dict[str, str]:
        """For each allowed plan that was not executed: the reason, by plan_id."""
        return {plan: why for plan, why in self.refused.items() if plan in self.allowed and plan not in self.executed}

    def add_case(self, fields: Mapping[str, str]) -> None:
        """Count one case of the producer."""
        self.cases.append(
            {
                "case": fields.get("case", ""),
                "symbol": fields.get("symbol", ""),
                "expected": fields.get("expected", ""),
                "got": fields.get("got", ""),
                "expected_outcome": fields.get("expected_outcome", ""),
                "outcome": fields.get("outcome", ""),
                "plan_id": fields.get("plan_id", ""),
                "ok": fields.get("ok") == "True",
            }
        )

    def add_cooldowns(self, overview: Overview, policy: Policy) -> None:
        """Record cooldowns that the service has lengthened."""
        for view in overview.symbols:
            mine = view.policy_in_force(policy)
            if mine.cooldown_by in {"volatility", "settlement"}:
                known = self.adapted.get(view.position, (0, ""))
                self.adapted[view.position] = max(known, (mine.cooldown_ms, mine.cooldown_by))

    def counts_text(self) -> str:
        """One line of numbers."""
        denied = sum(self.denied.values())
        text = f"{len(self.allowed)} allowed, {denied} denied; {len(self.executed)} executed, {self.blocked} blocked"
        if self.cases:
            text += f"; cases as expected {sum(case['ok'] for case in self.cases)} of {len(self.cases)}"
        return text


class Reader:
    """Reads the state store for a run; everything in three round trips."""

    def __init__(self, session: Session, client: redis.Redis, *, cases_key: str | None, after: str = "0") -> None:
        self._session = session
        self._client = client
        self._feed = Feed(client, session.keys, after=after)
        self._cases_key = cases_key
        self._after_case = "0"

    def look(self, tally: Tally) -> Overview:
        """Count new events, and read the state.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        for event in self._feed.poll():
            tally.add(event)
        if self._cases_key is not None:
            with translated_errors():
                entries: Any = self._client.xrange(self._cases_key, min=f"({self._after_case}", count=500)
            for entry_id, fields in entries:
                self._after_case = entry_id
                tally.add_case(fields)
        session = self._session
        overview = read_overview(self._client, session.keys, session.settings.allowlist, source=session.source)
        tally.add_cooldowns(overview, session.settings.policy)
        return overview
