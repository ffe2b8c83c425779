"""Reads a symbol that a user typed."""

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
    """The venue's id: ASCII letters in upper case, others unchanged, as in P33_ALLOWLIST.

    Raises:
        click.BadParameter: It can't be a symbol.
    """
    bare = text.strip()
    symbol = bare.upper() if bare.isascii() else bare
    if not _SYMBOL.fullmatch(symbol) or not symbol.isprintable() or symbol.startswith("."):
        raise click.BadParameter(
            f"{text[:50]!r} is not a symbol; use the venue's id, e.g. BTCUSDT", param_hint="SYMBOL"
        )
    return symbol


def listed_symbol_of(text: str, session: Session) -> str:
    """As ``symbol_of``, for a symbol of P33_ALLOWLIST.

    Raises:
        click.BadParameter: Not in P33_ALLOWLIST; a setting for a misspelt symbol would not affect the intended one.
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
    """A text that names the symbols not in P33_ALLOWLIST, with similar ones; empty if all are listed."""
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
    """Print on standard error that symbols are unlisted; the answer remains valid for a symbol that left the list."""
    if text := unlisted_text(symbols, session):
        click.echo(f"p33: {text}", err=True)


def end_if_unlisted(symbols: Iterable[str], session: Session, *, as_json: bool) -> None:
    """End the command with a failure, after its output, if any of ``symbols`` is not in P33_ALLOWLIST.

    Raises:
        Failure: There are some; the output for a misspelt symbol isn't about the intended one.
    """
    text = unlisted_text(symbols, session)
    if text and as_json:  # its JSON document is already printed
        click.echo(f"p33: {text}", err=True)
        raise click.exceptions.Exit(NO)
    if text:
        raise Failure(text)


def _meant(symbol: str, allowlist: tuple[str, ...]) -> str:
    like = near_ones(symbol, allowlist)
    return f" Did you mean {' or '.join(like)}?" if like else ""
