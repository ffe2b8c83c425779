"""Read the limits of one symbol from Redis."""

from __future__ import annotations

from typing import Any

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.limits import decode_limits
from p33_tasks.domain.models import Leg, SymbolLimits
from p33_tasks.errors import CorruptStateError


def read_limits(
    keys: Keys, symbol: str, operator: Any, adaptive: Any, leg: Leg = Leg.BOTH
) -> tuple[SymbolLimits, str | None]:
    """The limits from both HASHes' values, and None; or no limits, and why they can't be read."""
    try:
        return decode_limits(keys.limits(symbol), operator, keys.adaptive_limits(symbol, leg), adaptive), None
    except CorruptStateError as error:
        return SymbolLimits(), str(error)
