"""Positions of the matching engine, and as the account endpoints show them.

At a real venue the two differ for a moment after a fill. Here a fill becomes visible ``fill_delay_ms`` after it
happened: reduce-only is judged on the true position, positionRisk shows the visible one.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

PositionSide = Literal["BOTH", "LONG", "SHORT"]
ONE_WAY: Final[tuple[PositionSide, ...]] = ("BOTH",)
HEDGED: Final[tuple[PositionSide, ...]] = ("LONG", "SHORT")
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A signed base quantity (long positive, short negative) and its average entry price in USDT."""

    amt: Decimal = _ZERO
    entry_price: Decimal = _ZERO
    update_ms: int = 0


FLAT: Final = Position()


def after_fill(position: Position, signed_qty: Decimal, price: Decimal, now_ms: int) -> tuple[Position, Decimal]:
    """The position after a fill, and the realized profit in USDT.

    Adding averages the entry price, reducing keeps it, crossing zero starts again at the fill's price.
    """
    before, after = position.amt, position.amt + signed_qty
    if before * signed_qty >= 0:
        cost = abs(before) * position.entry_price + abs(signed_qty) * price
        return Position(amt=after, entry_price=cost / abs(after), update_ms=now_ms), _ZERO
    closed = min(abs(before), abs(signed_qty))
    realized = closed * (price - position.entry_price) * (1 if before > 0 else -1)
    if after == 0:
        return Position(update_ms=now_ms), realized
    entry = position.entry_price if before * after > 0 else price
    return replace(position, amt=after, entry_price=entry, update_ms=now_ms), realized


class PositionBook:
    """All positions of the account, by symbol and position side."""

    def __init__(self) -> None:
        # Per position: states with the time from which each is visible, oldest first; the last is the truth.
        self._states: dict[tuple[str, PositionSide], list[tuple[int, Position]]] = {}

    def true(self, symbol: str, side: PositionSide) -> Position:
        """The matching engine's position."""
        states = self._states.get((symbol, side))
        return states[-1][1] if states else FLAT

    def shown(self, symbol: str, side: PositionSide, now_ms: int) -> Position:
        """The position that the account endpoints show at ``now_ms``."""
        states = self._states.get((symbol, side))
        if not states:
            return FLAT
        while len(states) > 1 and states[1][0] <= now_ms:
            states.pop(0)
        return states[0][1] if states[0][0] <= now_ms else FLAT

    def put(self, symbol: str, side: PositionSide, position: Position) -> None:
        """Sets a position, visible at once; fills that were not visible yet are forgotten."""
        self._states[symbol, side] = [(0, position)]

    def move(self, symbol: str, side: PositionSide, position: Position, *, visible_ms: int) -> None:
        """Changes a position by a fill that becomes visible at ``visible_ms``, never before an earlier fill."""
        states = self._states.setdefault((symbol, side), [(0, FLAT)])
        states.append((max(visible_ms, states[-1][0]), position))

    def held(self) -> list[tuple[str, PositionSide]]:
        """Every position that was ever not flat."""
        return list(self._states)

    def any_open(self) -> bool:
        """Whether the matching engine has any position."""
        return any(states[-1][1].amt for states in self._states.values())

    def change_mode(self, *, hedged: bool) -> None:
        """Moves every position to the other position mode: by its sign into LONG or SHORT, or netted into BOTH."""
        old = {key: states[-1][1] for key, states in self._states.items()}
        self._states.clear()
        for (symbol, _), position in old.items():
            if hedged:
                self.put(symbol, "LONG" if position.amt >= 0 else "SHORT", position)
            else:
                net = self.true(symbol, "BOTH").amt + position.amt
                self.put(symbol, "BOTH", replace(position, amt=net) if net else FLAT)
