"""What ``p33 replay`` prints of other limits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.cli.replay_output import MAX_TABLE_SYMBOLS, _changes_table, _quantities
from p33_tasks.services.replay_tally import Change


@pytest.mark.parametrize(
    ("beyond", "not_summed", "told"),
    [(1, 0, "and 1 more symbol"), (2, 0, "and 2 more symbols"), (0, 3, "and 1+ more symbols")],
)
def test_the_symbols_that_are_left_out_are_counted(beyond: int, not_summed: int, told: str) -> None:
    number = MAX_TABLE_SYMBOLS + beyond
    change = Change(qty_by_symbol={f"S{n}": Decimal(1) for n in range(number)}, not_summed=not_summed)
    assert _quantities(change).split(", ")[-1] == told


def test_the_column_says_that_it_is_a_change() -> None:
    change = Change(count=1, qty_by_symbol={"BTCUSDT": Decimal(-3)})
    assert "change of allowed quantity" in [column.header for column in _changes_table({("a", "b"): change}).columns]
