"""Pure: coins and symbols, and the dex that a coin is traded on."""

from __future__ import annotations

from typing import Any

from p33_tasks.venues.rows import Row


def dex_of(symbol: str) -> str:
    """The name of the dex that lists a coin; empty for the venue's own dex."""
    dex, colon, _ = symbol.partition(":")
    return dex.lower() if colon else ""


def named(row: Any, name: str) -> Row:
    """The row with its coin's ``symbol`` added; None if it names no coin."""
    found = dict(row) if isinstance(row, dict) else {}
    coin = found.get(name)
    return {**found, "symbol": coin.upper() if isinstance(coin, str) and coin and coin.isascii() else None}
