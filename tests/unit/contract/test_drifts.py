"""What reconciliation keeps of a drift: read for the very amounts that differ, whatever else stands there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.drifts import KnownDrift, decode_drift

STORED = ("0.04|0.03", "external", "somebody else traded this position", "2", "60000")
TEXT = st.none() | st.text(max_size=400)


def test_it_is_read_for_the_amounts_that_differ_now() -> None:
    known = KnownDrift(classes="external", why="somebody else traded this position", readings=2, next_ms=60_000)
    assert decode_drift(STORED, "0.04", "0.03") == known


@pytest.mark.parametrize(
    ("exchange_amt", "ledger_amt"), [("0.04", "0.02"), ("0.03", "0.04"), ("0.04", "0.04"), (None, "0.03"), ("0.04", "")]
)
def test_of_other_amounts_nothing_is_known(exchange_amt: str | None, ledger_amt: str | None) -> None:
    assert decode_drift(STORED, exchange_amt, ledger_amt) is None


def test_of_amounts_that_agree_nothing_is_known() -> None:
    assert decode_drift(("0.04|0.04", *STORED[1:]), "0.04", "0.04") is None


@given(st.lists(TEXT, min_size=4, max_size=4))
def test_values_of_another_writer_are_bounded_and_no_error(values: list[str | None]) -> None:
    known = decode_drift(("0.04|0.03", *values), "0.04", "0.03")
    assert known is None or len(known.sentence(0)) < 600


@pytest.mark.parametrize(
    ("classes", "why", "readings", "now_ms", "sentence"),
    [
        ("external", "x", 2, 48_000, "external: x; read 2 times; next reading in 12 s"),
        ("late", "explained: late", 0, 60_000, "explained: late; next reading with the next refresh"),
    ],
)
def test_a_sentence_has_class_reason_and_next_step(
    classes: str, why: str, readings: int, now_ms: int, sentence: str
) -> None:
    known = KnownDrift(classes=classes, why=why, readings=readings, next_ms=60_000)
    assert known.sentence(now_ms) == sentence
