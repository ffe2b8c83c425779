"""An operator's acts: adopt a ledger, set and clear a hold or a symbol's limits, retry a dead letter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from p33_tasks.contract.hash_values import number
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.positions import position_key
from p33_tasks.contract.reconciliation import MAX_EVIDENCE
from p33_tasks.contract.results import MAX_RESULT_AGE_MS, RETRIED
from p33_tasks.domain import exact_json
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, Policy
from p33_tasks.domain.quantities import canonical
from p33_tasks.store.results import FILLS_MEMORY_SEC
from p33_tasks.store.scripts import Scripts, translated_errors
from p33_tasks.store.snapshots import AUDIT_MAXLEN, LEDGER_TTL_SEC

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """The outcome of an adoption."""

    adopted: bool
    before: str = ""  # the ledger's amount before, empty if there was none
    after: str = ""
    refusal: str = ""  # no_snapshot, stale_snapshot, reserved, cooldown, barrier, ledger_exists, ...
    found: str = ""  # the value that caused the refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A dead letter of the results that can be put back."""

    plan_id: str
    symbol: str
    first_id: str  # the id of its first entry, whose time counts
    fields: Mapping[str, str]


class OperatorStore:
    """Acts of an operator, each with an audit entry."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys

    def adopt_ledger(
        self,
        symbol: str,
        leg: Leg = Leg.BOTH,
        *,
        source: str,
        policy: Policy,
        by: str,
        replace: bool = False,
        shown_amt: str = "",
        executed: Mapping[str, Decimal] | None = None,
        event: Literal["adopted", "rebuilt"] = "adopted",
    ) -> Adoption:
        """Set the ledger to the exchange's fresh position.

        Args:
            symbol: The venue's id.
            leg: The position's leg: LONG or SHORT in hedge mode, else BOTH.
            source: Venue and host of the snapshot.
            policy: Longest snapshot age and cooldown, unless the symbol has limits of its own.
            by: Who adopts, for the audit.
            replace: Whether to replace an existing ledger.
            shown_amt: The amount that the operator confirmed; if the position has moved, it is not adopted.
            executed: Order id to cumulative quantity, base units, of the orders that the position contains: a late
                result of them then changes nothing. None: not read from the venue; the audit records this.
            event: The event's name in the event stream.
        """
        keys, position = self._keys, position_key(symbol, leg)
        items = self._remembered(symbol, executed or {})
        after_by_id = {item["id"]: item["after"] for item in items}
        facts = "\n".join(
            [position, event, shown_amt, *(f"{name} {after_by_id[name]}" for name in sorted(after_by_id))]
        )
        evidence = exact_json.dumps(
            {"orders": dict(list(after_by_id.items())[:MAX_EVIDENCE]), "count": len(after_by_id)}
        )
        status, *rest = self._scripts.run(
            "adopt_ledger",
            {
                "ledger_key": keys.ledger(symbol, leg),
                "origin_key": keys.ledger_origin(symbol, leg),
                "snapshot_key": keys.snapshot(symbol, leg),
                "symbol_snapshot_key": keys.snapshot(symbol),
                "fills_key": keys.fills(symbol),
                "fill_times_key": keys.fill_times(symbol),
                "audit_key": keys.audit,
                "events_key": keys.reconcile_events,
                "limits_key": keys.limits(symbol),
                "adaptive_key": keys.adaptive_limits(symbol, leg),
                "epoch_key": keys.epoch,
                "reservation_keys": [keys.reservation(symbol, of) for of in (leg, *(o for o in Leg if o is not leg))],
            },
            {
                "symbol": symbol,
                "position_side": leg,
                "source": source,
                "max_snapshot_age_ms": policy.stale_threshold_ms,
                "cooldown_ms": policy.cooldown_ms,
                "read_lag_ms": policy.read_lag_ms,
                "replace": int(replace),
                "by": by[:200],
                "ledger_ttl_sec": LEDGER_TTL_SEC,
                "audit_maxlen": AUDIT_MAXLEN,
                "shown_amt": shown_amt,
                "accept_old_life": int(policy.accept_old_life),
                "event": event,
                "event_id": hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()[:32],
                "event_json": exact_json.dumps({"position": position, "evidence": evidence, "by": by[:200]}),
                "without_trades": int(executed is None),
                "fills_ttl_sec": FILLS_MEMORY_SEC,
                "items": items,
            },
        )
        if status == "adopted":
            return Adoption(adopted=True, before=rest[0], after=rest[1])
        return Adoption(adopted=False, refusal=rest[0], found=rest[1])

    def _remembered(self, symbol: str, executed: Mapping[str, Decimal]) -> list[dict[str, str]]:
        """The fills memory of each order, never less than now."""
        names = sorted(executed)
        if not names:
            return []
        with translated_errors():
            found: list[Any] = self._client.hmget(self._keys.fills(symbol), names)
        items = []
        for name, before in zip(names, found, strict=True):
            known = q.ZERO if before is None else number(before, "fills memory")
            items.append({"id": name, "before": before or "", "after": canonical(max(known, executed[name]))})
        return items

    def set_hold(self, symbol: str, *, why: str, by: str, for_ms: int | None = None) -> bool:
        """Hold a symbol until the hold is cleared, or for a time. False if a hold exists that doesn't end earlier."""
        return self._hold("set", symbol, why=why, by=by, for_ms=for_ms)

    def clear_hold(self, symbol: str, *, by: str) -> bool:
        """Clear a symbol's hold. False if there was none."""
        return self._hold("clear", symbol, why="", by=by)

    def _hold(self, act: str, symbol: str, *, why: str, by: str, for_ms: int | None = None) -> bool:
        keys = self._keys
        reply = self._scripts.run(
            "change_hold",
            {"hold_key": keys.hold(symbol), "audit_key": keys.audit},
            {
                "act": act,
                "symbol": symbol,
                "why": why[:500] or "set by an operator",
                "by": by[:200],
                "for_ms": "" if for_ms is None else for_ms,
                "audit_maxlen": AUDIT_MAXLEN,
            },
        )
        return bool(reply[0] == "changed")

    def retry_dead_letter(self, letter_id: str, retry: Retry, *, by: str) -> tuple[str, str]:
        """Move a dead letter of the results back into their stream.

        Returns:
            ``retried`` and the new entry's id; or ``gone`` or ``too_old``, and ''.
        """
        keys = self._keys
        status, *rest = self._scripts.run(
            "retry_dead_letter",
            {"dead_letters_key": keys.dead_letters, "results_key": keys.results, "audit_key": keys.audit},
            {
                "letter_id": letter_id,
                "first_id": retry.first_id,
                "first_field": RETRIED,
                "symbol": retry.symbol,
                "by": by[:200],
                "max_age_ms": MAX_RESULT_AGE_MS,
                "audit_maxlen": AUDIT_MAXLEN,
                "fields": [{"name": name, "value": value} for name, value in retry.fields.items()],
            },
        )
        return status, rest[0] if rest else ""

    def set_limits(self, symbol: str, values: Mapping[str, str], *, for_ms: int | None, by: str) -> Mapping[str, str]:
        """Replace the symbol's limits.

        Args:
            symbol: The venue's id.
            values: Fields of ``contract.limits.LIMITS_FIELDS`` except ``expires_ms``, within their bounds.
            for_ms: How long values looser than the configured ones are in force; None: no value is looser.
            by: Who sets them, for the audit.

        Returns:
            The fields now stored.
        """
        _, *flat = self._limits("set", symbol, values, for_ms=for_ms, by=by)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def clear_limits(self, symbol: str, *, by: str) -> bool:
        """Return to the configured limits. False if the symbol had none of its own."""
        return bool(self._limits("clear", symbol, {}, for_ms=None, by=by)[0] == "changed")

    def _limits(self, act: str, symbol: str, values: Mapping[str, str], *, for_ms: int | None, by: str) -> list[Any]:
        keys = self._keys
        return self._scripts.run(
            "change_limits",
            {"limits_key": keys.limits(symbol), "audit_key": keys.audit},
            {
                "act": act,
                "symbol": symbol,
                "by": by[:200],
                "for_ms": "" if for_ms is None else for_ms,
                "audit_maxlen": AUDIT_MAXLEN,
                "values": [{"field": name, "value": value} for name, value in values.items()],
            },
        )
