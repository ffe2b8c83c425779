"""``p33 explain``: what was pasted."""

from __future__ import annotations

import pytest

from p33_tasks.cli.explain import pasted_plan_id


@pytest.mark.parametrize(
    ("text", "plan_id"),
    [
        ("plan_id=abc", "abc"),
        (" plan_id='abc', ", "abc"),
        ('plan_id="a b"', "a b"),
        ("abc", "abc"),
        ("it's", "it's"),
        ("'", "'"),
        ("plan_id=", ""),
    ],
)
def test_a_plan_id_copied_from_a_log_line_is_found(text: str, plan_id: str) -> None:
    assert pasted_plan_id(text) == plan_id
