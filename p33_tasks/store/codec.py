"""How snapshots, ledgers, market rules and permits are written in Redis (CONTRACT sections 3 and 6)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from p33_tasks.domain.models import (
    Deny,
    Facts,
    Ledger,
    MarketRules,
    Plan,
    Policy,
    Position,
    PositionSide,
    Snapshot,
    Verdict,
)
from p33_tasks.domain.quantities import canonical, parse_quantity
from p33_tasks.domain.rules import sec
from p33_tasks.errors import CorruptStateError, InvalidQuantityError
from p33_tasks.store import exact_json

HEDGE, ONE_WAY = "hedge", "one_way"
MAX_EPOCH_MS = 10**14
"""Later than the year 5000: a time beyond it is corrupt, not late."""
MAX_NAME_CHARS = 200
"""Of a source, a run_id or a foreign plan_id: each goes into every audit entry."""

_WHOLE = re.compile(r"[0-9]{1,14}")

Raw = Sequence[str | None]

# What HMGET is asked for, in the order that the ``decode_`` functions below read.
SNAPSHOT_FIELDS = ("position_amt", "ts_ms", "ts_epoch", "source", "run_id", "position_mode")
SNAPSHOT_PRICE_FIELDS = ("entry_price", "mark_price", "leverage", "unrealized_pnl")
LEDGER_FIELDS = ("last_known_amt", "last_order_time_ms", "last_order_time_epoch", "last_order_id")
MARKET_FIELDS = ("step_size", "min_qty", "max_market_qty", "source")


# --- position snapshot ----------------------------------------------------------------------------------------------


def snapshot_arguments(snapshot: Snapshot) -> list[str]:
    """One symbol's arguments of ``put_snapshots``."""
    position = snapshot.position
    return [
        position.symbol,
        canonical(position.position_amt),
        PositionSide.of(position.position_amt),
        _optional(position.entry_price),
        _optional(position.mark_price),
        _optional(position.leverage),
        _optional(position.unrealized_pnl),
        HEDGE if position.hedge_mode else ONE_WAY,
    ]


def iso(ts_ms: int) -> str:
    """UTC, with milliseconds, e.g. ``2026-02-17T05:12:06.123Z``."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decode_snapshot(symbol: str, raw: Raw) -> Snapshot | None:
    """Read ``position_amt, ts_ms, ts_epoch, source, run_id, position_mode``; None when there is no snapshot.

    Raises:
        CorruptStateError: A field is missing, no number, or too long.
    """
    amount, ts_ms, ts_epoch, source, run_id, mode = raw
    if all(value is None for value in raw):
        return None
    fetched_ms = decode_time(ts_ms, ts_epoch)
    if amount is None or fetched_ms is None:
        raise CorruptStateError(f"the snapshot of {symbol} has no position_amt or no time")
    if any(text is not None and len(text) > MAX_NAME_CHARS for text in (source, run_id)):
        raise CorruptStateError(
            f"the snapshot of {symbol} names a source or run_id of over {MAX_NAME_CHARS} characters"
        )
    position = Position(symbol=symbol, position_amt=_number(amount, "position_amt"), hedge_mode=mode == HEDGE)
    return Snapshot(position=position, ts_ms=fetched_ms, source=source or "", run_id=run_id or "")


# --- ledger ---------------------------------------------------------------------------------------------------------


def decode_ledger(symbol: str, raw: Raw) -> Ledger | None:
    """Read ``last_known_amt, last_order_time_ms, last_order_time_epoch, last_order_id``; None when there is none.

    Raises:
        CorruptStateError: A field is no number.
    """
    amount, order_ms, order_epoch, order_id = raw
    if all(value is None for value in raw):
        return None
    return Ledger(
        symbol=symbol,
        last_known_amt=None if amount is None else _number(amount, "last_known_amt"),
        last_order_id=order_id,
        last_order_time_ms=decode_time(order_ms, order_epoch),
    )


def decode_time(ms: str | None, epoch: str | None) -> int | None:
    """Milliseconds from a ``_ms`` field or its ``_epoch`` twin in seconds; None when absent or 0.

    The scripts' ``twin_time`` reads the same texts as times, letter by letter: no split view.

    Raises:
        CorruptStateError: It is no whole number, or beyond ``MAX_EPOCH_MS``.
    """
    for value, unit in ((ms, 1), (epoch, 1000)):
        if value is None or value == "":
            continue
        if not _WHOLE.fullmatch(value) or int(value) * unit >= MAX_EPOCH_MS:
            raise CorruptStateError(f"{value!r:.40} is no time")
        return int(value) * unit or None
    return None


# --- market rules ---------------------------------------------------------------------------------------------------


def encode_market(market: MarketRules, source: str) -> dict[str, str]:
    """The HASH fields of a symbol's market rules."""
    return {
        "step_size": canonical(market.step_size),
        "min_qty": canonical(market.min_qty),
        "max_market_qty": _optional(market.max_market_qty),
        "source": source,
    }


def decode_market(symbol: str, raw: Raw, source: str) -> MarketRules | None:
    """Read ``step_size, min_qty, max_market_qty, source``; None when unknown or of another venue.

    Raises:
        CorruptStateError: A field is no number, or the step is not above zero.
    """
    step, minimum, maximum, found = raw
    if step is None or minimum is None or found != source:
        return None
    rules = MarketRules(
        symbol=symbol,
        step_size=_number(step, "step_size"),
        min_qty=_number(minimum, "min_qty"),
        max_market_qty=_number(maximum, "max_market_qty") if maximum else None,
    )
    if rules.step_size <= 0 or rules.min_qty < 0 or (rules.max_market_qty is not None and rules.max_market_qty <= 0):
        raise CorruptStateError(f"the market rules of {symbol} are not usable: step_size {step}, min_qty {minimum}")
    return rules


# --- permit ---------------------------------------------------------------------------------------------------------


def verdict_fields(plan: Plan, verdict: Verdict, *, now_ms: int, run_id: str, policy: Policy) -> dict[str, Any]:
    """The permit without its signature; kept as the decision too."""
    base: dict[str, Any] = {"plan_id": plan.plan_id, "symbol": plan.symbol}
    if isinstance(verdict, Deny):
        details = {"reason": str(verdict.reason), "details": dict(verdict.details)}
        return {**base, "allow": False, **details, "ts_epoch": now_ms // 1000, "ts_ms": now_ms}
    return {
        **base,
        "allow": True,
        "safe_close_qty": verdict.safe_close_qty,
        "exchange_position_amt": verdict.exchange_position_amt,
        "ledger_position_amt": verdict.ledger_position_amt,
        "snapshot_age_sec": sec(verdict.snapshot_age_ms),
        "ts_epoch": now_ms // 1000,
        "ts_ms": now_ms,
        "expires_ms": now_ms + policy.permit_ttl_ms,
        "order_side": str(verdict.order_side),
        "run_id": run_id,
        # For the check at use: the executor doesn't share our configuration.
        "stale_threshold_sec": sec(policy.stale_threshold_ms),
    }


def sign(fields: Mapping[str, Any], *, prefix: str, key: str) -> str:
    """Hex HMAC-SHA256 over the key prefix, a newline, and the permit without ``sig`` (CONTRACT section 6)."""
    unsigned = {name: value for name, value in fields.items() if name != "sig"}
    message = f"{prefix}\n{exact_json.dumps(unsigned, sort_keys=True)}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


# --- audit ----------------------------------------------------------------------------------------------------------


def audit_inputs(plan: Plan, facts: Facts | None, policy: Policy) -> dict[str, Any]:
    """Everything a verdict was made from, so that it can be made again (``audit.decode_entry`` reads it)."""
    return {
        "plan": {
            "action": plan.action[:80],
            "close_factor": plan.close_factor,
            "reduce_only": plan.reduce_only,
            "issued_ms": plan.issued_ms,
            "from_stream": plan.from_stream,
            "problem": plan.problem,
        },
        "policy": {
            "allowlisted": plan.symbol in policy.allowlist,
            "allowlist_size": len(policy.allowlist),
            "stale_threshold_ms": policy.stale_threshold_ms,
            "cooldown_ms": policy.cooldown_ms,
            "qty_tolerance_pct": policy.qty_tolerance_pct,
            "position_epsilon": policy.position_epsilon,
            "plan_max_age_ms": policy.plan_max_age_ms,
            "permit_ttl_ms": policy.permit_ttl_ms,
            "poll_ms": policy.poll_ms,
        },
        "facts": None if facts is None else _facts_fields(facts),
    }


def _facts_fields(facts: Facts) -> dict[str, Any]:
    snapshot, ledger, market = facts.snapshot, facts.ledger, facts.market
    return {
        "now_ms": facts.now_ms,
        "run_id": facts.run_id,
        "source": facts.source,
        "hold": facts.hold,
        "reserved_by": facts.reserved_by,
        "reservation_ttl_ms": facts.reservation_ttl_ms,
        "snapshot": snapshot
        and {
            "position_amt": snapshot.position_amt,
            "hedge_mode": snapshot.position.hedge_mode,
            "ts_ms": snapshot.ts_ms,
            "source": snapshot.source,
            "run_id": snapshot.run_id,
        },
        "snapshot_problem": facts.snapshot_problem,
        "ledger": ledger
        and {
            "last_known_amt": ledger.last_known_amt,
            "last_order_id": ledger.last_order_id and ledger.last_order_id[:MAX_NAME_CHARS],
            "last_order_time_ms": ledger.last_order_time_ms,
        },
        "ledger_problem": facts.ledger_problem,
        "market": market
        and {"step_size": market.step_size, "min_qty": market.min_qty, "max_market_qty": market.max_market_qty},
        "market_problem": facts.market_problem,
    }


def _number(value: object, name: str) -> Decimal:
    try:
        return parse_quantity(value)
    except (InvalidQuantityError, TypeError) as error:
        raise CorruptStateError(f"{name}: {error}") from error


def _optional(value: Decimal | None) -> str:
    return "" if value is None else canonical(value)
