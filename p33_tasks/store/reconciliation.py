"""Reconciliation in Redis: one claim per account, notes in own keys, repairs and holds by compare-and-set."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.executions import decode_order
from p33_tasks.contract.hash_values import number
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.ledgers import decode_ledger
from p33_tasks.contract.order_ids import own_order_id
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.reconciliation import decode_watermark
from p33_tasks.contract.snapshots import decode_snapshot
from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import AGREEMENTS, ENDS
from p33_tasks.domain.late_breaches import LateBreach, PlanExecution
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reconciliation import Account, Known, Watermark
from p33_tasks.ports import HoldRequest, Note, PositionState
from p33_tasks.store.late_breaches import breach_arguments, breach_keys, read_plans
from p33_tasks.store.lua_header import Named
from p33_tasks.store.own_plans import consumed_plans
from p33_tasks.store.reconcile_due import due_positions
from p33_tasks.store.reconcile_repair import repair_arguments, repair_items, repair_keys, watermark_text
from p33_tasks.store.results import FILLS_MEMORY_SEC
from p33_tasks.store.scripts import Scripts, translated_errors
from p33_tasks.store.snapshots import AUDIT_MAXLEN

if TYPE_CHECKING:
    import redis

LEASE_MS = 90_000
"""Longer than the task's hard time limit."""
CASE_TTL_SEC = 7 * 86_400
EVENTS_MAXLEN = 100_000


class RedisReconcileStore:
    """Implements ``ports.ReconcileStore``."""

    def __init__(
        self, client: redis.Redis, keys: Keys, *, own_prefix: str, max_id_chars: int = 36, hold_on_breach: bool = True
    ) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys
        self._own_prefix = own_prefix
        self._max_id_chars = max_id_chars
        self._hold_on_breach = hold_on_breach

    def claim(self, symbol: str, leg: Leg = Leg.BOTH) -> PositionState | None:
        """See ``ports.ReconcileStore.claim``."""
        keys, at, token = self._keys, (symbol, leg), uuid.uuid4().hex
        reply = self._scripts.run(
            "claim_reconcile",
            {
                "lease_key": keys.reconcile_lease,
                "symbol_snapshot_key": keys.snapshot(symbol),
                "snapshot_key": keys.snapshot(*at),
                "ledger_key": keys.ledger(*at),
                "origin_key": keys.ledger_origin(*at),
                "reservation_key": keys.reservation(*at),
                "hold_key": keys.service_hold(*at),
                "watermark_key": keys.watermark(*at),
                "case_key": keys.reconcile_case(*at),
                "epoch_key": keys.epoch,
            },
            {"token": token, "lease_ms": LEASE_MS, "position_side": leg},
        )
        if reply[0] == "busy":
            return None
        try:
            return _state(symbol, leg, token, reply)
        except Exception:
            self._release(token)
            raise

    def release(self, state: PositionState) -> None:
        """See ``ports.ReconcileStore.release``."""
        self._release(state.token)

    def _release(self, token: str) -> None:
        self._scripts.run("release_reconcile", {"lease_key": self._keys.reconcile_lease}, {"token": token})

    def known(self, state: PositionState, order_ids: Iterable[str], trade_ids: Iterable[str]) -> Known:
        """See ``ports.ReconcileStore.known``."""
        keys, orders, trades = self._keys, list(order_ids), list(trade_ids)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            for memory, ids in (
                (keys.fills(state.symbol), orders),
                (keys.orders(state.symbol), orders),
                (keys.trades(state.symbol), trades),
            ):
                for one in ids:
                    pipeline.hget(memory, one)
            found: list[Any] = pipeline.execute()
        fills, records = found[: len(orders)], found[len(orders) : 2 * len(orders)]
        applied = found[2 * len(orders) :]
        if state.ledger is None or state.ledger.last_known_amt is None:
            raise AssertionError("only a position with a ledger is compared")
        return Known(
            ledger_amt=state.ledger.last_known_amt,
            remembered={
                one: number(text, "fills memory") for one, text in zip(orders, fills, strict=True) if text is not None
            },
            reported=frozenset(
                one
                for one, record in zip(orders, map(decode_order, records), strict=True)
                if record is not None and record.plan_id
            ),
            records={one: text for one, text in zip(orders, records, strict=True) if text is not None},
            applied_trades=frozenset(one for one, text in zip(trades, applied, strict=True) if text is not None),
        )

    def own_orders(self, symbol: str, since_ms: int) -> Mapping[str, str]:
        """See ``ports.ReconcileStore.own_orders``."""
        plan_ids = consumed_plans(self._client, self._keys, symbol, since_ms)
        prefix, most = self._keys.prefix, self._max_id_chars
        return {own_order_id(prefix, plan_id, self._own_prefix, max_chars=most): plan_id for plan_id in plan_ids}

    def note(self, state: PositionState, note: Note) -> bool:
        """See ``ports.ReconcileStore.note``."""
        keys, at = self._keys, (state.symbol, state.leg)
        reply = self._scripts.run(
            "note_reconcile",
            {
                "lease_key": keys.reconcile_lease,
                "case_key": keys.reconcile_case(*at),
                "watermark_key": keys.watermark(*at),
                "events_key": keys.reconcile_events,
                "counters_key": keys.counters,
            },
            {
                **self._common(state),
                "keep_sec": FILLS_MEMORY_SEC,
                "is_new_drift": int(note.is_new_drift),
                "event_name": note.event,
                "event_id": note.event_id,
                "event_json": exact_json.dumps(dict(note.fields)) if note.event else "",
                "watermark_json": "" if note.watermark is None else watermark_text(note.watermark, state),
                "fields": [{"name": name, "value": value} for name, value in note.case.items()],
            },
        )
        return bool(reply[0] == "noted")

    def repair(
        self, state: PositionState, *, account: Account, known: Known, watermark: Watermark, note: Note, releases: bool
    ) -> str:
        """See ``ports.ReconcileStore.repair``."""
        items = repair_items(state, account, known)
        wanted = repair_arguments(state, items, account=account, watermark=watermark, note=note, releases=releases)
        reply = self._scripts.run(
            "repair_ledger", repair_keys(self._keys, state, items), {**self._common(state), **wanted}
        )
        return str(reply[0])

    def plans(self, symbol: str, plan_ids: Iterable[str]) -> Mapping[str, PlanExecution]:
        """See ``ports.ReconcileStore.plans``."""
        return read_plans(self._client, self._keys, symbol, plan_ids)

    def count_breaches(self, state: PositionState, breaches: Sequence[LateBreach], known: Known) -> str:
        """See ``ports.ReconcileStore.count_breaches``."""
        reply = self._scripts.run(
            "count_breaches",
            breach_keys(self._keys, state, breaches),
            breach_arguments(self._keys, state, breaches, known, hold=self._hold_on_breach),
        )
        return str(reply[0])

    def hold(self, state: PositionState, request: HoldRequest) -> str:
        """See ``ports.ReconcileStore.hold``."""
        keys, at = self._keys, (state.symbol, state.leg)
        reply = self._scripts.run(
            "hold_position",
            {
                "lease_key": keys.reconcile_lease,
                "hold_key": keys.service_hold(*at),
                "ledger_key": keys.ledger(*at),
                "reservation_key": keys.reservation(*at),
                "case_key": keys.reconcile_case(*at),
                "audit_key": keys.audit,
                "events_key": keys.reconcile_events,
                "counters_key": keys.counters,
            },
            {
                **self._common(state),
                "base_amt": state.as_stored["base_amt"],
                "reserved_by": state.reserved_by or "",
                "permit_prefix": keys.permit_prefix,
                "reason": request.reason,
                "ends": ENDS[request.reason],
                "evidence_json": request.evidence_json,
                "audit_maxlen": AUDIT_MAXLEN,
                "event_id": request.event_id,
                "event_json": exact_json.dumps(dict(request.fields)),
                "next_ms": request.next_ms,
            },
        )
        return str(reply[0])

    def settle(self, state: PositionState, note: Note) -> str:
        """See ``ports.ReconcileStore.settle``."""
        keys, at = self._keys, (state.symbol, state.leg)
        reply = self._scripts.run(
            "settle_hold",
            {
                "lease_key": keys.reconcile_lease,
                "hold_key": keys.service_hold(*at),
                "symbol_snapshot_key": keys.snapshot(state.symbol),
                "snapshot_key": keys.snapshot(*at),
                "ledger_key": keys.ledger(*at),
                "reservation_key": keys.reservation(*at),
                "case_key": keys.reconcile_case(*at),
                "epoch_key": keys.epoch,
                "audit_key": keys.audit,
                "events_key": keys.reconcile_events,
                "counters_key": keys.counters,
            },
            {
                **self._common(state),
                "audit_maxlen": AUDIT_MAXLEN,
                "position_side": state.leg,
                "expected_hold": state.hold_text or "",
                "needed": AGREEMENTS,
                "event_id": note.event_id,
                "event_json": exact_json.dumps(dict(note.fields)),
            },
        )
        return str(reply[0])

    def due(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """See ``ports.ReconcileStore.due``."""
        return due_positions(self._client, self._keys, symbols)

    def _common(self, state: PositionState) -> Named:
        return {
            "token": state.token,
            "label": state.position,
            "case_ttl_sec": CASE_TTL_SEC,
            "events_maxlen": EVENTS_MAXLEN,
        }


def _state(symbol: str, leg: Leg, token: str, reply: list[Any]) -> PositionState:
    _, now_ms, life, is_of_mode, raw_snapshot, raw_ledger, origin, reserved_by, hold, mark, case = reply
    snapshot, ledger = decode_snapshot(symbol, raw_snapshot), decode_ledger(symbol, raw_ledger)
    ordered_ms = ledger.last_order_time_ms if ledger is not None else None
    return PositionState(
        symbol=symbol,
        leg=leg,
        position=position_key(symbol, leg),
        is_of_mode=is_of_mode == "1",
        token=token,
        now_ms=int(now_ms),
        life=life,
        snapshot=snapshot,
        ledger=ledger,
        origin_text=origin,
        reserved_by=reserved_by,
        hold_text=hold,
        watermark=decode_watermark(_pairs(mark), origin),
        case=_pairs(case),
        as_stored={
            "base_amt": raw_ledger[0] or "",
            "base_origin": origin or "",
            "base_order_ms": "" if ordered_ms is None else str(ordered_ms),
            "base_barrier_ms": raw_ledger[4] or "",
            "base_mode": raw_snapshot[5] or "",
        },
    )


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
