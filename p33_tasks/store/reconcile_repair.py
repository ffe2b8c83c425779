"""Keys and arguments of ``repair_ledger.lua``: what a repair writes, and what it compares first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from p33_tasks.contract.executions import decode_order, encode_order
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.reconciliation import encode_watermark
from p33_tasks.domain import exact_json
from p33_tasks.domain.executions import OrderRecord
from p33_tasks.domain.models import Leg, OrderSide, PositionSide
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, Known, Share, Watermark
from p33_tasks.ports import Note, PositionState
from p33_tasks.store.lua_header import Named
from p33_tasks.store.results import FILLS_MEMORY_SEC
from p33_tasks.store.snapshots import AUDIT_MAXLEN, LEDGER_TTL_SEC


def repair_keys(keys: Keys, state: PositionState, items: Sequence[Mapping[str, str]]) -> dict[str, str | list[str]]:
    """The keys for a repair of these items."""
    at, plan_id = (state.symbol, state.leg), state.reserved_by or ""
    first, second = _others_of(state.leg)
    return {
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
        "first_ledger_key": keys.ledger(state.symbol, first),
        "first_hold_key": keys.service_hold(state.symbol, first),
        "second_ledger_key": keys.ledger(state.symbol, second),
        "second_hold_key": keys.service_hold(state.symbol, second),
        "audit_key": keys.audit,
        "epoch_key": keys.epoch,
        "events_key": keys.reconcile_events,
        "counters_key": keys.counters,
        "plans_consumed": [keys.consumed(item["plan_id"]) for item in items],
    }


def repair_items(state: PositionState, account: Account, known: Known) -> list[dict[str, str]]:
    """Every order of the account, and every trade without an order that the ledger lacks."""
    return [_item(share, state.leg, known) for share in account.shares if _is_kept(share)]


def repair_arguments(
    state: PositionState,
    items: Sequence[Mapping[str, str]],
    *,
    account: Account,
    watermark: Watermark,
    note: Note,
    releases: bool,
) -> Named:
    """The arguments: exact texts to write, and ``as_stored`` to compare."""
    first, second = _others_of(state.leg)
    return {
        **state.as_stored,
        "claimed_life": state.life,
        "position_side": state.leg,
        "reserved_by": state.reserved_by or "",
        "releases": int(releases),
        "new_amt": canonical(account.ledger_after),
        "new_side": PositionSide.of(account.ledger_after),
        "ledger_ttl_sec": LEDGER_TTL_SEC,
        "fills_ttl_sec": FILLS_MEMORY_SEC,
        "event_id": note.event_id,
        "event_json": exact_json.dumps(dict(note.fields)),
        "watermark_json": watermark_text(watermark, state),
        "position": state.position,
        "first_other": position_key(state.symbol, first),
        "second_other": position_key(state.symbol, second),
        "audit_maxlen": AUDIT_MAXLEN,
        "items": items,
    }


def _others_of(leg: Leg) -> tuple[Leg, Leg]:
    """The symbol's other two positions."""
    first, second = (other for other in Leg if other is not leg)
    return first, second


def watermark_text(watermark: Watermark, state: PositionState) -> str:
    """A watermark as JSON for a script."""
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
    """The order's record, to compare a later result with: the leg that its fills were booked to, and its plan."""
    record = decode_order(text or None) or OrderRecord(plan_id=share.plan_id or "")
    side = OrderSide.BUY if share.moved > 0 else OrderSide.SELL
    went_to = record.leg if leg is Leg.BOTH else record.leg or leg
    return encode_order(replace(record, side=record.side or side, leg=went_to))
