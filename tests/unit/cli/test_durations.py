"""A span of time as it is typed."""

from __future__ import annotations

import click
import pytest

from p33_tasks.cli.durations import DURATION, Seconds


@pytest.mark.parametrize(
    ("text", "span_ms"),
    [("90", 90_000), ("90s", 90_000), ("10m", 600_000), ("1.5h", 5_400_000), ("7D", 604_800_000), (" 0.001 ", 1)],
)
def test_a_span_is_read_exactly(text: str, span_ms: int) -> None:
    assert DURATION.convert(text, None, None) == span_ms


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-5", "ten", "10 m", "1e3", "nan", "inf", "5w", "9999d", "\x1b[31m", "٣m"]
)
def test_what_is_none_is_wrong_usage_and_says_how_to_write_it(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"10m|above 0") as refused:
        DURATION.convert(text, None, None)
    assert refused.value.message.isprintable()


def test_what_is_no_number_of_seconds_says_how_to_write_it() -> None:
    with pytest.raises(click.BadParameter, match=r"'abc' is not a valid number of seconds, e\.g\. 60"):
        Seconds(min=1).convert("abc", None, None)
