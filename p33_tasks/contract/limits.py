"""The format of one symbol's limits in Redis (CONTRACT section 10)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from p33_tasks.contract.hash_values import Raw, number
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain.limits import MAX_COOLDOWN_MS, MAX_QTY_TOLERANCE_PCT, MAX_STALE_THRESHOLD_MS
from p33_tasks.domain.models import SymbolLimits
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import CorruptStateError

LIMITS_FIELDS = ("cooldown_sec", "qty_tolerance_pct", "stale_threshold_sec", "expires_ms")
"""The fields of an operator's HASH."""
ADAPTIVE_FIELDS = ("cooldown_sec", "cooldown_by", "base_sec", "measured")
"""The fields of this service's own HASH; the last two explain the cooldown, and no verdict depends on them."""
ADAPTIVE_BY = ("volatility", "settlement")
_MAX_SEC_DECIMALS = 3
_MAX_PCT_DECIMALS = 12

_Value = TypeVar("_Value")

RawLimits = Raw | str
"""The values of the fields, or the key's type if it isn't a HASH."""


def decode_limits(operator_key: str, operator: RawLimits, adaptive_key: str, adaptive: RawLimits) -> SymbolLimits:
    """The limits stored for one symbol, from both HASHes.

    Args:
        operator_key: Key of the operator's limits, for the error.
        operator: The values of ``LIMITS_FIELDS``.
        adaptive_key: Key of this service's own limits.
        adaptive: The values of ``ADAPTIVE_FIELDS``.

    Raises:
        CorruptStateError: A key has another type; a value isn't a number or is out of bounds. The text names the key.
    """
    cooldown, tolerance, threshold, expires = _each(operator_key, operator, len(LIMITS_FIELDS))
    own_cooldown, own_by, own_base, own_measured = _each(adaptive_key, adaptive, len(ADAPTIVE_FIELDS))
    if own_by is not None and own_by not in ADAPTIVE_BY:
        raise CorruptStateError(f"{adaptive_key}: cooldown_by {own_by!r:.40} is none of {', '.join(ADAPTIVE_BY)}")
    return SymbolLimits(
        cooldown_ms=_read(operator_key, cooldown, cooldown_ms),
        qty_tolerance_pct=_read(operator_key, tolerance, tolerance_pct),
        stale_threshold_ms=_read(operator_key, threshold, stale_threshold_ms),
        expires_ms=_read(operator_key, expires, _expires_ms),
        adaptive_cooldown_ms=_read(adaptive_key, own_cooldown, cooldown_ms),
        adaptive_by=own_by,
        adaptive_base_ms=_optional(own_base, cooldown_ms),
        adaptive_measured=_optional(own_measured, lambda text: number(text, "measured")),
    )


def cooldown_ms(text: str) -> int:
    """Milliseconds from ``cooldown_sec``: 0 to 86400 seconds, at most 3 decimals.

    Raises:
        CorruptStateError: The text isn't such a number.
    """
    return _milliseconds(text, "cooldown_sec", 0, MAX_COOLDOWN_MS)


def stale_threshold_ms(text: str) -> int:
    """Milliseconds from ``stale_threshold_sec``: above 0 to 60 s, at most 3 decimals. Raises as ``cooldown_ms``."""
    return _milliseconds(text, "stale_threshold_sec", 1, MAX_STALE_THRESHOLD_MS)


def tolerance_pct(text: str) -> Decimal:
    """Percent from ``qty_tolerance_pct``: 0 to 10, at most 12 decimals. Raises as ``cooldown_ms``."""
    value = number(text, "qty_tolerance_pct")
    if not 0 <= value <= MAX_QTY_TOLERANCE_PCT or _decimals(value) > _MAX_PCT_DECIMALS:
        raise CorruptStateError(f"qty_tolerance_pct {text!r:.40} is not within 0 to {MAX_QTY_TOLERANCE_PCT}")
    return value


def seconds_text(milliseconds: int) -> str:
    """Milliseconds as the text of a ``_sec`` field."""
    return canonical(Decimal(milliseconds).scaleb(-3))


def as_stored(raw: RawLimits) -> str:
    """The values as one text, which the store compares again (the scripts' ``stored_text``)."""
    if isinstance(raw, str):
        return raw
    if all(value is None for value in raw):
        return "none"
    return ",".join(
        "-" if value is None else f"{len(value.encode('utf-8', 'surrogateescape'))}:{value}" for value in raw
    )


def _read(key: str, text: str | None, read: Callable[[str], _Value]) -> _Value | None:
    try:
        return None if text is None else read(text)
    except CorruptStateError as error:
        raise CorruptStateError(f"{key}: {error}") from error


def _optional(text: str | None, read: Callable[[str], _Value]) -> _Value | None:
    """A value that is only shown, never used for a verdict: None if it can't be read."""
    try:
        return None if text is None else read(text)
    except CorruptStateError:
        return None


def _each(key: str, raw: RawLimits, count: int) -> Raw:
    if isinstance(raw, str):
        if raw == "none":
            return (None,) * count
        raise CorruptStateError(f"{key} holds a {raw}, not a hash")
    return raw


def _milliseconds(text: str, name: str, least: int, most: int) -> int:
    value = number(text, name)
    if not Decimal(least).scaleb(-3) <= value <= Decimal(most).scaleb(-3) or _decimals(value) > _MAX_SEC_DECIMALS:
        bounds = f"{seconds_text(least)} to {seconds_text(most)}"
        raise CorruptStateError(
            f"{name} {text!r:.40} is not within {bounds}, with at most {_MAX_SEC_DECIMALS} decimals"
        )
    return int(value.scaleb(3))


def _expires_ms(text: str) -> int:
    value = decode_time(text, None)
    if value is None:
        raise CorruptStateError(f"expires_ms {text!r:.40} is not a time")
    return value


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
