"""The format of a position snapshot in Redis (CONTRACT section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from p33_tasks.contract.hash_values import MAX_NAME_CHARS, Raw, number, optional
from p33_tasks.contract.positions import HEDGE_LEGS
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Leg, LegPosition, Position, PositionSide, Snapshot
from p33_tasks.domain.quantities import ZERO, canonical
from p33_tasks.errors import CorruptStateError

HEDGE, ONE_WAY = "hedge", "one_way"
HEDGED = "HEDGED"
"""``side`` in a symbol's own key in hedge mode, unless both legs are flat (a net amount of 0 alone is not flat)."""
SNAPSHOT_FIELDS = (
    *("position_amt", "ts_ms", "ts_epoch", "source", "run_id", "position_mode", "life"),
    *("long_amt", "short_amt"),  # in hedge mode, in the symbol's own key
    "mark_price",  # only recorded: no verdict depends on it
)
SNAPSHOT_PRICE_FIELDS = ("entry_price", "mark_price", "leverage", "unrealized_pnl")


def position_arguments(position: Position) -> dict[str, str]:
    """One element of ``put_snapshots``' argument ``positions``; in hedge mode ``legs`` is JSON: LONG, SHORT.

    Raises:
        ValueError: In hedge mode a leg is missing, or the mode is unknown.
    """
    legs = _legs(position)
    is_hedged = any(leg.position_amt != 0 for leg in legs)
    return {
        "symbol": position.symbol,
        **_position_fields(position),
        "side": HEDGED if is_hedged else PositionSide.of(position.position_amt),
        "position_mode": "" if position.hedge_mode is None else position.position_mode,
        "legs": exact_json.dumps([_position_fields(leg) for leg in legs]) if legs else "",
    }


def _legs(position: Position) -> tuple[LegPosition, ...]:
    if position.hedge_mode is None and position.position_amt != 0:
        raise ValueError(f"{position.symbol} has a position and no position mode")
    if not position.hedge_mode:
        return ()
    if not position.legs and position.position_amt == 0:
        return tuple(LegPosition(leg=leg, position_amt=ZERO) for leg in HEDGE_LEGS)
    if tuple(leg.leg for leg in position.legs) != HEDGE_LEGS:
        raise ValueError(f"{position.symbol} is in hedge mode and comes without both legs")
    return position.legs


def _position_fields(position: Position | LegPosition) -> dict[str, str]:
    return {
        "position_amt": canonical(position.position_amt),
        "side": PositionSide.of(position.position_amt),
        "entry_price": optional(position.entry_price),
        "mark_price": optional(position.mark_price),
        "leverage": optional(position.leverage),
        "unrealized_pnl": optional(position.unrealized_pnl),
    }


def decode_snapshot(symbol: str, raw: Raw) -> Snapshot | None:
    """Read ``SNAPSHOT_FIELDS`` of a symbol's own key; None when there is no snapshot.

    Raises:
        CorruptStateError: A field is missing, not a number, or too long.
    """
    amount, ts_ms, ts_epoch, source, run_id, mode, life, long_amt, short_amt, mark = raw
    if all(value is None for value in raw):
        return None
    fetched_ms = decode_time(ts_ms, ts_epoch)
    if amount is None or fetched_ms is None:
        raise CorruptStateError(f"the snapshot of {symbol} has no position_amt or no time")
    if any(text is not None and len(text) > MAX_NAME_CHARS for text in (source, run_id, life)):
        raise CorruptStateError(
            f"the snapshot of {symbol} names a source, run_id or life of over {MAX_NAME_CHARS} characters"
        )
    is_hedged = mode == HEDGE
    position = Position(
        symbol=symbol,
        position_amt=number(amount, "position_amt"),
        mark_price=_mark(mark),
        hedge_mode=is_hedged,
        legs=_decode_legs({Leg.LONG: long_amt, Leg.SHORT: short_amt}) if is_hedged else (),
    )
    return Snapshot(position=position, ts_ms=fetched_ms, source=source or "", run_id=run_id or "", life=life)


def decode_leg_snapshot(symbol: str, raw: Raw, *, leg: Leg, of_symbol: Snapshot | None) -> Snapshot | None:
    """Read ``SNAPSHOT_FIELDS`` of a leg's key; None when there is no snapshot.

    Args:
        symbol: The venue's id.
        raw: The fields.
        leg: LONG or SHORT.
        of_symbol: The snapshot in the symbol's own key. A leg is valid only as a part of it.

    Raises:
        CorruptStateError: As ``decode_snapshot``; or the leg's request or life differs from the symbol's, or its sign
            is wrong for the leg.
    """
    snapshot = decode_snapshot(symbol, raw)
    if snapshot is None:
        return None
    if of_symbol is None or not of_symbol.shows(snapshot):
        raise CorruptStateError(f"the snapshot of {symbol} {leg} is of another request than the symbol's")
    if not leg.admits(snapshot.position_amt):
        raise CorruptStateError(f"the snapshot of {symbol} {leg} holds {canonical(snapshot.position_amt)}")
    return snapshot


def _mark(text: str | None) -> Decimal | None:
    try:
        return number(text, "mark_price") if text else None
    except CorruptStateError:
        return None


def _decode_legs(amounts: Mapping[Leg, str | None]) -> tuple[LegPosition, ...]:
    """Both legs' amounts, only shown to people; none if a version before 0.2 wrote the snapshot."""
    if any(amount is None for amount in amounts.values()):
        return ()
    return tuple(LegPosition(leg=leg, position_amt=number(text, f"{leg} amount")) for leg, text in amounts.items())
