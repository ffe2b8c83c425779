"""A symbol as a user types it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from p33_tasks.cli.failures import NO, Failure

if TYPE_CHECKING:
    from p33_tasks.cli.session import Session

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


def listed_symbol_of(text: str, session: Session) -> str:
    """As ``symbol_of``, of a symbol whose plans are judged here.

    Raises:
        click.BadParameter: Its plans are denied whatever is set: a misspelt symbol would leave the one that was meant
            as it is.
    """
    symbol, allowlist = symbol_of(text), session.settings.allowlist
    if symbol in allowlist:
        return symbol
    raise click.BadParameter(
        f"{symbol} is not among the {len(allowlist)} of P33_ALLOWLIST here, nothing was changed."
        f"{_meant(symbol, allowlist)} If it is what you mean: P33_ALLOWLIST={symbol} p33 ...",
        param_hint="SYMBOL",
    )


def end_if_unlisted(symbols: Iterable[str], session: Session, *, as_json: bool) -> None:
    """After showing ``symbols``: say which of them have no plan judged here.

    Raises:
        Failure: There are some; what was shown of a misspelt one says nothing about the one that was meant.
    """
    allowlist = session.settings.allowlist
    unlisted = [symbol for symbol in symbols if symbol not in allowlist]
    if unlisted and as_json:  # its one document is printed
        raise click.exceptions.Exit(NO)
    if unlisted:
        raise Failure(
            f"not among the {len(allowlist)} of P33_ALLOWLIST here, so their plans are denied: {', '.join(unlisted)}."
            + "".join(_meant(symbol, allowlist) for symbol in unlisted)
        )


def _meant(symbol: str, allowlist: tuple[str, ...]) -> str:
    like = get_close_matches(symbol, allowlist, 3, 0.7)
    return f" Did you mean {' or '.join(like)}?" if like else ""
