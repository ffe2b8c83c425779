"""A span of time as a user types it: ``90``, ``90s``, ``10m``, ``1.5h``, ``7d``."""

from __future__ import annotations

import re
from decimal import Decimal

import click

MAX_DAYS = 3_660

_SPAN = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<unit>s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Duration(click.ParamType[int]):
    """Whole milliseconds, above zero. A bare number is seconds."""

    name = "duration"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a span.

        Raises:
            click.BadParameter: It is none, or not above zero, or over ``MAX_DAYS``.
        """
        if isinstance(value, int):
            return value
        found = _SPAN.fullmatch(value.strip().lower())
        if found is None:
            self.fail(f"{value[:40]!r} is not a span of time; write e.g. 90s, 10m, 1.5h or 7d", param, ctx)
        span_ms = int(Decimal(found["number"]) * _SECONDS[found["unit"] or "s"] * 1000)
        if not 0 < span_ms <= MAX_DAYS * 86_400_000:
            self.fail(f"{value[:40]!r} must be above 0 and at most {MAX_DAYS}d", param, ctx)
        return span_ms


DURATION = Duration()


class Seconds(click.FloatRange):
    """A number of seconds."""

    name = "number of seconds, e.g. 60"  # click's message for what is none ends with it
