"""Answers of the venue as the readers of a venue give them."""

from __future__ import annotations

from decimal import Decimal

from p33_tasks.domain.models import Leg, LegPosition, Position, Snapshot
from tests.support.gate import SOURCE, SYMBOL


def answer(net: int, legs: dict[Leg, str], *, ts_ms: int, run_id: str, life: str) -> Snapshot:
    """A snapshot.

    Args:
        net: The symbol's amount; in hedge mode of both legs together.
        legs: In hedge mode each leg's signed amount.
        ts_ms: When it was asked for.
        run_id: Of the Redis that was asked for the time.
        life: Of the store then.
    """
    found = tuple(LegPosition(leg=leg, position_amt=Decimal(amount)) for leg, amount in legs.items())
    position = Position(symbol=SYMBOL, position_amt=Decimal(net), hedge_mode=bool(legs), legs=found)
    return Snapshot(position=position, ts_ms=ts_ms, source=SOURCE, run_id=run_id, life=life)
