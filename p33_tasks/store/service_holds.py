"""The service's holds: set with evidence, released with an audit entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p33_tasks.contract.holds import unknown_hold
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import ENDS, HoldReason
from p33_tasks.domain.models import Leg
from p33_tasks.store.scripts import Scripts, translated_errors
from p33_tasks.store.snapshots import AUDIT_MAXLEN, LEDGER_TTL_SEC

if TYPE_CHECKING:
    import redis

MAX_TEXT_CHARS = 200
MAX_LIST = 20

Evidence = Mapping[str, str | Sequence[str]]
"""The evidence for a reason: texts, and lists of texts (quantities too: Lua's numbers are doubles)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSet:
    """The outcome of setting a hold."""

    word: str  # "set", "added" (a further reason), "unchanged" (the hold contains this evidence already)
    withdrawn: str | None  # plan_id whose permit and reservation were deleted


class ServiceHoldStore:
    """Sets, reads and releases ``{prefix}:position:hold:<position>``; never an operator's hold."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys

    def set(
        self, symbol: str, leg: Leg = Leg.BOTH, *, reason: HoldReason, evidence_id: str, evidence: Evidence
    ) -> HoldSet:
        """Hold a position. Safe to run twice with the same evidence_id.

        The first reason stays the hold's ``reason``; others are added to ``evidence``. If two reasons end differently,
        only a person ends the hold. The reserved plan's permit and reservation are deleted if that permit still exists.
        If not, it may have been consumed: then the reservation stays.

        Args:
            symbol: The venue's id.
            leg: In hedge mode, the position's leg.
            reason: Why; what ends it is in ``domain.holds.ENDS``.
            evidence_id: An id, always the same for the same facts.
            evidence: The evidence for the reason.

        Raises:
            StoreError: Redis is away or refuses.
        """
        word, withdrawn = self._scripts.run(
            "add_service_hold",
            {
                "service_hold_key": self._keys.service_hold(symbol, leg),
                "reservation_key": self._keys.reservation(symbol, leg),
                "audit_key": self._keys.audit,
            },
            {
                "permit_prefix": self._keys.permit_prefix,
                "position": position_key(symbol, leg),
                "reason": reason,
                "ends": ENDS[reason],
                "evidence_json": evidence_json(evidence_id, evidence),
                "audit_maxlen": AUDIT_MAXLEN,
            },
        )
        return HoldSet(word=word, withdrawn=withdrawn or None)

    def read(self, symbol: str, leg: Leg = Leg.BOTH) -> str | None:
        """The hold as stored, or as the next snapshot will set it (see ``contract.holds.decode_hold``); None for none.

        Raises:
            StoreError: Redis is away, or the key has another type (which is a hold too).
        """
        keys = self._keys
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.get(keys.service_hold(symbol, leg))
            pipeline.hget(keys.ledger(symbol, leg), "unknown_plan_id")
            pipeline.get(keys.reservation(symbol, leg))
            found, unknown_plan_id, reserved_by = pipeline.execute(raise_on_error=False)
            for reply in (found, unknown_plan_id, reserved_by):
                if isinstance(reply, Exception) and (reply is found or not str(reply).startswith("WRONGTYPE")):
                    raise reply
        # A ledger of another type has no such note; a reservation of another type has no plan.
        unknown_plan_id, reserved_by = (
            None if isinstance(reply, Exception) else reply for reply in (unknown_plan_id, reserved_by)
        )
        return unknown_hold(unknown_plan_id, reserved_by) if found is None else str(found)

    def release(self, symbol: str, leg: Leg = Leg.BOTH, *, why: str, by: str) -> str | None:
        """End the hold, also one that a plan of unknown outcome is about to set; returns it, None if there was neither.

        Args:
            symbol: The venue's id.
            leg: In hedge mode, the position's leg.
            why: For people, in the audit.
            by: Who ends it.

        Raises:
            StoreError: Redis is away or refuses.
        """
        status, *hold = self._scripts.run(
            "release_position",
            {
                "service_hold_key": self._keys.service_hold(symbol, leg),
                "ledger_key": self._keys.ledger(symbol, leg),
                "audit_key": self._keys.audit,
            },
            {
                "position": position_key(symbol, leg),
                "why": why[:500],
                "by": by[:200],
                "audit_maxlen": AUDIT_MAXLEN,
                "ledger_ttl_sec": LEDGER_TTL_SEC,
            },
        )
        return str(hold[0]) if status == "released" else None


def evidence_json(evidence_id: str, evidence: Evidence) -> str:
    """The evidence for the scripts: a JSON object of texts with its id, cut to a limit; the audit stores the same."""
    fields: dict[str, object] = {"id": evidence_id[:MAX_TEXT_CHARS]}
    for name, value in evidence.items():
        if isinstance(value, str):
            fields[name] = value[:MAX_TEXT_CHARS]
        elif value:
            fields[name] = [text[:MAX_TEXT_CHARS] for text in value[:MAX_LIST]]
    return exact_json.dumps(fields)
