"""The position key, and how a leg is named by producers and executors (CONTRACT, Terms and section 4).

A position key is built, never parsed: symbol and leg travel apart, and a symbol that could be taken for a leg's key is
refused wherever one is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from p33_tasks.contract.fields import is_nothing, shown
from p33_tasks.domain.models import Leg
from p33_tasks.errors import InvalidMessageError

HEDGE_LEGS = (Leg.LONG, Leg.SHORT)
_LEGS = {leg.value: leg for leg in Leg}
_ENDINGS = tuple(f":{leg}" for leg in HEDGE_LEGS)


def position_key(symbol: str, leg: Leg = Leg.BOTH) -> str:
    """What everything of a position is kept under: the symbol, in hedge mode with the leg."""
    return symbol if leg is Leg.BOTH else f"{symbol}:{leg}"


def looks_like_a_leg(symbol: str) -> bool:
    """Whether a symbol's key could be another symbol's leg."""
    return symbol.upper().endswith(_ENDINGS)


def legs_in(fields: Mapping[str, object]) -> Iterator[Leg]:
    """Every leg that ``positionSide`` or ``position_side`` names, in any case; none where they are absent or empty.

    Raises:
        InvalidMessageError: A value is no text, or another word than ``BOTH``, ``LONG`` or ``SHORT``.
    """
    for name, value in fields.items():
        if not isinstance(name, str) or name.replace("_", "").lower() != "positionside" or is_nothing(value):
            continue
        leg = _LEGS.get(value.strip().upper()) if isinstance(value, str) and value.isascii() else None
        if leg is None:
            raise InvalidMessageError(f"{name[:40]} must be BOTH, LONG or SHORT, found {shown(value)}")
        yield leg


def leg_of(fields: Mapping[str, object]) -> Leg:
    """The leg that is named; ``BOTH`` where none is.

    Raises:
        InvalidMessageError: As ``legs_in``; or two are named.
    """
    named = set(legs_in(fields))
    if len(named) > 1:
        raise InvalidMessageError(f"two legs are named: {' and '.join(sorted(named))}")
    return named.pop() if named else Leg.BOTH
