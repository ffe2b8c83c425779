"""The page of one plan: the plan, the inputs of its verdict, each rule, the remedy of a denial, what happened after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from p33_tasks.domain import exact_json
from p33_tasks.exporter.page.templates import render as rendered
from p33_tasks.exporter.page.text import Shown, printable
from p33_tasks.views.explanation import preparing_task
from p33_tasks.views.stories import Story, Trace

MAX_RECORD_CHARS = 20_000


def render(
    plan_id: str, found: Story | Trace, links: Mapping[str, str] | None = None, allowlist: Sequence[str] = ()
) -> tuple[str, int]:
    """The page and its HTTP status: 404 for a plan without a verdict."""
    links = links or {}
    if isinstance(found, Trace):
        return rendered("no_verdict", plan_id=plan_id, trace=found, entry=_record(found.fields), links=links), 404
    named = (("The verdict as recorded", found.verdict), ("Its inputs as recorded", found.inputs))
    records = [(title, _record(record)) for title, record in named if record]
    shown = {"links": links, "allowlist": allowlist, "task_url": _task_url(found, links)}
    return rendered("plan", story=found, records=records, **shown), 200


def _task_url(story: Story, links: Mapping[str, str]) -> str:
    """Flower's address of the task that prepared the verdict; empty if there is none, or no Flower is configured."""
    task_id, flower = preparing_task(story.inputs), links.get("Flower", "")
    if not task_id or not flower:
        return ""
    parts = urlsplit(flower)
    path = f"{parts.path.rstrip('/')}/task/{quote(task_id, safe='', errors='replace')}"
    return parts._replace(path=path, query="", fragment="").geturl()


def _record(record: Mapping[str, Any]) -> Shown:
    """The JSON of a record, one member per line; a nested object stays on one line."""
    lines = (
        f"{name}: {value if isinstance(value, str) else exact_json.dumps(value)}" for name, value in record.items()
    )
    return Shown("\n".join(printable(line, MAX_RECORD_CHARS // 10) for line in lines)[:MAX_RECORD_CHARS])
