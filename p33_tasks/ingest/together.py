"""Combine waiting plans into shared task messages: a message through the broker costs more than a verdict.

1. Only if more plans wait than the pool takes at once: else each plan has its own task.
2. A plan that was sent before is sent alone: it may have crashed its first task.
3. In stream order, so that of two plans on one position the first is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p33_tasks.contract.entries import MAX_TOGETHER
from p33_tasks.ingest.handlers import TaskMessage

TOGETHER = "p33.evaluate_permits"
MAX_IDS_CHARS = 3_000
"""Longest list of plan_ids in one message: Flower shows them for searches, and cuts at 4 000 characters."""


def together(messages: Sequence[TaskMessage], *, processes: int, alone: int) -> list[TaskMessage]:
    """The task messages to send for a batch.

    Args:
        messages: One per entry, in stream order.
        processes: Number of pool processes; the plans are divided among them.
        alone: Up to this number of plans are sent one by one.
    """
    waiting = [message for message in messages if message.goes_with_others]
    if len(waiting) <= alone:
        return list(messages)
    share = min(MAX_TOGETHER, -(-len(waiting) // processes))
    others = [message for message in messages if not message.goes_with_others]
    return [*others, *map(_joined, _parts(waiting, share))]


def _parts(messages: Sequence[TaskMessage], most: int) -> Iterator[list[TaskMessage]]:
    part: list[TaskMessage] = []
    chars = 0
    for message in messages:
        size = len(repr(message.kwargs["plan_id"])) + 2
        if part and (len(part) >= most or chars + size > MAX_IDS_CHARS):
            yield part
            part, chars = [], 0
        part.append(message)
        chars += size
    yield part


def _joined(part: list[TaskMessage]) -> TaskMessage:
    if len(part) == 1:
        return part[0]
    first, last = part[0].kwargs, part[-1].kwargs
    return TaskMessage(
        name=TOGETHER,
        task_id=f"permits-{first['entry_id']}-to-{last['entry_id']}-{len(part)}",
        args=([message.kwargs["plan_id"] for message in part],),
        kwargs={
            "symbols": [message.kwargs["symbol"] for message in part],
            "entry_ids": [message.kwargs["entry_id"] for message in part],
            "stream": first["stream"],
            "prefix": first["prefix"],
        },
        shown={"plans": str(len(part))},
    )
