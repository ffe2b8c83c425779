"""Two accounts on one Redis of another version: prefixes, broker URL, what waited before the first start, adopting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis
from kombu import Connection, Producer, Queue

from tests.contract.system import exact
from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

SYMBOL = "BTCUSDT"
DAY_MS = 86_400_000
PLANS, RESULTS = "first:stream:apply.plan", "first:stream:apply.result"


@dataclass(frozen=True)
class Accounts:
    """``first`` adopts and doesn't sign; ``second`` has the default bootstrap."""

    server: RedisServer
    client: redis.Redis

    def now_ms(self) -> int:
        return int(self.client.time()[0]) * 1_000

    def reason(self, account: str, plan_id: str) -> str:
        key = f"{account}:p33:decision:{plan_id}"
        verdict = exact(str(wait_until(lambda: self.client.get(key), f"a verdict on {plan_id}", timeout_sec=20)))
        return "allow" if verdict["allow"] else str(verdict["reason"])


def plan(plan_id: str) -> dict[str, str]:
    return {"plan_id": plan_id, "symbol": SYMBOL, "decision": "EXECUTE", "action": "CLOSE_FULL"}


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with running_redis(aof=True) as server, running_simulator(symbols={SYMBOL: "-0.038"}) as exchange:
        found = Accounts(server, server.client())
        _wait_in_line(found)
        base = {
            **server.environment,
            "P33_EXCHANGE_BASE_URL": exchange.base_url,
            "BINANCE_TESTNET_API_KEY": "demo",
            "BINANCE_TESTNET_API_SECRET": "demo",
            "P33_POLL_SEC": "0.5",
            "P33_STALE_THRESHOLD_SEC": "5",
            "P33_COOLDOWN_SEC": "1",
            "P33_BROKER_URL": server.url(5),
        }
        first = base | {"P33_KEY_PREFIX": "first", "P33_LEDGER_BOOTSTRAP": "adopt"}
        second = base | {"P33_KEY_PREFIX": "second"}
        app = ["celery", "-A", "p33_tasks"]
        programs = [
            LocalProcess(
                f"worker-{env['P33_KEY_PREFIX']}", [*app, "worker", "-P", "solo"], env,
                is_ready=lambda log: "INGEST_READY" in log,
            )
            for env in (first, second)
        ]  # fmt: skip
        programs += [LocalProcess("beat", [*app, "beat"], env) for env in (first, second)]
        try:
            for program in programs:
                program.ready()
            yield found
        finally:
            for program in programs:
                program.teardown()


def _wait_in_line(found: Accounts) -> None:
    """Entries with explicit ids, as only a fresh stream takes them, before any worker has ever started."""
    now_ms, client = found.now_ms(), found.client
    client.xadd(PLANS, plan("old"), id=f"{now_ms - 61_000}-0")
    client.xadd(PLANS, plan("fresh-but-no-ledger-yet"), id=f"{now_ms}-0")
    old = {"plan_id": "ancient", "symbol": SYMBOL, "executed": "True", "side": "BUY", "order_id": "1"}
    client.xadd(RESULTS, {**old, "filled_qty": "0.01"}, id=f"{now_ms - 8 * DAY_MS}-0")
    client.xadd(
        RESULTS,
        {**old, "plan_id": "yesterday", "order_id": "2", "filled_qty": "0.01"},
        id=f"{now_ms - DAY_MS}-0",
    )


def test_the_group_starts_at_0_and_a_plan_too_old_by_its_entry_id_is_denied(accounts: Accounts) -> None:
    assert accounts.reason("first", "old") == "plan_expired"
    assert accounts.reason("first", "fresh-but-no-ledger-yet")
    assert {g["name"] for g in accounts.client.xinfo_groups(PLANS)} == {"p33"}


def test_a_result_older_than_the_fills_memory_is_a_dead_letter(accounts: Accounts) -> None:
    letters = wait_until(lambda: accounts.client.xrange("first:stream:p33.deadletter"), "a dead letter")
    ((_, letter),) = letters
    assert letter["source_stream"] == RESULTS
    assert exact(letter["entry"])["plan_id"] == "ancient"


def test_a_non_flat_symbol_is_adopted_once_and_an_older_result_is_remembered_and_not_applied(
    accounts: Accounts,
) -> None:
    ledger = wait_until(lambda: accounts.client.hgetall(f"first:position:ledger:{SYMBOL}"), "a ledger", timeout_sec=20)
    wait_until(
        lambda: accounts.client.hget(f"first:position:ledger:{SYMBOL}", "last_known_amt") == "-0.038", "it was adopted"
    )
    assert ledger
    fields = {"plan_id": "late", "symbol": SYMBOL, "executed": "True", "side": "BUY", "order_id": "2"}
    accounts.client.xadd(RESULTS, {**fields, "filled_qty": "0.01"})
    wait_until(
        lambda: all(g["pending"] == 0 and g["lag"] == 0 for g in accounts.client.xinfo_groups(RESULTS)),
        "the result was read",
    )
    assert accounts.client.hget(f"first:position:ledger:{SYMBOL}", "last_known_amt") == "-0.038"


def test_the_other_account_has_keys_and_verdicts_of_its_own(accounts: Accounts) -> None:
    wait_until(lambda: accounts.client.exists(f"second:position:snapshot:{SYMBOL}"), "a snapshot", timeout_sec=20)
    accounts.client.xadd("second:stream:apply.plan", plan("same-id"))
    assert accounts.reason("second", "same-id") == "reconcile_required_missing_ledger"
    assert not accounts.client.exists("first:p33:decision:same-id")
    assert list(accounts.client.scan_iter("quantum:*")) == []


def test_the_broker_is_where_its_url_says_and_its_keys_have_the_prefixes(accounts: Accounts) -> None:
    keys = list(accounts.server.client(5).scan_iter())
    assert {key.split(":")[0] for key in keys} == {"first", "second"}
    assert accounts.server.client(1).dbsize() == 0


def test_a_task_of_another_prefix_is_refused(accounts: Accounts) -> None:
    """As beat or ingest of another account would send it, set to our broker keys: tasks carry their sender's prefix."""
    transport = {"global_keyprefix": "second:"}
    queue = Queue("p33.permits", exchange="p33.permits", routing_key="p33.permits")
    sent = {}
    with Connection(accounts.server.url(5), transport_options=transport) as connection:
        producer = Producer(connection.default_channel)
        for prefix in ("first", "second"):
            sent[prefix] = plan(f"task-of-{prefix}") | {"issued_ms": str(accounts.now_ms())}
            producer.publish(
                [[sent[prefix]], {"prefix": prefix}, dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))],
                serializer="json", exchange=queue.name, routing_key=queue.name, declare=[queue],
                headers={"lang": "py", "task": "p33.evaluate_permit", "id": prefix},
            )  # fmt: skip
    assert accounts.reason("second", "task-of-second")
    assert not accounts.client.exists("second:p33:decision:task-of-first", "first:p33:decision:task-of-first")
