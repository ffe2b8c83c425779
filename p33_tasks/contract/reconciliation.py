"""Reconciliation in Redis: watermark, hold and events (CONTRACT section 11)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from p33_tasks.contract.hash_values import number
from p33_tasks.domain import exact_json
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, Share, Watermark
from p33_tasks.errors import CorruptStateError

OUTCOMES = ("drift_seen", "explained", "repaired", "confirmed", "held", "released")
"""Names of events, and the values of the metrics' label ``outcome``."""
NOTIFIED = (*OUTCOMES, "adopted", "rebuilt", "emergency")
"""Names of all events on the reconciliation stream."""
MAX_EVIDENCE = 50
"""Maximum number of trades and orders listed in one event; its sums include all of them."""


def encode_watermark(mark: Watermark, origin: str | None) -> dict[str, str]:
    """The fields of a watermark, with the origin of the ledger that it belongs to."""
    return {
        "ts_ms": str(mark.ts_ms),
        "since_ms": str(mark.since_ms),
        "exchange_amt": canonical(mark.exchange_amt),
        "ledger_amt": canonical(mark.ledger_amt),
        "counted": json.dumps(sorted(mark.counted), separators=(",", ":")),
        "origin": origin or "",
    }


def decode_watermark(raw: Mapping[str, str], origin: str | None) -> Watermark | None:
    """Read a watermark; None if there is none, or if the ledger began anew after it.

    Raises:
        CorruptStateError: A field is missing or invalid.
    """
    if not raw or raw.get("origin", "") != (origin or ""):
        return None
    try:
        counted = json.loads(raw["counted"])
        if not isinstance(counted, list) or not all(isinstance(one, str) for one in counted):
            raise CorruptStateError("the watermark's counted trades are not a list of ids")
        return Watermark(
            ts_ms=int(raw["ts_ms"]),
            since_ms=int(raw["since_ms"]),
            exchange_amt=number(raw["exchange_amt"], "exchange_amt"),
            ledger_amt=number(raw["ledger_amt"], "ledger_amt"),
            counted=frozenset(counted),
        )
    except (KeyError, ValueError, RecursionError) as error:
        raise CorruptStateError(f"the watermark can't be read: {error!r:.100}") from error


def hold_evidence(why: str, event_id: str, account: Account | None) -> str:
    """The evidence for a hold of a drift, as JSON for the script that sets it."""
    return exact_json.dumps({"id": event_id, "why": why[:300], **evidence_of(account)})


def class_of(account: Account | None) -> str:
    """Comma-separated classes of the trades that explain a drift; ``unexplained`` if none do or none were read."""
    return ",".join(account.classes) if account is not None and account.problem is None else "unexplained"


def event_fields(
    position: str, *, account: Account | None, before: str, after: str, why: str, by: str, is_settled: bool = False
) -> dict[str, str]:
    """The fields of an event, without its id and name.

    Args:
        position: The position key.
        account: The result of a reading; None: no reading was made.
        before: The ledger's amount before the event.
        after: The ledger's amount after it.
        why: The reason, for people.
        by: Who caused it.
        is_settled: Both sides agree again, so the event has no class of drift.
    """
    return {
        "position": position,
        "class": "" if is_settled else class_of(account),
        "before": before,
        "after": after,
        "why": why[:300],
        "evidence": exact_json.dumps(evidence_of(account)),
        "by": by,
    }


def evidence_of(account: Account | None) -> dict[str, Any]:
    """The result of a reading in types that JSON has; quantities are texts."""
    if account is None:
        return {}
    found = {
        "exchange": canonical(account.exchange_amt),
        "expected": canonical(account.expected_amt),
        "ledger": canonical(account.ledger_before),
        "ledger_after": canonical(account.ledger_after),
        "orders": len(account.shares),
    }
    shares = [_share(share) for share in account.shares[:MAX_EVIDENCE]]
    return found | ({"shares": shares} if shares else {})  # Lua would write an empty list as an object


def _share(share: Share) -> dict[str, Any]:
    document = {
        "order_id": share.order_id or "",
        "class": str(share.trade_class),
        "trades": list(share.trade_ids[:MAX_EVIDENCE]),
        "moved": canonical(share.moved),
        "missing": canonical(share.missing),
    }
    return document | ({"problem": share.problem} if share.problem else {})
