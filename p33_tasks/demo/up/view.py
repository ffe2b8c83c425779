"""The display of a run: a live view in a terminal, lines without a terminal, nothing if only the summary is wanted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import click

from p33_tasks.cli import tables
from p33_tasks.cli.show import cell, console, seconds
from p33_tasks.demo.up.tally import Tally
from p33_tasks.domain.models import Policy
from p33_tasks.views.overview import Overview

COUNTS_EVERY_SEC = 10.0
LEAST_LINES = 5


class View(Protocol):
    """The display of a run. Called from one thread."""

    def begin(self, places: Sequence[str]) -> None:
        """The processes are started; ``places`` has their addresses and paths."""

    def show(self, tally: Tally, overview: Overview | None, note: str) -> None:
        """Show the state; ``note`` is the current problem, empty if there is none."""

    def end(self) -> None:
        """The run is over."""


class Silent:
    """Shows nothing."""

    def begin(self, places: Sequence[str]) -> None:
        """See ``View``."""

    def show(self, tally: Tally, overview: Overview | None, note: str) -> None:
        """See ``View``."""

    def end(self) -> None:
        """See ``View``."""


class Lines:
    """One line per event, for pipes and logs."""

    def __init__(self) -> None:
        self._shown = 0
        self._counted_at_sec = time.monotonic()
        self._note = ""

    def begin(self, places: Sequence[str]) -> None:
        """See ``View``."""
        for line in places:
            click.echo(line)

    def show(self, tally: Tally, overview: Overview | None, note: str) -> None:
        """See ``View``."""
        new = min(tally.seen_lines - self._shown, len(tally.lines))
        for text, _ in list(tally.lines)[len(tally.lines) - new :]:
            click.echo(text)
        self._shown = tally.seen_lines
        if note and note != self._note:
            click.echo(f"-- {note}")
        self._note = note
        if overview is not None and time.monotonic() - self._counted_at_sec >= COUNTS_EVERY_SEC:
            self._counted_at_sec = time.monotonic()
            click.echo(f"-- {tally.counts_text()}")

    def end(self) -> None:
        """See ``View``."""


class Picture:
    """A live view in the terminal."""

    def __init__(self, policy: Policy) -> None:
        from rich.live import Live

        self._policy = policy
        self._screen = console()
        self._live: Any = Live(console=self._screen, screen=True, auto_refresh=False)
        self._places: Sequence[str] = ()
        self._began_sec = time.monotonic()

    def begin(self, places: Sequence[str]) -> None:
        """See ``View``."""
        self._places = places
        self._began_sec = time.monotonic()
        self._live.start()

    def show(self, tally: Tally, overview: Overview | None, note: str) -> None:
        """See ``View``."""
        self._live.update(self._frame(tally, overview, note), refresh=True)

    def end(self) -> None:
        """See ``View``."""
        self._live.stop()

    def _frame(self, tally: Tally, overview: Overview | None, note: str) -> Any:
        from rich.console import Group

        size, places, table, used = self._screen.size, list(self._places), [], 2
        if overview is not None:
            service = [_line(line.plain, str(line.style)) for line in tables.service_lines(overview, "", self._policy)]
            first = replace(overview, symbols=overview.symbols[: max(LEAST_LINES, size.height // 2)])
            table = [tables.symbols_table(first, self._policy, width=size.width), *service[:-1]]
            if more := len(overview.symbols) - len(first.symbols):
                table.insert(1, _line(f"and {more} more: p33 status", "dim"))
            used += len(first.symbols) + 4 + len(table[1:])
        # A small terminal shows only the last place: how to see more.
        while len(places) > 1 and size.height - used - _rows(places, size.width) < LEAST_LINES:
            places.pop(0)
        room = max(0, size.height - used - _rows(places, size.width))
        lines = list(tally.lines)[-room:] if room else []
        lasted = seconds(int((time.monotonic() - self._began_sec) * 1000), digits=0)
        return Group(
            # Wrapped, not cut, so that they can be copied.
            *(cell(text, "dim", limit=1_000) for text in places),
            *table,
            _line(""),
            *(_line(text, style) for text, style in lines),
            _line(f"{note or 'Ctrl-C stops everything'};  {lasted}: {tally.counts_text()}", "bold"),
        )


def _rows(texts: Sequence[str], width: int) -> int:
    return sum(-(-len(text) // width) for text in texts)


def _line(text: str, style: str = "") -> Any:
    line = cell(text, style, limit=1_000)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line
