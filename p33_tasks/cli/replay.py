"""``p33 replay``: evaluates recorded verdicts again, with the recorded and with other limits."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from p33_tasks.cli import replay_output as output
from p33_tasks.cli.durations import DURATION
from p33_tasks.cli.failures import NO, as_json_from_now_on, json_option
from p33_tasks.cli.session import Session, open_session
from p33_tasks.cli.show import console, print_json
from p33_tasks.cli.symbols import say_if_unlisted, symbol_of
from p33_tasks.domain.records import UnreadableRecord
from p33_tasks.errors import ConfigurationError
from p33_tasks.services.replay import Limits
from p33_tasks.services.replay import replay as replay_one
from p33_tasks.services.replay_cooldowns import MODES, Cooldowns
from p33_tasks.services.replay_tally import Row, Tally
from p33_tasks.settings import load_settings
from p33_tasks.store.audit import written
from p33_tasks.views.history import Extent, History, Page

_LIMITS = {
    "qty_tolerance_pct": ("P33_QTY_TOLERANCE_PCT", "qty_tolerance_pct", "Allowed drift, percent."),
    "cooldown_sec": ("P33_COOLDOWN_SEC", "cooldown_ms", "Minimum time since the last order."),
    "stale_threshold_sec": ("P33_STALE_THRESHOLD_SEC", "stale_threshold_ms", "Maximum snapshot age."),
    "position_epsilon": ("P33_POSITION_EPSILON", "position_epsilon", "Below this there is no position."),
    "plan_max_age_sec": ("P33_PLAN_MAX_AGE_SEC", "plan_max_age_ms", "Older plans are denied."),
}
"""Option to its setting's variable, the policy's field, and its help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The range of entries to read."""

    since_ms: int | None  # milliseconds before now
    last: int | None
    symbol: str | None


def limit_options(command: Any) -> Any:
    """The options for limits to try, each checked like its setting."""
    for name, (variable, _, text) in reversed(_LIMITS.items()):
        option = click.option(f"--{name.replace('_', '-')}", metavar="NUMBER", help=f"{text} As {variable}.")
        command = option(command)
    return command


@click.command(short_help="Evaluate recorded verdicts again, or with other limits.")
@click.option(
    "--since", "since_ms", type=DURATION, metavar="SPAN", help="Only verdicts of the last SPAN, e.g. 1h. Default: all."
)
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the latest N.")
@click.option("--symbol", help="Only this symbol.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), help="By default a table.")
@limit_options
@click.option(
    "--cooldown-mode",
    type=click.Choice(MODES),
    help="Compute cooldowns as with this P33_COOLDOWN_MODE, if the recorded verdicts have enough data.",
)
@json_option
def replay(
    *,
    since_ms: int | None,
    last: int | None,
    symbol: str | None,
    form: str | None,
    cooldown_mode: str | None,
    as_json: bool,
    **limits: str | None,
) -> None:
    """Evaluate every verdict of the audit stream again, with its recorded inputs, newest first.

    Without limit options, each new verdict must equal the recorded one, character by character. Exit 0 if all are
    equal; exit 1 with a list of differences otherwise (a record or the rules were changed). Denies without inputs, and
    entries that this service cannot have written, are counted separately.

    With limit options, it reports which verdicts would differ under these limits, and by how much the allowed quantity
    would differ. Each verdict is evaluated alone: the effect of a different verdict on later verdicts is not simulated.

    --cooldown-mode adaptive computes each symbol's volatility and settlement time from the mark prices, amounts and
    orders in its recorded verdicts, up to P33_COOLDOWN_MAX_SEC. If these are more than a minute apart, there is too
    little data and the cooldown stays unchanged. --cooldown-mode fixed replaces each adapted cooldown by the one that
    it lengthened.

    It only reads. CSV has one line per verdict that differs; the summary goes to standard error.

    \b
    Examples:
      p33 replay
      p33 replay --since 1h --symbol BTCUSDT
      p33 replay --last 5000 --qty-tolerance-pct 0.5 --cooldown-sec 30
      p33 replay --stale-threshold-sec 20 --format csv > changes.csv
      p33 replay --since 24h --cooldown-mode adaptive
    """
    if since_ms is not None and last is not None:
        raise click.UsageError("--since and --last exclude each other")
    if as_json and form not in {None, "json"}:
        raise click.UsageError(f"--json and --format {form} exclude each other")
    form = "json" if as_json else form or "table"
    if form == "json":
        as_json_from_now_on()
    session, span = open_session(), Span(since_ms=since_ms, last=last, symbol=symbol_of(symbol) if symbol else None)
    say_if_unlisted([span.symbol] if span.symbol else [], session)
    given = {name: text for name, text in limits.items() if text is not None}
    report = output.Report(limits=_limits(given), given=given)
    if cooldown_mode is not None:
        report.limits = report.limits or Limits()
        report.given = {**given, "cooldown_mode": cooldown_mode}
        report.cooldowns = _cooldowns(session, span, cooldown_mode, report.limits)
    _run(session, span, report, form)
    if report.tally.different:
        raise click.exceptions.Exit(NO)


def _limits(given: dict[str, str]) -> Limits | None:
    """The limits to try, checked like the settings.

    Raises:
        click.UsageError: The settings would refuse them.
    """
    if not given:
        return None
    if blank := [name for name, text in given.items() if not text.strip()]:
        raise click.UsageError(f"--{blank[0].replace('_', '-')} needs a number")
    try:
        policy = load_settings({**os.environ, **{_LIMITS[name][0]: text for name, text in given.items()}}).policy
    except ConfigurationError as error:
        found = "\n".join(str(error).splitlines()[1:])
        raise click.UsageError(f"limits that a setting does not allow can't be tried:\n{found}") from error
    return Limits(**{_LIMITS[name][1]: getattr(policy, _LIMITS[name][1]) for name in given})


def _cooldowns(session: Session, span: Span, mode: str, tried: Limits) -> Cooldowns:
    """Each position's cooldown by the mode, at each of its verdicts; reads all entries."""
    history = History(session.client, session.keys)
    extent = history.extent()
    since_ms = None if span.since_ms is None else extent.now_ms - span.since_ms
    pages = history.pages(extent, since_ms=since_ms, last=span.last, symbol=span.symbol)
    records = [record for page in pages for record in page.records if not isinstance(record, UnreadableRecord)]
    found = Cooldowns(mode=mode, base_ms=tried.cooldown_ms, max_ms=session.settings.cooldown_max_ms)
    for record in reversed(records):
        found.see(record)
    return found


def _run(session: Session, span: Span, report: output.Report, form: str) -> None:
    history = History(session.client, session.keys)
    extent = history.extent()
    since_ms = None if span.since_ms is None else extent.now_ms - span.since_ms
    pages = history.pages(extent, since_ms=since_ms, last=span.last, symbol=span.symbol)
    to_csv = output.csv_writer() if form == "csv" else None
    with _progress(extent, since_ms, span, hidden=form == "csv" and sys.stdout.isatty()) as advance:
        for page in pages:
            for row in _replayed(page, report):
                if to_csv is not None:
                    to_csv(row)
            advance(page, report.tally)
    if form == "json":
        print_json(output.document(report))
    elif form == "csv":
        for line in output.csv_summary(report):
            click.echo(line, err=True)
    else:
        output.print_table(console(), report)


def _replayed(page: Page, report: output.Report) -> Iterator[Row]:
    for record in page.records:
        report.saw(record.entry_id)
        if isinstance(record, UnreadableRecord):
            report.tally.add_unreadable(record)
            continue
        limits = report.limits if report.cooldowns is None else report.cooldowns.limits_of(record, report.limits)
        row = report.tally.add(record, replay_one(record, written, limits))
        if row is not None:
            yield row


@contextlib.contextmanager
def _progress(
    extent: Extent, since_ms: int | None, span: Span, *, hidden: bool
) -> Iterator[Callable[[Page, Tally], None]]:
    """A progress bar on standard error if it is a terminal: by entries, or by time with ``--since``."""
    if hidden or extent.is_empty or not sys.stderr.isatty():
        yield lambda page, tally: None  # noqa: ARG005 - nothing is shown
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("replaying"), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    newest_ms, read = _ms(extent.newest_id), 0
    by_time = since_ms is not None
    oldest_ms = max(since_ms or 0, _ms(extent.oldest_id))
    total = newest_ms - oldest_ms if by_time else min(extent.length, span.last or extent.length)

    def advance(page: Page, tally: Tally) -> None:
        nonlocal read
        read = tally.looked_at if span.last else read + page.read
        shown = f"{tally.looked_at} verdicts, {tally.different} different"
        bar.update(task, completed=newest_ms - _ms(page.oldest_id) if by_time else read, description=shown)

    # rich's redirection would send our standard output to standard error.
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task("", total=max(1, total))
        yield advance


def _ms(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
