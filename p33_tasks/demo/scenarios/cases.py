"""The producer's cases: each runs a row of the decision table, and names the expected verdict.

Three reasons have no case, because they can't be caused from outside: ``plan_expired`` (a stream entry's age is
computed by Redis), ``contention`` and ``internal_error``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from p33_tasks.demo.scenarios.case import Case, Played, Setup, Traded, faulty, judged, sent
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reasons import Reason
from p33_tasks.store.scripts import translated_errors

ONE_WAY, HEDGE = frozenset({False}), frozenset({True})
ALLOW, IGNORED, DEAD_LETTER = "allow", "ignored", "dead_letter"


# --- allowed --------------------------------------------------------------------------------------------------------


def close_and_close_again(setup: Setup) -> Played:
    """A new order looks like drift until the position shows it, so the next plan is denied during the cooldown."""
    first = judged(setup, setup.send("CLOSE_PARTIAL_50"))
    setup.environment.wait_for(lambda: not setup.state().reserved, "the result's recording")
    second = judged(setup, setup.send("CLOSE_PARTIAL_50"))
    return Played(got=f"{first.got} + {second.got}", plan_id=second.plan_id, outcome=first.outcome)


def same_plan_thrice(setup: Setup) -> Played:
    """A plan_id has one verdict and one order, even if it is sent three times."""
    environment, plan_id = setup.environment, setup.environment.new_plan_id()
    for _ in range(3):
        setup.send(plan_id=plan_id)
    got, outcome = environment.verdict(plan_id), environment.outcome(plan_id)
    # When a fourth plan after them is done, they are done, too.
    environment.outcome(setup.send("HOLD"))
    outcomes = environment.outcomes(plan_id)
    return Played(
        got=got, plan_id=plan_id, outcome=outcome if len(outcomes) == 1 else f"{len(outcomes)} results: {outcomes}"
    )


def two_at_once(setup: Setup) -> Played:
    """One outstanding allow per symbol; the venue is slow, so that the first stays outstanding."""
    environment = setup.environment
    with faulty(setup, latency_ms=1_000, methods=["POST"]):
        first = setup.send()
        verdict = environment.verdict(first)
        second = judged(setup, setup.send())
    return Played(got=f"{verdict} + {second.got}", plan_id=second.plan_id, outcome=environment.outcome(first))


def both_legs_at_once(setup: Setup) -> Played:
    """Each leg has a separate permit, reservation and order."""
    environment, symbol = setup.environment, setup.symbol
    environment.hold_position(symbol, setup.traded.home_amt.copy_negate(), Leg.SHORT)
    plans = [environment.send(symbol, "CLOSE_PARTIAL_50", positionSide=side) for side in ("LONG", "SHORT")]
    got = " + ".join([environment.verdict(plan_id) for plan_id in plans])
    outcomes = {environment.outcome(plan_id) for plan_id in plans}
    return Played(got=got, plan_id=plans[0], outcome=" and ".join(sorted(outcomes)))


# --- denied ---------------------------------------------------------------------------------------------------------


def with_a_hold(setup: Setup) -> Played:
    """An operator's hold on the symbol."""
    setup.environment.operator.set_hold(setup.symbol, why="demo", by="demo")
    try:
        return judged(setup, setup.send())
    finally:
        setup.environment.operator.clear_hold(setup.symbol, by="demo")


def unknown_symbol(setup: Setup) -> Played:
    """A symbol outside the allowlist."""
    return judged(setup, setup.environment.send("NOTLISTEDUSDT"))


def without_a_ledger(setup: Setup) -> Played:
    """The ledger is lost; the next case's setup adopts it again, as an operator would."""
    with translated_errors():
        setup.environment.client.delete(setup.environment.keys.ledger(setup.symbol, setup.traded.leg))
    return judged(setup, setup.send())


def drifted(to: Callable[[Decimal], Decimal]) -> Callable[[Setup], Played]:
    """A manual trade causes drift."""

    def play(setup: Setup) -> Played:
        setup.move(to(setup.traded.home_amt))
        return judged(setup, setup.send())

    return play


def not_executed_first(setup: Setup) -> Played:
    """The executor gave up before the verdict: an allow would reserve the symbol for a plan nobody executes."""
    environment, plan_id = setup.environment, setup.environment.new_plan_id()
    gave_up = {
        "plan_id": plan_id,
        "symbol": setup.symbol,
        "executed": "False",
        "outcome": "blocked",
        "error": "missing_permit_or_redis",
    }
    with translated_errors():
        environment.client.xadd(environment.keys.results, gave_up)  # type: ignore[arg-type]  # redis-py's invariant unions
    got = environment.verdict(plan_id)
    setup.send(plan_id=plan_id)
    return Played(got=got, plan_id=plan_id, outcome=environment.outcome(plan_id, after=1))


def without_market_rules(setup: Setup) -> Played:
    """The symbol's market rules are deleted."""
    client, key = setup.environment.client, setup.environment.keys.market(setup.symbol)
    with translated_errors():
        kept = client.hgetall(key)
        client.delete(key)
    try:
        return judged(setup, setup.send())
    finally:
        with translated_errors():
            client.hset(key, mapping=kept)  # type: ignore[arg-type]  # redis-py's invariant unions


def with_an_unreadable_row(setup: Setup) -> Played:
    """The symbol's row is unreadable (on some venues a missing row means flat), and its snapshot is deleted."""
    environment = setup.environment
    others = tuple(symbol for symbol in setup.symbols if symbol != setup.symbol)
    with faulty(setup, rows={setup.symbol: "text_amount"}):
        environment.wait_for_refresh(others)
        with translated_errors():
            environment.client.delete(environment.keys.snapshot(setup.symbol))
        return judged(setup, setup.send())


def with_unreadable_limits(setup: Setup) -> Played:
    """A limit in Redis is not a number."""
    environment = setup.environment
    key = environment.keys.limits(setup.symbol)
    with translated_errors():
        environment.client.hset(key, "cooldown_sec", "soon")
    try:
        return judged(setup, setup.send())
    finally:
        with translated_errors():
            environment.client.delete(key)


def in_hedge_mode(setup: Setup) -> Played:
    """The account was switched to hedge mode: the venue reports two legs."""
    with faulty(setup, hedge_mode=True):
        setup.environment.wait_for_refresh((setup.symbol,))
        return judged(setup, setup.send())


def with_a_dead_venue(setup: Setup) -> Played:
    """Requests fail until the snapshot is too old."""
    environment, limit_ms = setup.environment, setup.environment.policy.stale_threshold_ms

    def is_stale() -> bool:
        state = environment.state(setup.symbol)
        return state.now_ms - state.snapshot_ms > limit_ms

    with faulty(setup, status=503):
        environment.wait_for(is_stale, "a stale snapshot", limit_ms / 1000 + 10)
        return judged(setup, setup.send())


# --- neither --------------------------------------------------------------------------------------------------------


def another_decision(setup: Setup) -> Played:
    """Only EXECUTE is judged."""
    plan_id = setup.environment.new_plan_id()
    fields = {"plan_id": plan_id, "symbol": setup.symbol, "decision": "SKIP", "action": "CLOSE_FULL"}
    entry_id = setup.environment.send_entry(fields)
    got = IGNORED if setup.environment.was_ignored(plan_id, entry_id) else setup.environment.verdict(plan_id)
    return Played(got=got, plan_id=plan_id)


def no_plan_id(setup: Setup) -> Played:
    """An entry without plan_id gets no verdict."""
    entry_id = setup.environment.send_entry({"symbol": setup.symbol, "decision": "EXECUTE", "action": "CLOSE_FULL"})
    setup.environment.wait_for(lambda: setup.environment.is_dead_letter(entry_id), "the dead letter")
    return Played(got=DEAD_LETTER)


def _case(name: str, expected: str, play: Callable[[Setup], Played], **more: Any) -> Case:
    outcome = "executed" if expected.startswith(ALLOW) else "blocked"
    return Case(name=name, expected=expected, play=play, **{"outcome": outcome, **more})


def _one_step(traded: Traded) -> Decimal:
    return traded.step if traded.home_amt > 0 else traded.step.copy_negate()


CASES: tuple[Case, ...] = (
    _case("close 75 % of a long", ALLOW, sent(), side=1),
    _case("action HOLD", Reason.UNKNOWN_ACTION, sent("HOLD")),
    _case("close 75 % of a short", ALLOW, sent(), side=-1),
    _case("reduceOnly false", Reason.NOT_REDUCE_ONLY, sent(reduceOnly="false")),
    _case("close again at once", f"{ALLOW} + {Reason.COOLDOWN_IN_FLIGHT}", close_and_close_again),
    _case("symbol outside the allowlist", Reason.SYMBOL_NOT_ALLOWED, unknown_symbol),
    _case("two plans at once", f"{ALLOW} + {Reason.PERMIT_IN_FLIGHT}", two_at_once),
    _case("steps that are not JSON", Reason.INVALID_PLAN, sent(steps="{not json")),
    _case("hold set", Reason.RECONCILE_HOLD_ACTIVE, with_a_hold),
    _case("decision other than EXECUTE", IGNORED, another_decision, outcome=""),
    _case("no plan_id", DEAD_LETTER, no_plan_id, outcome=""),
    _case("the same plan thrice", ALLOW, same_plan_thrice),
    _case(
        "plan names the other side", Reason.POSITION_SIDE_MISMATCH, sent(positionSide="SHORT"), side=1, modes=ONE_WAY
    ),
    _case("plan names no leg", Reason.POSITION_SIDE_REQUIRED, sent(positionSide=""), modes=HEDGE),
    _case("both legs at once", f"{ALLOW} + {ALLOW}", both_legs_at_once, side=1, modes=HEDGE),
    _case("a limit that is not a number", Reason.LIMITS_UNREADABLE, with_unreadable_limits),
    _case("nothing to close", Reason.NO_POSITION, sent(), amount=lambda _: Decimal(0)),
    _case("ledger lost", Reason.MISSING_LEDGER, without_a_ledger),
    _case("traded by hand", Reason.QTY_MISMATCH, drifted(lambda amount: amount + amount)),
    _case("turned around by hand", Reason.SIDE_MISMATCH, drifted(lambda amount: amount.copy_negate()), modes=ONE_WAY),
    _case("half of one step", Reason.QTY_BELOW_STEP_SIZE, sent("CLOSE_PARTIAL_50"), amount=_one_step),
    _case("close in full", ALLOW, sent("FULL_CLOSE_PROPOSED")),
    _case("executor gave up before the verdict", Reason.PLAN_ABANDONED, not_executed_first),
    _case("step size lost", Reason.MISSING_MARKET_METADATA, without_market_rules),
    _case("venue's row unreadable", Reason.NO_EXCHANGE_SNAPSHOT, with_an_unreadable_row, many_symbols=True),
    _case("venue reports two legs", Reason.POSITION_SIDE_REQUIRED, in_hedge_mode, modes=ONE_WAY, switches_mode=True),
    _case("venue fails", Reason.STALE_EXCHANGE_STATE, with_a_dead_venue),
)
"""Ordered so that allows, executions and denials come early, and slow cases last."""
