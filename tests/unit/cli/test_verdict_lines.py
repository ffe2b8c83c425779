"""A verdict's line: the worker's words, one line whatever the entry holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.cli.verdict_lines import json_of, line_of
from p33_tasks.domain import exact_json
from p33_tasks.views.feed import VerdictSeen, verdict_seen

AT = "1771305126123-0"


def seen(reason: str = "", details: Any = None, **changes: Any) -> VerdictSeen:
    verdict: dict[str, Any] = {"plan_id": "p-1", "symbol": "BTCUSDT", "allow": not reason}
    if reason:
        verdict.update(reason=reason, details=details or {})
    verdict.update(changes.pop("verdict", {}))
    fields = {"entry_id": AT, "plan_id": "p-1", "symbol": "BTCUSDT", "allowed": not reason, "reason": reason}
    return VerdictSeen(**{**fields, "verdict": verdict, **changes})


def test_a_deny_is_worded_like_the_log_and_can_be_grepped() -> None:
    details = {"diff_pct": Decimal("2.676399"), "tolerance_pct": Decimal("1.0"), "problem": None}
    text, _ = line_of(seen("reconcile_required_qty_mismatch", details))
    assert text == (
        "2026-02-17T05:12:06.123Z DENY reason=reconcile_required_qty_mismatch symbol=BTCUSDT plan_id=p-1 "
        "diff_pct=2.676399 tolerance_pct=1.0"
    )


def test_an_allow_tells_how_much_and_which_way() -> None:
    text, _ = line_of(seen(verdict={"safe_close_qty": Decimal("0.028"), "order_side": "SELL"}))
    assert "ALLOW symbol=BTCUSDT plan_id=p-1 safe_close_qty=0.028 order_side=SELL " in text


@pytest.mark.parametrize(("side", "shown"), [("SHORT", " position_side=SHORT"), ("BOTH", ""), (["LONG"], "")])
def test_in_hedge_mode_the_line_names_the_leg(side: Any, shown: str) -> None:
    for found in (seen(verdict={"position_side": side}), seen("no_position", verdict={"position_side": side})):
        assert f"symbol=BTCUSDT{shown} plan_id=p-1" in line_of(found)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": {"allow": False}},
        {"verdict": {"allow": 1}},
        {"verdict": {"plan_id": "p-2"}},
        {"verdict": {"symbol": "ETHUSDT"}},
        {"allowed": False},
        {"verdict": {"reason": "no_position"}},
    ],
    ids=str,
)
def test_an_entry_that_contradicts_itself_is_neither_an_allow_nor_a_deny(changes: dict[str, Any]) -> None:
    text, _ = line_of(seen(**changes))
    assert " UNREADABLE symbol=BTCUSDT plan_id=p-1 " in text
    assert "ALLOW" not in text
    assert json_of(seen(**changes))["sound"] is False


def test_another_writers_details_cannot_pass_for_the_lines_own_words() -> None:
    details = {
        "plan_id": "x", "exception": "a\nb", "event": "ALLOW", "timestamp": "1", "logger": "z",
        "a symbol": "ETHUSDT", "note": "ok symbol=ETHUSDT\nALLOW",
    }  # fmt: skip
    text, _ = line_of(seen("no_position", details))
    assert text.endswith(r'DENY reason=no_position symbol=BTCUSDT plan_id=p-1 note="ok symbol=ETHUSDT\nALLOW"')


def test_a_line_is_bounded() -> None:
    details = {f"n{number}": "x" * 100_000 for number in range(1_000)}
    text, _ = line_of(seen("no_position", details, plan_id="y" * 10**6, verdict={"plan_id": "y" * 10**6}))
    assert len(text) < 8_000
    shown = json_of(seen("no_position", details))
    assert shown["verdict"] is None
    assert len(exact_json.dumps(shown)) < 2_000


@pytest.mark.parametrize("entry_id", ["0-0", "18446744073709551615-1"])
def test_an_entry_of_any_time_has_a_line(entry_id: str) -> None:
    assert "ALLOW" in line_of(seen(entry_id=entry_id))[0]


@given(st.dictionaries(st.sampled_from(["plan_id", "symbol", "allow", "reason", "verdict"]), st.text()))
def test_an_entry_of_anybody_is_one_printable_line(fields: dict[str, str]) -> None:
    text, _ = line_of(verdict_seen(AT, fields))
    assert text.isprintable()
