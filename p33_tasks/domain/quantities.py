"""Exact decimal quantities: read strictly, written canonically, floored to the venue's step size.

A quantity is read from a string (the venue's or Redis') and never from a float: ``0.036 * 0.75`` in binary floating
point is a step too small.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import lru_cache

from p33_tasks.errors import InvalidQuantityError

MAX_TEXT_LENGTH = 64
MAX_DIGITS = 30
"""Digits on each side of the point. Venues use at most 8 decimals; 1e400 must not become a 400-digit string."""

# Raises instead of rounding: within MAX_DIGITS every sum, product and floor below is exact.
EXACT = Context(prec=4 * MAX_DIGITS + 10, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
_DISPLAY = Context(prec=EXACT.prec)

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")

ZERO = Decimal(0)
HUNDRED = Decimal(100)


def parse_quantity(value: object) -> Decimal:
    """Read a decimal number exactly.

    Args:
        value: A string or an int. A float is a programming error, not bad data.

    Returns:
        A finite decimal with at most ``MAX_DIGITS`` digits on each side of the point.

    Raises:
        TypeError: For a float, a bool or any type other than string, int and Decimal.
        InvalidQuantityError: For text that is not such a number (``NaN``, ``1e400``, ``""``, ``0x1``).
    """
    if type(value) is str and len(value) <= MAX_TEXT_LENGTH:
        return _known_text(value)
    return _parsed(value)


def _parsed(value: object) -> Decimal:
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > MAX_DIGITS * 4:
            raise InvalidQuantityError(f"an integer of {value.bit_length()} bits is out of range")
        number = Decimal(value)
    elif isinstance(value, str):
        text = value.strip() if len(value) <= MAX_TEXT_LENGTH else value
        if len(text) > MAX_TEXT_LENGTH or not _NUMBER.fullmatch(text):
            raise InvalidQuantityError(f"not a decimal number: {text[:MAX_TEXT_LENGTH]!r}")
        number = Decimal(text)
    else:
        raise TypeError(f"quantities are read from strings, not from {type(value).__name__}: {value!r:.80}")
    if not number.is_finite():
        raise InvalidQuantityError(f"not a finite number: {number}")
    if number == 0:
        return ZERO
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or number.adjusted() >= MAX_DIGITS:
        raise InvalidQuantityError(f"{number} has more than {MAX_DIGITS} digits before the point")
    if exponent < -MAX_DIGITS:
        number = _without_trailing_zeros(digits, exponent, number)
    return number


_known_text = lru_cache(1_000)(_parsed)
"""Cached, because consecutive verdicts read the same steps, bounds and tolerances."""


def _without_trailing_zeros(digits: tuple[int, ...], exponent: int, number: Decimal) -> Decimal:
    significant = list(digits)
    while significant[-1] == 0:
        significant.pop()
        exponent += 1
    if exponent < -MAX_DIGITS:
        raise InvalidQuantityError(f"{number} has more than {MAX_DIGITS} digits after the point")
    return Decimal((0 if number > 0 else 1, tuple(significant), exponent))


def canonical(number: Decimal) -> str:
    """A decimal in the only form used on the wire: no exponent, no trailing zeros, no ``-0``.

    Raises:
        TypeError: For a float.
        InvalidQuantityError: For a number that is not finite.
    """
    if not isinstance(number, Decimal):
        raise TypeError(f"only Decimal is written, not {type(number).__name__}")
    if not number.is_finite():
        raise InvalidQuantityError(f"not a finite number: {number}")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", "+0", ""} else text


def is_writable(number: Decimal) -> bool:
    """Whether ``parse_quantity`` can read what ``canonical`` writes: a sum can have a digit too many."""
    try:
        return parse_quantity(canonical(number)) == number
    except InvalidQuantityError:
        return False


def add(left: Decimal, right: Decimal) -> Decimal:
    """Exact sum."""
    return EXACT.add(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Exact product."""
    return EXACT.multiply(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Exact difference."""
    return EXACT.subtract(left, right)


def magnitude(number: Decimal) -> Decimal:
    """The exact absolute value: ``abs()`` would round to the thread's context."""
    return number.copy_abs()


def negated(number: Decimal) -> Decimal:
    """The exact negative: a unary minus would round like ``abs()``."""
    return number.copy_negate() if number else ZERO


def floor_to_step(quantity: Decimal, step_size: Decimal) -> Decimal:
    """The largest multiple of ``step_size`` that is not above ``quantity`` (rule 6; never the nearest).

    Args:
        quantity: Base units, not negative.
        step_size: Base units, above zero.

    Raises:
        ValueError: For a negative quantity or a step that is not above zero.
    """
    if quantity < 0 or step_size <= 0:
        raise ValueError(f"can't floor {quantity} to a step of {step_size}")
    return multiply(EXACT.divide_int(quantity, step_size), step_size)


def ceil_to_step(quantity: Decimal, step_size: Decimal) -> Decimal:
    """The smallest multiple of ``step_size`` that is not below ``quantity``. Arguments and errors as above."""
    floored = floor_to_step(quantity, step_size)
    return floored if floored == quantity else add(floored, step_size)


def common_step(first: Decimal, second: Decimal) -> Decimal:
    """The smallest step that is a multiple of both (a market order must satisfy LOT_SIZE and MARKET_LOT_SIZE)."""
    scale = max(_decimals(first), _decimals(second))
    first_units, second_units = (int(step.scaleb(scale, context=EXACT)) for step in (first, second))
    return Decimal(math.lcm(first_units, second_units)).scaleb(-scale, context=EXACT)


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def percent_of(part: Decimal, whole: Decimal) -> Decimal:
    """``part / whole * 100``, only shown to people; limits are compared without a division.

    6 decimals, rounded up, so that a value above a limit is never shown as the limit.
    """
    return _DISPLAY.divide(multiply(part, HUNDRED), whole).quantize(Decimal("0.000001"), ROUND_UP, context=_DISPLAY)


def sec(milliseconds: int) -> Decimal:
    """Milliseconds as exact seconds."""
    return Decimal(milliseconds).scaleb(-3)
