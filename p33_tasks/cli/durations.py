"""Reads a duration that a user typed: ``90s``, ``10m``, ``1.5h``, ``7d``."""

from __future__ import annotations

import re
from decimal import Decimal

import click

MAX_DAYS = 3_660

_SPAN = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<unit>s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_UNITS = "s (seconds), m (minutes), h (hours) or d (days)"


class Duration(click.ParamType[int]):
    """Whole milliseconds, above zero. The unit is required: ``--for 2`` could mean hours."""

    name = "duration"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a duration.

        Raises:
            click.BadParameter: Not a duration, no unit, not above zero, or over ``MAX_DAYS``.
        """
        if isinstance(value, int):
            return value
        found = _SPAN.fullmatch(value.strip().lower())
        if found is None:
            self.fail(f"{value[:40]!r} is not a span of time; write e.g. 90s, 10m, 1.5h or 7d", param, ctx)
        if found["unit"] is None:
            number = found["number"]
            self.fail(
                f"{number!r} has no unit, which must be {_UNITS}: write {number}s, {number}m, {number}h or {number}d",
                param,
                ctx,
            )
        span_ms = int(Decimal(found["number"]) * _SECONDS[found["unit"]] * 1000)
        if not 0 < span_ms <= MAX_DAYS * 86_400_000:
            self.fail(f"{value[:40]!r} must be above 0 and at most {MAX_DAYS}d", param, ctx)
        return span_ms


DURATION = Duration()


class Seconds(click.FloatRange):
    """Seconds, for an option in ``SEC``: a number alone, or with a unit."""

    name = "number of seconds, e.g. 60 or 60s"  # the end of click's error message

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read seconds.

        Raises:
            click.BadParameter: Not a number of seconds, or out of range.
        """
        found = _SPAN.fullmatch(value.strip().lower()) if isinstance(value, str) else None
        if found is not None and found["unit"] is not None:
            value = str(Decimal(found["number"]) * _SECONDS[found["unit"]])
        seconds: float = super().convert(value, param, ctx)  # type: ignore[arg-type]  # it reads texts, whatever its hint says
        return seconds
