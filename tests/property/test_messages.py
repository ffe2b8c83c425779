"""Whatever a producer writes, an entry is understood or refused with one kind of error."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.plans import is_executable, parse_plan, parse_task_plan
from p33_tasks.contract.results import parse_result
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Fill, OrderSide
from p33_tasks.errors import InvalidMessageError
from tests.factories import NOW_MS, make_fill, plan_entry, result_entry
from tests.strategies import amounts

FIELDS = ["plan_id", "symbol", "decision", "action", "steps", "reduceOnly", "issued_ms", "executed", "steps_results",
          "details", "order_id", "side", "filled_qty", "executed_qty", "outcome", "consume_id", "unknown"]  # fmt: skip

WORDS = st.sampled_from(["", "true", "false", "EXECUTE", "CLOSE_FULL", "NaN", "1e400", "-1", "0.028", "\ud800", "\x00",
                         "None", "null", "[]", "{}", "[[[[", "SELL", "7", "9" * 5000])  # fmt: skip
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=4),
    max_leaves=12,
)
VALUES = st.text() | WORDS | st.binary() | JSON_VALUES | JSON_VALUES.map(json.dumps)
ENTRIES = st.dictionaries(st.sampled_from(FIELDS), VALUES)


@st.composite
def nearly_right(draw: st.DrawFn, entry: dict[str, Any]) -> dict[str, Any]:
    """A good entry with a few fields changed."""
    return {**entry, **draw(ENTRIES)}


def check_refusal(error: InvalidMessageError) -> None:
    """It goes into the dead letter and the log: one line, encodable, and short."""
    assert str(error).isprintable()
    assert len(str(error)) < 1000


@given(ENTRIES | nearly_right(plan_entry()))
def test_a_plan_is_understood_or_refused(entry: dict[str, Any]):
    is_executable(entry)
    for parse in (lambda fields: parse_plan(fields, issued_ms=NOW_MS, from_stream=True), parse_task_plan):
        try:
            plan = parse(entry)
        except InvalidMessageError as error:
            check_refusal(error)
            continue
        assert plan.plan_id.isprintable()
        assert plan.symbol.isprintable()
        assert 0 < len(plan.plan_id) <= 200
        assert 0 < len(plan.symbol) <= 40
        for text in (plan.plan_id, plan.symbol, plan.action, plan.problem or ""):
            text.encode()
        json.dumps({"action": plan.action, "problem": plan.problem})
        assert plan.issued_ms >= 0


@given(ENTRIES | nearly_right(result_entry()))
def test_a_result_is_understood_or_refused(entry: dict[str, Any]):
    try:
        result = parse_result(entry)
    except InvalidMessageError as error:
        check_refusal(error)
        return
    assert len({fill.order_id for fill in result.fills}) == len(result.fills)
    for fill in result.fills:
        assert type(fill.order_id) is str
        assert fill.order_id.isprintable()
        assert fill.order_id.strip() == fill.order_id != ""
        assert fill.cumulative_qty >= 0
        assert result.executed or fill.cumulative_qty == 0
        assert q.parse_quantity(q.canonical(fill.cumulative_qty)) == fill.cumulative_qty


SIDES = st.sampled_from(list(OrderSide))
ORDER_IDS = st.integers(0, 2**63)


@given(ORDER_IDS, SIDES, amounts().map(q.magnitude))
def test_every_dialect_says_the_same(order_id: int, side: OrderSide, quantity: Any):
    written = q.canonical(quantity)
    step = json.dumps([{"step": "CLOSE_FULL", "order_id": str(order_id), "side": side, "executed_qty": written}])
    details = f'{{"side":"{side}","order_id":{order_id},"filled_qty":{written}}}'
    flat = {"order_id": str(order_id), "side": side.lower(), "filled_qty": written, "close_qty": "999"}
    expected: tuple[Fill, ...] = (make_fill(str(order_id), side, quantity),)
    for entry in (
        {"steps_results": step},
        {"details": details},
        flat,
        {"steps_results": step, "details": details, **flat},
    ):
        assert parse_result(result_entry(**entry)).fills == expected


@given(
    st.lists(st.tuples(st.integers(1, 5), amounts().map(q.magnitude)), max_size=8), st.randoms(use_true_random=False)
)
def test_the_steps_may_come_in_any_order(reports: list[tuple[int, Any]], random):
    steps = [
        {"order_id": number, "side": "SELL", "executed_qty": q.canonical(quantity)} for number, quantity in reports
    ]
    shuffled = list(steps)
    random.shuffle(shuffled)
    first, second = (parse_result(result_entry(steps_results=json.dumps(each))).fills for each in (steps, shuffled))
    assert {fill.order_id: fill for fill in first} == {fill.order_id: fill for fill in second}
