"""The result of a run: one document, and its success."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p33_tasks.cli import tables
from p33_tasks.contract.forecast_status import ForecastStatus
from p33_tasks.demo.names import client_order_id
from p33_tasks.demo.up.tally import Tally
from p33_tasks.domain.models import Policy
from p33_tasks.domain.quantities import parse_quantity, sec
from p33_tasks.errors import InvalidQuantityError
from p33_tasks.venues.spec import ClientOrderIds
from p33_tasks.views.overview import Overview

Order = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The data of a summary."""

    tally: Tally
    overview: Overview | None  # the last one while everything ran; None: the state store could not be read
    totals: Mapping[str, Any] | None  # the counters at the very end, see ``tables.totals_of``
    policy: Policy
    prefix: str
    order_ids: ClientOrderIds  # the venue's
    is_demo: bool
    ran_sec: Decimal
    interrupted: str  # the signal that ended it early; empty otherwise
    processes: Sequence[Mapping[str, Any]]
    orders: Sequence[Order] | None  # the simulator's record; None: not read
    error: str  # the failure that ended the run; empty otherwise


def unpermitted_orders(outcome: Outcome) -> list[str]:
    """Executed orders at the simulator without a permit, or with more than the permitted quantity.

    Compares the simulator's record with the verdicts, so it also finds an order that no result reported.
    """
    permitted = {
        client_order_id(outcome.prefix, plan, outcome.order_ids): quantity
        for plan, quantity in outcome.tally.allowed.items()
    }
    found = []
    for order in outcome.orders or ():
        try:
            executed = parse_quantity(str(order.get("executedQty", "0")))
        except InvalidQuantityError:
            executed = Decimal("Infinity")
        name = str(order.get("clientOrderId", ""))
        if executed > permitted.get(name, Decimal(0)) or (executed > 0 and not _reduces(order)):
            found.append(name)
    return found


def _reduces(order: Order) -> bool:
    """Whether an order reduces: by its flag, or in hedge mode by leg and side."""
    return order.get("reduceOnly") is True or (order.get("positionSide"), order.get("side")) in {
        ("LONG", "SELL"),
        ("SHORT", "BUY"),
    }


def problems_of(outcome: Outcome) -> Iterator[str]:
    """The reasons for which the run failed, as sentences."""
    if outcome.error:
        yield outcome.error
    for process in outcome.processes:
        if process["died"]:
            yield f"{process['name']} ended on its own with exit code {process['exit_code']}"
    if outcome.totals is not None and outcome.totals["unpermitted_executions"]:
        yield f"executions without a permit were recorded: {outcome.totals['unpermitted_executions']}"
    strangers = unpermitted_orders(outcome)
    if strangers:
        yield f"the exchange executed orders that no permit stands for: {len(strangers)}, e.g. {strangers[0]}"
    if outcome.is_demo:
        yield from _missing_in_a_demo(outcome)


def _missing_in_a_demo(outcome: Outcome) -> Iterator[str]:
    tally = outcome.tally
    if outcome.overview is None:
        yield "the state store could not be read at the end"
    if outcome.interrupted:
        yield f"ended by {outcome.interrupted} before its time was over"
    seen = {"allowed": len(tally.allowed), "executed": len(tally.executed), "denied": sum(tally.denied.values())}
    for name, number in seen.items():
        if number == 0:
            yield f"nothing was {name}"


def _forecast(status: ForecastStatus | None) -> dict[str, Any] | None:
    """The forecaster's figures; None: no forecaster ran."""
    if status is None:
        return None
    totals = ("plans", "foreseen", "published", "promoted", "warnings", "wishes")
    return {"speaks": status.speaks, "why": status.why, **{name: status.totals[name] for name in totals}}


def summary_of(outcome: Outcome) -> dict[str, Any]:
    """The document of ``--json``."""
    tally, overview, totals = outcome.tally, outcome.overview, outcome.totals or {}
    problems = list(problems_of(outcome))
    wrong_cases = [{**case, "why": tally.refused.get(case["plan_id"], "")} for case in tally.cases if not case["ok"]]
    return {
        "ok": not problems,
        "reasons": problems,
        "ran_sec": outcome.ran_sec,
        "allowed": len(tally.allowed),
        "executed": len(tally.executed),
        "blocked": tally.blocked,
        "allowed_and_refused": tally.allowed_and_refused,
        "denied": sum(tally.denied.values()),
        "denied_by_reason": dict(tally.denied.most_common()),
        "unpermitted_executions": totals.get("unpermitted_executions"),
        "unpermitted_orders": None if outcome.orders is None else len(unpermitted_orders(outcome)),
        "dead_letters": totals.get("dead_letters"),
        "prepared": totals.get("prepared"),
        "forecast": None if overview is None else _forecast(overview.forecast),
        "adapted_cooldowns": {
            position: {"longest_sec": sec(longest_ms), "by": by}
            for position, (longest_ms, by) in sorted(tally.adapted.items())
        },
        "cases": {"played": len(tally.cases), "as_expected": len(tally.cases) - len(wrong_cases), "other": wrong_cases},
        "symbols": [] if overview is None else [tables.symbol_json(view, outcome.policy) for view in overview.symbols],
        "processes": list(outcome.processes),
    }
