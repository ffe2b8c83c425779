"""The promises, checked over what Redis and the exchange hold at the end; from the wire contract, not the brain's code.

1. Every plan has exactly one verdict: one audit entry, and the decision key says the same.
2. A verdict follows from the inputs that are written down with it.
3. No two allows of a symbol are outstanding at once.
4. An order at the exchange belongs to an allow of its plan: one order per plan, its side, at most its quantity, and
   on exactly the position that the verdict was made from.
5. A ledger is what it was plus what was executed, each order once; it is what the exchange holds.
6. Nothing waits in a stream, nothing was dead-lettered, nobody went around the gate.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import redis

from p33_tasks.store.audit import decode_entry, replay
from tests.fault.world import (
    BOOK,
    COOLDOWN_SEC,
    DECISIONS,
    PERMIT_TTL_SEC,
    PLANS,
    REAL,
    RESULTS,
    START_AMT,
    THRESHOLD_SEC,
)

PAGE = 2_000
PLACE_WINDOW_MS = 5_000
ISSUED_HOLD_MS = (PERMIT_TTL_SEC + COOLDOWN_SEC) * 1000
CONSUMED_HOLD_MS = max(PERMIT_TTL_SEC * 1000, PLACE_WINDOW_MS + THRESHOLD_SEC * 1000)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One audit entry."""

    plan_id: str
    symbol: str
    decided_ms: int
    raw: str
    body: Mapping[str, Any]


@dataclass
class Checked:
    """What was found."""

    plans: int = 0
    allows: int = 0
    orders: int = 0
    fills: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    lived: dict[str, tuple[int, int]] = field(default_factory=dict)  # plan_id: published and decided, Redis TIME in ms

    def assert_held(self) -> None:
        assert not self.broken, f"{len(self.broken)} promises broken, first: " + "\n".join(self.broken[:10])


def check(
    client: redis.Redis,
    orders: list[dict[str, Any]],
    position_of: Callable[[str], Decimal],
    *,
    start: Mapping[str, Decimal] = START_AMT,
    exact_ledgers: bool = True,
    dead_letters: int = 0,
) -> Checked:
    """Check all promises.

    Args:
        client: Of the state store.
        orders: What the exchange accepted, oldest first.
        position_of: The exchange's present position of a symbol.
        start: The positions that all began with.
        exact_ledgers: False where Redis forgot: then a ledger may be missing or differ (rules 3 and 4 deny), and the
            verdict that an order was made by may be gone; but still no plan has two orders.
        dead_letters: How many were sent on purpose.
    """
    found = Checked()
    published = _published(client)
    verdicts = _verdicts(client, found)
    found.plans = len(published)
    _one_verdict_each(client, published, verdicts, found)
    allows = [v for v in verdicts.values() if v.body["allow"]]
    found.allows = len(allows)
    _never_two_outstanding(client, allows, found)
    _orders_follow_allows(orders, verdicts, dict(start), found, forgetful=not exact_ledgers)
    if exact_ledgers:
        _ledgers_are_sums(client, orders, position_of, start, found)
    _nothing_left(client, dead_letters, found, forgetful=not exact_ledgers)
    return found


def entries(client: redis.Redis, stream: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A whole stream, page by page."""
    start = "-"
    while page := client.xrange(stream, start, "+", count=PAGE):
        yield from page
        start = f"({page[-1][0]}"


def ms_of(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


def client_order_id(plan_id: str, prefix: str = "quantum") -> str:
    """As the reference apply layer names its orders."""
    return "p33-" + hashlib.sha256(f"{prefix}\n{plan_id}".encode()).hexdigest()[:32]


def _published(client: redis.Redis) -> dict[str, int]:
    """Plan to the time of its first entry."""
    found: dict[str, int] = {}
    for entry_id, fields in entries(client, PLANS):
        if fields.get("decision") == "EXECUTE" and "plan_id" in fields:
            found.setdefault(fields["plan_id"], ms_of(entry_id))
    return found


def _verdicts(client: redis.Redis, found: Checked) -> dict[str, Verdict]:
    verdicts: dict[str, Verdict] = {}
    for entry_id, fields in entries(client, DECISIONS):
        plan_id = fields["plan_id"]
        if plan_id in verdicts:
            found.broken.append(
                f"{plan_id} has two verdicts: {verdicts[plan_id].raw:.200} and {fields['verdict']:.200}"
            )
            continue
        body = json.loads(fields["verdict"], parse_float=Decimal, parse_int=Decimal)
        verdicts[plan_id] = Verdict(
            plan_id=plan_id, symbol=fields["symbol"], decided_ms=ms_of(entry_id), raw=fields["verdict"], body=body
        )
        found.reasons[body.get("reason", "allow")] += 1
        if fields["inputs"] == "{}":
            continue
        decoded = decode_entry(fields)
        if decoded.facts is not None and (again := replay(decoded)) != fields["verdict"]:
            found.broken.append(f"{plan_id}: made again, the verdict is {again:.200}, not {fields['verdict']:.200}")
    return verdicts


def _one_verdict_each(
    client: redis.Redis, published: Mapping[str, int], verdicts: Mapping[str, Verdict], found: Checked
) -> None:
    ids = list(published)
    for at in range(0, len(ids), PAGE):
        page = ids[at : at + PAGE]
        for plan_id, decision in zip(page, client.mget([f"quantum:p33:decision:{p}" for p in page]), strict=True):
            verdict = verdicts.get(plan_id)
            if verdict is None:
                found.broken.append(f"{plan_id} has no verdict (decision key: {decision!r:.80})")
                continue
            found.lived[plan_id] = (published[plan_id], verdict.decided_ms)
            if decision != verdict.raw:
                found.broken.append(f"{plan_id}: decision {decision!r:.120}, audit {verdict.raw!r:.120}")


def _never_two_outstanding(client: redis.Redis, allows: list[Verdict], found: Checked) -> None:
    released: dict[str, int] = {}
    for entry_id, fields in entries(client, RESULTS):
        executed = fields.get("executed", "").lower() == "true"
        if executed or fields.get("outcome") in {"rejected", "blocked"}:
            released.setdefault(fields["plan_id"], ms_of(entry_id))
    by_symbol: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in allows:
        by_symbol[verdict.symbol].append(verdict)
    for same in by_symbol.values():
        ordered = sorted(same, key=lambda v: v.decided_ms)
        for earlier, later in pairwise(ordered):
            consumed = client.hget(f"quantum:p33:consumed:{earlier.plan_id}", "consumed_ms")
            over_ms = int(consumed) + CONSUMED_HOLD_MS if consumed else earlier.decided_ms + ISSUED_HOLD_MS
            if later.decided_ms < min(over_ms, released.get(earlier.plan_id, over_ms)):
                found.broken.append(f"{later.plan_id} was allowed while {earlier.plan_id} was outstanding")


def _orders_follow_allows(
    orders: list[dict[str, Any]],
    verdicts: Mapping[str, Verdict],
    positions: dict[str, Decimal],
    found: Checked,
    *,
    forgetful: bool = False,
) -> None:
    by_order_id = {client_order_id(plan_id): verdict for plan_id, verdict in verdicts.items()}
    seen: set[str] = set()
    for order in sorted(orders, key=lambda o: int(o["orderId"])):
        executed, name = Decimal(order["executedQty"]), str(order["clientOrderId"])
        if executed == 0:
            continue
        found.orders += 1
        verdict = by_order_id.get(name)
        before = positions.get(order["symbol"], Decimal(0))
        positions[order["symbol"]] = before + (executed if order["side"] == "BUY" else -executed)
        if name in seen:
            found.broken.append(f"{name} was executed twice: {order}")
        seen.add(name)
        if forgetful:
            continue
        if verdict is None or not verdict.body["allow"]:
            found.broken.append(f"order {name} on {order['symbol']} has no allow: {verdict and verdict.raw!r:.120}")
            continue
        told = (verdict.symbol, verdict.body["order_side"], verdict.body["exchange_position_amt"])
        if told != (order["symbol"], order["side"], before) or executed > verdict.body["safe_close_qty"]:
            found.broken.append(f"{verdict.plan_id}: allowed {verdict.raw:.300}, executed on {before}: {order}")


def _ledgers_are_sums(
    client: redis.Redis,
    orders: list[dict[str, Any]],
    position_of: Callable[[str], Decimal],
    start: Mapping[str, Decimal],
    found: Checked,
) -> None:
    for symbol in REAL:
        own = [o for o in orders if o["symbol"] == symbol]
        total = sum((_signed(o["side"], Decimal(o["executedQty"])) for o in own), start.get(symbol, Decimal(0)))
        told = client.hget(f"quantum:position:ledger:{symbol}", "last_known_amt")
        position = position_of(symbol)
        if not told == str(total) == str(position) and not Decimal(told or "NaN") == total == position:
            found.broken.append(f"{symbol}: ledger {told}, start and orders {total}, exchange {position}")
    for symbol, total in _reported(client, found).items():
        told = client.hget(f"quantum:position:ledger:{symbol}", "last_known_amt")
        if Decimal(told or "NaN") != total:
            found.broken.append(f"{symbol}: ledger {told}, reported fills {total}")


def _reported(client: redis.Redis, found: Checked) -> dict[str, Decimal]:
    """What the test's own executor reported: of each order the most that it said."""
    most: dict[tuple[str, str], tuple[str, Decimal]] = {}
    for _, fields in entries(client, RESULTS):
        if "x_order" in fields:
            key = (fields["symbol"], fields["x_order"])
            filled = max(Decimal(fields["x_filled"]), most.get(key, ("", Decimal(0)))[1])
            most[key] = (fields["x_side"], filled)
    found.fills = len(most)
    sums = dict.fromkeys(BOOK, Decimal(0)) if most else {}
    for (symbol, _), (side, filled) in most.items():
        sums[symbol] += _signed(side, filled)
    return sums


def _signed(side: str, quantity: Decimal) -> Decimal:
    return quantity if side == "BUY" else -quantity


def _nothing_left(client: redis.Redis, dead_letters: int, found: Checked, *, forgetful: bool = False) -> None:
    for stream in (PLANS, RESULTS):
        for group in client.xinfo_groups(stream) if client.exists(stream) else []:
            last = client.xinfo_stream(stream)["last-generated-id"]
            if group["name"] == "p33" and (group["pending"] or group["last-delivered-id"] != last):
                found.broken.append(
                    f"{stream}: {group['pending']} pending, read {group['last-delivered-id']} of {last}"
                )
    dead = client.xlen("quantum:stream:p33.deadletter")
    if dead != dead_letters:
        first = client.xrange("quantum:stream:p33.deadletter", count=1)
        found.broken.append(f"{dead} dead letters, {dead_letters} expected: {first!r:.300}")
    for symbol in REAL if not forgetful else ():
        around = client.hget("quantum:p33:counters", f"p33_unpermitted_execution_total|{symbol}")
        if around:
            found.broken.append(f"{symbol}: {around} executions went around the gate")
