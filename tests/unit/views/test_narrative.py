"""A deny is told with the numbers of its rule."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.reasons import Reason
from p33_tasks.views import narrative
from p33_tasks.views.denials import needed, remedy
from p33_tasks.views.narrative import known_lines, position_name


def deny(reason: Reason, **details: object) -> dict[str, object]:
    return {"allow": False, "reason": str(reason), "details": details}


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (
            deny(Reason.INTERNAL_ERROR, error="no worker finished the evaluation", deliveries=4),
            "an evaluation without an error: no worker finished the evaluation, delivered 4 times",
        ),
        (deny(Reason.INTERNAL_ERROR, error="KeyError"), "an evaluation without an error: KeyError"),
        (
            deny(Reason.CONTENTION, tries=3, retry_after_sec=1),
            "inputs that do not change during the evaluation; they changed in each of 3 tries",
        ),
        (deny(Reason.CONTENTION), ""),  # details of another writer
    ],
)
def test_a_verdict_that_no_rule_made_says_what_went_wrong(verdict, told):
    assert needed(verdict) == told


@pytest.mark.parametrize(
    ("details", "told"),
    [
        (
            {"cooldown_sec": Decimal("22.4"), "cooldown_base_sec": 15, "volatility_ratio": Decimal("1.49")},
            "cooldown 22.4 s: 15 s × 1.49; the volatility of the last 5 minutes is 1.49 times the last day's",  # noqa: RUF001
        ),
        (
            {"cooldown_sec": 60, "cooldown_base_sec": 15, "volatility_ratio": Decimal("5.2")},
            (
                "cooldown 60 s: 15 s × 5.2; the volatility of the last 5 minutes is 5.2 times the last day's, "  # noqa: RUF001
                "and no longer than P33_COOLDOWN_MAX_SEC"
            ),
        ),
        (
            {"cooldown_sec": 30, "cooldown_base_sec": 15, "settle_p95_sec": 20},
            "cooldown 30 s: 1.5 × 20 s, the time in which the venue shows 95 % of the fills, instead of 15 s",  # noqa: RUF001
        ),
        ({"cooldown_sec": 15}, ""),
        ({"cooldown_sec": "x", "cooldown_base_sec": "y", "volatility_ratio": "z"}, "cooldown x s: y s × z; "),  # noqa: RUF001
    ],
)
def test_a_cooldown_of_the_services_own_says_what_it_comes_from(details: dict[str, Any], told: str) -> None:
    found = narrative.cooldown_line(details)
    assert found == told or (told.endswith("; ") and found.startswith(told))


def test_the_facts_of_a_verdict_say_it_too() -> None:
    facts = {"limits": {"adaptive_by": "volatility", "adaptive_base_ms": 15_000, "adaptive_measured": Decimal("1.49")}}
    inputs = {"facts": facts, "policy": {"cooldown_ms": 22_400, "cooldown_by": "volatility"}}
    lines = dict(narrative.known_lines(inputs, 0))
    assert lines["limits"].startswith("cooldown 22.4 s: 15 s × 1.49; the volatility")  # noqa: RUF001


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        ({"symbol": "BTCUSDT", "position_side": "LONG"}, "BTCUSDT:LONG"),
        ({"symbol": "BTCUSDT", "position_side": "BOTH"}, "BTCUSDT"),
        ({"symbol": "BTCUSDT", "position_side": ["LONG"]}, "BTCUSDT"),  # another writer's
        ({"symbol": "BTCUSDT"}, "BTCUSDT"),
    ],
)
def test_a_verdict_is_about_a_symbol_or_one_leg_of_it(verdict: dict[str, object], name: str) -> None:
    assert position_name(verdict) == name


OPERATORS = {"held_by": "operator", "reason": "funding", "since_ms": 9_000}
SERVICES = {"held_by": "service", "reason": "unexplained_drift", "since_ms": None}


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"hold": False, "holds": []}, "none"),
        ({"hold": True}, "set"),  # recorded by version 0.1
        ({"hold": True, "holds": "foreign"}, "set"),
        ({"hold": True, "holds": [SERVICES]}, "by the service, on the SHORT leg: unexplained_drift"),
        (
            {"hold": True, "holds": [OPERATORS, SERVICES]},
            "by an operator: funding, for 1.000 s; by the service, on the SHORT leg: unexplained_drift",
        ),
    ],
)
def test_a_hold_is_known_with_who_holds_what(facts: dict[str, object], line: str) -> None:
    inputs = {"facts": {"position_side": "SHORT", **facts}}
    assert dict(known_lines(inputs, 10_000))["hold"] == line


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"last_order_id": "77"}, "long 2; last order 77 recorded 3.000 s before (cooldown 4 s)"),
        ({"last_order_id": None}, "long 2; order time 3.000 s before, no order id (cooldown 4 s)"),
    ],
)
def test_an_order_time_without_an_order_names_none(order: dict[str, object], told: str) -> None:
    ledger = {"last_known_amt": Decimal(2), "last_order_time_ms": 7_000} | order
    inputs = {"facts": {"ledger": ledger}, "policy": {"cooldown_ms": 4_000}}
    assert dict(known_lines(inputs, 10_000))["ledger"] == told


@pytest.mark.parametrize("reason", list(Reason))
def test_what_to_do_is_whole_sentences_also_where_waiting_helps(reason: Reason) -> None:
    told = remedy(deny(reason, retry_after_sec=1))
    assert ". Try again after 1 s, with a new plan_id." in told
    assert ".." not in told
