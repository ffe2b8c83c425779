"""How a position snapshot is written in Redis (CONTRACT section 3)."""

from __future__ import annotations

from p33_tasks.contract.hash_values import MAX_NAME_CHARS, Raw, number, optional
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain.models import Position, PositionSide, Snapshot
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import CorruptStateError

HEDGE, ONE_WAY = "hedge", "one_way"
SNAPSHOT_FIELDS = ("position_amt", "ts_ms", "ts_epoch", "source", "run_id", "position_mode", "life")
SNAPSHOT_PRICE_FIELDS = ("entry_price", "mark_price", "leverage", "unrealized_pnl")


def position_arguments(position: Position) -> dict[str, str]:
    """One of the ``positions`` of ``put_snapshots``."""
    return {
        "symbol": position.symbol,
        "position_amt": canonical(position.position_amt),
        "side": PositionSide.of(position.position_amt),
        "entry_price": optional(position.entry_price),
        "mark_price": optional(position.mark_price),
        "leverage": optional(position.leverage),
        "unrealized_pnl": optional(position.unrealized_pnl),
        "position_mode": HEDGE if position.hedge_mode else ONE_WAY,
    }


def decode_snapshot(symbol: str, raw: Raw) -> Snapshot | None:
    """Read ``SNAPSHOT_FIELDS``; None when there is no snapshot.

    Raises:
        CorruptStateError: A field is missing, no number, or too long.
    """
    amount, ts_ms, ts_epoch, source, run_id, mode, life = raw
    if all(value is None for value in raw):
        return None
    fetched_ms = decode_time(ts_ms, ts_epoch)
    if amount is None or fetched_ms is None:
        raise CorruptStateError(f"the snapshot of {symbol} has no position_amt or no time")
    if any(text is not None and len(text) > MAX_NAME_CHARS for text in (source, run_id, life)):
        raise CorruptStateError(
            f"the snapshot of {symbol} names a source, run_id or life of over {MAX_NAME_CHARS} characters"
        )
    position = Position(symbol=symbol, position_amt=number(amount, "position_amt"), hedge_mode=mode == HEDGE)
    return Snapshot(position=position, ts_ms=fetched_ms, source=source or "", run_id=run_id or "", life=life)
