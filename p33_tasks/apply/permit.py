"""Read and check permits in the executor: signature first, strict types, exact numbers."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from p33_tasks.apply.refusals import NO_GOVERNOR, NO_P33
from p33_tasks.contract.permits import sign
from p33_tasks.contract.timing import MAX_EPOCH_MS, MAX_READ_LAG_MS, READ_LAG_MS
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.quantities import magnitude, parse_quantity
from p33_tasks.errors import CorruptStateError, InvalidQuantityError, PermitRefused

DEFAULT_STALE_THRESHOLD_SEC = Decimal(10)
MAX_STALE_THRESHOLD_SEC = Decimal(60)
MAX_READ_LAG_SEC = Decimal(MAX_READ_LAG_MS) / 1000
MAX_PERMIT_TTL_MS = 3_600_000
MAX_REASON_CHARS = 200

Leg = Literal["BOTH", "LONG", "SHORT"]
"""The position of an order: ``BOTH`` in one-way mode, else the leg."""

_LEGS: dict[object, Leg] = {"BOTH": "BOTH", "LONG": "LONG", "SHORT": "SHORT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What remains in Redis after a permit is gone."""

    verdict: str | None  # the decision's JSON, kept for a day
    consume_id: str | None  # of the recorded consumption
    now_ms: int  # Redis TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowPermit:
    """An allow permit that is well formed, for this plan, and validly signed if signing is on."""

    raw: str  # the text that was verified; the consumption compares it
    safe_close_qty: Decimal
    order_side: OrderSide
    position_side: Leg
    exchange_position_amt: Decimal
    ts_ms: int
    expires_ms: int
    run_id: str
    life: str  # the store's life; empty: issued by version 0.1
    source: str  # venue and host of the snapshot; empty: issued by version 0.1
    stale_threshold_ms: int
    emergency: bool  # for an emergency close: passes service holds and an unknown ledger
    passes_operator_hold: bool  # ... and an operator's hold
    read_lag_ms: int  # how long the venue's position may not show an order


def require_granted(raw: str | None, *, key: str) -> str:
    """Check the governor's permit.

    Args:
        raw: The key's value; None if there is none.
        key: The key, for the error: a missing permit is usually caused by a wrong template of this key.

    Returns:
        The value as read; the consumption compares it.

    Raises:
        PermitRefused: It is missing, unreadable, or ``granted`` is not true.
    """
    if raw is None:
        raise PermitRefused(NO_GOVERNOR, f"the governor's permit is missing: nothing at {key:.120}")
    try:
        granted = exact_json.loads_object(raw, numbers=str).get("granted")
    except CorruptStateError as error:
        raise PermitRefused(NO_GOVERNOR, f"the governor's permit is unreadable: {error}") from error
    if granted is not True:
        raise PermitRefused(NO_GOVERNOR, "the governor's permit is not granted")
    return raw


def require_allow(
    raw: str | None, *, plan_id: str, symbol: str, prefix: str, signing_keys: Sequence[str] = ()
) -> AllowPermit:
    """Check P3.3's permit.

    Args:
        raw: The permit key's value; None if there is none.
        plan_id: The plan that the permit must be for.
        symbol: The symbol that the permit must be for.
        prefix: The key prefix, which is part of the signed text.
        signing_keys: One of them must have signed (two during a rotation); empty if signing is off.

    Raises:
        PermitRefused: The permit can't be used. For a deny, ``reason`` is the deny's.
    """
    if raw is None:
        raise PermitRefused(NO_P33, "missing")
    try:
        fields = exact_json.loads_object(raw)
    except CorruptStateError as error:
        raise PermitRefused(NO_P33, f"unreadable: {error}") from error
    _require_allowed(fields)
    if fields.get("plan_id") != plan_id:
        raise PermitRefused(NO_P33, "about_another_plan")
    if fields.get("symbol") != symbol:
        raise PermitRefused(NO_P33, "about_another_symbol")
    if signing_keys and not _is_signed(fields, prefix=prefix, keys=signing_keys):
        raise PermitRefused(NO_P33, "bad_signature")
    try:
        return _allow_permit(raw, fields)
    except (KeyError, TypeError, ValueError) as error:
        found = str(error)[:MAX_REASON_CHARS]
        raise PermitRefused(NO_P33, f"malformed: {type(error).__name__}: {found}") from error


def require_unused(traces: Traces, *, has_governor: bool) -> None:
    """Raise the reason why P3.3's permit is gone; return if there has been none yet, because it may still come.

    Args:
        traces: Read together with the permit, which was missing.
        has_governor: Whether the governor's permit existed. If not, the error names the governor's.

    Raises:
        PermitRefused: ``already_consumed``, ``expired``, ``withdrawn``, or the deny's reason.
    """
    error = NO_P33 if has_governor else NO_GOVERNOR
    if traces.consume_id is not None:
        raise PermitRefused(error, "already_consumed")
    if traces.verdict is None:
        return
    try:
        fields = exact_json.loads_object(traces.verdict)
    except CorruptStateError:
        return
    _require_allowed(fields)
    expires_ms = fields.get("expires_ms")
    is_over = isinstance(expires_ms, int) and expires_ms <= traces.now_ms
    raise PermitRefused(error, "expired" if is_over else "withdrawn")


def _require_allowed(fields: dict[str, Any]) -> None:
    if fields.get("allow") is not True:
        reason = fields.get("reason")
        raise PermitRefused(NO_P33, reason[:MAX_REASON_CHARS] if isinstance(reason, str) else "not_allowed")


def _is_signed(fields: dict[str, Any], *, prefix: str, keys: Sequence[str]) -> bool:
    signature = fields.get("sig")
    if not isinstance(signature, str) or not signature.isascii():
        return False
    try:
        # Every key is tried, so that the duration doesn't reveal which one signed.
        matches = [hmac.compare_digest(sign(fields, prefix=prefix, key=key), signature) for key in keys]
    except RecursionError:  # nested deeper than any permit of this service
        return False
    return any(matches)


def _allow_permit(raw: str, fields: dict[str, Any]) -> AllowPermit:
    quantity, position = _quantity(fields["safe_close_qty"]), _quantity(fields["exchange_position_amt"])
    side = OrderSide(fields["order_side"])
    # This service never issues a permit that opens or increases a position.
    if not 0 < quantity <= magnitude(position) or side is not OrderSide.closing(position):
        raise InvalidQuantityError(f"{side} {quantity} doesn't reduce a position of {position}")
    named = fields.get("position_side", "BOTH")
    leg = _LEGS.get(named) if isinstance(named, str) else None
    if leg is None or leg == ("SHORT" if position > 0 else "LONG"):
        raise ValueError(f"position_side {named!r:.40} isn't the side of a position of {position}")
    threshold_sec = _quantity(fields.get("stale_threshold_sec", DEFAULT_STALE_THRESHOLD_SEC))
    read_lag_ms = int(min(_quantity(fields.get("read_lag_sec", 0)), MAX_READ_LAG_SEC) * 1000)
    ts_ms, expires_ms = _milliseconds(fields["ts_ms"]), _milliseconds(fields["expires_ms"])
    # Bounded, because the consumption extends the reservation by it: a forged permit must not reserve for years.
    if not 0 < expires_ms - ts_ms <= MAX_PERMIT_TTL_MS:
        raise ValueError(f"a permit that is valid for {expires_ms - ts_ms} ms was never issued by us")
    return AllowPermit(
        raw=raw,
        safe_close_qty=quantity,
        order_side=side,
        position_side=leg,
        exchange_position_amt=position,
        ts_ms=ts_ms,
        expires_ms=expires_ms,
        run_id=_text(fields["run_id"]),
        life=_text(fields["life"]) if "life" in fields else "",
        source=_text(fields["source"]) if "source" in fields else "",
        stale_threshold_ms=int(min(threshold_sec, MAX_STALE_THRESHOLD_SEC) * 1000),
        emergency=fields.get("emergency") is True,
        passes_operator_hold=fields.get("emergency") is True and fields.get("passes_operator_hold") is True,
        read_lag_ms=max(read_lag_ms, READ_LAG_MS),
    )


def _quantity(value: object) -> Decimal:
    if isinstance(value, str):
        raise TypeError("a quantity in a permit is a JSON number, not a string")
    return parse_quantity(value)


def _milliseconds(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < MAX_EPOCH_MS:
        raise TypeError(f"{value!r:.40} is not a time in milliseconds")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r:.40} is not a run_id")
    return value
