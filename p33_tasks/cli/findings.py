"""The findings of ``p33 check``: the rows of its table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Grade(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check."""

    area: str  # configuration, redis, broker, exchange, workers, beat, streams
    what: str
    grade: Grade
    found: str
    fix: str = ""  # empty if there is nothing to fix
    unreachable: bool = False  # no answer: dependent checks were skipped

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON, for ``--json``."""
        return {
            "area": self.area,
            "what": self.what,
            "grade": str(self.grade),
            "found": self.found,
            "fix": self.fix or None,
        }


class Findings:
    """Collects the findings of one area."""

    def __init__(self, area: str) -> None:
        self._area = area
        self.all: list[Finding] = []

    def add(self, what: str, grade: Grade, found: str, fix: str = "") -> None:
        """Add one finding; without a fix if the grade is ok."""
        fix = "" if grade is Grade.OK else fix
        self.all.append(Finding(area=self._area, what=what, grade=grade, found=found, fix=fix))

    def ok(self, what: str, found: str) -> None:
        """Add a passed check."""
        self.add(what, Grade.OK, found)

    def warn(self, what: str, found: str, fix: str) -> None:
        """Add a warning: a problem that doesn't stop the service now."""
        self.add(what, Grade.WARN, found, fix)

    def fail(self, what: str, found: str, fix: str) -> None:
        """Add a failure that stops the service from working."""
        self.add(what, Grade.FAIL, found, fix)

    def away(self, what: str, found: str, fix: str) -> None:
        """Add a missing answer: as ``fail``, but with a separate exit code."""
        self.all.append(Finding(area=self._area, what=what, grade=Grade.FAIL, found=found, fix=fix, unreachable=True))


def worst(findings: Iterable[Finding]) -> Grade:
    """The worst grade of the findings."""
    grades = {finding.grade for finding in findings}
    return next(grade for grade in (Grade.FAIL, Grade.WARN, Grade.OK) if grade in grades or grade is Grade.OK)


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 warning``, ``2 warnings``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Iterable[str], *, at_most: int = 5) -> str:
    """A few names, and the number of further ones."""
    all_names = list(names)
    more = f" and {len(all_names) - at_most} more" if len(all_names) > at_most else ""
    return ", ".join(all_names[:at_most]) + more
