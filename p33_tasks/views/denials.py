"""Explains a deny: what its rule requires, with the numbers, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from difflib import get_close_matches

from p33_tasks.domain.quantities import HUNDRED, magnitude, multiply, percent_of
from p33_tasks.domain.reasons import Reason
from p33_tasks.views.narrative import Json, cooldown_line, number, object_of


def needed(verdict: Json) -> str:
    """What this rule requires, with the numbers; empty if there is nothing to add."""
    details = object_of(verdict, "details")
    sentence = _NEEDED.get(str(verdict.get("reason")))
    try:
        return sentence(details) if sentence is not None else ""
    except (KeyError, TypeError, ValueError, ArithmeticError):  # details of a foreign writer
        return ""


def _stale(details: Json) -> str:
    age = details["snapshot_age_sec"]
    if "seconds_since_order" in details:
        since = number(details["seconds_since_order"])
        return f"a snapshot requested after the last order ({since} s before the verdict); it was {number(age)} s old"
    if "plan_age_sec" in details:
        asked = number(details["plan_age_sec"])
        return f"a snapshot requested after the emergency close ({asked} s before); it was {number(age)} s old"
    if "barrier_in_sec" in details:
        ahead, lag = details["barrier_in_sec"], number(details["read_lag_sec"])
        when = f"in {number(ahead)} s" if ahead > 0 else f"{number(-ahead)} s ago"
        return (
            "a snapshot requested after the last consumption's order can't be sent any more, plus the venue's read lag "
            f"of {lag} s ({when}); it was {number(age)} s old"
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
    Reason.SYMBOL_NOT_ALLOWED: lambda d: f"a symbol of P33_ALLOWLIST (it has {d['allowlist_size']})",
    Reason.PLAN_EXPIRED: lambda d: (
        f"a plan no older than {number(d['max_age_sec'])} s; it was {number(d['plan_age_sec'])} s old"
    ),
    Reason.NOT_REDUCE_ONLY: lambda _: "reduceOnly true, or left out",
    Reason.UNKNOWN_ACTION: lambda d: f"a known action, e.g. CLOSE_PARTIAL_50; it was {d['action']!r}",
    Reason.RECONCILE_HOLD_ACTIVE: lambda _: "no hold on the symbol or the position",
    Reason.LIMITS_UNREADABLE: lambda d: f"readable limits of the symbol; {d['problem']}",
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
        + (f"; {cause}" if (cause := cooldown_line(d)) else _by(d, "cooldown_by"))
    ),
    Reason.PERMIT_IN_FLIGHT: lambda d: (
        f"a position without a reservation; it was reserved for plan {d['in_flight_plan_id']}"
    ),
    Reason.MISSING_LEDGER: lambda d: (
        f"a ledger to compare with the exchange's {number(d['exchange_position_amt'])}; there was none"
    ),
    Reason.SIDE_MISMATCH: lambda d: (
        f"exchange ({number(d['exchange_position_amt'])}) and ledger ({number(d['ledger_position_amt'])}) on one side"
    ),
    Reason.QTY_MISMATCH: _mismatch,
    Reason.MISSING_MARKET_METADATA: lambda d: (
        f"market rules no older than {number(d['max_age_sec'])} s; they were {number(d['market_rules_age_sec'])} s old"
        if "max_age_sec" in d
        else f"the venue's market rules for this symbol{_because(d)}"
    ),
    Reason.RESTING_ORDERS_UNKNOWN: lambda d: (
        f"a reading of the open orders no older than {number(d['max_age_sec'])} s; it was "
        f"{number(d['resting_orders_age_sec'])} s old"
        if "max_age_sec" in d
        else f"the venue's open orders of this symbol{_because(d)}"
    ),
    Reason.RESTING_ORDERS_COVER_POSITION: lambda d: (
        f"at least {number(max(d['step_size'], d['min_qty']))} of {number(magnitude(d['exchange_position_amt']))} that "
        f"resting orders don't close; they close {number(d['resting_qty'])} ({d['order_ids']})"
    ),
    Reason.QTY_BELOW_STEP_SIZE: _below_step,
    Reason.PLAN_ABANDONED: lambda _: "an executor that waited for the verdict",
    Reason.CONTENTION: lambda d: (
        f"inputs that do not change during the evaluation; they changed in each of {d['tries']} tries"
    ),
    Reason.INTERNAL_ERROR: lambda d: (
        f"an evaluation without an error: {d['error']}"
        + (f", delivered {d['deliveries']} times" if "deliveries" in d else "")
    ),
}


def _by(details: Json, name: str) -> str:
    """The origin of a limit that isn't the configured one, as text."""
    who = details.get(name)
    words = {
        "operator": "an operator set it for this symbol",
        "volatility": "the symbol's volatility is above that of the last day",
        "settlement": "the venue shows fills late",
    }
    return f" (the limit is not the configured one: {words.get(str(who), who)})" if who else ""


def _because(details: Json) -> str:
    return f"; {details['problem']}" if details.get("problem") else ""


def near_ones(text: str, known: Sequence[str]) -> list[str]:
    """Up to three known names similar to ``text``, the most similar first."""
    return get_close_matches(text, known, 3, 0.7)


def remedy(verdict: Json, allowlist: Sequence[str] = ()) -> str:
    """What to do about a deny, with the time to wait if waiting helps.

    Args:
        verdict: The recorded verdict.
        allowlist: The current symbols of P33_ALLOWLIST: an unlisted symbol may be a misspelling of one of them.
    """
    reason = str(verdict.get("reason"))
    known = {member.value: member.remedy for member in Reason}
    advice = known.get(reason, "This version doesn't have this reason: another program or version wrote this decision.")
    wait = object_of(verdict, "details").get("retry_after_sec")
    symbol = verdict.get("symbol")
    if reason == Reason.SYMBOL_NOT_ALLOWED and isinstance(symbol, str):
        if symbol in allowlist:
            return f"{symbol} is in P33_ALLOWLIST here now: send a new plan; if it is denied, restart the workers."
        if like := near_ones(symbol, allowlist):
            return f"Did you mean {' or '.join(like)}? Then send a new plan for it. If {symbol} is correct: {advice}"
    if isinstance(symbol, str):
        advice = advice.replace("SYMBOL", symbol)
    if wait is None:
        return advice
    return f"{advice.removesuffix('.')}. Try again after {number(wait)} s, with a new plan_id."
