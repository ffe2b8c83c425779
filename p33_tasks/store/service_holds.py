"""The service's own holds: set with their evidence, released with an audit entry."""

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
"""What a reason rests on: texts, and lists of texts (quantities are texts: Lua's numbers are doubles)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSet:
    """What became of setting a hold."""

    word: str  # "set", "added" (a second reason), "unchanged" (this evidence is in the hold already)
    withdrawn: str | None  # plan_id whose permit went, with its reservation


class ServiceHoldStore:
    """Sets, reads and releases ``{prefix}:position:hold:<position>``; never an operator's hold."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys

    def set(
        self, symbol: str, leg: Leg = Leg.BOTH, *, reason: HoldReason, evidence_id: str, evidence: Evidence
    ) -> HoldSet:
        """Stop a position. Safe to run twice with the same evidence_id.

        The first reason stays the hold's ``reason``; another one is added to ``evidence``. Where two reasons end
        differently, only a person ends the hold. The reserved plan's permit and reservation go while that permit is
        still there: a consumed reservation stays.

        Args:
            symbol: The venue's id.
            leg: In hedge mode, which of its positions.
            reason: Why; ``domain.holds.ENDS`` says what ends it.
            evidence_id: The name of the fact; always the same for the same fact.
            evidence: What the reason rests on.

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
        """The hold (``contract.holds.decode_hold`` reads it) as stored, or as the next snapshot sets it; None for none.

        Raises:
            StoreError: Redis is away, or the key holds another type (which is a hold all the same).
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
        # A ledger of another type notes nothing; a reservation of another type is nobody's.
        unknown_plan_id, reserved_by = (
            None if isinstance(reply, Exception) else reply for reply in (unknown_plan_id, reserved_by)
        )
        return unknown_hold(unknown_plan_id, reserved_by) if found is None else str(found)

    def release(self, symbol: str, leg: Leg = Leg.BOTH, *, why: str, by: str) -> str | None:
        """End the hold, and what a plan of unknown outcome is about to hold; None when there was neither.

        Args:
            symbol: The venue's id.
            leg: In hedge mode, which of its positions.
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
    """The evidence as the scripts take it: a JSON object of texts with its id, bounded; the audit keeps as much."""
    fields: dict[str, object] = {"id": evidence_id[:MAX_TEXT_CHARS]}
    for name, value in evidence.items():
        if isinstance(value, str):
            fields[name] = value[:MAX_TEXT_CHARS]
        elif value:
            fields[name] = [text[:MAX_TEXT_CHARS] for text in value[:MAX_LIST]]
    return exact_json.dumps(fields)
