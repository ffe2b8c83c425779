"""Positions in hedge mode, and the comparison of two readings of one answer."""

from __future__ import annotations

from dataclasses import replace

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, LegPosition, Position
from p33_tasks.ports import PositionReport

HEDGE = (Leg.LONG, Leg.SHORT)


def hedged(symbol: str, long: LegPosition, short: LegPosition) -> Position:
    """A symbol in hedge mode: both its legs."""
    return Position(
        symbol=symbol,
        position_amt=q.add(long.position_amt, short.position_amt),
        mark_price=long.mark_price or short.mark_price,
        hedge_mode=True,
        legs=(long, short),
    )


def steady(first: PositionReport, second: PositionReport) -> PositionReport:
    """The second of two readings; a symbol that is flat in only one of them is invalid.

    Pages are read one after the other: a row that moves meanwhile can be missed, which would look flat.
    """
    positions = dict(first.positions)
    invalid = {**second.invalid, **first.invalid}
    for symbol in first.positions:
        again = second.positions.get(symbol)
        if again is None:
            del positions[symbol]
        elif _held(first, symbol) != _held(second, symbol):
            del positions[symbol]
            invalid[symbol] = "it was flat in one of two readings and not in the other"
    return replace(first, positions=positions, invalid=invalid)


def _held(report: PositionReport, symbol: str) -> tuple[bool, ...]:
    position = report.positions[symbol]
    return tuple(leg.position_amt != 0 for leg in position.legs) or (position.position_amt != 0,)
