"""Explains a verdict: its inputs, and the rule that denied it.

Pure functions from the recorded verdict and inputs (JSON objects with exact numbers) to sentences. Values may be
of any kind, since other programs can write to Redis; the caller escapes them before printing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from p33_tasks.domain.holds import HeldBy
from p33_tasks.domain.quantities import HUNDRED, canonical, magnitude, multiply
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.statistics import SETTLE_MARGIN

Json = Mapping[str, Any]


ORDER: tuple[tuple[Reason, str], ...] = (
    (Reason.INVALID_PLAN, "the plan is well-formed"),
    (Reason.SYMBOL_NOT_ALLOWED, "the symbol is in the allowlist"),
    (Reason.PLAN_EXPIRED, "the plan is not too old"),
    (Reason.NOT_REDUCE_ONLY, "the plan is reduce-only"),
    (Reason.UNKNOWN_ACTION, "the action is a known close"),
    (Reason.RECONCILE_HOLD_ACTIVE, "no hold is set"),
    (Reason.LIMITS_UNREADABLE, "the symbol's limits can be read"),
    (Reason.NO_EXCHANGE_SNAPSHOT, "the exchange's position is known"),
    (Reason.POSITION_SIDE_REQUIRED, "in hedge mode the plan names the leg"),
    (Reason.STALE_EXCHANGE_STATE, "the snapshot is fresh"),
    (Reason.NO_POSITION, "there is a position"),
    (Reason.POSITION_SIDE_MISMATCH, "in one-way mode the position is on the plan's side"),
    (Reason.COOLDOWN_IN_FLIGHT, "the cooldown is over"),
    (Reason.STALE_EXCHANGE_STATE, "the snapshot is later than the last order"),
    (Reason.PERMIT_IN_FLIGHT, "the position is not reserved for another plan"),
    (Reason.MISSING_LEDGER, "there is a ledger"),
    (Reason.SIDE_MISMATCH, "exchange and ledger are on the same side"),
    (Reason.QTY_MISMATCH, "exchange and ledger agree within the tolerance"),
    (Reason.MISSING_MARKET_METADATA, "the venue's step size is known"),
    (Reason.RESTING_ORDERS_UNKNOWN, "resting orders are known (with P33_SUBTRACT_RESTING)"),
    (Reason.QTY_BELOW_STEP_SIZE, "the quantity, rounded down, can be traded"),
    (Reason.RESTING_ORDERS_COVER_POSITION, "resting orders leave enough to close (with P33_SUBTRACT_RESTING)"),
)
"""CONTRACT section 5, in the order in which it is evaluated."""


_NOW_IN_PLACE_OF = {str(Reason.HEDGE_MODE_UNSUPPORTED): Reason.POSITION_SIDE_REQUIRED}
"""The rule's place for a reason that is no longer used."""


def rule_states(verdict: Json) -> Iterator[tuple[str, str]]:
    """Each rule with ``passed``, ``failed`` or ``not reached``; for an allow, all ``passed``."""
    reason = None if verdict.get("allow") is True else verdict.get("reason")
    # A stale snapshot and a recent order have the same reason; only the latter has the order's age.
    skip = 1 if reason == Reason.STALE_EXCHANGE_STATE and "seconds_since_order" in object_of(verdict, "details") else 0
    state = "passed"
    for rule, text in ORDER:
        if state == "passed" and rule == _NOW_IN_PLACE_OF.get(str(reason), reason):
            if skip == 0:
                yield text, "failed"
                state = "not reached"
                continue
            skip -= 1
        yield text, state


def known_lines(inputs: Json, verdict_ms: int) -> Iterator[tuple[str, str]]:
    """The inputs of the verdict, as name and sentence; ages are those at the verdict."""
    facts, policy = object_of(inputs, "facts"), object_of(inputs, "policy")
    if not facts:
        return
    snapshot, ledger, market = (object_of(facts, name) for name in ("snapshot", "ledger", "market"))
    if emergency := object_of(object_of(inputs, "plan"), "emergency"):
        passed = "ledger and the service's hold" + (
            ", an operator's hold" if emergency.get("passes_operator_hold") else ""
        )
        passed += ", the cooldown" if emergency.get("passes_cooldown") else ""
        yield "emergency", f"skips {passed}; by {emergency.get('by')}: {emergency.get('why')}"
    yield "exchange", _snapshot_line(facts, snapshot, policy, verdict_ms)
    yield "ledger", _ledger_line(facts, ledger, policy, verdict_ms)
    yield "hold", _hold_line(facts, verdict_ms)
    yield "reserved", f"by plan {facts['reserved_by']}" if facts.get("reserved_by") else "by nobody"
    if text := _limits_line(facts, policy, verdict_ms):
        yield "limits", text
    if text := _resting_line(facts, policy, verdict_ms):
        yield "resting", text
    if market:
        most = f", at most {number(market['max_market_qty'])}" if market.get("max_market_qty") is not None else ""
        age = f", requested {_ago(market['fetched_ms'], verdict_ms)} before" if market.get("fetched_ms") else ""
        yield "market", f"step {number(market.get('step_size'))}, at least {number(market.get('min_qty'))}{most}{age}"
    else:
        yield "market", f"unknown {_problem(facts, 'market_problem')}".strip()


def _resting_line(facts: Json, policy: Json, verdict_ms: int) -> str:
    """The resting orders that reduce the position; empty if none is known."""
    resting, counts = object_of(facts, "resting"), policy.get("subtract_resting") is True
    if not resting:
        return f"unknown {_problem(facts, 'resting_problem')}".strip() if counts else ""
    parts = [f"{number(resting.get('qty'))} in the book{_named(resting, 'order_ids')}"]
    if resting.get("conditional_ids"):
        parts.append(f"conditional orders, not subtracted{_named(resting, 'conditional_ids')}")
    age = f"requested {_ago(resting.get('ts_ms'), verdict_ms)} before"
    return ", ".join([*parts, age]) + ("" if counts else "; not subtracted (P33_SUBTRACT_RESTING is off)")


def _named(resting: Json, name: str) -> str:
    ids = resting.get(name)
    return f" ({', '.join(map(str, ids))})" if isinstance(ids, list) and ids else ""


def _hold_line(facts: Json, verdict_ms: int) -> str:
    """The hold, an operator's first: an operator holds a whole symbol, the service one position of it."""
    if not facts.get("hold"):
        return "none"
    leg, holds, lines = leg_name(facts), facts.get("holds"), []
    for hold in holds if isinstance(holds, list) else ():
        if not isinstance(hold, Mapping):
            continue
        is_services = hold.get("held_by") == HeldBy.SERVICE
        who = "an operator" if not is_services else f"the service, on the {leg} leg" if leg else "the service"
        since = hold.get("since_ms")
        lasted = f", for {_ago(since, verdict_ms)}" if isinstance(since, int) else ""
        lines.append(f"by {who}: {str(hold.get('reason'))[:120]}{lasted}")
    return "; ".join(lines) or "set"


def _limits_line(facts: Json, policy: Json, verdict_ms: int) -> str:
    """The limits that differed from the configured ones; empty if none did."""
    if facts.get("limits_problem"):
        return f"unreadable ({facts['limits_problem']})"
    named = (
        ("cooldown", "cooldown_by", _ms(policy.get("cooldown_ms"))),
        ("tolerance", "tolerance_by", f"{number(policy.get('qty_tolerance_pct'))} %"),
        ("stale threshold", "threshold_by", _ms(policy.get("stale_threshold_ms"))),
    )
    parts = [f"{name} {value} (by {policy[by]})" for name, by, value in named if policy.get(by)]
    if adapted := _adapted_line(object_of(facts, "limits"), policy):
        parts[0] = adapted
    until = policy.get("limits_until_ms")
    if isinstance(until, int):
        parts.append(f"looser limits end {(until - verdict_ms) / 1000:.3f} s later")
    return ", ".join(parts)


def _snapshot_line(facts: Json, snapshot: Json, policy: Json, verdict_ms: int) -> str:
    if not snapshot:
        return f"unknown {_problem(facts, 'snapshot_problem')}".strip()
    age, limit = _ago(snapshot.get("ts_ms"), verdict_ms), _ms(policy.get("stale_threshold_ms"))
    return f"{position(snapshot.get('position_amt'))}, requested {age} before (limit {limit}), {snapshot.get('source')}"


def _ledger_line(facts: Json, ledger: Json, policy: Json, verdict_ms: int) -> str:
    if not ledger:
        return f"none {_problem(facts, 'ledger_problem')}".strip()
    amt = ledger.get("last_known_amt")
    text = "amount unknown (only fills are recorded)" if amt is None else position(amt)
    if ledger.get("last_order_time_ms"):
        ago = _ago(ledger["last_order_time_ms"], verdict_ms)
        order_id = ledger.get("last_order_id")  # none if the cooldown began without an order, e.g. by an adoption
        order = f"last order {order_id} recorded {ago} before" if order_id else f"order time {ago} before, no order id"
        text += f"; {order}"
        text += f" (cooldown {_ms(policy.get('cooldown_ms'))})"
    else:
        text += "; no order is known"
    return text


def cooldown_line(details: Json) -> str:
    """The origin of an adaptive cooldown, with the numbers; empty for every other one.

    Args:
        details: ``cooldown_sec``, ``cooldown_by``, ``cooldown_base_sec`` and the measured values, as in a deny.
    """
    cooldown, base = details.get("cooldown_sec"), details.get("cooldown_base_sec")
    ratio, settles = details.get("volatility_ratio"), details.get("settle_p95_sec")
    if cooldown is None or base is None:
        return ""
    head = f"cooldown {number(cooldown)} s: "
    if ratio is not None:
        capped = ", and no longer than P33_COOLDOWN_MAX_SEC" if _is_below(cooldown, base, ratio) else ""
        return (
            f"{head}{number(base)} s × {number(ratio)}; the volatility of the last 5 minutes is {number(ratio)} times "  # noqa: RUF001 - the sign is meant
            f"the last day's{capped}"
        )
    if settles is not None:
        capped = ", and no longer than P33_COOLDOWN_MAX_SEC" if _is_below(cooldown, settles, _MARGIN) else ""
        return (
            f"{head}1.5 × {number(settles)} s, the time in which the venue shows 95 % of the fills, instead of "  # noqa: RUF001 - as above
            f"{number(base)} s{capped}"
        )
    return ""


_MARGIN = Decimal(str(SETTLE_MARGIN))


_ROUNDING_SEC = Decimal("0.2")


def _is_below(cooldown: object, base: object, factor: object) -> bool:
    """Whether a cooldown is shorter than the measured values require, by more than rounding."""
    if not all(isinstance(value, (int, Decimal)) for value in (cooldown, base, factor)):
        return False
    asked = multiply(Decimal(str(base)), Decimal(str(factor)))
    return asked - Decimal(str(cooldown)) > _ROUNDING_SEC + Decimal(str(base)) / HUNDRED


def _adapted_line(limits: Json, policy: Json) -> str:
    """As ``cooldown_line``, from the inputs of a verdict."""
    by, base_ms = policy.get("cooldown_by"), limits.get("adaptive_base_ms")
    if by != limits.get("adaptive_by") or not isinstance(base_ms, int):
        return ""
    name = "settle_p95_sec" if by == "settlement" else "volatility_ratio"
    in_sec = {"cooldown_sec": policy.get("cooldown_ms"), "cooldown_base_sec": base_ms}
    details = {key: Decimal(ms).scaleb(-3) for key, ms in in_sec.items() if isinstance(ms, int)}
    return cooldown_line({**details, name: limits.get("adaptive_measured")})


def position_name(verdict: Json) -> str:
    """The position of a verdict: the symbol, in hedge mode with its leg."""
    symbol, leg = str(verdict.get("symbol")), leg_name(verdict)
    return f"{symbol}:{leg}" if leg else symbol


def leg_name(verdict: Json) -> str:
    """LONG or SHORT in hedge mode; empty in one-way mode and for any foreign value."""
    leg = verdict.get("position_side")
    return leg if isinstance(leg, str) and leg in {"LONG", "SHORT"} else ""


def number(value: object) -> str:
    """A number of the record, as text."""
    return canonical(value) if isinstance(value, Decimal) and value.is_finite() else str(value)


def position(value: object) -> str:
    """A signed amount as side and quantity."""
    if not isinstance(value, (int, Decimal)):
        return f"unreadable ({value!r:.60})"
    amount = Decimal(value)
    side = "flat" if amount == 0 else "long" if amount > 0 else "short"
    return side if amount == 0 else f"{side} {canonical(magnitude(amount))}"


def object_of(parent: Json, name: str) -> Json:
    """An object within the record; empty if there is none."""
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _problem(facts: Json, name: str) -> str:
    return f"({facts[name]})" if facts.get(name) else ""


def _ago(ts_ms: object, now_ms: int) -> str:
    return f"{(now_ms - ts_ms) / 1000:.3f} s" if isinstance(ts_ms, int) else "unknown"


def _ms(value: object) -> str:
    return f"{number(Decimal(value).scaleb(-3))} s" if isinstance(value, int) else "unknown"
