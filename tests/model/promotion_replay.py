"""Prepared verdicts of the model, on the real scripts: what ``replay`` and ``clockwork`` know of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.prepared import policy_digest
from p33_tasks.domain import exact_json
from p33_tasks.domain.close_factors import CLOSE_FACTORS
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Leg, Plan
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import StoreError
from p33_tasks.ports import Prepared
from p33_tasks.store.prepared import RedisPreparedStore
from tests.model.judging import signed
from tests.model.state import PREPARING, Judging, Limits, Redis
from tests.support.gate import SOURCE, SYMBOL

if TYPE_CHECKING:
    from tests.model.replay import Replay


def prepare(play: Replay, index: int) -> str:
    """Load and evaluate, as the task does; an allow stays in its hands."""
    gate, now_ms = play.gate, play.clock.start_ms
    plan = _plan(play, index, now_ms)
    facts = gate.verdicts.load(plan)
    assert facts is not None, "nobody decides the plan without a name"
    facts = replace(facts, now_ms=now_ms)
    verdict = evaluate(plan, facts, gate.policy)
    if not isinstance(verdict, Allow):
        return str(verdict.reason)
    redis = play.case.at(play.before.redis, play.case.leg_of(index))
    snapshot = redis.snapshot
    assert snapshot is not None, "an allow without a snapshot"
    qty = int(verdict.safe_close_qty)
    held = Judging(PREPARING, index, qty, snapshot.amount, snapshot.age, redis.run, redis.ledger, redis.order_age, 0)
    play.keep(held, (verdict, facts))
    return "allow"


def save(play: Replay, held: Judging) -> None:
    """Keep it, as the task does."""
    gate = play.gate
    verdict, facts = play.taken(held)
    plan = _plan(play, held.plan, facts.now_ms)
    one = Prepared(plan=plan, verdict=verdict, facts=facts, policy=gate.policy)
    store = RedisPreparedStore(gate.verdicts._client, gate.keys)
    store.save([one], policy_digest=policy_digest(gate.policy, SOURCE))


def _plan(play: Replay, index: int, now_ms: int) -> Plan:
    """The plan that is expected."""
    leg = (Leg.LONG, Leg.SHORT)[play.case.leg_of(index)] if play.case.legs else Leg.BOTH
    return play.gate.plan("", action=play.case.actions[index], position_side=leg, issued_ms=now_ms, prepared=True)


def promote(play: Replay, index: int) -> str:
    """The ingest's call; the decision that it answers is looked at by the view."""
    verdicts, policy = play.gate.verdicts, play.gate.policy
    plan, entry = play.plan_of(index), play.plan_entries[index]
    (reply,) = verdicts._promotions.replies([(plan, entry)], policy, policy_digest(policy, SOURCE))
    if isinstance(reply, StoreError):
        raise reply
    status, *what = reply
    return str(status) if status == "committed" else " ".join((status, *what))


def prepared_keys(keys: Keys, leg: Leg) -> list[str]:
    """Every key that a prepared verdict of the position may have."""
    return [keys.prepared(SYMBOL, leg, canonical(factor)) for factor in sorted(set(CLOSE_FACTORS.values()))]


def moved(fields: Mapping[str, Any], by: Callable[[int], int]) -> str:
    """A prepared verdict as if it had been made at another time."""
    times = {name: str(by(int(fields[name]))) for name in ("ts_ms", "order_ms") if fields[name]}
    return exact_json.dumps({**fields, **times})


def view(text: str, left: int, ticks_since: Callable[[str], int], limits: Limits) -> tuple[Any, ...]:
    """What a prepared verdict rests on, and how long it is there."""
    fields = exact_json.loads_object(text)
    order_age = ticks_since(fields["order_ms"]) if fields["order_ms"] else limits.forget_order
    snapshot_age = min(ticks_since(fields["ts_ms"]), limits.forget_snapshot)
    return fields["position_amt"], fields["ledger_amt"], snapshot_age, min(order_age, limits.forget_order), left


def view_of(redis: Redis, leg: Leg) -> list[tuple[Any, ...]]:
    """What the model says of the same."""
    return sorted(
        (signed(p.amount, leg), signed(p.ledger, leg), p.snapshot_age, p.order_age, p.left) for p in redis.prepared
    )
