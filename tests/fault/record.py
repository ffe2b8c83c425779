"""What was tried, how often the promises held, and how long a verdict took at worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard faults are tried."""

    is_long: bool = False

    def pick(self, quick: T, long: T) -> T:
        return long if self.is_long else quick


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of fault."""

    group: str
    fault: str
    tried: int
    held: int
    plans: int = 0
    p99_ms: int | None = None  # plan to verdict, of the plans that met the fault
    worst_ms: int | None = None
    note: str = ""


@dataclass
class Record:
    """All rows of a run."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self, group: str, fault: str, *, tried: int, held: int, verdict_ms: Sequence[int] = (), note: str = ""
    ) -> Row:
        row = Row(
            group=group,
            fault=fault,
            tried=tried,
            held=held,
            plans=len(verdict_ms),
            p99_ms=percentile(verdict_ms, 99),
            worst_ms=max(verdict_ms, default=None),
            note=note,
        )
        self.rows.append(row)
        return row

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.rows]

    def lines(self) -> Iterator[str]:
        yield f"{'group':<10} {'fault':<44} {'tried':>6} {'held':>6} {'plans':>7} {'p99 ms':>7} {'worst ms':>8}  note"
        for row in self.rows:
            yield (
                f"{row.group:<10} {row.fault:<44} {row.tried:>6} {row.held:>6} {row.plans:>7} "
                f"{_shown(row.p99_ms):>7} {_shown(row.worst_ms):>8}  {row.note}"
            )


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The nearest-rank percentile."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)
