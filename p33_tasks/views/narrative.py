"""A verdict explained: what was known, which rule denied it, and what would have made it an allow.

Pure functions from the recorded verdict and inputs (JSON objects with exact numbers) to sentences. Values may be
anything, since others can write to Redis too; whoever prints them escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from p33_tasks.domain.holds import HeldBy
from p33_tasks.domain.quantities import HUNDRED, canonical, magnitude, multiply, percent_of
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.statistics import SETTLE_MARGIN

Json = Mapping[str, Any]

ORDER: tuple[tuple[Reason, str], ...] = (
    (Reason.INVALID_PLAN, "the plan is well-formed"),
    (Reason.SYMBOL_NOT_ALLOWED, "the symbol is in the allowlist"),
    (Reason.PLAN_EXPIRED, "the plan is young enough"),
    (Reason.NOT_REDUCE_ONLY, "it is reduce-only"),
    (Reason.UNKNOWN_ACTION, "its action is a known close"),
    (Reason.RECONCILE_HOLD_ACTIVE, "no hold is set"),
    (Reason.LIMITS_UNREADABLE, "the symbol's limits can be read"),
    (Reason.NO_EXCHANGE_SNAPSHOT, "the exchange's position is known"),
    (Reason.POSITION_SIDE_REQUIRED, "in hedge mode it names the leg"),
    (Reason.STALE_EXCHANGE_STATE, "the snapshot is fresh"),
    (Reason.NO_POSITION, "there is a position"),
    (Reason.POSITION_SIDE_MISMATCH, "in one-way mode the position is on the side that it names"),
    (Reason.COOLDOWN_IN_FLIGHT, "the cooldown is over"),
    (Reason.STALE_EXCHANGE_STATE, "the snapshot is later than the last order"),
    (Reason.PERMIT_IN_FLIGHT, "no other plan holds the position"),
    (Reason.MISSING_LEDGER, "there is a ledger"),
    (Reason.SIDE_MISMATCH, "exchange and ledger are on the same side"),
    (Reason.QTY_MISMATCH, "exchange and ledger agree within the tolerance"),
    (Reason.MISSING_MARKET_METADATA, "the venue's step size is known"),
    (Reason.RESTING_ORDERS_UNKNOWN, "resting orders are known, where they count"),
    (Reason.QTY_BELOW_STEP_SIZE, "what is left after rounding down can be traded"),
    (Reason.RESTING_ORDERS_COVER_POSITION, "resting orders leave enough to close, where they count"),
)
"""CONTRACT section 5, in the order in which it is evaluated."""

_NOW_IN_PLACE_OF = {str(Reason.HEDGE_MODE_UNSUPPORTED): Reason.POSITION_SIDE_REQUIRED}
"""Where a rule stands whose reason is given no more."""


def rule_states(verdict: Json) -> Iterator[tuple[str, str]]:
    """Each rule with ``passed``, ``failed`` or ``not reached``; of an allow, all passed."""
    reason = None if verdict.get("allow") is True else verdict.get("reason")
    # The snapshot's age and the last order share a reason; only the latter tells how long ago the order was.
    skip = 1 if reason == Reason.STALE_EXCHANGE_STATE and "seconds_since_order" in _object(verdict, "details") else 0
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
    """What the verdict was made from, as name and sentence; ages are those at the verdict."""
    facts, policy = _object(inputs, "facts"), _object(inputs, "policy")
    if not facts:
        return
    snapshot, ledger, market = (_object(facts, name) for name in ("snapshot", "ledger", "market"))
    if emergency := _object(_object(inputs, "plan"), "emergency"):
        passed = "ledger and the service's hold" + (
            ", an operator's hold" if emergency.get("passes_operator_hold") else ""
        )
        passed += ", the cooldown" if emergency.get("passes_cooldown") else ""
        yield "emergency", f"passes over {passed}; by {emergency.get('by')}: {emergency.get('why')}"
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
        age = f", asked for {_ago(market['fetched_ms'], verdict_ms)} before" if market.get("fetched_ms") else ""
        yield "market", f"step {number(market.get('step_size'))}, at least {number(market.get('min_qty'))}{most}{age}"
    else:
        yield "market", f"unknown {_problem(facts, 'market_problem')}".strip()


def _resting_line(facts: Json, policy: Json, verdict_ms: int) -> str:
    """The orders that reduce the position already; empty where nothing is known of any."""
    resting, counts = _object(facts, "resting"), policy.get("subtract_resting") is True
    if not resting:
        return f"unknown {_problem(facts, 'resting_problem')}".strip() if counts else ""
    parts = [f"{number(resting.get('qty'))} in the book{_named(resting, 'order_ids')}"]
    if resting.get("conditional_ids"):
        parts.append(f"untriggered and never subtracted{_named(resting, 'conditional_ids')}")
    age = f"asked for {_ago(resting.get('ts_ms'), verdict_ms)} before"
    return ", ".join([*parts, age]) + ("" if counts else "; not subtracted (P33_SUBTRACT_RESTING is off)")


def _named(resting: Json, name: str) -> str:
    ids = resting.get(name)
    return f" ({', '.join(map(str, ids))})" if isinstance(ids, list) and ids else ""


def _hold_line(facts: Json, verdict_ms: int) -> str:
    """Who held it, the operator's hold first: an operator holds a whole symbol, the service one position of it."""
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
    """The limits that weren't the configured ones; empty where all were."""
    if facts.get("limits_problem"):
        return f"unreadable ({facts['limits_problem']})"
    named = (
        ("cooldown", "cooldown_by", _ms(policy.get("cooldown_ms"))),
        ("tolerance", "tolerance_by", f"{number(policy.get('qty_tolerance_pct'))} %"),
        ("stale threshold", "threshold_by", _ms(policy.get("stale_threshold_ms"))),
    )
    parts = [f"{name} {value} (by {policy[by]})" for name, by, value in named if policy.get(by)]
    if told := _adapted_line(_object(facts, "limits"), policy):
        parts[0] = told
    until = policy.get("limits_until_ms")
    if isinstance(until, int):
        parts.append(f"what is looser than configured ended {(until - verdict_ms) / 1000:.3f} s later")
    return ", ".join(parts)


def _snapshot_line(facts: Json, snapshot: Json, policy: Json, verdict_ms: int) -> str:
    if not snapshot:
        return f"unknown {_problem(facts, 'snapshot_problem')}".strip()
    age, limit = _ago(snapshot.get("ts_ms"), verdict_ms), _ms(policy.get("stale_threshold_ms"))
    return f"{position(snapshot.get('position_amt'))}, asked for {age} before (limit {limit}), {snapshot.get('source')}"


def _ledger_line(facts: Json, ledger: Json, policy: Json, verdict_ms: int) -> str:
    if not ledger:
        return f"none {_problem(facts, 'ledger_problem')}".strip()
    amt = ledger.get("last_known_amt")
    text = "amount unknown (only fills are remembered)" if amt is None else position(amt)
    if ledger.get("last_order_time_ms"):
        ago = _ago(ledger["last_order_time_ms"], verdict_ms)
        text += f"; last order {ledger.get('last_order_id')} recorded {ago} before"
        text += f" (cooldown {_ms(policy.get('cooldown_ms'))})"
    else:
        text += "; no order is known"
    return text


# --- what would have made it an allow -------------------------------------------------------------------------------


def needed(verdict: Json) -> str:
    """What this rule would have needed, with the numbers; empty where there is nothing to add."""
    details = _object(verdict, "details")
    sentence = _NEEDED.get(str(verdict.get("reason")))
    try:
        return sentence(details) if sentence is not None else ""
    except (KeyError, TypeError, ValueError, ArithmeticError):  # details of another writer
        return ""


def _stale(details: Json) -> str:
    age = details["snapshot_age_sec"]
    if "seconds_since_order" in details:
        since = number(details["seconds_since_order"])
        return f"a snapshot asked for after the last order ({since} s before the verdict); it was {number(age)} s old"
    if "plan_age_sec" in details:
        asked = number(details["plan_age_sec"])
        return f"a snapshot asked for after the emergency close ({asked} s before); it was {number(age)} s old"
    if "barrier_in_sec" in details:
        ahead, lag = details["barrier_in_sec"], number(details["read_lag_sec"])
        when = f"in {number(ahead)} s" if ahead > 0 else f"{number(-ahead)} s ago"
        return (
            "a snapshot asked for after the last consumption's time to place was over and the venue's reads show what "
            f"was matched then ({lag} s later: {when}); it was {number(age)} s old"
        )
    if age < 0:
        return f"a snapshot that is not dated in the future; this one was {number(-age)} s ahead"
    return f"a snapshot no older than {number(details['threshold_sec'])} s; it was {number(age)} s old"


def _mismatch(details: Json) -> str:
    amount, tolerance = details["exchange_position_amt"], details["tolerance_pct"]
    slack = multiply(magnitude(Decimal(amount)), Decimal(tolerance)) / HUNDRED
    low, high = sorted((amount - slack, amount + slack))
    return (
        f"a ledger between {number(low)} and {number(high)} (within {number(tolerance)} % of the exchange's "
        f"{number(amount)}); it was {number(details['ledger_position_amt'])}, off by {number(details['diff_pct'])} %"
    )


def _below_step(details: Json) -> str:
    least = max(details["step_size"], details["min_qty"])
    share = percent_of(Decimal(least), magnitude(Decimal(details["exchange_position_amt"])))
    return (
        f"a part of at least {number(least)}; {number(details['close_factor'])} of the position is "
        f"{number(details['wanted_qty'])} ({number(least)} would be {share:.1f} % of it)"
    )


_NEEDED: dict[str, Callable[[Json], str]] = {
    Reason.INVALID_PLAN: lambda d: f"a well-formed plan; this one: {d['problem']}",
    Reason.SYMBOL_NOT_ALLOWED: lambda d: f"the symbol among the {d['allowlist_size']} of P33_ALLOWLIST",
    Reason.PLAN_EXPIRED: lambda d: (
        f"a plan no older than {number(d['max_age_sec'])} s; it was {number(d['plan_age_sec'])} s old"
    ),
    Reason.NOT_REDUCE_ONLY: lambda _: "reduceOnly true, or left out",
    Reason.UNKNOWN_ACTION: lambda d: f"a known action, e.g. CLOSE_PARTIAL_50; it was {d['action']!r}",
    Reason.RECONCILE_HOLD_ACTIVE: lambda _: "no hold on the symbol or the position",
    Reason.LIMITS_UNREADABLE: lambda d: f"limits of the symbol that can be read; {d['problem']}",
    Reason.NO_EXCHANGE_SNAPSHOT: lambda _: "a snapshot from this venue, fetched since Redis last restarted",
    Reason.HEDGE_MODE_UNSUPPORTED: lambda _: "an account in one-way mode; since 0.2, a plan that names its leg",
    Reason.POSITION_SIDE_REQUIRED: lambda d: (
        "positionSide LONG or SHORT in the plan; the symbol is in hedge mode"
        + (f", {number(d['long_amt'])} long and {number(d['short_amt'])} short" if "long_amt" in d else "")
    ),
    Reason.POSITION_SIDE_MISMATCH: lambda d: (
        f"a {str(d['position_side']).lower()} position; the exchange holds {number(d['exchange_position_amt'])}"
    ),
    Reason.STALE_EXCHANGE_STATE: _stale,
    Reason.NO_POSITION: lambda d: (
        f"a position of at least {number(d['epsilon'])}; the exchange holds {number(d['exchange_position_amt'])}"
    ),
    Reason.COOLDOWN_IN_FLIGHT: lambda d: (
        f"{number(d['cooldown_sec'])} s since the last order; it was {number(d['seconds_since_order'])} s"
        + (f"; {told}" if (told := cooldown_line(d)) else _by(d, "cooldown_by"))
    ),
    Reason.PERMIT_IN_FLIGHT: lambda d: f"a position without a reservation; plan {d['in_flight_plan_id']} held it",
    Reason.MISSING_LEDGER: lambda d: (
        f"a ledger to compare with the exchange's {number(d['exchange_position_amt'])}; there was none"
    ),
    Reason.SIDE_MISMATCH: lambda d: (
        f"exchange ({number(d['exchange_position_amt'])}) and ledger ({number(d['ledger_position_amt'])}) on one side"
    ),
    Reason.QTY_MISMATCH: _mismatch,
    Reason.MISSING_MARKET_METADATA: lambda d: (
        f"market rules of at most {number(d['max_age_sec'])} s; they were {number(d['market_rules_age_sec'])} s old"
        if "max_age_sec" in d
        else f"the venue's market rules for this symbol{_because(d)}"
    ),
    Reason.RESTING_ORDERS_UNKNOWN: lambda d: (
        f"the open orders as read at most {number(d['max_age_sec'])} s before; it was "
        f"{number(d['resting_orders_age_sec'])} s"
        if "max_age_sec" in d
        else f"the venue's open orders of this symbol{_because(d)}"
    ),
    Reason.RESTING_ORDERS_COVER_POSITION: lambda d: (
        f"at least {number(max(d['step_size'], d['min_qty']))} of {number(magnitude(d['exchange_position_amt']))} that "
        f"no resting order closes; {number(d['resting_qty'])} rest ({d['order_ids']})"
    ),
    Reason.QTY_BELOW_STEP_SIZE: _below_step,
    Reason.PLAN_ABANDONED: lambda _: "an executor that waited for the verdict",
    Reason.CONTENTION: lambda d: (
        f"facts that do not change during the evaluation; they changed in each of {d['tries']} tries"
    ),
    Reason.INTERNAL_ERROR: lambda d: (
        f"an evaluation without an error: {d['error']}"
        + (f", delivered {d['deliveries']} times" if "deliveries" in d else "")
    ),
}


def cooldown_line(details: Json) -> str:
    """What a cooldown of the service's own comes from, with the numbers; empty for every other one.

    Args:
        details: ``cooldown_sec``, ``cooldown_by``, ``cooldown_base_sec`` and what was measured, as of a deny.
    """
    cooldown, base = details.get("cooldown_sec"), details.get("cooldown_base_sec")
    ratio, settles = details.get("volatility_ratio"), details.get("settle_p95_sec")
    if cooldown is None or base is None:
        return ""
    head = f"cooldown {number(cooldown)} s: "
    if ratio is not None:
        capped = ", and no longer than P33_COOLDOWN_MAX_SEC" if _is_below(cooldown, base, ratio) else ""
        return (
            f"{head}{number(base)} s × {number(ratio)}, the volatility of the last 5 minutes is {number(ratio)} times "  # noqa: RUF001 - the sign is meant
            f"the last day's{capped}"
        )
    if settles is not None:
        capped = ", and no longer than P33_COOLDOWN_MAX_SEC" if _is_below(cooldown, settles, _MARGIN) else ""
        return (
            f"{head}1.5 × {number(settles)} s, in which the venue shows 95 % of the fills, instead of "  # noqa: RUF001 - as above
            f"{number(base)} s{capped}"
        )
    return ""


_MARGIN = Decimal(str(SETTLE_MARGIN))
_ROUNDING_SEC = Decimal("0.2")


def _is_below(cooldown: object, base: object, factor: object) -> bool:
    """Whether a cooldown is shorter than what was measured asks for, by more than rounding."""
    if not all(isinstance(value, (int, Decimal)) for value in (cooldown, base, factor)):
        return False
    asked = multiply(Decimal(str(base)), Decimal(str(factor)))
    return asked - Decimal(str(cooldown)) > _ROUNDING_SEC + Decimal(str(base)) / HUNDRED


def _adapted_line(limits: Json, policy: Json) -> str:
    """The same, from what a verdict was made from."""
    by, base_ms = policy.get("cooldown_by"), limits.get("adaptive_base_ms")
    if by != limits.get("adaptive_by") or not isinstance(base_ms, int):
        return ""
    name = "settle_p95_sec" if by == "settlement" else "volatility_ratio"
    in_sec = {"cooldown_sec": policy.get("cooldown_ms"), "cooldown_base_sec": base_ms}
    details = {key: Decimal(ms).scaleb(-3) for key, ms in in_sec.items() if isinstance(ms, int)}
    return cooldown_line({**details, name: limits.get("adaptive_measured")})


def _by(details: Json, name: str) -> str:
    """Who set a limit that isn't the configured one."""
    who = details.get(name)
    words = {
        "operator": "an operator set it for this symbol",
        "volatility": "the symbol's volatility is above its day's",
        "settlement": "the venue shows fills late",
    }
    return f" (the limit is not the configured one: {words.get(str(who), who)})" if who else ""


def _because(details: Json) -> str:
    return f"; {details['problem']}" if details.get("problem") else ""


def remedy(verdict: Json) -> str:
    """What to do about a deny, with the time to wait where waiting helps."""
    reason = str(verdict.get("reason"))
    known = {member.value: member.remedy for member in Reason}
    advice = known.get(reason, "This service has no such reason: another program wrote this decision.")
    wait = _object(verdict, "details").get("retry_after_sec")
    symbol = verdict.get("symbol")
    if isinstance(symbol, str):
        advice = advice.replace("SYMBOL", symbol)
    return f"{advice} Try again after {number(wait)} s, with a new plan_id." if wait is not None else advice


# --- values ---------------------------------------------------------------------------------------------------------


def position_name(verdict: Json) -> str:
    """The symbol, in hedge mode with its leg: what a verdict is about."""
    symbol, leg = str(verdict.get("symbol")), leg_name(verdict)
    return f"{symbol}:{leg}" if leg else symbol


def leg_name(verdict: Json) -> str:
    """LONG or SHORT in hedge mode; empty in one-way mode, and where another writer wrote another word."""
    leg = verdict.get("position_side")
    return leg if isinstance(leg, str) and leg in {"LONG", "SHORT"} else ""


def number(value: object) -> str:
    """A number of the record, to read."""
    return canonical(value) if isinstance(value, Decimal) and value.is_finite() else str(value)


def position(value: object) -> str:
    """A signed amount with its side."""
    if not isinstance(value, (int, Decimal)):
        return f"unreadable ({value!r:.60})"
    amount = Decimal(value)
    side = "flat" if amount == 0 else "long" if amount > 0 else "short"
    return side if amount == 0 else f"{side} {canonical(magnitude(amount))}"


def _object(parent: Json, name: str) -> Json:
    value = parent.get(name)
    return value if isinstance(value, Mapping) else {}


def _problem(facts: Json, name: str) -> str:
    return f"({facts[name]})" if facts.get(name) else ""


def _ago(ts_ms: object, now_ms: int) -> str:
    return f"{(now_ms - ts_ms) / 1000:.3f} s" if isinstance(ts_ms, int) else "unknown"


def _ms(value: object) -> str:
    return f"{number(Decimal(value).scaleb(-3))} s" if isinstance(value, int) else "unknown"
