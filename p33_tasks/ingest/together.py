"""Plans that wait share task messages: a task's way through the broker costs more than a verdict.

1. Only while more plans wait than a pool takes at once: where they come one by one, each has a task of its own.
2. A plan that was sent before goes alone: what ended its first task must not end others' too.
3. In stream order, so that of two plans of one position the first wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p33_tasks.contract.entries import MAX_TOGETHER
from p33_tasks.ingest.handlers import TaskMessage

TOGETHER = "p33.evaluate_permits"
MAX_IDS_CHARS = 3_000
"""Of one message: all of its plan_ids are shown to whoever looks for one, and 4 000 characters are taken."""


def together(messages: Sequence[TaskMessage], *, processes: int, alone: int) -> list[TaskMessage]:
    """The messages to send for what was read.

    Args:
        messages: One for each entry, in stream order.
        processes: Of the pool: each gets its share.
        alone: So many plans at most are sent one by one.
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
