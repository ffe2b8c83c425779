"""``p33 explain``: one plan's verdict, explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from p33_tasks.cli.failures import NO, Failure, json_option
from p33_tasks.cli.hold import hold_json
from p33_tasks.cli.session import Session, open_session
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines, seconds
from p33_tasks.views import denials, explanation, narrative
from p33_tasks.views.recent import MAX_RECENT, read_recent
from p33_tasks.views.stories import Story, Trace, read_story, read_trace

_MARKS = {"passed": ("ok  ", "green"), "failed": ("NO  ", "red"), "not reached": ("    ", "dim")}
MAX_MEANT = 3


@click.command(short_help="Explain why a plan was allowed or denied.")
@click.argument("plan_id", required=False)
@click.option("--last", is_flag=True, help="Explain the latest verdict, instead of PLAN_ID.")
@json_option
def explain(plan_id: str | None, last: bool, as_json: bool) -> None:
    """Explain PLAN_ID's verdict: what to do, what happened afterwards, the inputs and the rules.

    Exit 1 if there is no verdict. Then it reports whether the plan waits, is in the dead-letter stream, or was never
    read, and lists recent plans with a similar id, or of the symbol if you typed a symbol.

    \b
    Examples:
      p33 explain abc5f1f59a4df545
      p33 explain --last
      p33 explain plan_id=abc5f1f59a4df545             copied from a log line
      p33 explain abc5f1f59a4df545 --json | jq .verdict.details
    """
    if last == (plan_id is not None):
        raise click.UsageError("name one plan: PLAN_ID, or --last")
    session = open_session()
    plan_id = _last_plan(session) if plan_id is None else plan_id
    story = read_story(session.client, session.keys, plan_id)
    if story is None and (pasted := pasted_plan_id(plan_id)) != plan_id:
        plan_id, story = pasted, read_story(session.client, session.keys, pasted)
    if story is not None:
        if as_json:
            print_json(_story_json(story, session.settings.allowlist))
        else:
            _print(_story_lines(story, session.settings.allowlist))
        return
    trace = read_trace(session.client, session.keys, plan_id)
    meant = _meant_plans(session, plan_id) if trace.state == "never_seen" else {}
    if as_json:
        print_json({**_trace_json(plan_id, trace), "did_you_mean": list(meant)})
    else:
        _print(_trace_lines(plan_id, trace, meant))
    raise click.exceptions.Exit(NO)


def pasted_plan_id(text: str) -> str:
    """The plan_id in text copied from a log line, e.g. ``plan_id='abc'``; other text unchanged."""
    bare = text.strip().rstrip(",").removeprefix("plan_id=")
    quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\""
    return bare[1:-1] if quoted else bare


def _last_plan(session: Session) -> str:
    latest = read_recent(session.client, session.keys, 1)
    if not latest:
        raise Failure("there is no verdict yet: no plan was evaluated, or the audit stream was deleted (p33 status)")
    return latest[0].plan_id


def _print(lines: Iterator[tuple[str, str]]) -> None:
    print_lines(console(), (cell(text, style, limit=1_000) for text, style in lines))


# --- a plan with a verdict ------------------------------------------------------------------------------------------


def _story_lines(story: Story, allowlist: Sequence[str]) -> Iterator[tuple[str, str]]:
    verdict, inputs = story.verdict, story.inputs
    allowed, ts_ms = verdict.get("allow") is True, explanation.verdict_ms(verdict)
    yield _headline(story, allowed=allowed)
    yield f"  {explanation.at(ts_ms)}, {seconds(story.now_ms - ts_ms)} ago", ""
    if note := explanation.promotion_sentence(inputs):
        yield f"  {escaped(note, limit=400)}", ""
    broken = list(explanation.breach_lines(story))
    if broken:
        yield "The executor exceeded this permit", "bold red"
        yield from ((f"  {escaped(line, limit=900)}", "") for line in broken)
    if not allowed:
        yield from _remedy_lines(story, allowlist)
        yield from ((f"  {escaped(line, limit=900)}", "") for line in explanation.hold_lines(story))
        yield from ((f"  {escaped(line, limit=900)}", "") for line in explanation.drift_lines(story))
    yield "What happened afterwards", "bold"
    yield from ((f"  {line}", "") for line in explanation.outcome_lines(story))
    yield from _asked_lines(inputs, ts_ms)
    known = list(narrative.known_lines(inputs, ts_ms))
    if known:
        yield "Inputs of the verdict", "bold"
        yield from ((f"  {name:<10}{escaped(text, limit=400)}", "") for name, text in known)
    else:
        yield "No inputs are recorded: the verdict needed none, or its audit entry was trimmed", "bold"
    if known and verdict.get("emergency") is True:
        yield "Emergency close: all rules passed, except those that it skips", "bold"
    elif known and allowed:
        yield f"All {len(narrative.ORDER)} rules passed", "bold"
    elif known:
        yield "Rules, in order", "bold"
        for text, state in narrative.rule_states(verdict):
            mark, style = _MARKS[state]
            yield f"  {mark}{text}", style


def _headline(story: Story, *, allowed: bool) -> tuple[str, str]:
    verdict = story.verdict
    head = f"Plan {escaped(story.plan_id)} on {escaped(narrative.position_name(verdict))}: "
    if not allowed:
        return f"{head}DENIED, {escaped(verdict.get('reason'))}", "bold red"
    quantity = narrative.number(verdict.get("safe_close_qty"))
    return f"{head}ALLOWED to {escaped(verdict.get('order_side'))} {escaped(quantity)}", "bold green"


def _asked_lines(inputs: Any, verdict_ms: int) -> Iterator[tuple[str, str]]:
    asked = explanation.request_sentence(inputs, verdict_ms)
    if asked is not None:
        yield "The plan", "bold"
        yield f"  {asked}", ""


def _remedy_lines(story: Story, allowlist: Sequence[str]) -> Iterator[tuple[str, str]]:
    needed = denials.needed(story.verdict)
    if needed:
        yield "What this rule requires", "bold"
        yield f"  {escaped(needed, limit=600)}", ""
    yield "What to do", "bold"
    yield f"  {escaped(denials.remedy(story.verdict, allowlist), limit=600)}", ""


def _story_json(story: Story, allowlist: Sequence[str]) -> dict[str, Any]:
    taken = story.consumption
    return {
        "plan_id": story.plan_id,
        "state": "decided",
        "verdict": story.verdict,
        "inputs": story.inputs,
        "prepared_by": explanation.preparing_task(story.inputs) or None,
        "needed": denials.needed(story.verdict) if story.verdict.get("allow") is not True else "",
        "remedy": denials.remedy(story.verdict, allowlist) if story.verdict.get("allow") is not True else "",
        "permit_ttl_ms": story.permit_ttl_ms,
        "consumed": taken
        and {
            "consume_id": taken.consume_id,
            "consumed_ms": taken.consumed_ms,
            "place_before_ms": taken.place_before_ms,
        },
        "holds_reservation": story.holds_reservation,
        "breaches": {
            order_id: {"kinds": [*map(str, it.breaches)], "side": it.side, "position_side": it.leg}
            for order_id, it in story.breaches.items()
        },
        "executed_qty": story.executed,
        "holds": [hold_json(held) for held in story.holds],
        "drifts": {drift.position: asdict(drift.known) for drift in story.drifts},
        "results": [{"entry_id": entry_id, "fields": dict(fields)} for entry_id, fields in story.results],
    }


# --- a plan without one ---------------------------------------------------------------------------------------------


def _meant_plans(session: Session, text: str) -> dict[str, str]:
    """Recent plans that may be meant, with their symbols: with a similar id, or of the typed symbol."""
    latest = {one.plan_id: one.symbol for one in read_recent(session.client, session.keys, MAX_RECENT)}
    near = denials.near_ones(text, list(latest))
    if not near and (symbols := denials.near_ones(text.upper(), session.settings.allowlist)):
        near = [plan_id for plan_id, symbol in latest.items() if symbol in symbols][:MAX_MEANT]
    return {plan_id: latest[plan_id] for plan_id in near}


def _trace_lines(plan_id: str, trace: Trace, meant: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield f"Plan {escaped(plan_id)}: no verdict.", "bold red"
    yield from ((f"  {line}", "") for line in explanation.trace_lines(trace))
    if meant:
        named = " or ".join(f"{escaped(name)} ({escaped(symbol)})" for name, symbol in meant.items())
        yield f"  Did you mean the plan {named}?", ""


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
