"""Reads one plan's story: its verdict, the verdict's inputs, and what happened afterwards. Read-only, bounded.

The audit entry of a verdict has an id at or after the verdict's time, since both come from one clock; so a search in a
short range of entry ids finds it without an index.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.executions import decode_executed, decode_order
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain import exact_json
from p33_tasks.domain.executions import OrderRecord
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import ZERO, add
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.drifts import DriftingPosition, read_drifts
from p33_tasks.views.holds import HeldPosition, read_holds

if TYPE_CHECKING:
    import redis

AUDIT_WINDOW_MS = 10_000
RESULT_WINDOW_MS = 600_000
PAGE = 500
PAGES = 20
"""At most 10 000 entries of a stream are searched."""

Entry = tuple[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """The consumption of a permit. Times in milliseconds of Redis TIME."""

    consume_id: str
    consumed_ms: int
    place_before_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A plan with a verdict."""

    plan_id: str
    now_ms: int
    verdict: Mapping[str, Any]  # the decision, numbers exact
    inputs: Mapping[str, Any]  # its inputs; empty if the audit entry was trimmed
    permit_ttl_ms: int | None  # None: the permit was consumed, or has expired
    consumption: Consumption | None
    holds_reservation: bool
    results: tuple[Entry, ...]  # of this plan, oldest first
    breaches: Mapping[str, OrderRecord] = field(default_factory=dict)  # by order id: how the order exceeded the permit
    executed: Decimal | None = None  # base units, the sum over the plan's orders; None: not recorded
    holds: tuple[HeldPosition, ...] = ()  # current hold on the plan's symbol
    drifts: tuple[DriftingPosition, ...] = ()  # current drift of the plan's symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The known data of a plan without a verdict."""

    entry_id: str | None  # id in the stream of plans
    fields: Mapping[str, str]
    state: str  # unread, pending, acknowledged, never_seen
    consumer: str | None  # consumer that has it, if pending
    deliveries: int
    dead_letter: Entry | None
    verdict: Mapping[str, Any] | None  # an old verdict: its decision key has expired, the audit entry exists
    looked_at: int  # number of searched entries; older ones were not searched


def read_story(client: redis.Redis, keys: Keys, plan_id: str) -> Story | None:
    """Read a plan's verdict and what happened afterwards; None if there is no verdict.

    Raises:
        StoreError: Redis is unavailable, or refuses.
        CorruptStateError: The decision is not a JSON object.
    """
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        pipeline.get(keys.decision(plan_id))
        pipeline.pttl(keys.permit(plan_id))
        pipeline.hmget(keys.consumed(plan_id), ("consume_id", "consumed_ms", "place_before_ms"))
        (sec, micros), decision, ttl_ms, consumed = pipeline.execute()
        if decision is None:
            return None
        verdict = exact_json.loads_object(decision)
        ts_ms, symbol = verdict.get("ts_ms"), verdict.get("symbol")
        began = ts_ms if isinstance(ts_ms, int) else 0
        audit = _first(_forward(client, keys.decisions, began, began + AUDIT_WINDOW_MS), plan_id)
        results = tuple(_of(_forward(client, keys.results, began, began + RESULT_WINDOW_MS), plan_id))
        holder = client.get(keys.reservation(str(symbol), _leg_of(verdict)))
        text: Any = client.get(keys.executed(plan_id))
        executed = decode_executed(text)
        records: Any = client.hmget(keys.orders(str(symbol)), list(executed)) if executed else []
    return Story(
        plan_id=plan_id,
        now_ms=sec * 1000 + micros // 1000,
        verdict=verdict,
        inputs=_inputs(audit),
        permit_ttl_ms=ttl_ms if ttl_ms >= 0 else None,
        consumption=_consumption(consumed),
        holds_reservation=holder == plan_id,
        results=results,
        breaches=_breaches(plan_id, executed, records),
        executed=reduce(add, executed.values(), ZERO) if executed else None,
        holds=read_holds(client, keys, [str(symbol)]),
        drifts=read_drifts(client, keys, [str(symbol)]),
    )


def _leg_of(verdict: Mapping[str, Any]) -> Leg:
    """The leg of a verdict; BOTH in one-way mode, and for any foreign value."""
    named = verdict.get("position_side")
    return Leg(named) if isinstance(named, str) and named in set(Leg) else Leg.BOTH


def read_trace(client: redis.Redis, keys: Keys, plan_id: str) -> Trace:
    """Search for a plan without a verdict: in the stream of plans, the dead letters, and the older audit entries.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    with translated_errors():
        entry = _first(_backward(client, keys.plans), plan_id)
        letter = next(
            (item for item in _backward(client, keys.dead_letters) if _names(item[1].get("entry"), plan_id)), None
        )
        old = _first(_backward(client, keys.decisions), plan_id)
        state, consumer, deliveries = ("never_seen", None, 0) if entry is None else _state(client, keys, entry[0])
    verdict = None
    with contextlib.suppress(CorruptStateError):
        verdict = None if old is None else exact_json.loads_object(old[1].get("verdict", ""))
    return Trace(
        entry_id=None if entry is None else entry[0],
        fields={} if entry is None else entry[1],
        state=state,
        consumer=consumer,
        deliveries=deliveries,
        dead_letter=letter,
        verdict=verdict,
        looked_at=PAGE * PAGES,
    )


def _state(client: redis.Redis, keys: Keys, entry_id: str) -> tuple[str, str | None, int]:
    pipeline = client.pipeline(transaction=False)
    pipeline.xpending_range(keys.plans, GROUP, min=entry_id, max=entry_id, count=1)
    pipeline.xinfo_groups(keys.plans)
    pending, groups = pipeline.execute(raise_on_error=False)
    if isinstance(pending, list) and pending:
        return "pending", str(pending[0]["consumer"]), int(pending[0]["times_delivered"])
    group = next((g for g in groups if g.get("name") == GROUP), None) if isinstance(groups, list) else None
    if group is None or _order(entry_id) > _order(str(group["last-delivered-id"])):
        return "unread", None, 0
    return "acknowledged", None, 0


def _forward(client: redis.Redis, key: str, from_ms: int, to_ms: int) -> Iterator[Entry]:
    return _pages(lambda start: client.xrange(key, min=start, max=str(to_ms), count=PAGE), str(from_ms))


def _backward(client: redis.Redis, key: str) -> Iterator[Entry]:
    return _pages(lambda start: client.xrevrange(key, max=start, min="-", count=PAGE), "+")


def _pages(ask: Callable[[str], Any], start: str) -> Iterator[Entry]:
    for _ in range(PAGES):
        page = ask(start)
        yield from page
        if len(page) < PAGE:
            return
        start = f"({page[-1][0]}"


def _of(entries: Iterator[Entry], plan_id: str) -> Iterator[Entry]:
    return (entry for entry in entries if entry[1].get("plan_id") == plan_id)


def _first(entries: Iterator[Entry], plan_id: str) -> Entry | None:
    return next(_of(entries, plan_id), None)


def _names(entry_json: str | None, plan_id: str) -> bool:
    try:
        return exact_json.loads_object(entry_json or "").get("plan_id") == plan_id
    except CorruptStateError:
        return False


def _breaches(plan_id: str, order_ids: Iterable[str], records: Iterable[str | None]) -> dict[str, OrderRecord]:
    read = zip(order_ids, map(decode_order, records), strict=True)
    return {order_id: it for order_id, it in read if it is not None and it.plan_id == plan_id and it.breaches}


def _inputs(audit: Entry | None) -> Mapping[str, Any]:
    try:
        return {} if audit is None else exact_json.loads_object(audit[1].get("inputs", ""))
    except CorruptStateError:
        return {}


def _consumption(fields: list[str | None]) -> Consumption | None:
    consume_id, consumed_ms, place_before_ms = fields
    if consume_id is None or consumed_ms is None or place_before_ms is None:
        return None
    try:
        consumed, place_before = decode_time(consumed_ms, None), decode_time(place_before_ms, None)
    except CorruptStateError:  # of a foreign writer: no time, or out of the calendar's range
        return None
    return Consumption(consume_id=consume_id, consumed_ms=consumed or 0, place_before_ms=place_before or 0)


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence or 0)
