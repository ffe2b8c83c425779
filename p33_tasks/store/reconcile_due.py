"""Which positions are due for reconciliation, in two round trips for any number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import HEDGE_LEGS, position_key
from p33_tasks.domain.models import Leg
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

WATERMARK_AGE_MS = 86_400_000
"""Age at which a watermark is renewed, because its window grows with its age."""
COMMANDS = 6
"""Number of commands per position, see ``_urgency``."""
_DRIFT, _HELD, _NO_WATERMARK, _NOT_DUE = range(4)


def due_positions(client: redis.Redis, keys: Keys, symbols: Iterable[str]) -> tuple[str, ...]:
    """See ``ports.ReconcileStore.due``."""
    named = list(symbols)
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
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
        (_urgency(found[COMMANDS * place : COMMANDS * (place + 1)], now_ms), position_key(*at))
        for place, at in enumerate(positions)
    ]
    return tuple(position for urgency, position in sorted(ranked, key=lambda one: one[0]) if urgency < _NOT_DUE)


def _urgency(found: list[Any], now_ms: int) -> int:
    if any(isinstance(one, Exception) for one in found):
        return _NOT_DUE  # a foreign value in one of our keys: p33 check reports it
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
            return _HELD if is_held else _NOT_DUE  # consecutive agreements end a hold
        return _DRIFT
    if is_held or unconfirmed is not None:
        return _HELD
    is_young = is_marked and ts_ms.isdecimal() and now_ms - int(ts_ms[:14]) < WATERMARK_AGE_MS
    return _NOT_DUE if is_young else _NO_WATERMARK
