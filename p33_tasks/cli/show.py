"""Shows foreign text: escaped, bounded, never interpreted.

A plan_id can contain a terminal's escape sequence, rich's markup or ten megabytes. All text from Redis passes
through ``escaped`` (or ``cell``, for tables), and JSON output contains no control characters of a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import click

from p33_tasks.domain import exact_json
from p33_tasks.domain.quantities import canonical

MAX_CHARS = 120
WIDTH_WITHOUT_TERMINAL = 160
"""The width of tables in a pipe or a log, which need not fit into 80 columns."""


def escaped(value: object, *, limit: int = MAX_CHARS) -> str:
    """A value on one line: printable characters unchanged, others as escapes, at most about ``limit`` characters."""
    text = canonical(value) if isinstance(value, Decimal) and value.is_finite() else str(value)
    if len(text) > limit:
        text = f"{text[:limit]}...({len(text)} characters)"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def print_json(value: object) -> None:
    """Print one JSON document; control characters in its strings are escaped."""
    text = exact_json.dumps(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _json_escape(c) for c in text)
    click.echo(text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def console(*, stderr: bool = False) -> Any:
    """A rich console; wide if there is no terminal, and without highlighting of numbers."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def cell(value: object, style: str = "", *, limit: int = MAX_CHARS) -> Any:
    """A table's cell: escaped, and never read as markup."""
    from rich.text import Text

    return Text(escaped(value, limit=limit), style=style)


def print_lines(screen: Any, lines: Iterable[Any]) -> None:
    """Print lines without wrapping: the terminal wraps a long one, and it stays one line for ``grep``."""
    for line in lines:
        screen.print(line, soft_wrap=True)


def seconds(milliseconds: int | None, *, digits: int = 1) -> str:
    """Milliseconds as seconds, e.g. ``1.2 s``; ``-`` for None."""
    return "-" if milliseconds is None else f"{milliseconds / 1000:.{digits}f} s"


def amount(value: Decimal | None) -> str:
    """A quantity, exact; ``-`` for None."""
    return "-" if value is None else canonical(value)
