"""Reads the events since the last cycle from the streams, and the current positions as ``views`` does."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.entries import time_ms_of
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.plans import is_emergency, parse_entry
from p33_tasks.contract.positions import position_key
from p33_tasks.domain.models import Plan
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import InvalidMessageError
from p33_tasks.forecaster.features import Sight
from p33_tasks.forecaster.state import Learned
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.feed import verdict_seen
from p33_tasks.views.positions import SymbolView

if TYPE_CHECKING:
    import redis

PAGE = 1_000
MOST_PAGES = 20
"""Per stream and cycle; further entries are read in the next cycle."""
PLANS_KEPT = 10_000
"""Plans kept until their verdict, and to detect a repeated plan_id."""
BEGINNING = "0-0"

Fields = Mapping[str, str]


class Happenings:
    """Reads plans, verdicts and changes of positions, oldest first, and passes them to the learner."""

    def __init__(self, client: redis.Redis, keys: Keys, learned: Learned) -> None:
        self._client = client
        self._learned = learned
        self._handlers = {
            keys.position_changes: self._change,
            keys.plans: self._plan,
            keys.decisions: self._verdict,
        }
        self._from_the_start = {keys.position_changes}  # the opening times of positions are read from the past
        self._plans: OrderedDict[str, str] = OrderedDict()  # plan_id to position

    def read(self) -> None:
        """Read all new entries, in each stream's order.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        for stream, handle in self._handlers.items():
            for entry_id, fields in self._new(stream):
                try:
                    handle(entry_id, fields)
                except (InvalidMessageError, ValueError):
                    self._learned.totals["ignored"] += 1

    def _new(self, stream: str) -> Iterator[tuple[str, Fields]]:
        read = self._learned.read
        with translated_errors():
            newest: Any = self._client.xrevrange(stream, count=1)
            last = str(newest[0][0]) if newest else BEGINNING
            # First start; or Redis was restored to an older state, and new entries have lower ids than those read.
            if stream not in read or _order(last) < _order(read[stream]):
                read[stream] = BEGINNING if stream in self._from_the_start else last
            for _ in range(MOST_PAGES):
                page: Any = self._client.xrange(stream, min=f"({read[stream]}", count=PAGE)
                for entry_id, fields in page:
                    read[stream] = str(entry_id)
                    yield str(entry_id), fields
                if len(page) < PAGE:
                    return

    def _plan(self, entry_id: str, fields: Fields) -> None:
        """Pass on a plan that is judged, except a repeated plan_id and an emergency close, which can't be predicted."""
        plan = parse_entry(dict(fields), issued_ms=time_ms_of(entry_id))
        if plan is None or is_emergency(fields):
            return
        if plan.problem is not None or plan.close_factor is None or plan.plan_id in self._plans:
            raise InvalidMessageError("no closing plan, or one that was there before")
        position = self._position_of(plan)
        self._plans[plan.plan_id] = position
        if len(self._plans) > PLANS_KEPT:
            self._plans.popitem(last=False)
        learner, totals = self._learned.learner, self._learned.totals
        if position not in learner.tracks:
            return  # flat, or not a symbol of this account
        totals["plans"] += 1
        totals["foreseen"] += learner.plan(position, canonical(plan.close_factor), plan.issued_ms)

    def _position_of(self, plan: Plan) -> str:
        """The position key of a plan; in one-way mode a plan that names a side is about the symbol's only position."""
        position = position_key(plan.symbol, plan.position_side)
        return position if position in self._learned.learner.tracks else plan.symbol

    def _verdict(self, entry_id: str, fields: Fields) -> None:
        seen = verdict_seen(entry_id, fields)
        position = self._plans.get(seen.plan_id)
        if seen.verdict.get("prepared") is True:
            self._learned.totals["promoted"] += 1
        if position is not None and not seen.allowed:
            self._learned.learner.denied(position)

    def _change(self, entry_id: str, fields: Fields) -> None:
        position = fields.get("position", "")
        if fields.get("before") in {"", "0"} and fields.get("after") != "0":
            self._learned.learner.opened(position, min(int(fields.get("ts_ms", "")), time_ms_of(entry_id)))


def sights_of(views: tuple[SymbolView, ...], *, source: str) -> Iterator[tuple[Sight, SymbolView]]:
    """The positions that aren't flat and have a price; another venue's snapshot is ignored."""
    for view in views:
        snapshot, amount = view.facts.snapshot, view.position_amt
        if snapshot is None or not amount or snapshot.source != source or snapshot.ts_ms > view.facts.now_ms:
            continue
        mark, entry = (
            0.0 if price is None else float(price) for price in (view.price("mark_price"), view.price("entry_price"))
        )
        if not 0 < mark < math.inf or not 0 < abs(float(amount)) < math.inf:
            continue
        if not 0 < entry < math.inf:  # then the gain is unknown, and 0 is used
            entry = mark
        yield (
            Sight(
                position=view.position,
                symbol=view.symbol,
                leg=view.leg,
                amount=float(amount),
                entry=entry,
                mark=mark,
                ts_ms=snapshot.ts_ms,
                ordered_ms=None if view.facts.ledger is None else view.facts.ledger.last_order_time_ms,
            ),
            view,
        )


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence or 0)
