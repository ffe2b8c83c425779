"""Record results in Redis: ledger, fills memory, cooldown and reservation in one act."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from p33_tasks.contract.entries import time_ms_of
from p33_tasks.contract.executions import decided_position, decode_order, encode_executed, encode_order
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.snapshots import HEDGE
from p33_tasks.contract.timing import UNKNOWN_MS
from p33_tasks.domain import exact_json
from p33_tasks.domain.executions import Breach, RecordedOrder, Recording, position_of
from p33_tasks.domain.holds import ENDS, HoldReason
from p33_tasks.domain.models import Leg, PositionSide
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import ExecutionResult, LedgerState, ResultStatus, StreamEntry
from p33_tasks.store.dead_letters import DEAD_LETTER_MAXLEN, clean
from p33_tasks.store.lua_header import Named
from p33_tasks.store.scripts import Scripts
from p33_tasks.store.service_holds import evidence_json
from p33_tasks.store.snapshots import AUDIT_MAXLEN, LEDGER_TTL_SEC
from p33_tasks.store.verdict_calls import DECISION_TTL_MS, OTHER_SYMBOL

if TYPE_CHECKING:
    import redis

FILLS_MEMORY_SEC = 7 * 86_400


class RedisResultStore:
    """Implements ``ports.ResultStore``."""

    def __init__(
        self,
        client: redis.Redis,
        keys: Keys,
        *,
        allowlist: frozenset[str],
        permit_ttl_ms: int,
        hold_on_breach: bool = True,
    ) -> None:
        self._scripts = Scripts(client)
        self._keys = keys
        self._allowlist = allowlist
        self._permit_ttl_ms = permit_ttl_ms
        self._hold_on_breach = hold_on_breach

    def refuse_markets(self) -> None:
        """See ``ports.ResultStore.refuse_markets``."""
        self._scripts.run("refuse_markets", {"refresh_key": self._keys.refresh}, {})

    def load_ledger(
        self, symbol: str, order_ids: Iterable[str], plan_id: str, named: frozenset[Leg] = frozenset()
    ) -> LedgerState:
        """See ``ports.ResultStore.load_ledger``."""
        keys, ids = self._keys, list(order_ids)
        _, mode, decision, executed, step, *read = self._scripts.run(
            "load_ledger",
            {
                "fills_key": keys.fills(symbol),
                "orders_key": keys.orders(symbol),
                "snapshot_key": keys.snapshot(symbol),
                "decision_key": keys.decision(plan_id),
                "executed_key": keys.executed(plan_id),
                "market_key": keys.market(symbol),
                "positions": [
                    {"ledger": keys.ledger(symbol, leg), "origin": keys.ledger_origin(symbol, leg)} for leg in Leg
                ],
            },
            {"order_ids": ids},
        )
        ledgers, known = read[: 2 * len(Leg)], read[2 * len(Leg) :]
        orders = {order_id: text for order_id, text in zip(ids, known[1::2], strict=True) if text is not None}
        records = (decode_order(text) for text in orders.values())
        side = position_of(
            decided_position(decision, plan_id=plan_id, symbol=symbol),
            named,
            frozenset(record.leg for record in records if record is not None and record.leg is not None),
            is_hedged=mode == HEDGE,
        )
        at = 2 * list(Leg).index(_ledger_of(side))
        opposite = 2 * list(Leg).index(_opposite_of(side))
        return LedgerState(
            last_known_amt_text=ledgers[at],
            remembered={order_id: qty for order_id, qty in zip(ids, known[::2], strict=True) if qty is not None},
            origin_text=ledgers[at + 1],
            orders=orders,
            decision_text=decision,
            executed_text=executed,
            step_size_text=step,
            mode_text=mode,
            position_side=side,
            opposite_amt_text=ledgers[opposite],
            opposite_origin_text=ledgers[opposite + 1],
        )

    def record(
        self, *, result: ExecutionResult, base: LedgerState, recording: Recording, entry: StreamEntry
    ) -> ResultStatus:
        """See ``ports.ResultStore.record``."""
        keys, symbol, plan_id = self._keys, result.symbol, result.plan_id
        leg, opposite = _ledger_of(base.position_side), _opposite_of(base.position_side)
        reply = self._scripts.run(
            "record_result",
            {
                "ledger_key": keys.ledger(symbol, leg),
                "fills_key": keys.fills(symbol),
                "fill_times_key": keys.fill_times(symbol),
                "orders_key": keys.orders(symbol),
                "origin_key": keys.ledger_origin(symbol, leg),
                "reservation_key": keys.reservation(symbol, leg),
                "permit_key": keys.permit(plan_id),
                "decision_key": keys.decision(plan_id),
                "consumed_key": keys.consumed(plan_id),
                "executed_key": keys.executed(plan_id),
                "service_hold_key": keys.service_hold(symbol, leg),
                "opposite_ledger_key": keys.ledger(symbol, opposite),
                "opposite_origin_key": keys.ledger_origin(symbol, opposite),
                "symbol_snapshot_key": keys.snapshot(symbol),
                "counters_key": keys.counters,
                "decisions_key": keys.decisions,
                "audit_key": keys.audit,
                "dead_letters_key": keys.dead_letters,
                "results_key": entry.stream,
                "copy_key": keys.entry_copy(entry.entry_id),
                "first_seen_key": keys.results_first_seen,
                "others": [
                    {
                        "ledger": keys.ledger(symbol, other),
                        "reservation": keys.reservation(symbol, other),
                        "hold": keys.service_hold(symbol, other),
                    }
                    for other in _others_of(leg)
                ],
            },
            self._arguments(result, base, recording, entry),
        )
        return ResultStatus(reply[0])

    def _arguments(self, result: ExecutionResult, base: LedgerState, recording: Recording, entry: StreamEntry) -> Named:
        orders = list(recording.orders.values())
        opposite = position_key(result.symbol, _opposite_of(base.position_side))
        first, second = (position_key(result.symbol, one) for one in _others_of(_ledger_of(base.position_side)))
        new_amt, new_side = _ledger_after(base.last_known_amt_text, recording, opposite=False)
        opposite_amt, opposite_side = _ledger_after(base.opposite_amt_text, recording, opposite=True)
        is_known = result.symbol in self._allowlist
        is_unreadable = bool(recording.problems) or result.is_unreadable
        return {
            "group": GROUP,
            "entry_id": entry.entry_id,
            "first_entry_id": result.first_entry(entry).entry_id,
            "added_ms": time_ms_of(result.first_entry(entry).entry_id),
            "plan_id": result.plan_id,
            "symbol": result.symbol,
            "symbol_label": position_key(result.symbol, base.position_side or Leg.BOTH) if is_known else OTHER_SYMBOL,
            "opposite_label": opposite if is_known else OTHER_SYMBOL,
            "every_position": int(base.position_side is None),
            "unattributed": int(base.position_side is None and any(fill.cumulative_qty > 0 for fill in result.fills)),
            "outcome": _outcome(result, recording),
            "is_open": int(result.is_open),
            "consume_id": result.consume_id or "",
            "base_amt": base.last_known_amt_text or "",
            "new_amt": new_amt,
            "new_side": new_side,
            "base_origin": base.origin_text or "",
            "has_opposite": int(any(order.is_opposite for order in orders)),
            "opposite_base_amt": base.opposite_amt_text or "",
            "opposite_new_amt": opposite_amt,
            "opposite_new_side": opposite_side,
            "opposite_base_origin": base.opposite_origin_text or "",
            "base_mode": base.mode_text or "",
            "base_decision": base.decision_text or "",
            "base_executed": base.executed_text or "",
            "executed_after": encode_executed(recording.executed) if recording.executed else "",
            "ledger_ttl_sec": LEDGER_TTL_SEC,
            "fills_ttl_sec": FILLS_MEMORY_SEC,
            "decision_ttl_ms": DECISION_TTL_MS,
            "unknown_ms": UNKNOWN_MS,
            "permit_ttl_ms": self._permit_ttl_ms,
            "decisions_maxlen": AUDIT_MAXLEN,
            "deny_head": _abandoned_head(result),
            "crossed_zero": int(any(order.applied.crossed_zero for order in orders)),
            "allow_head": _allow_head(result),
            "unreadable": int(is_unreadable),
            "problem": clean("; ".join(recording.problems)),
            "entry_json": exact_json.dumps(dict(result.as_read)) if recording.problems else "",
            "dead_letters_maxlen": DEAD_LETTER_MAXLEN,
            "permit_prefix": self._keys.permit_prefix,
            "position": position_key(result.symbol, _ledger_of(base.position_side)),
            "opposite_position": opposite,
            "first_other": first,
            "second_other": second,
            "holds_both": int(
                _opposite_of(base.position_side) is not Leg.BOTH
                and any(Breach.LEG in order.new_breaches for order in orders)
            ),
            "breach_reason": HoldReason.BREACH,
            "breach_ends": ENDS[HoldReason.BREACH],
            "breach_json": _breaches(result, recording) if self._hold_on_breach else "",
            "audit_maxlen": AUDIT_MAXLEN,
            "orders": [
                _order(order_id, base, order, executed=result.executed) for order_id, order in recording.orders.items()
            ],
        }


def _ledger_of(side: Leg | None) -> Leg:
    """The ledger for a result; BOTH if it can't be booked: it changes no amount, and starts all positions' cooldown."""
    return Leg.LONG if side is None else side


def _opposite_of(side: Leg | None) -> Leg:
    """The other leg of a leg; for a position without one the position itself, and then nothing is written to it."""
    return (side.opposite if side is not None else None) or Leg.BOTH


def _others_of(leg: Leg) -> list[Leg]:
    """The symbol's other two positions."""
    return [other for other in Leg if other is not leg]


def _ledger_after(before: str | None, recording: Recording, *, opposite: bool) -> tuple[str, str]:
    """A ledger's new amount and side, as texts; the amount as before if nothing is added."""
    after = recording.amount(opposite=opposite)
    if after is None:
        return before or "", ""
    its = (order.applied for order in recording.orders.values() if order.is_opposite is opposite)
    return canonical(after) if any(one.increase > 0 for one in its) else before or "", PositionSide.of(after)


def _breaches(result: ExecutionResult, recording: Recording) -> str:
    """Evidence of the new breaches in this result, as JSON; '' for none."""
    kinds = [
        f"{order_id}: {', '.join(order.new_breaches)}"
        for order_id, order in recording.orders.items()
        if order.new_breaches
    ]
    if not kinds:
        return ""
    name = hashlib.sha256("\n".join([result.plan_id, *kinds]).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return evidence_json(f"breach:{name}", {"plan_id": result.plan_id, "orders": kinds})


def _outcome(result: ExecutionResult, recording: Recording) -> str:
    if result.executed:
        return "executed"
    if recording.problems or any(order.applied.remembered_qty > 0 for order in recording.orders.values()):
        return "contradicted"
    if result.unknown:
        return "unknown"
    return "rejected" if result.rejected else "not_executed"


def _order(order_id: str, base: LedgerState, order: RecordedOrder, *, executed: bool) -> dict[str, str | int]:
    applied = order.applied
    return {
        "id": order_id,
        "before": base.remembered.get(order_id, ""),
        "after": canonical(applied.remembered_qty),
        "increased": int(applied.increase > 0),
        "news": int(applied.is_new),
        "record_before": base.orders.get(order_id, ""),
        "record_after": encode_order(order.record),
        "settles": int(executed and order.is_own and applied.remembered_qty > 0),
        "opposite": int(order.is_opposite),
        "breaches": ",".join(order.new_breaches),
    }


def _allow_head(result: ExecutionResult) -> str:
    """The start of the decision's JSON if this plan was allowed for this symbol (``verdict_fields``)."""
    return exact_json.dumps({"plan_id": result.plan_id, "symbol": result.symbol, "allow": True})[:-1] + ","


def _abandoned_head(result: ExecutionResult) -> str:
    """The JSON of the deny in CONTRACT section 4, up to its time, which the script adds."""
    fields = {
        "plan_id": result.plan_id,
        "symbol": result.symbol,
        "allow": False,
        "reason": str(Reason.PLAN_ABANDONED),
        "details": {"executed": True} if result.executed else {},
    }
    return exact_json.dumps(fields)[:-1] + ',"ts_epoch":'
