"""Emergency closes: plans with the decision ``RECONCILE_CLOSE``, and the HMAC that they need (CONTRACT section 11).

The signature covers everything that decides what the close does: the account, the plan_id (so that it works once), the
position, the action, the time of the request, and whether it waits for the cooldown.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from p33_tasks.contract.fields import shown, text_of
from p33_tasks.contract.plans import issued_ms_of
from p33_tasks.domain.models import Emergency, Plan
from p33_tasks.errors import InvalidMessageError

OVER_HOLD = "over_operator_hold"
"""An extra line in the signed text: a person saw the operator's hold and closes all the same."""
MAX_WHY_CHARS = 500
MAX_BY_CHARS = 200


def signed_text(plan: Plan, *, prefix: str, passes_cooldown: bool) -> str:
    """The text that ``hmac`` signs.

    Raises:
        InvalidMessageError: A value contains a line break.
    """
    lines = (
        prefix,
        plan.plan_id,
        plan.symbol,
        str(plan.position_side),
        plan.action,
        str(plan.issued_ms),
        "1" if passes_cooldown else "0",
    )
    if not all(line.isprintable() for line in lines):
        raise InvalidMessageError("what is signed holds characters that can't be printed")
    return "\n".join(lines)


def emergency_hmac(text: str, key: str) -> str:
    """HMAC-SHA256 in hex, keyed by ``P33_RECONCILE_KEY``."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyProof:
    """Checks the signature of one account's emergency closes."""

    prefix: str = ""
    key: str | None = field(default=None, repr=False)  # None: emergency closes are off

    def read(self, plan: Plan, fields: Mapping[str, object]) -> Plan:
        """The plan with what its signature permits; if the signature isn't valid, with its ``problem``.

        Args:
            plan: A plan with the decision ``RECONCILE_CLOSE``, as read from the entry.
            fields: The entry's fields.
        """
        if plan.problem is not None:
            return plan
        try:
            return self._read(plan, fields)
        except InvalidMessageError as error:
            return replace(plan, problem=str(error))

    def _read(self, plan: Plan, fields: Mapping[str, object]) -> Plan:
        if self.key is None:
            raise InvalidMessageError("emergency closes are off: P33_RECONCILE_KEY is not set for this worker")
        signed = replace(plan, issued_ms=issued_ms_of(fields), from_stream=False)
        passes_cooldown = _now_of(fields)
        text = signed_text(signed, prefix=self.prefix, passes_cooldown=passes_cooldown)
        if not _is_proof(text_of(fields, "hmac"), text, self.key):
            raise InvalidMessageError(
                "hmac is missing, or it isn't the one of this plan, prefix, position, action, time and now under "
                "P33_RECONCILE_KEY"
            )
        over_hold = text_of(fields, "hold_hmac")
        if over_hold is not None and not _is_proof(over_hold, f"{text}\n{OVER_HOLD}", self.key):
            raise InvalidMessageError("hold_hmac isn't this plan's")
        emergency = Emergency(
            passes_cooldown=passes_cooldown,
            passes_operator_hold=over_hold is not None,
            why=_readable(fields, "why", MAX_WHY_CHARS),
            by=_readable(fields, "by", MAX_BY_CHARS),
        )
        return replace(signed, emergency=emergency)


def _now_of(fields: Mapping[str, object]) -> bool:
    value = text_of(fields, "now")
    if value not in {None, "0", "1"}:
        raise InvalidMessageError(f"now must be 0 or 1, found {shown(value)}")
    return value == "1"


def _is_proof(found: str | None, text: str, key: str) -> bool:
    if found is None or not found.isascii():
        return False
    return hmac.compare_digest(found, emergency_hmac(text, key))


def _readable(fields: Mapping[str, object], name: str, limit: int) -> str:
    value = fields.get(name)
    return value[:limit].encode("utf-8", "backslashreplace").decode()[:limit] if isinstance(value, str) else ""
