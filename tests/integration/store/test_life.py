"""A life of the store ends with a restart, a promotion, and when the store was emptied (CONTRACT section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from p33_tasks.contract.life import life_of
from p33_tasks.contract.timing import PLACE_WINDOW_MS
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.exact_json import dumps
from p33_tasks.ports import Claim, CommitStatus
from p33_tasks.services.issue_permit import PermitService
from tests.support.gate import SOURCE, SYMBOL, Gate
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until

REFUSED = "missing_or_denied_p33_permit"


@pytest.fixture
def pair() -> Iterator[tuple[RedisServer, RedisServer]]:
    with running_redis("bundled", aof=False) as primary, running_redis("bundled", aof=False) as other:
        yield primary, other


def follow(server: RedisServer, leader: RedisServer) -> None:
    client = server.client()
    client.replicaof("127.0.0.1", leader.port)
    wait_until(lambda: client.info("replication")["master_link_status"] == "up", "the replica follows", timeout_sec=20)


def fail_back(primary: RedisServer, other: RedisServer) -> None:
    """The primary fails over to its replica and is promoted again at once; its process never ended."""
    other.client().replicaof("NO", "ONE")
    follow(primary, other)
    primary.client().replicaof("NO", "ONE")


def test_scripts_and_python_name_a_life_alike(gate: Gate) -> None:
    assert gate.snapshots.claim_refresh(SOURCE).life == gate.life
    gate.redis.delete(gate.keys.epoch)
    assert gate.life == life_of(gate.run_id, "any", None) == ""


def test_a_permit_consumed_before_a_failback_is_not_consumed_again(pair: tuple[RedisServer, RedisServer]) -> None:
    """35: the old primary's run_id came back, and with it a permit that had been consumed."""
    primary, other = pair
    follow(other, primary)  # the first replica of a server begins a history, which is a new life too
    gate = Gate(primary).make_ready()
    gate.allow()
    gate.grant()
    wait_until(lambda: other.client().exists(gate.keys.permit("plan-1")), "the replica has the permit")
    before = gate.life
    permit, run_id = gate.redis.get(gate.keys.permit("plan-1")), gate.run_id
    other.client().replicaof("NO", "ONE")  # it lagged: it doesn't know of the consumption that comes now
    gate.consume()
    follow(primary, other)
    primary.client().replicaof("NO", "ONE")
    assert gate.run_id == run_id
    assert gate.redis.get(gate.keys.permit("plan-1")) == permit, "the permit is back"
    assert gate.life != before
    assert gate.refusal() == (REFUSED, "other_redis_life")
    gate.put_position()
    assert gate.refusal() == (REFUSED, "other_redis_life")


def test_after_a_failback_nothing_is_fetched_while_an_order_of_before_may_be_sent(
    pair: tuple[RedisServer, RedisServer],
) -> None:
    primary, other = pair
    gate = Gate(primary).make_ready()
    gate.snapshots.finish_refresh(gate.snapshots.claim_refresh(SOURCE))
    follow(other, primary)
    fail_back(primary, other)
    assert gate.why_not("p-1") == "no_exchange_snapshot"
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED
    gate.redis.hset(gate.keys.refresh, "new_life_ms", gate.now_ms() - PLACE_WINDOW_MS - 1)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE
    gate.put_position()
    assert gate.why_not("p-2") == "allow"


def test_an_allow_evaluated_before_a_failback_is_not_written(pair: tuple[RedisServer, RedisServer]) -> None:
    primary, other = pair
    gate = Gate(primary).make_ready()
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    follow(other, primary)
    fail_back(primary, other)
    status = gate.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=gate.policy, entry=entry, evaluation_us=1
    )
    assert status is CommitStatus.MOVED


def test_an_allow_evaluated_in_another_life_is_not_written_though_its_snapshot_looks_the_same(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    gate.redis.set(gate.keys.epoch, "another")
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "life", gate.life)
    status = gate.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=gate.policy, entry=entry, evaluation_us=1
    )
    assert status is CommitStatus.MOVED


def test_an_emptied_store_knows_no_snapshot_and_consumes_nothing_until_a_refresh_begins_its_new_life(
    gate: Gate,
) -> None:
    """36: FLUSHALL keeps the server's uptime, and hid that everything was forgotten."""
    gate.make_ready()
    gate.allow()
    gate.redis.delete(gate.keys.epoch)
    assert gate.refusal() == (REFUSED, "other_redis_life")
    assert gate.why_not("p-2") == "no_exchange_snapshot"
    assert gate.put_position() == "other_run", "no script but the refresh makes the epoch anew"
    assert gate.redis.exists(gate.keys.epoch) == 0
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED
    assert gate.refusal() == (REFUSED, "other_redis_life")


def test_a_position_is_adopted_from_a_snapshot_of_this_life_only(gate: Gate) -> None:
    gate.put_position()
    gate.put_market()
    gate.redis.set(gate.keys.epoch, "another")
    adoption = gate.operator.adopt_ledger(SYMBOL, source=SOURCE, policy=gate.policy, by="test")
    assert (adoption.adopted, adoption.refusal) == (False, "other_run")


def test_a_snapshot_of_another_venue_stops_the_consumption(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "source", "binanceusdm elsewhere.example")
    assert gate.refusal() == (REFUSED, "snapshot_of_another_source")


@pytest.mark.parametrize("accepted", [False, True])
def test_what_version_0_1_wrote_counts_by_run_id_during_one_upgrade_and_only_then(
    gate: Gate, *, accepted: bool
) -> None:
    gate.make_ready()
    gate.redis.hdel(gate.keys.snapshot(SYMBOL), "life")
    gate.permits = PermitService(gate.verdicts, gate.dead_letters, replace(gate.policy, accept_old_life=accepted))
    if not accepted:
        assert gate.why_not() == "no_exchange_snapshot"
        return
    assert gate.why_not() == "allow"
    assert gate.refusal() == (REFUSED, "snapshot_of_another_life")
    assert gate.consume(accept_old_life=True).safe_close_qty > 0


def test_in_an_emptied_store_not_even_what_version_0_1_wrote_is_consumed(gate: Gate) -> None:
    gate.make_ready()
    permit = gate.allow()
    gate.redis.set(gate.keys.permit("plan-1"), dumps({k: v for k, v in permit.items() if k != "life"}), px=60_000)
    gate.redis.hdel(gate.keys.snapshot(SYMBOL), "life")
    gate.redis.delete(gate.keys.epoch)
    assert gate.refusal(accept_old_life=True) == (REFUSED, "other_redis_life")
