"""P33_PERMIT_TTL was lowered, and the workers restarted: reservation and permit are cut in one act.

A consumer that only does GET and DEL sees neither reservation nor settings: were the permit to outlive its reservation,
it and another executor would both be sent.
"""

from __future__ import annotations

import pytest

from p33_tasks.domain.models import Leg
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer

TTL_MS, COOLDOWN_MS = 50_000, 15_000
LONGEST_MS = 67_000


@pytest.fixture
def gate(server: RedisServer) -> Gate:
    """Issues permits for an hour."""
    return Gate(server, permit_ttl_ms=3_600_000)


def restart(gate: Gate) -> None:
    """Workers with the lowered setting."""
    times = RefreshTimes(
        poll_ms=5_000, cooldown_ms=COOLDOWN_MS, longest_reservation_ms=LONGEST_MS, permit_ttl_ms=TTL_MS
    )
    gate.snapshots = RedisSnapshotStore(gate.scripts._client, gate.keys, allowlist=gate.policy.allowlist, times=times)


def lasts_ms(gate: Gate, leg: Leg = Leg.BOTH) -> tuple[int, int]:
    """How long the permit and the reservation live."""
    redis, keys = gate.redis, gate.keys
    return redis.pttl(keys.permit("plan-1")), redis.pttl(keys.reservation(SYMBOL, leg))


@pytest.mark.parametrize("leg", [Leg.BOTH, Leg.LONG])
def test_the_permit_is_cut_with_its_reservation(gate: Gate, leg: Leg) -> None:
    if leg is Leg.BOTH:
        gate.make_ready()
    else:
        gate.make_hedged()
    gate.allow(position_side=leg)
    assert min(lasts_ms(gate, leg)) > LONGEST_MS
    restart(gate)
    if leg is Leg.BOTH:
        gate.put_position()
    else:
        gate.put_legs("0.040", "-0.020")
    permit_ms, reservation_ms = lasts_ms(gate, leg)
    assert TTL_MS - 5_000 < permit_ms <= TTL_MS
    assert LONGEST_MS - 5_000 < reservation_ms <= LONGEST_MS
    assert gate.consume().consume_id


def test_so_is_a_permit_without_an_expiry(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    for key in (gate.keys.permit("plan-1"), gate.keys.reservation(SYMBOL)):
        gate.redis.persist(key)
    restart(gate)
    gate.put_position()
    assert 0 < lasts_ms(gate)[0] <= TTL_MS


def test_what_isnt_longer_stays(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    gate.redis.pexpire(gate.keys.permit("plan-1"), 9_000)
    restart(gate)
    gate.put_position()
    assert lasts_ms(gate)[0] <= 9_000


def test_a_consumed_reservation_has_no_permit_to_cut(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    gate.consume()
    restart(gate)
    gate.put_position()
    assert lasts_ms(gate)[0] == -2
    assert gate.reserved_by() == "plan-1"
