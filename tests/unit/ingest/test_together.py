"""Which plans share a task message."""

from __future__ import annotations

from collections.abc import Sequence

from p33_tasks.celery.refusal import MAX_SHOWN_CHARS
from p33_tasks.contract.entries import MAX_TOGETHER
from p33_tasks.contract.fields import MAX_PLAN_ID_CHARS
from p33_tasks.ingest.handlers import TaskMessage
from p33_tasks.ingest.together import TOGETHER, together

WINDOW = 4


def plan(number: int, *, first: bool = True, plan_id: str = "") -> TaskMessage:
    kwargs = {"plan_id": plan_id or f"p{number}", "symbol": f"S{number}", "entry_id": f"{number}-0"}
    return TaskMessage(
        name="p33.evaluate_permit",
        task_id=f"permit-{number}",
        kwargs={**kwargs, "stream": "plans", "prefix": "quantum"},
        goes_with_others=first,
    )


def sent(messages: Sequence[TaskMessage], processes: int = 2) -> list[TaskMessage]:
    return together(messages, processes=processes, alone=WINDOW)


def test_plans_that_come_one_by_one_have_a_task_each():
    messages = [plan(number) for number in range(WINDOW)]
    assert sent(messages) == messages


def test_plans_that_wait_share_tasks_in_the_order_of_their_entries():
    first, second = sent([plan(number) for number in range(5)])
    assert first.name == second.name == TOGETHER
    assert (first.args, second.args) == ((["p0", "p1", "p2"],), (["p3", "p4"],))
    assert first.kwargs == {
        "symbols": ["S0", "S1", "S2"],
        "entry_ids": ["0-0", "1-0", "2-0"],
        "stream": "plans",
        "prefix": "quantum",
    }


def test_a_task_takes_32_plans_at_most():
    sizes = [len(message.args[0]) for message in sent([plan(number) for number in range(100)])]
    assert sizes == [MAX_TOGETHER] * 3 + [4]


def test_a_plan_that_was_sent_before_goes_alone():
    again = [plan(number, first=False) for number in range(20)]
    assert sent(again) == again
    assert again[0] in sent([*again[:1], *(plan(number) for number in range(100, 120))])


def test_what_is_no_plan_goes_alone():
    result = TaskMessage(name="p33.apply_result", task_id="result-1", kwargs={"plan_id": "p"})
    assert result in sent([result, *(plan(number) for number in range(20))])


def test_the_ids_of_a_task_are_never_too_long_to_be_shown():
    messages = sent([plan(number, plan_id=f"{number:0{MAX_PLAN_ID_CHARS}}") for number in range(200)])
    assert all(len(repr(message.args)) <= MAX_SHOWN_CHARS for message in messages)
    shown = [plan_id for message in messages for plan_id in message.args[0]]
    assert shown == [f"{number:0{MAX_PLAN_ID_CHARS}}" for number in range(200)]
