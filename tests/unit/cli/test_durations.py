"""A span of time as it is typed."""

from __future__ import annotations

import click
import pytest

from p33_tasks.cli.durations import DURATION, Duration, Seconds
from p33_tasks.cli.root import cli
from tests.unit.cli.test_root import every_command


@pytest.mark.parametrize(
    ("text", "span_ms"),
    [("90s", 90_000), ("10m", 600_000), ("1.5h", 5_400_000), ("7D", 604_800_000), (" 0.001s ", 1)],
)
def test_a_span_is_read_exactly(text: str, span_ms: int) -> None:
    assert DURATION.convert(text, None, None) == span_ms


@pytest.mark.parametrize("text", ["", "0s", "-5", "ten", "10 m", "1e3", "nan", "inf", "5w", "9999d", "\x1b[31m", "٣m"])
def test_what_is_none_is_wrong_usage_and_says_how_to_write_it(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"10m|above 0") as refused:
        DURATION.convert(text, None, None)
    assert refused.value.message.isprintable()


def test_what_is_no_number_of_seconds_says_how_to_write_it() -> None:
    with pytest.raises(click.BadParameter, match=r"'abc' is not a valid number of seconds, e\.g\. 60 or 60s"):
        Seconds(min=1).convert("abc", None, None)


@pytest.mark.parametrize("text", ["2", "90", "0.5", " 7 "])
def test_a_span_without_a_unit_is_refused_and_each_unit_is_named(text: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        DURATION.convert(text, None, None)
    number = text.strip()
    assert "has no unit" in refused.value.message
    for unit in ("s (seconds)", "m (minutes)", "h (hours)", "d (days)", f"{number}h"):
        assert unit in refused.value.message


@pytest.mark.parametrize(("text", "seconds"), [("60", 60), ("1.5", 1.5), ("60s", 60), ("2m", 120), ("1H", 3_600)])
def test_an_option_in_seconds_takes_a_unit_too(text: str, seconds: float) -> None:
    assert Seconds(min=1, max=3_600).convert(text, None, None) == seconds


def test_the_range_of_an_option_in_seconds_holds_whatever_the_unit() -> None:
    for text in ("0.5s", "3601", "2h", "1d"):
        with pytest.raises(click.BadParameter, match="range"):
            Seconds(min=1, max=3_600).convert(text, None, None)


def test_every_option_for_a_span_of_time_is_one_of_the_two_kinds() -> None:
    """A plain number would leave open what it counts."""
    found = {}
    for path in every_command():
        command: click.Command = cli
        for name in path:
            assert isinstance(command, click.Group)
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            command = inner
        for parameter in command.params:
            if set(parameter.opts) & {"--for", "--since", "--wait", "--max-age"}:
                found[" ".join((*path, parameter.opts[0]))] = parameter
    assert {"hold set --for", "limits set --for", "watch --for", "watch --since", "replay --since"} <= set(found)
    for name, parameter in found.items():
        assert isinstance(parameter.type, Duration | Seconds), name
        if isinstance(parameter.type, Seconds):
            assert (parameter.metavar or "").startswith("SEC"), name
