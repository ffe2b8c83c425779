"""Which part of a position an action closes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.close_factors import CLOSE_FACTORS, close_factor


@pytest.mark.parametrize(
    ("action", "factor"),
    [
        ("CLOSE_FULL", "1"),
        ("FULL_CLOSE_PROPOSED", "1"),
        ("FULL_CLOSE", "1"),
        ("CLOSE_PARTIAL_75", "0.75"),
        ("PARTIAL_75", "0.75"),
        ("CLOSE_PARTIAL_50", "0.5"),
        ("PARTIAL_50", "0.5"),
        ("CLOSE_PARTIAL_25", "0.25"),
        ("PARTIAL_25", "0.25"),
    ],
)
def test_the_contracts_spellings_in_any_case(action: str, factor: str):
    for spelling in (action, action.lower(), action.title(), f" {action} "):
        assert close_factor(spelling) == Decimal(factor)


def test_there_are_no_other_spellings():
    assert len(CLOSE_FACTORS) == 9


@pytest.mark.parametrize("action", ["", " ", "HOLD", "UPDATE_SL", "CLOSE", "CLOSE_PARTIAL_60", "OPEN", "CLOSE_FULL;"])
def test_everything_else_closes_nothing(action: str):
    assert close_factor(action) is None


@pytest.mark.parametrize("action", ["CLO\u017fE_FULL", "PART\u0131AL_75", "CLOSE_FULL\u3000"])
def test_letters_that_only_become_ours_in_upper_case_close_nothing(action: str):
    assert action.strip().upper() in CLOSE_FACTORS
    assert close_factor(action) is None
