"""The report of ``p33 replay``, as a table, as CSV and as JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from p33_tasks.cli.findings import counted
from p33_tasks.cli.show import amount, cell, escaped, print_lines
from p33_tasks.domain.quantities import magnitude, percent_of
from p33_tasks.services.replay import WITHOUT_FACTS, Limits
from p33_tasks.services.replay_cooldowns import Cooldowns
from p33_tasks.services.replay_tally import Change, Row, Tally
from p33_tasks.views.explanation import at

NOTE = (
    "What-if on each recorded verdict alone: an allow that would have been a deny (or the reverse) would have changed "
    "what came after it, and that is not played out."
)
MAX_TABLE_DIFFERENCES = 20
MAX_TABLE_SYMBOLS = 4
CSV_COLUMNS = ("entry_id", "time", "plan_id", "symbol", "finding", "recorded", "recorded_qty", "now", "now_qty", "why")
_FORMULA = ("=", "+", "-", "@")
"""Spreadsheets execute a cell that begins like this; a foreign plan_id must not be executed."""


@dataclass(slots=True)
class Report:
    """The result of a replay."""

    limits: Limits | None
    given: dict[str, str]  # the limits as typed
    tally: Tally = field(default_factory=Tally)
    cooldowns: Cooldowns | None = None  # if a cooldown mode is tried
    newest_id: str = ""
    oldest_id: str = ""

    def saw(self, entry_id: str) -> None:
        """Count the next entry; entries come newest first."""
        self.newest_id = self.newest_id or entry_id
        self.oldest_id = entry_id


# --- sentences ------------------------------------------------------------------------------------------------------


def summary_lines(report: Report) -> Iterator[Any]:
    """The numbers of entries and of their results."""
    tally = report.tally
    if not tally.looked_at:
        yield cell("no verdicts to replay: none were recorded for this span and symbol")
        return
    yield cell(f"{counted(tally.looked_at, 'verdict')}, {_time(report.oldest_id)} to {_time(report.newest_id)}", "bold")
    outcomes = ", ".join(f"{name} {number}" for name, number in tally.outcomes.most_common())
    yield cell(f"  {tally.same} come out the same" + (f": {outcomes}" if outcomes else ""), "green", limit=2_000)
    yield cell(f"  {tally.different} come out different", "bold red" if tally.different else "green")
    for reason, number in tally.not_replayable.most_common():
        yield cell(f"  {number} not replayable, {reason}: {WITHOUT_FACTS[reason]}", limit=300)
    if tally.unreadable:
        first = tally.unreadable_examples[0]
        text = f"  {tally.unreadable} not written by this service; the latest, {first.entry_id}: {first.problem}"
        yield cell(text, "yellow", limit=500)


def what_if_lines(report: Report) -> Iterator[Any]:
    """The effect of the limits to try."""
    tally = report.tally
    tried = ", ".join(f"{name} {escaped(text.strip(), limit=40)}" for name, text in report.given.items())
    share = f" ({percent_of_verdicts(tally)} %)" if tally.same else ""
    yield cell(f"With {tried}: {tally.changed} of {tally.same}{share} would have been different", "bold", limit=400)
    if (cooldowns := report.cooldowns) is not None:
        yield cell(
            f"  the cooldown would have been another one at {cooldowns.other} of {cooldowns.seen} verdicts with facts; "
            f"at {cooldowns.unknown} the recorded verdicts tell too little"
        )


def percent_of_verdicts(tally: Tally) -> str:
    """The share of verdicts that would differ, as text."""
    return f"{percent_of(Decimal(tally.changed), Decimal(tally.same)):.2f}"


# --- the table ------------------------------------------------------------------------------------------------------


def print_table(screen: Any, report: Report) -> None:
    """Print the summary, the differences, and the effect of the limits to try."""
    tally = report.tally
    print_lines(screen, summary_lines(report))
    if tally.differences:
        screen.print(_differences_table(tally.differences[:MAX_TABLE_DIFFERENCES]))
        more = tally.different - MAX_TABLE_DIFFERENCES
        if more > 0:
            print_lines(screen, [cell(f"and {more} more; --format csv lists all of them")])
    if report.limits is not None and tally.looked_at:
        print_lines(screen, what_if_lines(report))
        if tally.changes:
            screen.print(_changes_table(tally.changes))
        screen.print(cell(NOTE, "dim", limit=400))


def _differences_table(rows: list[Row]) -> Any:
    table = _table("entry", "plan", "symbol", "recorded", "made again", "what is different")
    for row in rows:
        recorded, now = _outcome(row.recorded, row.recorded_qty), _outcome(row.now, row.now_qty)
        cells = (row.entry_id, row.plan_id, row.symbol, recorded, now)
        table.add_row(*(cell(text, limit=60) for text in cells), cell(row.why, "red", limit=200))
    return table


def _changes_table(changes: dict[tuple[str, str], Change]) -> Any:
    table = _table("recorded", "would have been", "verdicts", "change of allowed quantity", "plans, latest first")
    for (recorded, now), change in sorted(changes.items(), key=lambda item: -item[1].count):
        more = ["..."] if change.count > len(change.plan_ids) else []
        table.add_row(
            cell(recorded),
            cell(now),
            cell(change.count, "bold"),
            cell(_quantities(change), limit=300),
            cell(", ".join([*(escaped(name, limit=40) for name in change.plan_ids), *more]), limit=300),
        )
    return table


def _quantities(change: Change) -> str:
    largest = sorted(change.qty_by_symbol.items(), key=lambda item: -magnitude(item[1]))
    shown = [
        f"{'+' if qty > 0 else ''}{amount(qty)} {escaped(name, limit=20)}" for name, qty in largest[:MAX_TABLE_SYMBOLS]
    ]
    left_out = len(largest) - MAX_TABLE_SYMBOLS + (change.not_summed > 0)
    number = f"{left_out}{'+' if change.not_summed else ''}"
    more = [f"and {number} more symbol{'' if number == '1' else 's'}"] if left_out > 0 else []
    return ", ".join([*shown, *more]) or "-"


def _table(*titles: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right" if title == "verdicts" else "left", overflow="fold")
    return table


def _outcome(outcome: str, qty: Any) -> str:
    return (f"{outcome} {amount(qty)}" if qty else outcome) or "-"


# --- CSV ------------------------------------------------------------------------------------------------------------


def csv_writer() -> Callable[[Row], None]:
    """A writer of CSV lines, one per verdict and unbuffered, after a header line."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)

    def write(row: Row) -> None:
        finding = "changed" if row.changed else "different"
        names = (_csv_text(row.plan_id), _csv_text(row.symbol))
        before, after = (row.recorded, amount(row.recorded_qty)), (row.now, amount(row.now_qty))
        writer.writerow((row.entry_id, _time(row.entry_id), *names, finding, *before, *after, _csv_text(row.why)))

    return write


def csv_summary(report: Report) -> Iterator[str]:
    """Print the summary of the table, without its rows."""
    yield from (line.plain for line in summary_lines(report))
    if report.limits is not None and report.tally.looked_at:
        yield from (line.plain for line in what_if_lines(report))
        yield NOTE


def _csv_text(text: str) -> str:
    shown = escaped(text, limit=200)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


# --- JSON -----------------------------------------------------------------------------------------------------------


def document(report: Report) -> dict[str, Any]:
    """The report as JSON with exact numbers; at most ``MAX_DIFFERENCES`` differences."""
    tally = report.tally
    answer: dict[str, Any] = {
        "ok": not tally.different,
        "looked_at": tally.looked_at,
        "from_id": report.oldest_id or None,
        "to_id": report.newest_id or None,
        "same": tally.same,
        "different": tally.different,
        "not_replayable": dict(tally.not_replayable),
        "unreadable": tally.unreadable,
        "outcomes": dict(tally.outcomes.most_common()),
        "differences": [_difference(row) for row in tally.differences],
        "unreadable_examples": [{"entry_id": r.entry_id, "problem": r.problem} for r in tally.unreadable_examples],
    }
    if report.limits is None:
        return answer
    changes = [
        {
            "from": recorded,
            "to": now,
            "count": change.count,
            "plan_ids": change.plan_ids,
            "allowed_besides_qty": change.qty_by_symbol,
            "not_summed": change.not_summed,
        }
        for (recorded, now), change in sorted(tally.changes.items(), key=lambda item: -item[1].count)
    ]
    answer |= {"limits": report.limits.given(), "changed": tally.changed, "changes": changes, "note": NOTE}
    if (cooldowns := report.cooldowns) is not None:
        counts = {"seen": cooldowns.seen, "other": cooldowns.other, "too_little_data": cooldowns.unknown}
        answer["cooldown_mode"] = {"mode": cooldowns.mode, **counts}
    return answer


def _difference(row: Row) -> dict[str, Any]:
    return {
        "entry_id": row.entry_id,
        "plan_id": row.plan_id,
        "symbol": row.symbol,
        "recorded": row.recorded or None,
        "again": row.now or None,
        "why": row.why,
        "recorded_text": row.recorded_text,
        "again_text": row.now_text or None,
    }


def _time(entry_id: str) -> str:
    return at(int(entry_id.partition("-")[0]))
