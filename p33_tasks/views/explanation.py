"""Explains a plan in sentences: the request, the verdict's outcome, or where it is. Values are cut, not escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from p33_tasks.contract.holds import recorded_hold
from p33_tasks.contract.timing import MAX_EPOCH_MS, iso
from p33_tasks.domain.executions import Breach, OrderRecord
from p33_tasks.domain.holds import HeldBy
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reasons import Reason
from p33_tasks.views import narrative
from p33_tasks.views.holds import hold_sentence
from p33_tasks.views.stories import Story, Trace

MAX_CHARS = 200
MAX_RESULTS = 5
_RESULT_FIELDS = ("executed", "error", "outcome", "order_id", "filled_qty", "steps_results", "details")


def request_sentence(inputs: Mapping[str, Any], verdict_ms: int) -> str | None:
    """The plan's request: action, part, reduce-only, age; None if it isn't recorded."""
    plan = inputs.get("plan")
    if not isinstance(plan, Mapping):
        return None
    factor = plan.get("close_factor")
    leg = plan.get("position_side")
    what = f"{leg} leg" if isinstance(leg, str) and leg in {"LONG", "SHORT"} else "position"
    part = "no known close" if factor is None else f"close {_short(narrative.number(factor))} of the {what}"
    kind = "reduce-only" if plan.get("reduce_only") else "NOT reduce-only"
    issued = plan.get("issued_ms")
    waited = f", {(verdict_ms - issued) / 1000:.3f} s before the verdict" if _is_time(issued) and issued else ""
    way = "came from the stream" if plan.get("from_stream") else "sent as a task"
    return f"{_short(plan.get('action') or '(no action)')}: {part}, {kind}; {way}{waited}"


def promotion_sentence(inputs: Mapping[str, Any]) -> str:
    """For a verdict prepared before its plan came: that it was, and by which task; empty for any other."""
    if not is_promoted(inputs):
        return ""
    task_id = preparing_task(inputs)
    by = f"task {task_id} (p33.prepare_permits)" if task_id else "a task (p33.prepare_permits)"
    return (
        f"promoted from a prepared verdict: {by} evaluated it before the plan arrived, "
        "and all its inputs were compared again"
    )


def is_promoted(inputs: Mapping[str, Any]) -> bool:
    """Whether the verdict was prepared before its plan came."""
    plan = inputs.get("plan")
    return isinstance(plan, Mapping) and plan.get("prepared") is True


def preparing_task(inputs: Mapping[str, Any]) -> str:
    """The id of the task that prepared the verdict, cut to a limit; empty if none is recorded."""
    plan = inputs.get("plan")
    task_id = plan.get("prepared_by") if isinstance(plan, Mapping) else None
    return _short(task_id) if isinstance(task_id, str) else ""


def breach_lines(story: Story) -> Iterator[str]:
    """How the executor exceeded the permit, and the resulting holds; none if it didn't."""
    permitted = story.verdict
    for order_id, order in story.breaches.items():
        for kind in order.breaches:
            yield f"{_BREACHES[kind](_short(order_id), order, permitted, story)}."
    if not story.breaches:
        return
    held = [held for held in story.holds if held.hold.held_by is HeldBy.SERVICE]
    for one in held:
        yield f"{_short(one.position)} is {hold_sentence(one.hold)}. {one.remedy}"
    if not held:
        yield (
            "The service doesn't hold the position: a person released it, or P33_HOLD_ON_BREACH is off. "
            "Compare the venue's orders with the permit."
        )


def _permitted(permitted: Mapping[str, Any], name: str) -> str:
    return _short(narrative.number(permitted.get(name)))


_BREACHES: Mapping[Breach, Callable[[str, OrderRecord, Mapping[str, Any], Story], str]] = {
    Breach.SIDE: lambda id_, order, permitted, _: (
        f"Order {id_} was on another side than the permit's {_permitted(permitted, 'order_side')}"
        + (f": it was a {order.side}" if order.side is not None else "")
    ),
    Breach.LEG: lambda id_, order, permitted, _: (
        f"Order {id_} named another leg than the permit's {_permitted(permitted, 'position_side')}"
        + (f"; its fills are booked to {order.leg}" if order.leg is not None else "")
    ),
    Breach.QUANTITY: lambda id_, _, permitted, story: (
        f"With order {id_} the plan's orders executed more than the permitted {_permitted(permitted, 'safe_close_qty')}"
        + (f": {canonical(story.executed)} so far" if story.executed is not None else "")
    ),
    Breach.NOT_REDUCE_ONLY: lambda id_, _, __, ___: f"Order {id_} was not reduce-only; every order of a permit must be",
}


def hold_lines(story: Story) -> Iterator[str]:
    """For a deny by a hold: who had set it and why, and the holds now; none for other verdicts."""
    details = story.verdict.get("details")
    if story.verdict.get("reason") != Reason.RECONCILE_HOLD_ACTIVE or not isinstance(details, Mapping):
        return
    hold = recorded_hold(details)
    if hold is not None:
        is_services = hold.held_by is HeldBy.SERVICE
        held = narrative.position_name(story.verdict) if is_services else story.verdict.get("symbol")
        yield f"{_short(held)} was {hold_sentence(hold)}."
    if not story.holds:
        yield "No hold is set on the symbol now: for a new plan only the other rules count."
    for held in story.holds:
        yield f"Now {held.position} is {hold_sentence(held.hold)}. {held.remedy}"


_BY_DRIFT = frozenset({Reason.SIDE_MISMATCH, Reason.QTY_MISMATCH, Reason.RECONCILE_HOLD_ACTIVE})


def drift_lines(story: Story) -> Iterator[str]:
    """For a deny because of a drift: the state of its reconciliation now."""
    if str(story.verdict.get("reason")) in _BY_DRIFT:
        for drift in story.drifts:
            yield f"Reconciliation of {drift.position} now: {drift.sentence}."


def outcome_lines(story: Story) -> Iterator[str]:
    """The state of the verdict's permit and reservation, and the plan's results."""
    allowed, taken = story.verdict.get("allow") is True, story.consumption
    if taken is not None:
        yield f"consumed {at(taken.consumed_ms)} ({_short(taken.consume_id)})"
        yield f"its order could be placed until {at(taken.place_before_ms)}"
    elif story.permit_ttl_ms is not None:
        what = "permit, not consumed," if allowed else "denial"
        yield f"the {what} can still be read for {story.permit_ttl_ms / 1000:.1f} s"
    else:
        yield (
            "its permit has expired, or was deleted by a program without PermitClient"
            if allowed
            else "the denial has expired"
        )
    if allowed:
        yield f"the symbol is {'still' if story.holds_reservation else 'no longer'} reserved for it"
    for entry_id, fields in story.results[:MAX_RESULTS]:
        yield f"result {entry_id}: {_result(fields)}"
    if len(story.results) > MAX_RESULTS:
        yield f"and {len(story.results) - MAX_RESULTS} more results"
    if not story.results:
        yield "no result was published for it" + (" yet" if story.holds_reservation else "")


def trace_lines(trace: Trace) -> Iterator[str]:
    """Where a plan without a stored verdict is: dead letters, stream, pending list, or not found."""
    if trace.verdict is not None:
        reason = _short(trace.verdict.get("reason"))
        outcome = "allowed" if trace.verdict.get("allow") is True else f"denied, {reason}"
        yield f"It had a verdict, more than a day ago: {outcome} (from the audit stream)."
    if trace.dead_letter is not None:
        entry_id, fields = trace.dead_letter
        yield f"It is on the dead-letter stream ({entry_id}): {_short(fields.get('error'), 500)}"
    decision = trace.fields.get("decision", "")
    if trace.state == "never_seen":
        yield f"It is not among the latest {trace.looked_at} plans: it was never added, or was trimmed."
        yield "Check the plan_id, and that the producer writes to this Redis and prefix: p33 check"
    elif decision.strip().upper() != "EXECUTE":
        yield f"Its entry {trace.entry_id} has decision {_short(decision)!r}; only EXECUTE is evaluated."
    elif trace.state == "unread":
        yield f"Its entry {trace.entry_id} was not read yet: no worker reads the stream, or all are busy (p33 status)."
    elif trace.state == "pending":
        times = f"{trace.deliveries} time{'s' if trace.deliveries != 1 else ''}"
        yield f"Its entry {trace.entry_id} is in progress at consumer {_short(trace.consumer)}, delivered {times}."
    elif trace.verdict is None and trace.dead_letter is None:
        yield f"Its entry {trace.entry_id} was acknowledged, but its verdict expired after a day or was lost by Redis."


def at(ts_ms: int) -> str:
    """A time as UTC text; a number out of the range of times as the number in ms."""
    return iso(ts_ms) if _is_time(ts_ms) else f"{ts_ms} ms"


def verdict_ms(verdict: Mapping[str, Any]) -> int:
    """When the verdict was made, ms of Redis TIME; 0 if it has no time."""
    value = verdict.get("ts_ms")
    return value if isinstance(value, int) and _is_time(value) else 0


def _result(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {_short(fields[name])}" for name in _RESULT_FIELDS if fields.get(name))


def _is_time(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < MAX_EPOCH_MS


def _short(value: object, limit: int = MAX_CHARS) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}...({len(text)} characters)"
