"""Applies the row switches to a venue's rows of positions: left out, doubled, without a quantity."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.wire import plain

Row = dict[str, Any]
RowFaults = Callable[[str], str | None]  # the row switch of a symbol, None for none


def with_row_fault(rows: list[Row], fault: str | None, *, amount: str = "positionAmt") -> list[Any]:
    """What a row switch makes of the rows of one symbol; ``amount`` is the venue's field for the quantity."""
    if fault is None or fault == "hedged":
        return list(rows)
    found = [changed for row in rows for changed in _SPOILERS[fault](_renamed(row, amount, "positionAmt"))]
    return [_renamed(row, "positionAmt", amount) if isinstance(row, dict) else row for row in found]


def _renamed(row: Row, name: str, new: str) -> Row:
    return row if name == new else {new if field == name else field: value for field, value in row.items()}


def _with_amount(value: Any) -> Callable[[Row], list[Any]]:
    return lambda row: [row | {"positionAmt": value}]


_SPOILERS: Final[dict[str, Callable[[Row], list[Any]]]] = {
    "missing": lambda _row: [],
    "duplicate": lambda row: [row, row],
    "conflict": lambda row: [row, row | {"positionAmt": plain(Decimal(row["positionAmt"]) + 1)}],
    "no_amount": lambda row: [{name: value for name, value in row.items() if name != "positionAmt"}],
    "null_amount": _with_amount(None),
    "text_amount": _with_amount("abc"),
    "empty_amount": _with_amount(""),
    "nan_amount": _with_amount("NaN"),
    "huge_amount": _with_amount("1e400"),
    "number_amount": lambda row: [row | {"positionAmt": float(row["positionAmt"])}],
    "not_object": lambda row: [row.get("symbol", "no object")],
}
