"""What ``p33 check`` finds: one row of its table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    area: str  # configuration, redis, broker, exchange, workers, beat, streams
    what: str
    grade: Grade
    found: str
    fix: str = ""  # empty when there is nothing to fix
    unreachable: bool = False  # nobody answered there: what depends on it was not looked at

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "area": self.area,
            "what": self.what,
            "grade": str(self.grade),
            "found": self.found,
            "fix": self.fix or None,
        }


class Findings:
    """Collects what one area finds."""

    def __init__(self, area: str) -> None:
        self._area = area
        self.all: list[Finding] = []

    def add(self, what: str, grade: Grade, found: str, fix: str = "") -> None:
        """Note one finding; the fix of what is in order is left out."""
        fix = "" if grade is Grade.OK else fix
        self.all.append(Finding(area=self._area, what=what, grade=grade, found=found, fix=fix))

    def ok(self, what: str, found: str) -> None:
        """Note what is in order."""
        self.add(what, Grade.OK, found)

    def warn(self, what: str, found: str, fix: str) -> None:
        """Note what will hurt one day."""
        self.add(what, Grade.WARN, found, fix)

    def fail(self, what: str, found: str, fix: str) -> None:
        """Note what keeps the service from working."""
        self.add(what, Grade.FAIL, found, fix)

    def away(self, what: str, found: str, fix: str) -> None:
        """Note that nobody answers: as ``fail``, and a matter of its own for whoever reads the exit code."""
        self.all.append(Finding(area=self._area, what=what, grade=Grade.FAIL, found=found, fix=fix, unreachable=True))


def worst(findings: Iterable[Finding]) -> Grade:
    """The worst grade among them."""
    grades = {finding.grade for finding in findings}
    return next(grade for grade in (Grade.FAIL, Grade.WARN, Grade.OK) if grade in grades or grade is Grade.OK)


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 warning``, ``2 warnings``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Iterable[str], *, at_most: int = 5) -> str:
    """A few names, and how many more there are."""
    all_names = list(names)
    more = f" and {len(all_names) - at_most} more" if len(all_names) > at_most else ""
    return ", ".join(all_names[:at_most]) + more
