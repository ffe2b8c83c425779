"""One line per verdict and result: the reason, the numbers with their units, nothing unescaped."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.cli.events import clock, event_line
from p33_tasks.views.feed import ResultSeen, VerdictSeen

AT = "1771305126123-0"


def verdict(**changes: Any) -> VerdictSeen:
    fields: dict[str, Any] = {
        "entry_id": AT,
        "plan_id": "p1",
        "symbol": "BTCUSDT",
        "allowed": False,
        "reason": "reconcile_required_qty_mismatch",
        "verdict": {
            "details": {
                "exchange_position_amt": Decimal("0.0380"),
                "ledger_position_amt": Decimal("0.0399"),
                "diff_pct": Decimal(5),
                "tolerance_pct": Decimal(1),
            }
        },
    }
    return VerdictSeen(**{**fields, **changes})


def test_a_denial_has_its_reason_and_its_numbers_with_units() -> None:
    line, _ = event_line(verdict())
    assert line.startswith("05:12:06.123 DENY  BTCUSDT")
    assert line.endswith("reconcile_required_qty_mismatch  exchange 0.038, ledger 0.0399, drift 5 %, tolerance 1 %")


def test_an_allow_has_side_quantity_and_position() -> None:
    permit = {
        "order_side": "SELL",
        "safe_close_qty": Decimal("0.028"),
        "exchange_position_amt": Decimal("0.038"),
        "snapshot_age_sec": Decimal("1.2"),
    }
    line, _ = event_line(verdict(allowed=True, reason="", verdict=permit))
    assert line.endswith("SELL 0.028 of 0.038, snapshot 1.2 s old")


def test_in_hedge_mode_the_leg_is_named() -> None:
    line, _ = event_line(verdict(allowed=True, reason="", verdict={"position_side": "LONG"}))
    assert " BTCUSDT:LONG " in line
    line, _ = event_line(verdict(verdict={"position_side": "BOTH"}))
    assert " BTCUSDT " in line
    fields = {
        "plan_id": "p1",
        "symbol": "BTCUSDT",
        "executed": "true",
        "order_id": "47",
        "side": "SELL",
        "position_side": "LONG",
        "filled_qty": "0.028",
    }
    line, _ = event_line(ResultSeen(entry_id=AT, fields=fields))
    assert " BTCUSDT:LONG " in line


def test_an_execution_has_its_order() -> None:
    fields = {
        "plan_id": "p1",
        "symbol": "BTCUSDT",
        "executed": "true",
        "order_id": "47",
        "side": "SELL",
        "filled_qty": "0.028",
    }
    line, _ = event_line(ResultSeen(entry_id=AT, fields=fields))
    assert "EXEC" in line
    assert line.endswith("SELL 0.028 order 47")


def test_a_blocked_plan_says_by_whom_and_why() -> None:
    fields = {"plan_id": "p1", "symbol": "X", "executed": "False", "error": "missing_permit_or_redis", "reason": "no"}
    line, _ = event_line(ResultSeen(entry_id=AT, fields=fields))
    assert "BLOCK" in line
    assert line.endswith("missing_permit_or_redis no")


HOSTILE = "\x1b[2J\u202e\n[red]" + "x" * 1_000_000


@pytest.mark.parametrize(
    "event",
    [
        verdict(plan_id=HOSTILE, symbol=HOSTILE, reason=HOSTILE, verdict={"details": {HOSTILE: HOSTILE}}),
        verdict(verdict={"details": {f"k{number}": HOSTILE for number in range(1_000)}}),
        verdict(allowed=True, verdict=dict.fromkeys(("order_side", "safe_close_qty", "snapshot_age_sec"), HOSTILE)),
        verdict(verdict={}),
        verdict(verdict={"details": HOSTILE}),
        verdict(verdict={"position_side": ["LONG"]}),
        ResultSeen(entry_id=AT, fields={HOSTILE: HOSTILE}),
        ResultSeen(entry_id=AT, fields={"plan_id": "p", "symbol": "S", "executed": "False", "error": HOSTILE}),
    ],
    ids=["texts", "many details", "allow", "unreadable", "no details", "no leg", "no result", "error"],
)
def test_whatever_it_holds_a_line_is_one_printable_short_line(event: VerdictSeen | ResultSeen) -> None:
    line, _ = event_line(event)
    assert line.isprintable()
    assert len(line) < 2_500


def test_an_entry_id_beyond_the_calendar_has_no_clock_time():
    """A producer may choose its ids: Redis takes any 64 bit number."""
    assert clock("18446744073709551615-0") == "--:--:--.---"
    assert clock("1771305126123-0") == "05:12:06.123"


def test_a_denial_leaves_the_remedy_and_raw_times_to_explain() -> None:
    details = {
        "held_by": "operator",
        "since_ms": 1795815433641,
        "held_sec": 5,
        "remedy": "p33 hold clear BTCUSDT",
    }
    line, _ = event_line(verdict(reason="reconcile_hold_active", verdict={"details": details}))
    assert line.endswith("reconcile_hold_active  held_by operator, held_sec 5")
