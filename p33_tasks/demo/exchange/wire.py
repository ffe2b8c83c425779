"""Numbers and JSON as the core writes them: decimals as strings, never with an exponent."""

import json
from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core.symbols import decimals

ZERO_8: Final = "0.00000000"
_GRID_8: Final = Decimal("0.00000001")


def plain(value: Decimal) -> str:
    """All digits of a decimal, without an exponent."""
    return format(value, "f")


def fixed(value: Decimal, places: int) -> str:
    """At least ``places`` decimal places; more where the value has more, so that nothing is ever rounded away."""
    return format(value, f".{max(places, decimals(value))}f")


def money(value: Decimal) -> str:
    """USDT with 8 decimal places."""
    return format(value.quantize(_GRID_8), "f")


def dump(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()
