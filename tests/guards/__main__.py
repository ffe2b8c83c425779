"""``make guards``: takes every safety guard of the product away, one at a time, and wants a test to fail each time."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.guards.catalogue import GUARDS
from tests.guards.guard import Guard, chosen
from tests.guards.runner import Finding, Outcome, take_away, unfit
from tests.guards.workplace import workplace

CHECKOUT = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """0: every removal was noticed; 1: one was not, or a guard is gone; 2: wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("-k", metavar="WORDS", default="", help="only guards whose promise, place or tests hold these")
    parser.add_argument("--list", action="store_true", help="only list the guards")
    parser.add_argument("--no-baseline", action="store_true", help="don't run the tests with all guards in place first")
    asked = parser.parse_args(argv)
    guards = chosen(GUARDS, asked.k)
    if not guards:
        parser.error(f"no guard fits {asked.k!r}")
    if asked.list:
        for guard in guards:
            _say(f"{guard.within}: {guard.promise}")
        return 0
    return _run(guards, baseline=not asked.no_baseline)


def _run(guards: Sequence[Guard], *, baseline: bool) -> int:
    began = time.monotonic()
    with workplace(CHECKOUT) as place:
        if baseline:
            _say(f"{len(guards)} guards; first their tests with every guard in place ...")
            problems = unfit(place, guards)
            if problems:
                _say("\n".join(["These tests prove nothing, they must pass first:", *problems]))
                return 1
            _say(f"... they pass ({time.monotonic() - began:.0f} s)")
        findings: list[Finding] = []
        for finding in take_away(place, guards):
            findings.append(finding)
            _say(_line(len(findings), len(guards), finding))
    _print_table(findings, time.monotonic() - began)
    return 0 if all(finding.outcome is Outcome.NOTICED for finding in findings) else 1


def _line(number: int, of: int, finding: Finding) -> str:
    guard, width = finding.guard, len(str(of))
    head = f"[{number:{width}}/{of}] {finding.outcome:9} {finding.seconds:5.1f} s  {guard.within}: {guard.promise}"
    return head if finding.outcome is Outcome.NOTICED else f"{head}\n    {finding.detail}"


def _print_table(findings: Sequence[Finding], seconds: float) -> None:
    table = Table(title="Guards taken away, one at a time", title_justify="left")
    columns = (Outcome.NOTICED, Outcome.UNNOTICED, Outcome.GONE, Outcome.BROKEN)
    table.add_column("file")
    for name in ("guards", *columns):
        table.add_column(name, justify="right")
    by_file: dict[str, Counter[Outcome]] = {}
    for finding in findings:
        by_file.setdefault(finding.path or finding.guard.within, Counter())[finding.outcome] += 1
    for file, counts in sorted(by_file.items()):
        table.add_row(file, str(counts.total()), *(str(counts[column] or "") for column in columns))
    total = Counter(finding.outcome for finding in findings)
    table.add_section()
    table.add_row("all", str(len(findings)), *(str(total[column]) for column in columns))
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)
    for finding in findings:
        if finding.outcome is not Outcome.NOTICED:
            _say(f"{finding.outcome} {finding.guard.within}: {finding.guard.promise}\n    {finding.detail}")
    _say(f"{seconds / 60:.1f} minutes")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
