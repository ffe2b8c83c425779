"""A failover by real sentinels, with and without the last second of writes."""

from __future__ import annotations

import threading
import uuid
from decimal import Decimal

import pytest

from tests.fault.load import Load
from tests.fault.promises import check
from tests.fault.record import Effort, Record
from tests.fault.world import FLAT, READING, REAL, World, running_world
from tests.support.sentinels import running_sentinels

BACK_WITHIN_MS = 5_000
FORGOTTEN_SEC = 1.0

_PAUSE = threading.Event()


@pytest.mark.parametrize("forgets", [False, True], ids=["nothing forgotten", "the last second forgotten"])
def test_a_failover_executes_no_plan_twice_and_verdicts_go_on(effort: Effort, record: Record, *, forgets: bool) -> None:
    """The replica is cut off before the master dies, or not: what it never heard of is forgotten.

    The exchange accepts a client order id again once its order is closed, as Binance does: it doesn't save us here.
    """
    if not effort.is_long:
        pytest.skip("only in the long run: --faults=long")
    rounds = 10
    back_ms: list[int] = []
    drifted = 0
    for number in range(rounds):
        with running_sentinels() as group:
            connect = lambda g=group: g.client(**READING)  # noqa: E731 - a default binds this round's group
            with running_world(
                server=group.servers[0], connect=connect, settings={**group.environment, "REDIS_HOST": "unused"}
            ) as world:
                world.exchange.fault(client_ids="open")
                master = group.master()
                with Load(connect, plans_per_sec=30, results_per_sec=0, seed=number).running():
                    _PAUSE.wait(2)
                    if forgets:
                        group.deafen_replica()
                        _PAUSE.wait(FORGOTTEN_SEC)
                    master.kill()
                    group.await_master(other_than=master)
                    back_ms.append(world.verdict_ms(FLAT[0], f"probe-{uuid.uuid4().hex}", timeout_sec=40))
                    _PAUSE.wait(2)
                world.settle()
                world.await_fresh()
                orders = world.exchange.orders()
                found = check(world.client, orders, world.exchange.position, exact_ledgers=not forgets)
                found.assert_held()
                assert len({o["clientOrderId"] for o in orders}) == len(orders), "a plan was sent twice"
                drifted += _assert_drift_denies(world)
    record.add(
        "sentinel",
        "failover, " + ("the last second forgotten" if forgets else "nothing forgotten"),
        tried=rounds,
        held=rounds,
        verdict_ms=back_ms,
        note=f"from the new master on; {drifted} symbols in drift, all denied" if forgets else "",
    )
    assert max(back_ms) < BACK_WITHIN_MS


def _assert_drift_denies(world: World) -> int:
    """Where a fill was forgotten, ledger and exchange differ, and the next plan is denied for that."""
    drifted = 0
    for symbol in REAL:
        ledger = world.client.hget(f"quantum:position:ledger:{symbol}", "last_known_amt")
        if Decimal(ledger or "NaN") == world.exchange.position(symbol):
            continue
        drifted += 1
        plan_id = f"drift-{uuid.uuid4().hex}"
        world.verdict_ms(symbol, plan_id, timeout_sec=20)
        verdict = world.client.get(f"quantum:p33:decision:{plan_id}") or ""
        assert '"allow":false' in verdict, f"{symbol}: ledger {ledger}: {verdict}"
    return drifted
