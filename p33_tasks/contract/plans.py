"""Plans: entries of ``apply.plan``, and plans sent as Celery tasks (CONTRACT section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from p33_tasks.contract.entries import MAX_ENTRY_CHARS, chars_of
from p33_tasks.contract.fields import (
    MAX_PLAN_ID_CHARS,
    flag_of,
    id_of,
    objects_of,
    shown,
    symbol_of,
    text_of,
)
from p33_tasks.contract.positions import leg_of, looks_like_a_leg
from p33_tasks.domain.close_factors import close_factor
from p33_tasks.domain.models import Leg, Plan
from p33_tasks.errors import InvalidMessageError

MAX_ISSUED_MS = 10**14  # the year 5138
MAX_ACTION_CHARS = 80
EMERGENCY = "RECONCILE_CLOSE"


def is_executable(fields: Mapping[str, object]) -> bool:
    """Whether the plan needs a verdict: its decision is ``EXECUTE`` or ``RECONCILE_CLOSE``, in any case."""
    return _decision_of(fields) in {"EXECUTE", EMERGENCY}


def is_emergency(fields: Mapping[str, object]) -> bool:
    """Whether the decision is ``RECONCILE_CLOSE``; the signature is checked elsewhere (``contract.emergency``)."""
    return _decision_of(fields) == EMERGENCY


def _decision_of(fields: Mapping[str, object]) -> str | None:
    decision = fields.get("decision")
    if isinstance(decision, bytes):
        decision = decision.decode(errors="replace")
    return decision.strip().upper() if isinstance(decision, str) else None


def parse_plan(fields: Mapping[str, object], *, issued_ms: int, from_stream: bool) -> Plan:
    """Read a plan from its fields.

    Args:
        fields: The stream entry's fields.
        issued_ms: When the plan was made, Unix milliseconds.
        from_stream: Whether ``issued_ms`` is Redis TIME from the entry's id; else it is the producer's statement.

    Returns:
        The plan. If only plan_id and symbol can be read, it has a ``problem`` and will be denied.

    Raises:
        InvalidMessageError: plan_id or symbol is missing or unusable, so no verdict can name the plan.
    """
    plan_id = id_of(fields, "plan_id", MAX_PLAN_ID_CHARS)
    symbol = symbol_of(fields, "symbol")
    problems: list[str] = []
    if looks_like_a_leg(symbol):
        problems.append("symbol must not end in :LONG or :SHORT; name the leg in positionSide")
    action, factor = _read_action(fields, problems)
    return Plan(
        plan_id=plan_id,
        symbol=symbol,
        action=action,
        close_factor=factor,
        reduce_only=_read_reduce_only(fields, problems),
        position_side=_read_position_side(fields, problems),
        issued_ms=issued_ms,
        from_stream=from_stream,
        problem="; ".join(problems) or None,
    )


def parse_entry(fields: Mapping[str, str | list[str]], *, issued_ms: int) -> Plan | None:
    """Read a plan's stream entry, in the ingest and in every task alike.

    Args:
        fields: The entry's fields, as in the stream.
        issued_ms: Start of the plan's age, Unix milliseconds of Redis' clock.

    Returns:
        The plan; with a ``problem`` if it must be denied. None if its decision is readable and is neither ``EXECUTE``
        nor ``RECONCILE_CLOSE``: no executor waits for a permit.

    Raises:
        InvalidMessageError: plan_id or symbol is missing or unusable, so no verdict can name the plan.
    """
    decision, is_to_be_judged = fields.get("decision"), is_executable(fields)
    if isinstance(decision, str) and decision.isprintable() and not is_to_be_judged:
        return None
    problem = None
    if chars_of(fields) > MAX_ENTRY_CHARS:
        problem = "the entry is too large"
    elif not is_to_be_judged:
        problem = "decision is missing or unreadable; a plan to be judged says EXECUTE"
    if problem is None:
        return parse_plan(fields, issued_ms=issued_ms, from_stream=True)
    # An executor may wait for the verdict: deny it, without reading the other fields.
    named = {name: fields[name] for name in ("plan_id", "symbol") if name in fields}
    return replace(parse_plan(named, issued_ms=issued_ms, from_stream=True), problem=problem)


def parse_task_plan(fields: Mapping[str, object]) -> Plan:
    """Read a plan that a producer sent as a Celery task, with ``issued_ms`` among its fields.

    Returns:
        The plan; it has a ``problem`` if ``issued_ms`` is unusable or the decision is not ``EXECUTE``.

    Raises:
        InvalidMessageError: plan_id or symbol is missing or unusable.
    """
    issued_ms, problems = 0, []
    try:
        issued_ms = issued_ms_of(fields)
    except InvalidMessageError as error:
        problems.append(str(error))
    if fields.get("decision") is not None and not is_executable(fields):
        problems.append(f"decision must be EXECUTE, found {shown(fields['decision'])}")
    elif is_emergency(fields):
        problems.append("an emergency close comes by the stream only")
    plan = parse_plan(fields, issued_ms=issued_ms, from_stream=False)
    return replace(plan, problem="; ".join([*problems, *([plan.problem] if plan.problem else [])]) or None)


def issued_ms_of(fields: Mapping[str, object]) -> int:
    """When the plan was made by the producer's clock, Unix milliseconds.

    Raises:
        InvalidMessageError: The field is missing or not such an integer.
    """
    value = fields.get("issued_ms")
    text = None if isinstance(value, bool) else text_of(fields, "issued_ms")
    if text is None:
        raise InvalidMessageError(
            "issued_ms is missing; a task's plan and an emergency close must say when it was made"
        )
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(MAX_ISSUED_MS))):
        raise InvalidMessageError(f"issued_ms must be Unix milliseconds, found {shown(text)}")
    if int(digits) > MAX_ISSUED_MS:
        raise InvalidMessageError(f"issued_ms must be at most {MAX_ISSUED_MS}, found {digits}")
    return int(digits)


def _read_action(fields: Mapping[str, object], problems: list[str]) -> tuple[str, Decimal | None]:
    """The action and its close factor: from ``action`` if that field exists (also empty), else from the steps.

    Unreadable steps are a problem even if the action is readable: an executor would read both.
    """
    try:
        action = text_of(fields, "action")
        steps = objects_of(fields, "steps")
        if action is None:
            action = _first_closing_step(steps)
    except InvalidMessageError as error:
        problems.append(str(error))
        return "", None
    encodable = action[:MAX_ACTION_CHARS].encode(errors="backslashreplace").decode()
    return encodable, close_factor(action)


def _first_closing_step(steps: list[Mapping[str, object]]) -> str:
    for step in steps:
        name = text_of(step, "step") or ""
        # An unknown close, e.g. CLOSE_PARTIAL_60, ends the search too: a later close is not the first step.
        if close_factor(name) is not None or "CLOSE" in name.upper() or "PARTIAL" in name.upper():
            return name
    return ""


def _read_reduce_only(fields: Mapping[str, object], problems: list[str]) -> bool:
    """Whether the plan is reduce-only: True unless one of the field's spellings is present and false."""
    answer = True
    for name in fields:
        if name.replace("_", "").lower() != "reduceonly":
            continue
        try:
            answer = answer and flag_of(fields, name) is not False
        except InvalidMessageError as error:
            problems.append(str(error))
    return answer


def _read_position_side(fields: Mapping[str, object], problems: list[str]) -> Leg:
    try:
        return leg_of(fields)
    except InvalidMessageError as error:
        problems.append(str(error))
        return Leg.BOTH
