"""Read entries of the decision stream, so that recorded verdicts can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from p33_tasks.contract.permits import verdict_fields
from p33_tasks.contract.positions import HEDGE_LEGS
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.holds import HeldBy, Hold, HoldEnds
from p33_tasks.domain.models import (
    Emergency,
    Facts,
    Ledger,
    Leg,
    LegPosition,
    MarketRules,
    Plan,
    Policy,
    Position,
    Snapshot,
    SymbolLimits,
    Verdict,
)
from p33_tasks.domain.resting import Resting
from p33_tasks.errors import CorruptStateError

MAX_SYMBOLS = 10_000
_MOST_MS = 2**64
"""The largest time in a stream entry's id, and so of a plan."""


class Decoded(NamedTuple):
    """One decoded entry of the decision stream."""

    plan: Plan
    facts: Facts | None  # None: a deny without facts (plan_abandoned, contention, internal_error)
    policy: Policy
    verdict: dict[str, Any]  # as recorded, quantities as ``Decimal`` or int


def decode_entry(fields: Mapping[str, str]) -> Decoded:
    """Decode an entry of the decision stream.

    The allowlist has the recorded size, and contains the plan's symbol if it was allowed; its other symbols are
    placeholders.

    Raises:
        CorruptStateError: This service didn't write the entry.
    """
    try:
        verdict = exact_json.loads_object(fields["verdict"])
        inputs = exact_json.loads_object(fields["inputs"])
        plan = _plan(fields["plan_id"], fields["symbol"], inputs.get("plan") or {})
        facts = inputs.get("facts")
        return Decoded(
            plan=plan,
            facts=None if facts is None else _facts(plan.symbol, facts),
            policy=_policy(plan.symbol, inputs.get("policy") or {}),
            verdict=verdict,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CorruptStateError(f"not an entry of the decisions stream: {type(error).__name__}: {error}") from error


def replay(decoded: Decoded) -> str:
    """The JSON of the verdict, evaluated again; the entry's ``verdict`` must be the same text.

    Raises:
        CorruptStateError: The record has no facts.
    """
    facts = decoded.facts
    if facts is None:
        raise CorruptStateError(f"the verdict on {decoded.plan.plan_id} rests on no facts")
    return written(decoded.plan, evaluate(decoded.plan, facts, decoded.policy), facts, decoded.policy)


def written(plan: Plan, verdict: Verdict, facts: Facts, policy: Policy) -> str:
    """A verdict as it is recorded: the JSON of the entry's ``verdict``."""
    return exact_json.dumps(verdict_fields(plan, verdict, now_ms=facts.now_ms, facts=facts, policy=policy))


def _plan(plan_id: str, symbol: str, fields: Mapping[str, Any]) -> Plan:
    return Plan(
        plan_id=plan_id,
        symbol=symbol,
        action=_text(fields.get("action", "")),
        close_factor=_optional(fields.get("close_factor")),
        reduce_only=_flag(fields.get("reduce_only", True)),
        position_side=_leg(fields.get("position_side")) or Leg.BOTH,
        issued_ms=_time(fields.get("issued_ms", 0)),
        from_stream=_flag(fields.get("from_stream", True)),
        problem=_optional_text(fields.get("problem")),
        emergency=_emergency(fields.get("emergency")),
        prepared=_flag(fields.get("prepared", False)),
        prepared_by=_text(fields.get("prepared_by", "")),
    )


def _emergency(fields: Mapping[str, Any] | None) -> Emergency | None:
    if fields is None:
        return None
    return Emergency(
        passes_cooldown=_flag(fields["passes_cooldown"]),
        passes_operator_hold=_flag(fields["passes_operator_hold"]),
        why=_text(fields["why"]),
        by=_text(fields["by"]),
    )


def _policy(symbol: str, fields: Mapping[str, Any]) -> Policy:
    limits: dict[str, Any] = {name: _time(value) for name, value in fields.items() if name.endswith("_ms")}
    for name in ("qty_tolerance_pct", "position_epsilon"):
        if name in fields:
            limits[name] = _number(fields[name])
    for name in ("cooldown_by", "tolerance_by", "threshold_by"):
        if name in fields:
            limits[name] = _text(fields[name])
    allowed, size = _flag(fields.get("allowlisted", False)), fields.get("allowlist_size", 0)
    limits |= {name: _flag(fields.get(name, False)) for name in ("accept_old_life", "subtract_resting")}
    return Policy(allowlist=_allowlist(symbol, size, allowed=allowed), **limits)


def _allowlist(symbol: str, size: object, *, allowed: bool) -> frozenset[str]:
    if not isinstance(size, int) or not allowed <= size <= MAX_SYMBOLS:
        raise CorruptStateError(f"an allowlist of {size} symbols")
    others = _placeholders(size - allowed)
    if symbol in others:
        raise CorruptStateError(f"{symbol!r} is not a symbol")
    return others | {symbol} if allowed else others


@lru_cache(maxsize=4)  # cached: for 600 symbols, making them takes longer than the verdict
def _placeholders(number: int) -> frozenset[str]:
    return frozenset(f" {at}" for at in range(number))  # no symbol begins with a blank


def _facts(symbol: str, fields: Mapping[str, Any]) -> Facts:
    snapshot, ledger, market, ttl_ms = (fields[name] for name in ("snapshot", "ledger", "market", "reservation_ttl_ms"))
    return Facts(
        now_ms=_time(fields["now_ms"]),
        run_id=_text(fields["run_id"]),
        life=_optional_text(fields.get("life")),
        source=_text(fields["source"]),
        position_side=_leg(fields.get("position_side")),
        hold=_flag(fields["hold"]),
        holds=tuple(map(_hold, fields.get("holds", ()))),  # since 0.2
        reserved_by=_optional_text(fields["reserved_by"]),
        reservation_ttl_ms=None if ttl_ms is None else _time(ttl_ms),
        snapshot=None if snapshot is None else _snapshot(symbol, snapshot),
        snapshot_problem=_optional_text(fields["snapshot_problem"]),
        ledger=None if ledger is None else _ledger(symbol, ledger),
        ledger_problem=_optional_text(fields["ledger_problem"]),
        market=None if market is None else _market(symbol, market),
        market_problem=_optional_text(fields["market_problem"]),
        resting=None if fields.get("resting") is None else _resting(fields["resting"]),
        resting_problem=_optional_text(fields.get("resting_problem")),
        limits=_limits(fields.get("limits") or {}),
        limits_problem=_optional_text(fields.get("limits_problem")),
    )


def _hold(fields: Mapping[str, Any]) -> Hold:
    since_ms, until_ms = fields["since_ms"], fields["until_ms"]
    return Hold(
        held_by=HeldBy(fields["held_by"]),
        reason=_text(fields["reason"]),
        since_ms=None if since_ms is None else _time(since_ms),
        ends=HoldEnds(fields["ends"]),
        by=_text(fields["by"]),
        until_ms=None if until_ms is None else _time(until_ms),
    )


def _snapshot(symbol: str, fields: Mapping[str, Any]) -> Snapshot:
    amount, hedge_mode = _number(fields["position_amt"]), _flag(fields["hedge_mode"])
    amounts = {leg: fields.get(f"{leg.lower()}_amt") for leg in HEDGE_LEGS}
    legs = tuple(LegPosition(leg=leg, position_amt=_number(a)) for leg, a in amounts.items() if a is not None)
    return Snapshot(
        position=Position(
            symbol=symbol,
            position_amt=amount,
            mark_price=_optional(fields.get("mark_price")),  # since 0.2
            hedge_mode=hedge_mode,
            legs=legs,
        ),
        ts_ms=_time(fields["ts_ms"]),
        source=_text(fields["source"]),
        run_id=_text(fields["run_id"]),
        life=_optional_text(fields.get("life")),
    )


def _ledger(symbol: str, fields: Mapping[str, Any]) -> Ledger:
    ordered_ms, barrier_ms = fields["last_order_time_ms"], fields.get("barrier_ms")  # 0.1 had no barrier
    return Ledger(
        symbol=symbol,
        last_known_amt=_optional(fields["last_known_amt"]),
        last_order_id=_optional_text(fields["last_order_id"]),
        last_order_time_ms=None if ordered_ms is None else _time(ordered_ms),
        barrier_ms=None if barrier_ms is None else _time(barrier_ms),
        unknown_plan_id=_optional_text(fields.get("unknown_plan_id")),
    )


def _market(symbol: str, fields: Mapping[str, Any]) -> MarketRules:
    return MarketRules(
        symbol=symbol,
        step_size=_number(fields["step_size"]),
        min_qty=_number(fields["min_qty"]),
        max_market_qty=_optional(fields["max_market_qty"]),
        fetched_ms=None if fields.get("fetched_ms") is None else _time(fields["fetched_ms"]),  # since 0.2
    )


def _resting(fields: Mapping[str, Any]) -> Resting:
    return Resting(
        ts_ms=_time(fields["ts_ms"]),
        life=_text(fields["life"]),
        source=_text(fields["source"]),
        qty=_number(fields["qty"]),
        order_ids=tuple(map(_text, fields["order_ids"])),
        conditional_ids=tuple(map(_text, fields["conditional_ids"])),
    )


def _limits(fields: Mapping[str, Any]) -> SymbolLimits:
    def time(name: str) -> int | None:
        return None if fields.get(name) is None else _time(fields[name])

    return SymbolLimits(
        cooldown_ms=time("cooldown_ms"),
        qty_tolerance_pct=_optional(fields.get("qty_tolerance_pct")),
        stale_threshold_ms=time("stale_threshold_ms"),
        expires_ms=time("expires_ms"),
        adaptive_cooldown_ms=time("adaptive_cooldown_ms"),
        adaptive_by=_optional_text(fields.get("adaptive_by")),
        adaptive_base_ms=time("adaptive_base_ms"),
        adaptive_measured=_optional(fields.get("adaptive_measured")),
    )


# --- values: foreign ones may have any type, and the rules depend on the types ---------------------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {value!r:.60}")
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _leg(value: object) -> Leg | None:
    """The leg; None: recorded before 0.2, without legs."""
    return None if value is None else Leg(_text(value))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"true or false was expected, not {value!r:.60}")
    return value


def _time(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -_MOST_MS < value < _MOST_MS:
        raise TypeError(f"milliseconds were expected, not {value!r:.60}")
    return value


def _number(value: object) -> Decimal:
    """A quantity as recorded: the JSON reader has checked its size, and the verdict has used it."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"a number is recorded as a number, not as {type(value).__name__}")
    return Decimal(value)


def _optional(value: object) -> Decimal | None:
    return None if value is None else _number(value)
