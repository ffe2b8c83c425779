"""Types of a venue's ``sample.py``, for the conformance suite: answers of the venue, and the expected readings.

For tests only: nothing of the service imports a ``sample`` module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from p33_tasks.domain.models import Leg
from p33_tasks.errors import ExchangeError


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSample:
    """An error answer."""

    status: int
    body: str
    error: type[ExchangeError]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSample:
    """Answers as texts, number literals as the venue writes them."""

    positions_answer: str
    positions: Mapping[str, str]  # symbol to signed base quantity, every symbol that the answer proves
    # One symbol's amount, as the JSON literal in ``positions_answer`` (occurs there once); in base units.
    amount_literal: str
    empty_answer: str  # a well-formed answer without a row
    unreadable_answers: tuple[str, ...]  # well-formed JSON that isn't an answer about positions
    markets_answer: str
    steps: Mapping[str, tuple[str, str]]  # symbol to step and minimum, base units
    not_trading: tuple[str, ...]  # symbols for which the answer proves no rules
    errors: tuple[ErrorSample, ...]
    hedge_answer: str = ""  # where the venue has hedge mode: one symbol with both legs
    hedge_legs: Mapping[Leg, str] = field(default_factory=dict)  # signed base quantity of each leg
    hedge_symbol: str = ""
    # With a leg on the wrong side; empty: made from the signed amounts in ``hedge_answer``.
    hedge_turned: tuple[str, ...] = ()
    absent_symbol: str = "NOSUCH"  # no answer lists it; of the kind that the positions answer covers
    # Of requests besides positions and market rules, by ``Endpoint.shown``; in hedge mode the second takes precedence.
    other_answers: Mapping[str, str] = field(default_factory=dict)
    hedge_other_answers: Mapping[str, str] = field(default_factory=dict)
