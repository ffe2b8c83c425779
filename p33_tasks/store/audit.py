"""Reading the audit stream back: every verdict can be made again from what was written down with it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Facts, Ledger, MarketRules, Plan, Policy, Position, Snapshot
from p33_tasks.domain.quantities import parse_quantity
from p33_tasks.errors import CorruptStateError
from p33_tasks.store import codec, exact_json

MAX_SYMBOLS = 100_000


class Decoded(NamedTuple):
    """One entry of the decisions stream."""

    plan: Plan
    facts: Facts | None  # None: a deny that rests on none (plan_abandoned, contention, internal_error)
    policy: Policy
    verdict: dict[str, Any]  # as recorded, quantities as ``Decimal`` or int


def decode_entry(fields: Mapping[str, str]) -> Decoded:
    """Take an entry of the decisions stream apart.

    The allowlist comes back with the right size and the right answer about the plan's symbol; its other symbols
    are placeholders.

    Raises:
        CorruptStateError: It is none that this service wrote.
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
    """Make the verdict again, as the JSON that the entry's ``verdict`` must equal letter by letter.

    Raises:
        CorruptStateError: It rests on no facts, so there is nothing to make it from.
    """
    facts = decoded.facts
    if facts is None:
        raise CorruptStateError(f"the verdict on {decoded.plan.plan_id} rests on no facts")
    verdict = evaluate(decoded.plan, facts, decoded.policy)
    return exact_json.dumps(
        codec.verdict_fields(decoded.plan, verdict, now_ms=facts.now_ms, run_id=facts.run_id, policy=decoded.policy)
    )


def _plan(plan_id: str, symbol: str, fields: Mapping[str, Any]) -> Plan:
    return Plan(
        plan_id=plan_id,
        symbol=symbol,
        action=fields.get("action", ""),
        close_factor=_number(fields.get("close_factor")),
        reduce_only=fields.get("reduce_only", True),
        issued_ms=fields.get("issued_ms", 0),
        from_stream=fields.get("from_stream", True),
        problem=fields.get("problem"),
    )


def _policy(symbol: str, fields: Mapping[str, Any]) -> Policy:
    allowed, size = bool(fields.get("allowlisted")), fields.get("allowlist_size", 0)
    if not 0 <= size <= MAX_SYMBOLS:
        raise CorruptStateError(f"an allowlist of {size} symbols")
    others = (f"{symbol} {number}" for number in range(size - allowed))
    limits = {name: value for name, value in fields.items() if name.endswith("_ms")}
    for name in ("qty_tolerance_pct", "position_epsilon"):
        if name in fields:
            limits[name] = _number(fields[name])
    return Policy(allowlist=frozenset([*([symbol] if allowed else []), *others]), **limits)


def _facts(symbol: str, fields: Mapping[str, Any]) -> Facts:
    snapshot, ledger, market = fields["snapshot"], fields["ledger"], fields["market"]
    return Facts(
        now_ms=fields["now_ms"],
        run_id=fields["run_id"],
        source=fields["source"],
        hold=fields["hold"],
        reserved_by=fields["reserved_by"],
        reservation_ttl_ms=fields["reservation_ttl_ms"],
        snapshot=snapshot and _snapshot(symbol, snapshot),
        snapshot_problem=fields["snapshot_problem"],
        ledger=ledger
        and Ledger(
            symbol=symbol,
            last_known_amt=_number(ledger["last_known_amt"]),
            last_order_id=ledger["last_order_id"],
            last_order_time_ms=ledger["last_order_time_ms"],
        ),
        ledger_problem=fields["ledger_problem"],
        market=market
        and MarketRules(
            symbol=symbol,
            step_size=parse_quantity(market["step_size"]),
            min_qty=parse_quantity(market["min_qty"]),
            max_market_qty=_number(market["max_market_qty"]),
        ),
        market_problem=fields["market_problem"],
    )


def _snapshot(symbol: str, fields: Mapping[str, Any]) -> Snapshot:
    amount = parse_quantity(fields["position_amt"])
    return Snapshot(
        position=Position(symbol=symbol, position_amt=amount, hedge_mode=fields["hedge_mode"]),
        ts_ms=fields["ts_ms"],
        source=fields["source"],
        run_id=fields["run_id"],
    )


def _number(value: object) -> Decimal | None:
    return None if value is None else parse_quantity(value)
