"""Whatever others wrote is shown escaped and bounded: to a terminal, in tables, in JSON."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.cli.show import cell, console, escaped, print_json

HOSTILE = "\x1b[31m\x1b]0;title\x07\x9b2J\u202e\r\n\t\0[bold red]:boom:[/]\udcff"


def test_control_characters_are_shown_as_escapes() -> None:
    assert escaped("a\x1b[31mb\r\n\x9b2J\u202e") == r"a\x1b[31mb\r\n\x9b2J\u202e"


def test_bytes_that_were_no_utf_8_can_be_shown() -> None:
    assert escaped("\udcff") == r"\udcff"


@given(st.text(max_size=300))
def test_nothing_but_printable_characters_ever_comes_out(text: str) -> None:
    assert escaped(text).isprintable()


def test_ten_megabytes_become_a_line_that_says_so() -> None:
    shown = escaped("x" * 10_000_000)
    assert len(shown) < 200
    assert "10000000 characters" in shown


def test_quantities_are_shown_exactly() -> None:
    assert escaped(Decimal("1E-8")) == "0.00000001"
    assert escaped(Decimal("0.0280")) == "0.028"


def test_markup_and_emoji_codes_in_a_cell_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    console().print(cell("[bold red]:boom:[/bold red][link=http://x]y[/link]\x1b[31m\u202e"))
    assert capsys.readouterr().out == "[bold red]:boom:[/bold red][link=http://x]y[/link]\\x1b[31m\\u202e\n"


def test_json_holds_no_character_that_a_terminal_acts_on(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"plan_id": HOSTILE, "emoji": "\U000e0001", "qty": Decimal("0.0280")})
    printed = capsys.readouterr().out
    assert printed.rstrip("\n").isprintable()
    found = json.loads(printed)
    assert found["emoji"] == "\U000e0001"
    assert found["plan_id"].startswith("\x1b[31m")
    assert '"qty":0.028' in printed
