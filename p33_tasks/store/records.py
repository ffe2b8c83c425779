"""Entries of the decision stream as records to replay, also foreign ones."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from p33_tasks.domain.models import Allow, Deny, OrderSide, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.records import ALLOW, RecordedVerdict, UnreadableRecord
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.audit import decode_entry

MAX_PROBLEM_CHARS = 300

_REASONS = {reason.value: reason for reason in Reason}


def read_record(entry_id: str, fields: Mapping[str, str]) -> RecordedVerdict | UnreadableRecord:
    """The record in an entry, or why it can't be read."""
    try:
        decoded = decode_entry(fields)
    except CorruptStateError as error:
        return UnreadableRecord(entry_id=entry_id, problem=str(error)[:MAX_PROBLEM_CHARS])
    verdict = _verdict(decoded.verdict)
    if verdict is None and decoded.facts is None:
        return UnreadableRecord(entry_id=entry_id, problem="neither a verdict nor facts to make one from")
    return RecordedVerdict(
        entry_id=entry_id,
        plan=decoded.plan,
        facts=decoded.facts,
        policy=decoded.policy,
        verdict=verdict,
        written=fields["verdict"],
        headline=_headline(fields.get("allow", ""), fields.get("reason", "")),
    )


def _headline(allow: str, reason: str) -> str:
    if allow == "true" and not reason:
        return ALLOW
    if allow == "false" and reason:
        return reason
    return f"allow={allow} reason={reason}"


def _verdict(fields: Mapping[str, Any]) -> Verdict | None:
    """The recorded verdict; None if this service didn't write it."""
    try:
        if fields["allow"] is False:
            return Deny(reason=_REASONS[fields["reason"]], details=dict(fields["details"]))
        if fields["allow"] is not True:
            return None
        return Allow(
            safe_close_qty=_decimal(fields["safe_close_qty"]),
            order_side=OrderSide(fields["order_side"]),
            exchange_position_amt=_decimal(fields["exchange_position_amt"]),
            ledger_position_amt=_decimal(ledger) if (ledger := fields["ledger_position_amt"]) is not None else None,
            snapshot_age_ms=int(_decimal(fields["snapshot_age_sec"]).scaleb(3)),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"a number was expected, not {type(value).__name__}")
    return Decimal(value)
