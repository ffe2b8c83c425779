"""Reconciliation in Redis: one right for the account, notes in own keys, repairs and holds compared and set."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.executions import decode_order, encode_order
from p33_tasks.contract.hash_values import number
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.ledgers import decode_ledger
from p33_tasks.contract.order_ids import own_order_id
from p33_tasks.contract.positions import HEDGE_LEGS, position_key
from p33_tasks.contract.reconciliation import decode_watermark, encode_watermark
from p33_tasks.contract.snapshots import decode_snapshot
from p33_tasks.domain import exact_json
from p33_tasks.domain.executions import OrderRecord
from p33_tasks.domain.holds import AGREEMENTS, ENDS
from p33_tasks.domain.models import Leg, OrderSide, PositionSide
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, Known, Share, Watermark
from p33_tasks.ports import HoldRequest, Note, PositionState
from p33_tasks.store.lua_header import Named
from p33_tasks.store.results import FILLS_MEMORY_SEC
from p33_tasks.store.scripts import Scripts, translated_errors
from p33_tasks.store.snapshots import AUDIT_MAXLEN, LEDGER_TTL_SEC

if TYPE_CHECKING:
    import redis

LEASE_MS = 90_000
"""Longer than the task's hard time limit."""
CASE_TTL_SEC = 7 * 86_400
EVENTS_MAXLEN = 100_000
MOST_DECISIONS = 5_000
"""Of the decisions stream, looked through for our own plans. Older ones are somebody else's orders then: held."""
PAGE = 500
WATERMARK_AGE_MS = 86_400_000
"""An older one is taken anew: its window grows with it."""


class RedisReconcileStore:
    """Implements ``ports.ReconcileStore``."""

    def __init__(self, client: redis.Redis, keys: Keys, *, own_prefix: str, max_id_chars: int = 36) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys
        self._own_prefix = own_prefix
        self._max_id_chars = max_id_chars

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
        allowed = self._allowed_since(symbol, since_ms)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for plan_id in allowed:
                pipeline.exists(self._keys.consumed(plan_id))
            consumed = pipeline.execute() if allowed else []
        return {
            own_order_id(self._keys.prefix, plan_id, self._own_prefix, max_chars=self._max_id_chars): plan_id
            for plan_id, is_there in zip(allowed, consumed, strict=True)
            if is_there
        }

    def _allowed_since(self, symbol: str, since_ms: int) -> list[str]:
        found, last, seen = [], "+", 0
        while seen < MOST_DECISIONS:
            with translated_errors():
                page: Any = self._client.xrevrange(
                    self._keys.decisions, max=last, min=str(max(since_ms, 0)), count=PAGE
                )
            found += [
                fields["plan_id"]
                for _, fields in page
                if fields.get("symbol") == symbol and fields.get("allow") == "true" and "plan_id" in fields
            ]
            seen += len(page)
            if len(page) < PAGE:
                break
            last = f"({page[-1][0]}"
        return list(dict.fromkeys(found))

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
                "watermark_json": "" if note.watermark is None else _mark(note.watermark, state),
                "fields": [{"name": name, "value": value} for name, value in note.case.items()],
            },
        )
        return bool(reply[0] == "noted")

    def repair(
        self, state: PositionState, *, account: Account, known: Known, watermark: Watermark, note: Note, releases: bool
    ) -> str:
        """See ``ports.ReconcileStore.repair``."""
        keys, at = self._keys, (state.symbol, state.leg)
        plan_id = state.reserved_by or ""
        items = [_item(share, state.leg, known) for share in account.shares if _is_kept(share)]
        reply = self._scripts.run(
            "repair_ledger",
            {
                "lease_key": keys.reconcile_lease,
                "ledger_key": keys.ledger(*at),
                "origin_key": keys.ledger_origin(*at),
                "symbol_snapshot_key": keys.snapshot(state.symbol),
                "snapshot_key": keys.snapshot(*at),
                "reservation_key": keys.reservation(*at),
                "permit_key": keys.permit(plan_id),
                "consumed_key": keys.consumed(plan_id),
                "fills_key": keys.fills(state.symbol),
                "fill_times_key": keys.fill_times(state.symbol),
                "orders_key": keys.orders(state.symbol),
                "trades_key": keys.trades(state.symbol),
                "watermark_key": keys.watermark(*at),
                "case_key": keys.reconcile_case(*at),
                "hold_key": keys.service_hold(*at),
                "audit_key": keys.audit,
                "epoch_key": keys.epoch,
                "events_key": keys.reconcile_events,
                "counters_key": keys.counters,
                "plans_consumed": [keys.consumed(item["plan_id"]) for item in items],
            },
            {
                **self._common(state),
                **state.as_stored,
                "claimed_life": state.life,
                "position_side": state.leg,
                "reserved_by": plan_id,
                "releases": int(releases),
                "new_amt": canonical(account.ledger_after),
                "new_side": PositionSide.of(account.ledger_after),
                "ledger_ttl_sec": LEDGER_TTL_SEC,
                "fills_ttl_sec": FILLS_MEMORY_SEC,
                "event_id": note.event_id,
                "event_json": exact_json.dumps(dict(note.fields)),
                "watermark_json": _mark(watermark, state),
                "position": state.position,
                "audit_maxlen": AUDIT_MAXLEN,
                "items": items,
            },
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
        keys, named = self._keys, list(symbols)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for symbol in named:
                pipeline.hget(keys.snapshot(symbol), "position_mode")
            modes = pipeline.execute(raise_on_error=False)
            pipeline.time()
            positions = [
                (symbol, leg)
                for symbol, mode in zip(named, modes, strict=True)
                for leg in (HEDGE_LEGS if mode == "hedge" else (Leg.BOTH,))
            ]
            for at in positions:
                pipeline.hget(keys.snapshot(*at), "position_amt")
                pipeline.hget(keys.ledger(*at), "last_known_amt")
                pipeline.get(keys.ledger_origin(*at))
                pipeline.hmget(keys.watermark(*at), "exchange_amt", "ledger_amt", "ts_ms", "origin")
                pipeline.hmget(keys.reconcile_case(*at), "next_ms", "unconfirmed_ms")
                pipeline.exists(keys.service_hold(*at))
            (seconds, micros), *found = pipeline.execute(raise_on_error=False)
        now_ms = seconds * 1000 + micros // 1000
        ranked = [
            (_urgency(found[6 * place : 6 * place + 6], now_ms), position_key(*at))
            for place, at in enumerate(positions)
        ]
        return tuple(position for urgency, position in sorted(ranked, key=lambda one: one[0]) if urgency < _NOT_DUE)

    def _common(self, state: PositionState) -> Named:
        return {
            "token": state.token,
            "label": state.position,
            "case_ttl_sec": CASE_TTL_SEC,
            "events_maxlen": EVENTS_MAXLEN,
        }


_DRIFT, _HELD, _NO_WATERMARK, _NOT_DUE = range(4)


def _urgency(found: list[Any], now_ms: int) -> int:
    if any(isinstance(one, Exception) for one in found):
        return _NOT_DUE  # a foreign value under one of our keys: p33 check names it
    amount, ledger, origin, mark, (next_ms, unconfirmed), is_held = found
    if amount is None or ledger is None:
        return _NOT_DUE
    exchange_at, ledger_at, ts_ms, origin_at = mark
    is_marked = (
        ts_ms is not None and (origin_at or "") == (origin or "") and (amount, ledger) == (exchange_at, ledger_at)
    )
    if amount != ledger and not is_marked:
        is_early = next_ms is not None and next_ms.isdecimal() and now_ms < int(next_ms[:14])
        if is_early:
            return _HELD if is_held else _NOT_DUE  # a hold's agreements are counted in a row
        return _DRIFT
    if is_held or unconfirmed is not None:
        return _HELD
    is_young = is_marked and ts_ms.isdecimal() and now_ms - int(ts_ms[:14]) < WATERMARK_AGE_MS
    return _NOT_DUE if is_young else _NO_WATERMARK


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


def _mark(watermark: Watermark, state: PositionState) -> str:
    return exact_json.dumps(encode_watermark(watermark, state.origin_text))


def _is_kept(share: Share) -> bool:
    return share.order_id is not None or share.missing != 0


def _item(share: Share, leg: Leg, known: Known) -> dict[str, str]:
    if share.order_id is None:
        nothing = {"before": "", "record_before": "", "record_after": "", "plan_id": ""}
        return {"kind": "trade", "id": share.trade_ids[0], "after": canonical(share.moved), **nothing}
    before, record = known.remembered.get(share.order_id), known.records.get(share.order_id, "")
    return {
        "kind": "order",
        "id": share.order_id,
        "before": "" if before is None else canonical(before),
        "after": canonical(share.remembered_after),
        "record_before": record,
        "record_after": _record_of(share, leg, record),
        "plan_id": share.plan_id or "",
    }


def _record_of(share: Share, leg: Leg, text: str) -> str:
    """What a later result of the order is held against: the leg that its fills went to, and whose order it was."""
    record = decode_order(text or None) or OrderRecord(plan_id=share.plan_id or "")
    side = OrderSide.BUY if share.moved > 0 else OrderSide.SELL
    went_to = record.leg if leg is Leg.BOTH else record.leg or leg
    return encode_order(replace(record, side=record.side or side, leg=went_to))
