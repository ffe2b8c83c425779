"""Consumer names: stable, one living process each, and gone when nobody goes by them any more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from p33_tasks.contract.keys import Keys
from p33_tasks.store.connection import connect
from p33_tasks.store.entries import RedisEntries
from tests.integration.engine.brain import GROUP, PLANS, plan
from tests.integration.engine.reading import Noted, make_ingest, running
from tests.support.redis_server import running_redis
from tests.support.waiting import wait_until


@pytest.fixture(scope="module", params=["bundled", "system"])
def server(request):
    with running_redis(request.param) as found:
        yield found


@pytest.fixture
def client(server):
    with server.client() as found:
        found.flushall()
        yield found


@pytest.fixture
def entries(server):
    return RedisEntries(connect(server.url()), Keys())


def test_the_smallest_free_number_is_taken_and_given_back(server, client):
    first, second = make_ingest(server), make_ingest(server)
    with running(first):
        wait_until(lambda: first.name.value, "a name")
        with running(second):
            wait_until(lambda: second.name.value, "a name")
            assert {first.name.value, second.name.value} == {"host-1", "host-2"}
        third = make_ingest(server)
        with running(third):
            wait_until(lambda: third.name.value, "a name")
            assert third.name.value == "host-2"


def test_twenty_processes_at_once_get_twenty_names(entries):
    def take(number: int) -> str:
        n = 1
        while not entries.lease(f"h-{n}", f"token{number}", 10_000):
            n += 1
        return f"h-{n}"

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(take, range(20))) == sorted(f"h-{n}" for n in range(1, 21))


def test_a_lease_is_kept_by_its_holder_and_taken_over_after_it_expired(client, entries):
    assert entries.lease("a", "one", 10_000)
    assert entries.lease("a", "one", 50)
    assert not entries.lease("a", "two", 10_000)
    wait_until(lambda: entries.lease("a", "two", 10_000), "it has expired")
    assert not entries.lease("a", "one", 10_000)
    entries.release("a", "one")
    assert client.get("quantum:p33:consumer:a") == "two", "only the holder gives it back"


def test_an_ingest_that_lost_its_name_takes_another(server, client):
    ingest = make_ingest(server, Noted())
    with running(ingest):
        wait_until(lambda: ingest.name.value == "host-1", "a name")
        client.set("quantum:p33:consumer:host-1", "somebody else")
        wait_until(lambda: ingest.name.value == "host-2", "another name")


def test_names_that_nobody_goes_by_are_removed(client, entries):
    client.xgroup_create(PLANS, GROUP, id="0", mkstream=True)
    for name in ("gone", "leased", "busy"):
        client.xgroup_createconsumer(PLANS, GROUP, name)
    client.xadd(PLANS, plan("p"))
    client.xreadgroup(GROUP, "busy", {PLANS: ">"})
    entries.lease("leased", "token", 60_000)
    assert entries.remove_idle_consumers(PLANS, idle_ms=3_600_000) == [], "not idle for long enough"
    wait_until(lambda: entries.remove_idle_consumers(PLANS, idle_ms=1) == ["gone"], "only the one is removed")
    assert {c["name"] for c in client.xinfo_consumers(PLANS, GROUP)} == {"leased", "busy"}


def test_a_consumer_that_got_an_entry_meanwhile_is_not_removed(client, entries):
    """Removing it would lose what is pending."""
    client.xgroup_create(PLANS, GROUP, id="0", mkstream=True)
    client.xadd(PLANS, plan("p"))
    client.xreadgroup(GROUP, "busy", {PLANS: ">"})
    assert not entries._remove(PLANS, "busy", 0)
    assert client.xpending(PLANS, GROUP)["pending"] == 1


def test_a_stream_without_a_group_has_no_names(client, entries):
    assert entries.remove_idle_consumers(PLANS) == []
    client.xadd(PLANS, plan("p"))
    assert entries.remove_idle_consumers(PLANS) == []
