"""Execution results in Redis: ledger, fills memory, cooldown and reservation in one act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.domain import exact_json
from p33_tasks.domain.ledger import Applied
from p33_tasks.domain.models import PositionSide
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import ExecutionResult, LedgerState, ResultStatus, StreamEntry
from p33_tasks.store.lua_header import Named
from p33_tasks.store.scripts import Scripts
from p33_tasks.store.snapshots import AUDIT_MAXLEN, LEDGER_TTL_SEC
from p33_tasks.store.verdicts import DECISION_TTL_MS, OTHER_SYMBOL

if TYPE_CHECKING:
    import redis

FILLS_MEMORY_SEC = 7 * 86_400


class RedisResultStore:
    """Implements ``ports.ResultStore``."""

    def __init__(self, client: redis.Redis, keys: Keys, *, allowlist: frozenset[str], permit_ttl_ms: int) -> None:
        self._scripts = Scripts(client)
        self._keys = keys
        self._allowlist = allowlist
        self._permit_ttl_ms = permit_ttl_ms

    def refuse_markets(self) -> None:
        """See ``ports.ResultStore.refuse_markets``."""
        self._scripts.run("refuse_markets", {"refresh_key": self._keys.refresh}, {})

    def load_ledger(self, symbol: str, order_ids: Iterable[str]) -> LedgerState:
        """See ``ports.ResultStore.load_ledger``."""
        keys, ids = self._keys, list(order_ids)
        if not ids:  # a result without an order changes no ledger, also none that can't be read
            return LedgerState(last_known_amt_text=None, remembered={}, origin_text=None)
        _, _, amount, adopted_ms, *remembered = self._scripts.run(
            "load_ledger",
            {
                "ledger_key": keys.ledger(symbol),
                "fills_key": keys.fills(symbol),
                "origin_key": keys.ledger_origin(symbol),
            },
            {"order_ids": ids},
        )
        return LedgerState(
            last_known_amt_text=amount,
            remembered={order_id: qty for order_id, qty in zip(ids, remembered, strict=True) if qty is not None},
            origin_text=adopted_ms,
        )

    def record(
        self, *, result: ExecutionResult, base: LedgerState, applied: Mapping[str, Applied], entry: StreamEntry
    ) -> ResultStatus:
        """See ``ports.ResultStore.record``."""
        keys, symbol, plan_id = self._keys, result.symbol, result.plan_id
        reply = self._scripts.run(
            "record_result",
            {
                "ledger_key": keys.ledger(symbol),
                "fills_key": keys.fills(symbol),
                "fill_times_key": keys.fill_times(symbol),
                "origin_key": keys.ledger_origin(symbol),
                "reservation_key": keys.reservation(symbol),
                "permit_key": keys.permit(plan_id),
                "decision_key": keys.decision(plan_id),
                "consumed_key": keys.consumed(plan_id),
                "counters_key": keys.counters,
                "decisions_key": keys.decisions,
                "audit_key": keys.audit,
                "results_key": entry.stream,
                "copy_key": keys.entry_copy(entry.entry_id),
                "first_seen_key": keys.results_first_seen,
            },
            self._arguments(result, base, applied, entry),
        )
        return ResultStatus(reply[0])

    def _arguments(
        self, result: ExecutionResult, base: LedgerState, applied: Mapping[str, Applied], entry: StreamEntry
    ) -> Named:
        outcome = "rejected" if result.rejected and not result.executed else "not_executed"
        before = base.last_known_amt_text or ""
        after = list(applied.values())[-1].amount if applied else None
        moved = after is not None and any(a.increase > 0 for a in applied.values())
        return {
            "group": GROUP,
            "entry_id": entry.entry_id,
            "plan_id": result.plan_id,
            "symbol": result.symbol,
            "symbol_label": result.symbol if result.symbol in self._allowlist else OTHER_SYMBOL,
            "outcome": "executed" if result.executed else outcome,
            "consume_id": result.consume_id or "",
            "base_amt": before,
            "new_amt": canonical(after) if moved and after is not None else before,
            "new_side": PositionSide.of(after) if after is not None else "",
            "base_origin": base.origin_text or "",
            "ledger_ttl_sec": LEDGER_TTL_SEC,
            "fills_ttl_sec": FILLS_MEMORY_SEC,
            "decision_ttl_ms": DECISION_TTL_MS,
            "permit_ttl_ms": self._permit_ttl_ms,
            "decisions_maxlen": AUDIT_MAXLEN,
            "deny_head": _abandoned_head(result),
            "crossed_zero": int(any(a.crossed_zero for a in applied.values())),
            "allow_head": _allow_head(result),
            "orders": [_order(order_id, base.remembered.get(order_id, ""), a) for order_id, a in applied.items()],
        }


def _order(order_id: str, before: str, applied: Applied) -> dict[str, str | int]:
    return {
        "id": order_id,
        "before": before,
        "after": canonical(applied.remembered_qty),
        "increased": int(applied.increase > 0),
        "news": int(applied.is_news),
    }


def _allow_head(result: ExecutionResult) -> str:
    """How the decision begins where this plan was allowed, and for this symbol (``verdict_fields``)."""
    return exact_json.dumps({"plan_id": result.plan_id, "symbol": result.symbol, "allow": True})[:-1] + ","


def _abandoned_head(result: ExecutionResult) -> str:
    """The deny of CONTRACT section 4, up to the time that only the script knows."""
    fields = {
        "plan_id": result.plan_id,
        "symbol": result.symbol,
        "allow": False,
        "reason": str(Reason.PLAN_ABANDONED),
        "details": {},
    }
    return exact_json.dumps(fields)[:-1] + ',"ts_epoch":'
