"""A symbol as a user types it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from p33_tasks.cli.failures import NO, Failure
from p33_tasks.views.denials import near_ones

if TYPE_CHECKING:
    from p33_tasks.cli.session import Session

_SYMBOL = re.compile(r"[^\s|{}*\\]{1,40}")


def symbol_of(text: str) -> str:
    """The venue's id, in upper case; a letter outside ASCII as it is, as in P33_ALLOWLIST.

    Raises:
        click.BadParameter: It can't be one.
    """
    bare = text.strip()
    symbol = bare.upper() if bare.isascii() else bare
    if not _SYMBOL.fullmatch(symbol) or not symbol.isprintable() or symbol.startswith("."):
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
        f"{_meant(symbol, allowlist)} If you mean {symbol}: P33_ALLOWLIST={symbol} p33 ...",
        param_hint="SYMBOL",
    )


def unlisted_text(symbols: Iterable[str], session: Session) -> str:
    """Which of the symbols have no plan judged here, and which were meant; empty where all are listed."""
    allowlist = session.settings.allowlist
    unlisted = [symbol for symbol in symbols if symbol not in allowlist]
    if not unlisted:
        return ""
    one = len(unlisted) == 1
    return (
        f"{', '.join(unlisted)} {'is' if one else 'are'} not among the {len(allowlist)} of P33_ALLOWLIST here, so "
        f"{'its' if one else 'their'} plans are denied." + "".join(_meant(symbol, allowlist) for symbol in unlisted)
    )


def say_if_unlisted(symbols: Iterable[str], session: Session) -> None:
    """On standard error, beside an answer that stands: on a symbol that left the list it is still wanted."""
    if text := unlisted_text(symbols, session):
        click.echo(f"p33: {text}", err=True)


def end_if_unlisted(symbols: Iterable[str], session: Session, *, as_json: bool) -> None:
    """After showing ``symbols``: say which of them have no plan judged here.

    Raises:
        Failure: There are some; what was shown of a misspelt one says nothing about the one that was meant.
    """
    text = unlisted_text(symbols, session)
    if text and as_json:  # its one document is printed
        click.echo(f"p33: {text}", err=True)
        raise click.exceptions.Exit(NO)
    if text:
        raise Failure(text)


def _meant(symbol: str, allowlist: tuple[str, ...]) -> str:
    like = near_ones(symbol, allowlist)
    return f" Did you mean {' or '.join(like)}?" if like else ""
