"""The position key, and the fields in which producers and executors name a leg (CONTRACT, Terms and section 4).

A position key is never parsed: symbol and leg are separate fields everywhere, and readers refuse a symbol that looks
like a leg's key.
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
    """The position's name in Redis keys: the symbol, in hedge mode with the leg, e.g. ``BTCUSDT:LONG``."""
    return symbol if leg is Leg.BOTH else f"{symbol}:{leg}"


def looks_like_a_leg(symbol: str) -> bool:
    """Whether a symbol could be mistaken for the key of another symbol's leg."""
    return symbol.upper().endswith(_ENDINGS)


def legs_in(fields: Mapping[str, object]) -> Iterator[Leg]:
    """The legs in ``positionSide`` and ``position_side``, upper or lower case; none if these are absent or empty.

    Raises:
        InvalidMessageError: A value is not ``BOTH``, ``LONG`` or ``SHORT``.
    """
    for name, value in fields.items():
        if not isinstance(name, str) or name.replace("_", "").lower() != "positionside" or is_nothing(value):
            continue
        leg = _LEGS.get(value.strip().upper()) if isinstance(value, str) and value.isascii() else None
        if leg is None:
            raise InvalidMessageError(f"{name[:40]} must be BOTH, LONG or SHORT, found {shown(value)}")
        yield leg


def leg_of(fields: Mapping[str, object]) -> Leg:
    """The leg that the fields name; ``BOTH`` if they name none.

    Raises:
        InvalidMessageError: As ``legs_in``; or the fields name two different legs.
    """
    named = set(legs_in(fields))
    if len(named) > 1:
        raise InvalidMessageError(f"two legs are named: {' and '.join(sorted(named))}")
    return named.pop() if named else Leg.BOTH
