"""One plan's full story: what was asked, what was known, each rule, what ends a denial, what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from p33_tasks.domain import exact_json
from p33_tasks.exporter.page import frame
from p33_tasks.exporter.page.text import ago, esc, mark
from p33_tasks.views import narrative, retelling
from p33_tasks.views.stories import Story, Trace

MAX_RECORD_CHARS = 20_000
_KINDS = {"passed": ("go", "✓"), "failed": ("stop", "✕"), "not reached": ("none", "·")}


def render(plan_id: str, found: Story | Trace) -> tuple[str, int]:
    """The page and its HTTP status: 404 for a plan without a verdict."""
    if isinstance(found, Story):
        return _story(found), 200
    return _trace(plan_id, found), 404


def _story(story: Story) -> str:
    verdict, allowed = story.verdict, story.verdict.get("allow") is True
    ts_ms = retelling.verdict_ms(verdict)
    left = _asked(story.inputs, ts_ms) + _known(story.inputs, ts_ms) + _rules(story, allowed=allowed)
    right = ("" if allowed else _way_out(verdict)) + _section("What became of it", _list(retelling.aftermath(story)))
    body = (
        f'<section class="state {"go" if allowed else "stop"}"><h1>{_headline(verdict, allowed=allowed)}</h1>'
        f'<p>Plan <span class="id">{esc(story.plan_id, 300)}</span> on <b>{esc(verdict.get("symbol"))}</b>, '
        f"{esc(retelling.at(ts_ms))}, {ago(story.now_ms - ts_ms)}</p></section>"
        f'<div class="story"><div>{left}</div><div>{right}</div></div>{_records(story)}'
    )
    word = "allowed" if allowed else f"denied, {verdict.get('reason')}"
    return frame.document(f"{story.plan_id[:40]}: {word}", body)


def _headline(verdict: Mapping[str, Any], *, allowed: bool) -> str:
    if not allowed:
        return f"{mark('stop')}Denied: {esc(verdict.get('reason'))}"
    quantity = narrative.number(verdict.get("safe_close_qty"))
    return f"{mark('go')}Allowed to {esc(str(verdict.get('order_side')).lower(), 20)} {esc(quantity, 70)}"


def _asked(inputs: Mapping[str, Any], ts_ms: int) -> str:
    told = retelling.asked(inputs, ts_ms)
    return "" if told is None else _section("What was asked", f"<p>{esc(told, 400)}</p>")


def _known(inputs: Mapping[str, Any], ts_ms: int) -> str:
    lines = list(narrative.known_lines(inputs, ts_ms))
    if not lines:
        text = "Not on record: the verdict rests on no facts, or its audit entry is gone."
        return _section("What was known", f'<p class="soft">{text}</p>')
    pairs = "".join(f"<dt>{esc(name.capitalize())}</dt><dd>{esc(text, 400)}</dd>" for name, text in lines)
    return _section("What was known", f'<dl class="known">{pairs}</dl>')


def _rules(story: Story, *, allowed: bool) -> str:
    told = [(text, "passed") for _, text in narrative.ORDER] if allowed else narrative.rule_states(story.verdict)
    items = []
    for text, state in told:
        kind, sign = _KINDS[state]
        items.append(
            f'<li class="{state}"><b class="{kind}" aria-hidden="true">{sign}</b>{esc(text)}'
            f'<span class="hidden">: {state}</span></li>'
        )
    return _section("The rules, in order", f'<ol class="rules">{"".join(items)}</ol>')


def _way_out(verdict: Mapping[str, Any]) -> str:
    needed = narrative.needed(verdict)
    told = _section("What this rule needed", f"<p>{esc(needed, 600)}</p>") if needed else ""
    return told + _section("What to do", f"<p>{esc(narrative.remedy(verdict), 600)}</p>")


def _records(story: Story) -> str:
    records = (("The verdict as recorded", story.verdict), ("Its inputs as recorded", story.inputs))
    return "".join(_section(title, f"<pre>{_json(record)}</pre>") for title, record in records if record)


def _trace(plan_id: str, trace: Trace) -> str:
    body = (
        f'<section class="state wait"><h1>{mark("wait")}No verdict stands</h1>'
        f'<p>Plan <span class="id">{esc(plan_id, 300)}</span></p></section>'
        + _section("What is known of it", _list(retelling.whereabouts(trace)))
    )
    if trace.fields:
        body += _section("Its entry in the stream", f"<pre>{_json(trace.fields)}</pre>")
    return frame.document(f"{plan_id[:40]}: no verdict", body)


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _list(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{esc(line, 2_000)}</li>' for line in lines)}</ul>"


def _json(record: Mapping[str, Any]) -> str:
    """One member a line; nested ones stay on theirs."""
    lines = (f"{name}: {_value(value)}" for name, value in record.items())
    return "\n".join(esc(line, MAX_RECORD_CHARS // 10) for line in lines)[:MAX_RECORD_CHARS]


def _value(value: object) -> str:
    return value if isinstance(value, str) else exact_json.dumps(value)
