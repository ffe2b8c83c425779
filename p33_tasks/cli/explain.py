"""``p33 explain``: one plan's verdict as a story."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from p33_tasks.cli.failures import NO, json_option
from p33_tasks.cli.session import open_session
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines, seconds
from p33_tasks.store import narrative
from p33_tasks.store.codec import MAX_EPOCH_MS, iso
from p33_tasks.store.stories import Story, Trace, read_story, read_trace

_MARKS = {"passed": ("ok  ", "green"), "failed": ("NO  ", "red"), "not reached": ("    ", "dim")}


@click.command(short_help="Why a plan was allowed or denied.")
@click.argument("plan_id")
@json_option
def explain(plan_id: str, as_json: bool) -> None:
    """Tell PLAN_ID's verdict: what was known, which rule spoke, the numbers and the limit, what would have made it
    an allow, what to do, and what became of it.

    Exit 1 when there is no verdict; then it says whether the plan is waiting, was put on the dead-letter stream, or
    was never seen.

    \b
    Examples:
      p33 explain abc5f1f59a4df545
      p33 explain abc5f1f59a4df545 --json | jq .verdict.details
    """  # noqa: D205 - click shows the first paragraph whole
    session = open_session()
    story = read_story(session.client, session.keys, plan_id)
    if story is not None:
        if as_json:
            print_json(_story_json(story))
        else:
            _print(_story_lines(story))
        return
    trace = read_trace(session.client, session.keys, plan_id)
    if as_json:
        print_json(_trace_json(plan_id, trace))
    else:
        _print(_trace_lines(plan_id, trace))
    raise click.exceptions.Exit(NO)


def _print(lines: Iterator[tuple[str, str]]) -> None:
    print_lines(console(), (cell(text, style, limit=1_000) for text, style in lines))


# --- a plan with a verdict ------------------------------------------------------------------------------------------


def _story_lines(story: Story) -> Iterator[tuple[str, str]]:
    verdict, inputs = story.verdict, story.inputs
    allowed, ts_ms = verdict.get("allow") is True, _time_of(verdict, "ts_ms")
    yield _headline(story, allowed=allowed)
    yield f"  {_at(ts_ms)}, {seconds(story.now_ms - ts_ms)} ago", ""
    yield from _asked_lines(inputs, ts_ms)
    known = list(narrative.known_lines(inputs, ts_ms))
    if known:
        yield "What was known", "bold"
        yield from ((f"  {name:<10}{escaped(text, limit=400)}", "") for name, text in known)
    else:
        yield "What was known is not on record: the verdict rests on no facts, or its audit entry is gone", "bold"
    if known and allowed:
        yield f"All {len(narrative.ORDER)} rules passed", "bold"
    elif known:
        yield "Rules, in order", "bold"
        for text, state in narrative.rules_told(verdict):
            mark, style = _MARKS[state]
            yield f"  {mark}{text}", style
    if not allowed:
        yield from _cure_lines(story)
    yield "What became of it", "bold"
    yield from ((f"  {line}", "") for line in _aftermath(story, allowed=allowed))


def _headline(story: Story, *, allowed: bool) -> tuple[str, str]:
    verdict = story.verdict
    head = f"Plan {escaped(story.plan_id)} on {escaped(verdict.get('symbol'))}: "
    if not allowed:
        return f"{head}DENIED, {escaped(verdict.get('reason'))}", "bold red"
    quantity = narrative.number(verdict.get("safe_close_qty"))
    return f"{head}ALLOWED to {escaped(verdict.get('order_side'))} {escaped(quantity)}", "bold green"


def _asked_lines(inputs: Any, verdict_ms: int) -> Iterator[tuple[str, str]]:
    plan = inputs.get("plan")
    if not isinstance(plan, dict):
        return
    factor = plan.get("close_factor")
    part = "no known close" if factor is None else f"close {narrative.number(factor)} of the position"
    kind = "reduce-only" if plan.get("reduce_only") else "NOT reduce-only"
    issued = plan.get("issued_ms")
    waited = f", {(verdict_ms - issued) / 1000:.3f} s before the verdict" if isinstance(issued, int) and issued else ""
    way = "by the stream" if plan.get("from_stream") else "as a task"
    yield "What was asked", "bold"
    yield f"  {escaped(plan.get('action')) or '(no action)'}: {part}, {kind}; sent {way}{waited}", ""


def _cure_lines(story: Story) -> Iterator[tuple[str, str]]:
    needed = narrative.needed(story.verdict)
    if needed:
        yield "What this rule needed", "bold"
        yield f"  {escaped(needed, limit=600)}", ""
    yield "What to do", "bold"
    yield f"  {escaped(narrative.cure(story.verdict), limit=600)}", ""


def _aftermath(story: Story, *, allowed: bool) -> Iterator[str]:
    taken = story.consumption
    if taken is not None:
        yield f"consumed {_at(taken.consumed_ms)} ({escaped(taken.consume_id, limit=60)})"
        yield f"its order could be placed until {_at(taken.place_before_ms)}"
    elif story.permit_ttl_ms is not None:
        what = "permit, not consumed," if allowed else "denial"
        yield f"the {what} is there for another {seconds(story.permit_ttl_ms)}"
    else:
        yield "its permit has expired, or was taken by a plain GET and DEL" if allowed else "the denial has expired"
    if allowed:
        yield "the symbol is still reserved for it" if story.holds_reservation else "the symbol is not reserved for it"
    for entry_id, fields in story.results[:5]:
        yield f"result {entry_id}: {_result_text(fields)}"
    if len(story.results) > 5:  # noqa: PLR2004 - as many as are shown
        yield f"and {len(story.results) - 5} more results"
    if not story.results:
        yield "no result was published for it" + (" yet" if story.holds_reservation else "")


def _result_text(fields: Any) -> str:
    wanted = ("executed", "error", "outcome", "order_id", "filled_qty", "steps_results", "details")
    return ", ".join(f"{name} {escaped(fields[name], limit=200)}" for name in wanted if fields.get(name))


def _story_json(story: Story) -> dict[str, Any]:
    taken = story.consumption
    return {
        "plan_id": story.plan_id,
        "state": "decided",
        "verdict": story.verdict,
        "inputs": story.inputs,
        "needed": narrative.needed(story.verdict) if story.verdict.get("allow") is not True else "",
        "cure": narrative.cure(story.verdict) if story.verdict.get("allow") is not True else "",
        "permit_ttl_ms": story.permit_ttl_ms,
        "consumed": taken
        and {
            "consume_id": taken.consume_id,
            "consumed_ms": taken.consumed_ms,
            "place_before_ms": taken.place_before_ms,
        },
        "holds_reservation": story.holds_reservation,
        "results": [{"entry_id": entry_id, "fields": dict(fields)} for entry_id, fields in story.results],
    }


# --- a plan without one ---------------------------------------------------------------------------------------------


def _trace_lines(plan_id: str, trace: Trace) -> Iterator[tuple[str, str]]:
    yield f"Plan {escaped(plan_id)}: no verdict stands.", "bold red"
    if trace.verdict is not None:
        said = "allowed" if trace.verdict.get("allow") is True else f"denied, {escaped(trace.verdict.get('reason'))}"
        yield f"  It had one, older than a day: {said} (from the audit stream).", ""
    if trace.dead_letter is not None:
        entry_id, fields = trace.dead_letter
        yield f"  It is on the dead-letter stream ({entry_id}): {escaped(fields.get('error'), limit=500)}", "red"
    for line in _where_lines(trace):
        yield f"  {line}", ""


def _where_lines(trace: Trace) -> Iterator[str]:
    decision = trace.fields.get("decision", "")
    if trace.state == "never_seen":
        yield f"It is not among the latest {trace.looked_at} plans: never seen, or trimmed from the stream."
        yield "Check the plan_id, and that the producer writes to this Redis and prefix: p33 check"
    elif decision.strip().upper() != "EXECUTE":
        yield f"Its entry {trace.entry_id} says decision {escaped(decision)!r}; only EXECUTE is judged."
    elif trace.state == "unread":
        yield f"Its entry {trace.entry_id} was not read yet: no worker reads the stream, or all are busy (p33 status)."
    elif trace.state == "pending":
        times = f"{trace.deliveries} time{'s' if trace.deliveries != 1 else ''}"
        yield f"Its entry {trace.entry_id} is being worked on by {escaped(trace.consumer)}, delivered {times}."
    elif trace.verdict is None and trace.dead_letter is None:
        yield f"Its entry {trace.entry_id} was acknowledged and its verdict is gone: a day old, or lost by Redis."


def _trace_json(plan_id: str, trace: Trace) -> dict[str, Any]:
    letter = trace.dead_letter
    return {
        "plan_id": plan_id,
        "state": "dead_lettered" if letter is not None else trace.state,
        "entry_id": trace.entry_id,
        "fields": dict(trace.fields),
        "consumer": trace.consumer,
        "deliveries": trace.deliveries,
        "dead_letter": letter and {"entry_id": letter[0], "fields": dict(letter[1])},
        "old_verdict": trace.verdict,
    }


def _time_of(verdict: Any, name: str) -> int:
    value = verdict.get(name)
    return value if isinstance(value, int) and 0 <= value < MAX_EPOCH_MS else 0


def _at(ts_ms: int) -> str:
    return iso(ts_ms) if 0 <= ts_ms < MAX_EPOCH_MS else f"{ts_ms} ms"
