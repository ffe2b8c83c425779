"""Pure: the rows of each symbol in a decoded answer, and the values in a row. Shared by every venue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypedDict

from p33_tasks.domain import quantities as q
from p33_tasks.errors import InvalidQuantityError

Row = Mapping[str, Any]

_MOST_TIME_DIGITS = 15
_MOST_ID_CHARS = 64
_MOST_WORD_CHARS = 20
UNKNOWN_ACCOUNT = "unknown"
"""Replaces the account's id if the venue has one but doesn't show it to this key."""


class InvalidRowError(ValueError):
    """One symbol's row is invalid. Never raised out of this package."""


def rows_by_symbol(answer: list[Any], symbols: Iterable[str], *, name: str = "symbol") -> dict[str, list[Row]]:
    """The rows of each wanted symbol; a row without a readable symbol is left out."""
    found: dict[str, list[Row]] = {symbol: [] for symbol in symbols}
    for row in answer:
        symbol = row.get(name) if isinstance(row, dict) else None
        if isinstance(symbol, str) and symbol in found:
            found[symbol].append(row)
    return found


def number(row: Row, name: str) -> Decimal:
    """A field that must be a plain number, as a string or an exact JSON number. Raises InvalidRowError."""
    if name not in row:
        raise InvalidRowError(f"{name} is missing")
    try:
        return q.parse_quantity(row[name])
    except (InvalidQuantityError, TypeError) as error:
        raise InvalidRowError(f"{name} is {row[name]!r:.40}, not a plain number") from error


def optional_number(row: Row, name: str) -> Decimal | None:
    """A number for display: None if absent or null. Raises InvalidRowError: any other value."""
    return None if row.get(name) is None else number(row, name)


def margin_modes(
    rows: Iterable[Any], symbols: Iterable[str], *, name: str = "symbol", amount: str, mode: Callable[[Row], object]
) -> dict[str, str]:
    """The margin mode of each open position, for display; both modes if the legs differ.

    Args:
        rows: Position rows.
        symbols: The symbols wanted.
        name: The field of a row's symbol.
        amount: The field of its quantity; a row whose quantity can't be read is left out.
        mode: The function that returns a row's margin mode.
    """
    found: dict[str, str] = {}
    for symbol, own in rows_by_symbol(list(rows), symbols, name=name).items():
        words = sorted({_mode_text(mode(row)) for row in own if _is_open(row, amount)})
        if words:
            found[symbol] = " and ".join(words)
    return found


def _is_open(row: Row, amount: str) -> bool:
    try:
        return number(row, amount) != 0
    except InvalidRowError:
        return False


def _mode_text(value: object) -> str:
    is_word = isinstance(value, str) and value.isascii() and value.isalpha() and len(value) <= _MOST_WORD_CHARS
    return str(value).lower() if is_word else "unknown"


class Prices(TypedDict):
    """Prices for display beside an amount, in quote units."""

    entry_price: Decimal | None
    mark_price: Decimal | None
    leverage: Decimal | None
    unrealized_pnl: Decimal | None


def prices(row: Row, *, entry: str, mark: str, leverage: str, pnl: str) -> Prices:
    """The prices of a row by its fields' names; absent, null and "" are None. Raises InvalidRowError."""
    entry_price, mark_price, leverage_, unrealized_pnl = (
        None if row.get(name) == "" else optional_number(row, name) for name in (entry, mark, leverage, pnl)
    )
    return Prices(entry_price=entry_price, mark_price=mark_price, leverage=leverage_, unrealized_pnl=unrealized_pnl)


def account_id(row: Row, name: str) -> str:
    """The venue's id of an account, a text or a whole number; ``UNKNOWN_ACCOUNT`` where it isn't one."""
    found = row.get(name)
    text = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
    return text if text.isascii() and text.isalnum() and len(text) <= _MOST_ID_CHARS else UNKNOWN_ACCOUNT


def milliseconds_at(body: object, path: Iterable[str | int]) -> int | None:
    """The time at ``path`` of an answer, a whole number or its digits; None if it isn't one."""
    found = body
    for step in path:
        if isinstance(step, str):
            found = found.get(step) if isinstance(found, dict) else None
        else:
            found = found[step] if isinstance(found, list) and len(found) > step else None
    if isinstance(found, str) and found.isascii() and found.isdecimal() and len(found) <= _MOST_TIME_DIGITS:
        found = int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def shape(value: object) -> str:
    """The kind of a JSON value, for messages, which must not contain its content."""
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "null" if value is None else f"a {type(value).__name__}"
