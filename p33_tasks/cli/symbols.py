"""A symbol as a user types it."""

from __future__ import annotations

import re

import click

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_:/.-]{0,39}")


def symbol_of(text: str) -> str:
    """The venue's id, in upper case.

    Raises:
        click.BadParameter: It can't be one.
    """
    symbol = text.strip().upper()
    if not _SYMBOL.fullmatch(symbol):
        raise click.BadParameter(
            f"{text[:50]!r} is not a symbol; use the venue's id, e.g. BTCUSDT", param_hint="SYMBOL"
        )
    return symbol
