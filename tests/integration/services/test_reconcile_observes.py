"""``observe`` changes nothing but its own keys: the whole Redis is compared before and after every reading."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from p33_tasks.domain.reconciling import LEAST_READING_MS, ExternalPolicy, Mode
from p33_tasks.domain.trades import ForcedKind
from tests.support.gate import SYMBOL
from tests.support.reconciling import Reconciled
from tests.support.redis_server import RedisServer

Happening = Callable[[Reconciled], object]


def late(world: Reconciled) -> None:
    world.account.trade("7", "-0.030", client_order_id=world.order())


def late_and_expired(world: Reconciled) -> None:
    late(world)
    world.expire_reservation()


def in_flight(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", client_order_id=world.order(), is_final=False)
    world.expire_reservation()


def forced(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", kind=ForcedKind.LIQUIDATION)


def external(world: Reconciled) -> None:
    world.account.trade("7", "-0.010")


def unexplained(world: Reconciled) -> None:
    world.account.amount = Decimal("0.030")


def side_flip(world: Reconciled) -> None:
    world.account.trade("7", "-0.050", kind=ForcedKind.ADL)


def no_history(world: Reconciled) -> None:
    world.redis.delete(world.keys.watermark(SYMBOL))
    unexplained(world)


def held_by_a_person(world: Reconciled) -> None:
    world.operator.set_hold(SYMBOL, why="ticket 4711", by="somebody")
    external(world)


def nothing(_world: Reconciled) -> None:
    """Both sides agree."""


@pytest.mark.parametrize("policy", list(ExternalPolicy))
@pytest.mark.parametrize(
    "happen",
    [
        late,
        late_and_expired,
        in_flight,
        forced,
        external,
        unexplained,
        side_flip,
        no_history,
        held_by_a_person,
        nothing,
    ],
)
def test_no_reading_changes_any_other_key(server: RedisServer, happen: Happening, policy: ExternalPolicy) -> None:
    world = Reconciled(server, mode=Mode.OBSERVE, external=policy)
    world.mark()
    happen(world)
    keys = world.keys
    own = {keys.watermark(SYMBOL), keys.reconcile_case(SYMBOL), keys.reconcile_events, keys.reconcile_lease}
    shared = {keys.budget, keys.reconcile_budget, keys.counters}
    for _ in range(5):
        world.back_date("next_ms", 10**7)
        world.back_date("first_ms", LEAST_READING_MS)
        world.put(world.account.position)
        before = world.dump()
        world.reconcile()
        after = world.dump()
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert changed <= own | shared
    assert world.redis.get(keys.service_hold(SYMBOL)) is None
    counters = world.redis.hgetall(keys.counters)
    assert {name for name in counters if name.startswith("p33_reconcile_total")} <= {
        f"p33_reconcile_total|{SYMBOL}|{event}" for event in ("drift_seen", "explained")
    }
