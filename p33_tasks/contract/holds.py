"""Both kinds of hold as stored in Redis (CONTRACT section 3). Any value under either key is a hold."""

from __future__ import annotations

from collections.abc import Mapping

from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import ENDS, HeldBy, Hold, HoldEnds, HoldReason
from p33_tasks.errors import CorruptStateError

MAX_REASON_CHARS = 500
_MAX_BY_CHARS = 200
_MOST_MS = 10**14


def decode_holds(
    operator: str | None, service: str | None, *, unknown_plan_id: str | None = None, reserved_by: str | None = None
) -> tuple[Hold, ...]:
    """Both holds of a position, the operator's first: only a person ends it.

    Args:
        operator: The stored value of the operator's hold; None for none.
        service: The same for the service's hold.
        unknown_plan_id: The plan of unknown outcome that the ledger names.
        reserved_by: The plan that holds the position's reservation.
    """
    service = unknown_hold(unknown_plan_id, reserved_by) if service is None else service
    found = (decode_hold(HeldBy.OPERATOR, operator), decode_hold(HeldBy.SERVICE, service))
    return tuple(hold for hold in found if hold is not None)


def decode_hold(held_by: HeldBy, text: str | None) -> Hold | None:
    """Read one hold; None if there is none.

    Args:
        held_by: Whether the key is the operator's or the service's.
        text: The stored value: JSON written by this service (operators' holds since 0.2). Any other text is a hold
            with that text as its reason.
    """
    if text is None:
        return None
    try:
        fields = exact_json.loads_object(text)
    except CorruptStateError:
        fields = {}
    reason = fields.get("why" if held_by is HeldBy.OPERATOR else "reason")
    if not isinstance(reason, str):
        return Hold(held_by=held_by, reason=_readable(text, MAX_REASON_CHARS))
    by = fields.get("by")
    return Hold(
        held_by=held_by,
        reason=_readable(reason, MAX_REASON_CHARS),
        since_ms=_time(fields.get("since_ms")),
        ends=_ends(fields.get("ends")),
        why=_why(fields.get("evidence")),
        by=_readable(by, _MAX_BY_CHARS) if isinstance(by, str) else "",
        until_ms=_time(fields.get("until_ms")),
    )


def unknown_hold(unknown_plan_id: str | None, reserved_by: str | None) -> str | None:
    """The hold that the next snapshot will set for a plan of unknown outcome, as JSON; None if it will set none.

    The position counts as held as soon as that plan's reservation is gone.
    """
    if not unknown_plan_id or unknown_plan_id == reserved_by:
        return None
    reason = HoldReason.OUTCOME_UNKNOWN
    return exact_json.dumps({"reason": str(reason), "ends": str(ENDS[reason]), "by": f"plan {unknown_plan_id}"})


def recorded_hold(details: Mapping[str, object]) -> Hold | None:
    """The hold named in a verdict's details; None if they name none (version 0.1)."""
    reason, since, by = details.get("hold_reason"), details.get("since_ms"), details.get("by")
    if not isinstance(reason, str):
        return None
    return Hold(
        held_by=HeldBy.SERVICE if details.get("held_by") == HeldBy.SERVICE.value else HeldBy.OPERATOR,
        reason=reason,
        since_ms=_time(since),
        ends=_ends(details.get("ends")),
        by=by if isinstance(by, str) else "",
    )


def _why(evidence: object) -> str:
    latest = evidence[-1] if isinstance(evidence, list) and evidence else None
    why = latest.get("why") if isinstance(latest, dict) else None
    return _readable(why, MAX_REASON_CHARS) if isinstance(why, str) else ""


def _ends(value: object) -> HoldEnds:
    """What ends the hold; for an unknown word: a person only."""
    return next((ends for ends in HoldEnds if ends.value == value), HoldEnds.PERSON)


def _readable(text: str, limit: int) -> str:
    """The text cut to ``limit`` characters; bytes that are not UTF-8 are escaped."""
    return text[:limit].encode("utf-8", "backslashreplace").decode()


def _time(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST_MS else None
