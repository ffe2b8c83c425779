"""What an operator does by hand: adopt a ledger, set and clear a hold or a symbol's limits, retry a dead letter."""

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
    """What became of an adoption."""

    adopted: bool
    before: str = ""  # the ledger's amount, empty when there was none
    after: str = ""
    refusal: str = ""  # no_snapshot, stale_snapshot, reserved, cooldown, barrier, ledger_exists, ...
    found: str = ""  # what was in the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A result among the dead letters that can be put back."""

    plan_id: str
    symbol: str
    first_id: str  # of the entry that it first came in: its time counts
    fields: Mapping[str, str]


class OperatorStore:
    """Acts of a person, each audited."""

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
        """Take the exchange's fresh position as the ledger's.

        Args:
            symbol: The venue's id.
            leg: Which of its positions: LONG or SHORT in hedge mode, else BOTH.
            source: Venue and host the snapshot must come from.
            policy: For the longest snapshot age and the cooldown, where the symbol has no limits of its own.
            by: Who says so, for the audit.
            replace: Also over an existing ledger.
            shown_amt: The amount the operator agreed to; a position that moved since then is not adopted.
            executed: Of every order that the position contains the cumulative quantity, base units: a late result of
                one of them then changes nothing. None: the venue wasn't asked, and the audit says so.
            event: What it is called in the event stream.
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
        """What to remember of each order: never less than what is remembered already."""
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
        """Stop a symbol until the hold is cleared, or for a time. False when one was there that doesn't end earlier."""
        return self._hold("set", symbol, why=why, by=by, for_ms=for_ms)

    def clear_hold(self, symbol: str, *, by: str) -> bool:
        """Let a symbol go on. False when there was no hold."""
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
        """Put a dead letter of the results back into their stream, and take it away from the dead letters.

        Returns:
            ``retried`` and the new entry's id, or ``gone`` or ``too_old`` and nothing.
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
            values: Fields of ``contract.limits.LIMITS_FIELDS`` but ``expires_ms``, within their bounds.
            for_ms: How long those looser than the configured ones count; None: none is looser.
            by: Who says so, for the audit.

        Returns:
            What is stored now.
        """
        _, *flat = self._limits("set", symbol, values, for_ms=for_ms, by=by)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def clear_limits(self, symbol: str, *, by: str) -> bool:
        """Let the configured limits count again. False when the symbol had none of its own."""
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
