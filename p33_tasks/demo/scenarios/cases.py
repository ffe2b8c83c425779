"""The producer's cases: each one plays a row of the decision table, and names the verdict that it expects.

Not among them, because they can't be brought about from outside: ``plan_expired`` (a stream entry's age is Redis's
own), ``contention`` and ``internal_error``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from p33_tasks.demo.scenarios.scene import Case, Played, Scene, Traded, faulty, judged, sent
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reasons import Reason
from p33_tasks.store.scripts import translated_errors

ONE_WAY, HEDGE = frozenset({False}), frozenset({True})
ALLOW, IGNORED, DEAD_LETTER = "allow", "ignored", "dead_letter"


# --- allowed --------------------------------------------------------------------------------------------------------


def close_and_close_again(scene: Scene) -> Played:
    """An order looks like drift until it has settled, so the next plan waits for the cooldown."""
    first = judged(scene, scene.send("CLOSE_PARTIAL_50"))
    scene.stage.wait_for(lambda: not scene.state().reserved, "the result's recording")
    second = judged(scene, scene.send("CLOSE_PARTIAL_50"))
    return Played(got=f"{first.got} + {second.got}", plan_id=second.plan_id, outcome=first.outcome)


def same_plan_thrice(scene: Scene) -> Played:
    """The first verdict on a plan_id is the only one, and its order too."""
    stage, plan_id = scene.stage, scene.stage.new_plan_id()
    for _ in range(3):
        scene.send(plan_id=plan_id)
    got, outcome = stage.verdict(plan_id), stage.outcome(plan_id)
    # A fourth plan behind them: when it is done, so are they.
    stage.outcome(scene.send("HOLD"))
    outcomes = stage.outcomes(plan_id)
    return Played(
        got=got, plan_id=plan_id, outcome=outcome if len(outcomes) == 1 else f"{len(outcomes)} results: {outcomes}"
    )


def two_at_once(scene: Scene) -> Played:
    """One outstanding allow per symbol; the venue is slow, so that the first one still is."""
    stage = scene.stage
    with faulty(scene, latency_ms=1_000, methods=["POST"]):
        first = scene.send()
        verdict = stage.verdict(first)
        second = judged(scene, scene.send())
    return Played(got=f"{verdict} + {second.got}", plan_id=second.plan_id, outcome=stage.outcome(first))


def both_legs_at_once(scene: Scene) -> Played:
    """Each leg has a permit, a reservation and an order of its own."""
    stage, symbol = scene.stage, scene.symbol
    stage.hold_position(symbol, scene.traded.home_amt.copy_negate(), Leg.SHORT)
    plans = [stage.send(symbol, "CLOSE_PARTIAL_50", positionSide=side) for side in ("LONG", "SHORT")]
    got = " + ".join([stage.verdict(plan_id) for plan_id in plans])
    outcomes = {stage.outcome(plan_id) for plan_id in plans}
    return Played(got=got, plan_id=plans[0], outcome=" and ".join(sorted(outcomes)))


# --- denied ---------------------------------------------------------------------------------------------------------


def with_a_hold(scene: Scene) -> Played:
    """Somebody stopped the symbol."""
    scene.stage.operator.set_hold(scene.symbol, why="demo", by="demo")
    try:
        return judged(scene, scene.send())
    finally:
        scene.stage.operator.clear_hold(scene.symbol, by="demo")


def unknown_symbol(scene: Scene) -> Played:
    """A symbol outside the allowlist."""
    return judged(scene, scene.stage.send("NOTLISTEDUSDT"))


def without_a_ledger(scene: Scene) -> Played:
    """The ledger is lost; the next case's staging adopts it again, as an operator would."""
    with translated_errors():
        scene.stage.client.delete(scene.stage.keys.ledger(scene.symbol, scene.traded.leg))
    return judged(scene, scene.send())


def drifted(to: Callable[[Decimal], Decimal]) -> Callable[[Scene], Played]:
    """Somebody traded by hand."""

    def play(scene: Scene) -> Played:
        scene.move(to(scene.traded.home_amt))
        return judged(scene, scene.send())

    return play


def not_executed_first(scene: Scene) -> Played:
    """The executor gave up before there was a verdict: an allow would hold the symbol for nobody."""
    stage, plan_id = scene.stage, scene.stage.new_plan_id()
    gave_up = {
        "plan_id": plan_id,
        "symbol": scene.symbol,
        "executed": "False",
        "outcome": "blocked",
        "error": "missing_permit_or_redis",
    }
    with translated_errors():
        stage.client.xadd(stage.keys.results, gave_up)  # type: ignore[arg-type]  # redis-py's invariant unions
    got = stage.verdict(plan_id)
    scene.send(plan_id=plan_id)
    return Played(got=got, plan_id=plan_id, outcome=stage.outcome(plan_id, after=1))


def without_market_rules(scene: Scene) -> Played:
    """The venue's step size is lost."""
    client, key = scene.stage.client, scene.stage.keys.market(scene.symbol)
    with translated_errors():
        kept = client.hgetall(key)
        client.delete(key)
    try:
        return judged(scene, scene.send())
    finally:
        with translated_errors():
            client.hset(key, mapping=kept)  # type: ignore[arg-type]  # redis-py's invariant unions


def with_an_unreadable_row(scene: Scene) -> Played:
    """The venue's row of the symbol can't be read, and the snapshot is gone; left out, it is flat on some venues."""
    stage = scene.stage
    others = tuple(symbol for symbol in scene.symbols if symbol != scene.symbol)
    with faulty(scene, rows={scene.symbol: "text_amount"}):
        stage.wait_for_refresh(others)
        with translated_errors():
            stage.client.delete(stage.keys.snapshot(scene.symbol))
        return judged(scene, scene.send())


def with_unreadable_limits(scene: Scene) -> Played:
    """Somebody wrote a limit that is not a number."""
    stage = scene.stage
    key = stage.keys.limits(scene.symbol)
    with translated_errors():
        stage.client.hset(key, "cooldown_sec", "soon")
    try:
        return judged(scene, scene.send())
    finally:
        with translated_errors():
            stage.client.delete(key)


def in_hedge_mode(scene: Scene) -> Played:
    """Somebody switched the account to hedge mode: the venue reports two legs."""
    with faulty(scene, hedge_mode=True):
        scene.stage.wait_for_refresh((scene.symbol,))
        return judged(scene, scene.send())


def with_a_dead_venue(scene: Scene) -> Played:
    """The venue fails until the snapshot is too old."""
    stage, limit_ms = scene.stage, scene.stage.policy.stale_threshold_ms

    def is_stale() -> bool:
        state = stage.state(scene.symbol)
        return state.now_ms - state.snapshot_ms > limit_ms

    with faulty(scene, status=503):
        stage.wait_for(is_stale, "a stale snapshot", limit_ms / 1000 + 10)
        return judged(scene, scene.send())


# --- neither --------------------------------------------------------------------------------------------------------


def another_decision(scene: Scene) -> Played:
    """Only EXECUTE is judged."""
    plan_id = scene.stage.new_plan_id()
    fields = {"plan_id": plan_id, "symbol": scene.symbol, "decision": "SKIP", "action": "CLOSE_FULL"}
    entry_id = scene.stage.send_entry(fields)
    got = IGNORED if scene.stage.was_ignored(plan_id, entry_id) else scene.stage.verdict(plan_id)
    return Played(got=got, plan_id=plan_id)


def no_plan_id(scene: Scene) -> Played:
    """An entry that no verdict could be tied to."""
    entry_id = scene.stage.send_entry({"symbol": scene.symbol, "decision": "EXECUTE", "action": "CLOSE_FULL"})
    scene.stage.wait_for(lambda: scene.stage.is_dead_letter(entry_id), "the dead letter")
    return Played(got=DEAD_LETTER)


def _case(name: str, expected: str, play: Callable[[Scene], Played], **more: Any) -> Case:
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
"""In an order that shows allows, executions and denials early, and the slow ones last."""
