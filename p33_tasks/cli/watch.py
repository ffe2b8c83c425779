"""``p33 watch``: shows verdicts as soon as they are written."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import click

from p33_tasks.cli.durations import DURATION
from p33_tasks.cli.failures import json_lines_option
from p33_tasks.cli.session import open_session
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.cli.symbols import say_if_unlisted, symbol_of
from p33_tasks.cli.verdict_lines import is_sound, json_of, line_of
from p33_tasks.domain.reasons import GIVEN
from p33_tasks.errors import StoreUnavailableError
from p33_tasks.views.feed import VerdictSeen
from p33_tasks.views.live import LiveVerdicts

WAIT_MS = 1_000
"""Less than the client's socket time-out."""
AWAY_WAIT_SEC = 0.5
MAX_LINE_CHARS = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which verdicts are shown. Empty: any."""

    symbols: frozenset[str]
    reasons: frozenset[str]
    denied: bool

    def __contains__(self, seen: VerdictSeen) -> bool:
        """Whether this verdict is shown; an unreadable entry is not a deny."""
        if self.symbols and seen.symbol not in self.symbols:
            return False
        if self.reasons and seen.reason not in self.reasons:
            return False
        return not (self.denied or self.reasons) or (is_sound(seen) and not seen.allowed)


@click.command(short_help="Follow verdicts live, one line each.")
@click.option("--symbol", "symbols", multiple=True, help="Only this symbol; may be repeated.")
@click.option("--denied", is_flag=True, help="Only denies.")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([str(reason) for reason in GIVEN]),
    metavar="REASON",
    help="Only denies for this reason; may be repeated.",
)
@click.option(
    "--since",
    "since_ms",
    type=DURATION,
    metavar="SPAN",
    help="Start with verdicts of the last SPAN, e.g. 10m. Default: new verdicts only.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after this many lines.")
@click.option("--for", "for_ms", type=DURATION, metavar="SPAN", help="End after this time, e.g. 60s.")
@json_lines_option
def watch(
    *,
    symbols: tuple[str, ...],
    denied: bool,
    reasons: tuple[str, ...],
    since_ms: int | None,
    count: int | None,
    for_ms: int | None,
    as_json: bool,
) -> None:
    """Follow verdicts live, one line each, in the format of the worker's log. Ctrl-C stops it.

    It only reads. If Redis is away, it reports this once on standard error and continues when Redis is back. Times are
    of the Redis server, in UTC.

    \b
    Examples:
      p33 watch
      p33 watch --denied --symbol BTCUSDT --since 10m
      p33 watch --reason reconcile_required_qty_mismatch --json | jq .verdict.details
      p33 watch --count 100 --for 60s | grep -c ALLOW
    """
    wanted = Wanted(symbols=frozenset(map(symbol_of, symbols)), reasons=frozenset(reasons), denied=denied)
    try:
        _show(wanted, since_ms=since_ms, count=count, for_ms=for_ms, as_json=as_json)
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            click.echo(err=True)  # the terminal printed ^C on this line


def _show(wanted: Wanted, *, since_ms: int | None, count: int | None, for_ms: int | None, as_json: bool) -> None:
    session, left = open_session(), count
    say_if_unlisted(sorted(wanted.symbols), session)
    verdicts = LiveVerdicts(session.client, session.keys)
    verdicts.begin(since_ms)
    if sys.stderr.isatty():
        _note(f"verdicts of {session.keys.prefix} on {session.redis_place}; Ctrl-C ends")
    screen = console()
    ends_at = None if for_ms is None else time.monotonic() + for_ms / 1000
    for seen in _follow(verdicts, ends_at):
        if seen not in wanted:
            continue
        if as_json:
            print_json(json_of(seen))
        else:
            text, style = line_of(seen)
            print_lines(screen, [cell(text, style, limit=MAX_LINE_CHARS)])
        if left is not None:
            left -= 1
            if left == 0:
                return


def _follow(verdicts: LiveVerdicts, ends_at: float | None) -> Iterator[VerdictSeen]:
    """Every verdict until the end; an outage is reported once and survived."""
    away_since: float | None = None
    while (left_sec := _left(ends_at)) > 0:
        try:
            page = verdicts.poll(min(WAIT_MS, int(left_sec * 1000)))
            rewound = not page and verdicts.rewound()
        except StoreUnavailableError as error:
            if away_since is None:
                away_since = time.monotonic()
                _note(f"{error}; still trying")
            time.sleep(min(AWAY_WAIT_SEC, max(0, _left(ends_at))))
            continue
        if away_since is not None:
            _note(f"Redis is back after {time.monotonic() - away_since:.0f} s")
            away_since = None
        if rewound:
            _note("the stream is shorter than before: Redis has an older state, or the stream was deleted")
        yield from page


def _left(ends_at: float | None) -> float:
    return WAIT_MS / 1000 if ends_at is None else ends_at - time.monotonic()


def _note(text: str) -> None:
    click.echo(f"-- {escaped(text, limit=500)}", err=True)
