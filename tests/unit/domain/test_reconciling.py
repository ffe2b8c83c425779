"""What follows from a reading: wait, repair, report or hold."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.reconciliation import Account, Share, TradeClass, Watermark
from p33_tasks.domain.reconciling import (
    LEAST_READING_MS,
    LEAST_READINGS,
    Act,
    Decision,
    ExternalPolicy,
    Tries,
    decide,
    event_id,
    is_denied,
)

FIRST = Tries(readings=1, first_ms=0, now_ms=0)
ENOUGH = Tries(readings=LEAST_READINGS, first_ms=0, now_ms=LEAST_READING_MS)


def share(trade_class: TradeClass = TradeClass.LATE, *, missing: str = "-0.01", plan_id: str | None = None) -> Share:
    amount = Decimal(missing)
    return Share(order_id="7", trade_ids=("1",), trade_class=trade_class, moved=amount, missing=amount, plan_id=plan_id)


def account(*shares: Share, before: str = "0.04", difference: str = "0") -> Account:
    after = Decimal(before) + sum((one.missing for one in shares), Decimal(0))
    return Account(
        shares=shares,
        expected_amt=after - Decimal(difference),
        exchange_amt=after,
        ledger_before=Decimal(before),
        ledger_after=after,
        ledger_target=after,
    )


def decided(found: Account, **changes: object) -> Decision:
    wanted = {"external": ExternalPolicy.HOLD, "reserved_by": None, "tries": FIRST, "tolerance_pct": Decimal(1)}
    return decide(found, **(wanted | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "trade_class", [TradeClass.LATE, TradeClass.LIQUIDATION, TradeClass.ADL, TradeClass.SETTLEMENT]
)
def test_ours_and_the_venues_own_trades_are_repaired(trade_class: TradeClass) -> None:
    assert decided(account(share(trade_class))).act is Act.REPAIR


def test_external_trades_are_held_or_adopted_as_the_setting_says() -> None:
    found = account(share(), share(TradeClass.EXTERNAL))
    assert decided(found) == Decision(act=Act.HOLD, why="somebody else traded this position", hold=HoldReason.EXTERNAL)
    assert decided(found, external=ExternalPolicy.ADOPT).act is Act.REPAIR


def test_what_no_rule_would_deny_is_reported_and_not_held() -> None:
    assert decided(account(share(TradeClass.EXTERNAL, missing="-0.0001"))).act is Act.REPORT


def test_an_order_in_flight_is_waited_for_whatever_else_there_is() -> None:
    assert decided(account(share(TradeClass.IN_FLIGHT)), tries=ENOUGH).act is Act.WAIT
    assert decided(account(share(TradeClass.IN_FLIGHT), difference="0.001"), tries=ENOUGH).act is Act.WAIT


@pytest.mark.parametrize(
    "tries",
    [
        FIRST,
        replace(ENOUGH, readings=LEAST_READINGS - 1),
        replace(ENOUGH, now_ms=LEAST_READING_MS - 1),
    ],
)
def test_not_explained_is_believed_after_three_readings_over_a_minute(tries: Tries) -> None:
    found = account(share(), difference="0.001")
    assert decided(found, tries=tries).act is Act.WAIT
    assert decided(found, tries=ENOUGH).hold is HoldReason.UNEXPLAINED


def test_a_reserved_position_is_waited_for() -> None:
    assert decided(account(share()), reserved_by="plan-1").act is Act.WAIT
    assert decided(account(share(), difference="0.001"), reserved_by="plan-1", tries=ENOUGH).act is Act.WAIT
    assert decided(account(share(plan_id="plan-2")), reserved_by="plan-1").act is Act.WAIT


def test_the_reserving_plans_own_final_order_is_repaired_and_ends_the_reservation() -> None:
    found = decided(account(share(plan_id="plan-1")), reserved_by="plan-1")
    assert (found.act, found.releases) == (Act.REPAIR, "plan-1")


def test_a_position_on_the_other_side_is_held_though_it_is_explained() -> None:
    assert decided(account(share(missing="-0.05"))).hold is HoldReason.SIDE_FLIP


def test_nothing_is_repaired_that_the_ledger_does_not_lack() -> None:
    assert decided(account(share(missing="0"))).act is Act.SETTLED


@pytest.mark.parametrize(
    ("exchange", "ledger", "denied"),
    [
        ("1", "1", False),
        ("1", "0.99", False),
        ("1", "0.9899", True),
        ("-1", "1", True),
        ("0", "0", False),
        ("0", "0.001", True),
        ("1", "0", True),
    ],
)
def test_what_rules_3_and_4_deny(exchange: str, ledger: str, denied: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_denied(Decimal(exchange), Decimal(ledger), Decimal(1)) is denied


def test_the_same_facts_have_the_same_name_in_any_order() -> None:
    mark = Watermark(ts_ms=1, since_ms=0, exchange_amt=Decimal("0.040"), ledger_amt=Decimal("0.04"))
    one, other = share(), replace(share(), order_id="8", trade_ids=("2",))
    name = event_id("BTCUSDT", "venue", mark, account(one, other), "held")
    assert event_id("BTCUSDT", "venue", mark, account(other, one), "held") == name
    assert event_id("BTCUSDT", "venue", mark, account(one), "held") != name
    assert event_id("ETHUSDT", "venue", mark, account(one, other), "held") != name
    assert event_id("BTCUSDT", "venue", replace(mark, ts_ms=2), account(one, other), "held") != name
