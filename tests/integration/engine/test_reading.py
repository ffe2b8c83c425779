"""Reading the streams: the window, sending again, giving up, and everything that is no ordinary entry."""

from __future__ import annotations

import json
import time

import pytest

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import Deny
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import ForeignKeyTypeError, StoreUnavailableError
from p33_tasks.ports import PlanName, ResultStatus, StreamEntry
from p33_tasks.settings import load_settings
from p33_tasks.store.batches import Window
from tests.integration.engine.brain import COUNTERS, DEAD, GROUP, PLANS, RESULTS, pending, plan, result, verdict
from tests.integration.engine.reading import Noted, make_ingest, running
from tests.support.redis_server import running_redis
from tests.support.waiting import wait_until

QUICK = Window(size=4, base_idle_ms=20, max_idle_ms=100)


@pytest.fixture(params=["bundled", "old", "system"])
def server(request):
    with running_redis(request.param) as found:
        yield found


@pytest.fixture
def client(server):
    with server.client() as found:
        yield found


def judged(server, message) -> Deny:
    """The verdict on what a message names, as a task gives it."""
    name = PlanName(plan_id=message.kwargs["plan_id"], symbol=message.kwargs["symbol"])
    entry = StreamEntry(stream=PLANS, entry_id=message.kwargs["entry_id"])
    verdict = Runtime(load_settings(server.environment)).permits.judge_entry(name, entry)
    assert isinstance(verdict, Deny)
    return verdict


def test_an_entry_becomes_one_task_that_names_it(server, client):
    noted = Noted()
    with running(make_ingest(server, noted)):
        entry_id = client.xadd(PLANS, plan("abc", kill_score="0.7"))
        wait_until(lambda: noted.messages, "a task")
    (message,) = noted.messages
    assert message.name == "p33.evaluate_permit"
    assert message.task_id == f"permit-abc-{entry_id}-1"
    assert message.kwargs == {
        "plan_id": "abc",
        "symbol": "BTCUSDT",
        "stream": PLANS,
        "entry_id": entry_id,
        "prefix": "quantum",
    }
    assert message.shown == {"plan_id": "abc", "symbol": "BTCUSDT", "action": "CLOSE_FULL"}


def test_what_was_written_before_anybody_read_is_read(server, client):
    client.xadd(PLANS, plan("early"))
    noted = Noted()
    with running(make_ingest(server, noted)):
        wait_until(lambda: noted.ids("early"), "a task")


def test_an_entry_that_trips_us_does_not_stop_those_beside_it(server, client):
    """A bug of ours, met by one entry: it stays pending, and the others of its batch are sent."""
    noted = Noted()
    ingest = make_ingest(server, noted)
    source = ingest.sources[0]
    real = source.handler

    class Tripping:
        def handle(self, entry, now_ms):
            if entry.fields["plan_id"] == "trips":
                raise ZeroDivisionError("a bug")
            return real.handle(entry, now_ms)

    source.handler = Tripping()
    for name in ("before", "trips", "after"):
        client.xadd(PLANS, plan(name))
    with running(ingest):
        wait_until(lambda: noted.ids("before") and noted.ids("after"), "those beside it are sent")
        assert pending(client) == 3
    assert not noted.ids("trips")


def test_the_window_is_never_exceeded_and_refills_as_entries_are_acknowledged(server, client):
    noted = Noted()
    for n in range(50):
        client.xadd(PLANS, plan(f"p{n}"))
    with running(make_ingest(server, noted, window=Window(size=4, base_idle_ms=60_000, max_idle_ms=60_000))):
        for n in range(50):
            wait_until(lambda n=n: noted.ids(f"p{n}"), f"p{n} is sent")
            assert pending(client) <= 4
            assert len(noted.messages) <= n + 4
            client.xack(PLANS, GROUP, noted.messages[n].kwargs["entry_id"])
    assert len(noted.messages) == 50, "each was sent once"


def test_the_window_holds_for_entries_that_come_one_by_one_too(server, client):
    """They are waited for without asking how many are pending each time."""
    noted = Noted()
    with running(make_ingest(server, noted, window=Window(size=4, base_idle_ms=60_000, max_idle_ms=60_000))):
        for n in range(30):
            client.xadd(PLANS, plan(f"p{n}"))
            if n >= 4:
                assert not noted.ids(f"p{n}"), "four are pending"
                client.xack(PLANS, GROUP, noted.messages[n - 4].kwargs["entry_id"])
            wait_until(lambda n=n: noted.ids(f"p{n}"), f"p{n} is sent")
            assert pending(client) <= 4
    assert len(noted.messages) == 30


def test_with_less_room_than_is_worth_it_nothing_is_read(server, client):
    entries = Runtime(load_settings({**server.environment, "P33_KEY_PREFIX": "quantum"})).entries
    window = Window(size=4)
    for n in range(6):
        client.xadd(PLANS, plan(f"p{n}"))
    entries.read(PLANS, "host-1", window)  # makes the group
    first = entries.read(PLANS, "host-1", window)
    assert (len(first.entries), first.room) == (4, 0)
    client.xack(PLANS, GROUP, first.entries[0].where.entry_id)
    assert (entries.read(PLANS, "host-1", window, 2).entries, pending(client)) == ((), 3)
    assert len(entries.read(PLANS, "host-1", window, 1).entries) == 1


def test_streams_are_read_together_and_each_has_its_own_outcome(server, client):
    entries = Runtime(load_settings({**server.environment, "P33_KEY_PREFIX": "quantum"})).entries
    asked, window = [(PLANS, 1, 4), (RESULTS, 1, 4)], Window(size=4)
    client.xadd(PLANS, plan("one"))
    entries.read_each(asked, "host-1", window)  # makes the groups
    client.script_flush()
    client.delete(RESULTS)
    client.set(RESULTS, "not a stream")
    found, failed = entries.read_each(asked, "host-1", window)
    assert len(found.entries) == 1
    assert isinstance(failed, ForeignKeyTypeError)
    client.delete(RESULTS)
    client.xadd(PLANS, plan("two"))
    found, made = entries.read_each(asked, "host-1", window)
    assert (len(found.entries), made.entries) == (1, ())


def test_an_entry_that_nobody_settles_is_sent_again_ever_later_and_then_denied(server, client):
    """A deny sent as a task would feed the storm: the ingest commits it itself."""
    noted = Noted()
    with running(make_ingest(server, noted, window=Window(size=4, base_idle_ms=50))):
        began = time.monotonic()
        client.xadd(PLANS, plan("lost"))
        denied = verdict(client, "lost")
        took_ms = (time.monotonic() - began) * 1000
    assert [task_id[-2:] for task_id in noted.ids("lost")] == ["-1", "-2", "-3", "-4"]
    assert denied["reason"] == "internal_error"
    assert denied["details"]["deliveries"] == 4
    assert took_ms >= 50 + 100 + 200 + 400
    assert pending(client) == 0


def test_nothing_is_sent_again_while_as_many_messages_wait_as_entries(server, client):
    """Seen with a network that lost packets: workers took few messages, and nine in ten of those were second ones."""
    noted = Noted(waits=2)
    with running(make_ingest(server, noted, window=QUICK)):
        for name in ("one", "two"):
            client.xadd(RESULTS, result(name))
        wait_until(lambda: min(e["times_delivered"] for e in _pending_results(client)) >= 5, "due again and again")
        assert len(noted.ids("one")) == len(noted.ids("two")) == 1
        noted.waits = 1
        wait_until(lambda: len(noted.ids("one")) > 1 and len(noted.ids("two")) > 1, "sent again")


def _pending_results(client):
    found = client.xpending_range(RESULTS, GROUP, "-", "+", 10) if pending(client, RESULTS) > 0 else []
    return found if len(found) == 2 else [{"times_delivered": 0}]


def test_a_plan_behind_a_queue_that_does_not_move_is_denied_all_the_same(server, client):
    noted = Noted(waits=1)
    with running(make_ingest(server, noted, window=QUICK)):
        client.xadd(PLANS, plan("stuck"))
        assert verdict(client, "stuck")["reason"] == "internal_error"
    assert len(noted.ids("stuck")) == 1


def test_a_result_is_sent_again_for_ever(server, client):
    noted = Noted()
    with running(make_ingest(server, noted, window=QUICK)):
        client.xadd(RESULTS, result("kept"))
        wait_until(lambda: len(noted.ids("kept")) >= 9, "more deliveries than a plan gets")
    assert pending(client, RESULTS) == 1
    assert client.xlen(DEAD) == 0


def test_results_that_keep_failing_do_not_block_those_behind_them(server, client):
    noted = Noted()
    with running(make_ingest(server, noted, window=QUICK)):
        for n in range(12):
            client.xadd(RESULTS, result(f"failing{n}"))
        client.xadd(RESULTS, result("behind"))
        wait_until(lambda: noted.ids("behind"), "the result behind them is sent")


def test_failing_results_do_not_drain_the_stream_into_the_pending_list(server, client):
    for n in range(40):
        client.xadd(RESULTS, result(f"failing{n}"))
    window = Window(size=4, base_idle_ms=5, max_idle_ms=10, max_slow=6)
    noted = Noted()
    with running(make_ingest(server, noted, window=window)):
        wait_until(lambda: len(noted.messages) > 200, "many rounds")
        assert pending(client, RESULTS) <= 4 + 6


def test_entries_of_a_dead_consumer_are_taken_over(server, client):
    client.xgroup_create(PLANS, GROUP, id="0", mkstream=True)
    client.xadd(PLANS, plan("orphan"))
    client.xreadgroup(GROUP, "dead-1", {PLANS: ">"})
    noted = Noted()
    began = time.monotonic()
    with running(make_ingest(server, noted)):
        wait_until(lambda: noted.ids("orphan"), "it is sent again")
    assert time.monotonic() - began < 1.0
    assert noted.ids("orphan")[0].endswith("-2")


def test_orphans_are_taken_only_as_the_window_has_room(server, client):
    client.xgroup_create(PLANS, GROUP, id="0", mkstream=True)
    for n in range(30):
        client.xadd(PLANS, plan(f"p{n}"))
    client.xreadgroup(GROUP, "dead-1", {PLANS: ">"})
    noted = Noted()
    ingest = make_ingest(server, noted, window=Window(size=4, base_idle_ms=100, max_idle_ms=60_000))
    with running(ingest):
        wait_until(lambda: len(noted.messages) >= 4, "the first are taken")
        mine = client.xpending_range(PLANS, GROUP, "-", "+", 100, "host-1")
        assert len(mine) <= 4


def test_a_broker_that_is_away_loses_nothing(server, client):
    noted = Noted(is_away=True)
    with running(make_ingest(server, noted, window=Window(size=4, base_idle_ms=200))):
        client.xadd(PLANS, plan("waiting"))
        wait_until(lambda: pending(client) == 1, "it was read")
        noted.is_away = False
        wait_until(lambda: noted.ids("waiting"), "it is sent when the broker is back")


def test_a_plan_that_is_not_to_be_executed_is_acknowledged_without_a_task(server, client):
    noted = Noted()
    with running(make_ingest(server, noted)):
        client.xadd(PLANS, plan("hold", decision="HOLD"))
        client.xadd(PLANS, plan("next"))
        wait_until(lambda: noted.ids("next"), "the next one")
        wait_until(lambda: pending(client) == 1, "the first was acknowledged")
    assert not noted.ids("hold")
    assert not client.exists("quantum:p33:decision:hold", "quantum:permit:p33:hold")


@pytest.mark.parametrize(
    "part", [{"steps_results": "[" * 20_000}, {"order_id": b"\xc3\x28"}], ids=["brackets", "bytes"]
)
def test_an_executed_result_whose_orders_can_not_be_read_becomes_a_task_which_starts_the_cooldown(server, client, part):
    noted = Noted()
    with running(make_ingest(server, noted)):
        client.xadd(RESULTS, {"plan_id": "r", "symbol": "BTCUSDT", "executed": "true", **part})
        wait_until(lambda: noted.ids("r"), "its task")
    assert client.xlen(DEAD) == 0


@pytest.mark.parametrize(
    ("stream", "fields"),
    [
        (PLANS, {"garbage": "1"}),
        (PLANS, {"plan_id": "x" * 300, "symbol": "BTCUSDT", "decision": "EXECUTE"}),
        (PLANS, {"plan_id": b"\xff\x00", "symbol": "BTCUSDT", "decision": "EXECUTE"}),
        (RESULTS, {"plan_id": "r", "symbol": "BTCUSDT"}),
        (RESULTS, {"plan_id": "r", "symbol": "BTCUSDT", "executed": "true", "note": "n" * 300_000}),
    ],
    ids=["empty", "long id", "bytes", "no executed", "oversized"],
)
def test_what_can_not_be_understood_is_a_dead_letter(server, client, stream, fields):
    noted = Noted()
    with running(make_ingest(server, noted)):
        entry_id = client.xadd(stream, fields)
        wait_until(lambda: client.xlen(DEAD) == 1, "a dead letter")
    ((_, letter),) = client.xrange(DEAD)
    assert (letter["source_stream"], letter["source_id"]) == (stream, entry_id)
    assert letter["error"]
    assert len(letter["entry"]) < 200_000
    assert json.loads(letter["entry"])
    assert pending(client, stream) == 0
    assert not noted.messages


def test_an_oversized_plan_is_denied_by_name(server, client):
    noted = Noted()
    with running(make_ingest(server, noted)):
        client.xadd(PLANS, plan("big", steps="s" * 10_000_000))
        found = verdict(client, "big")
    assert found["reason"] == "invalid_plan"
    assert found["details"]["max_chars"] == 65_536
    assert not noted.messages


def test_an_executable_plan_with_unreadable_bytes_is_handed_on_to_be_denied(server, client):
    """Its plan_id and symbol can be read, and an executor waits."""
    noted = Noted()
    with running(make_ingest(server, noted)):
        client.xadd(PLANS, plan("half", reduceOnly=b"\xff"))
        wait_until(lambda: noted.ids("half"), "a task")
    assert judged(server, noted.messages[0]).reason is Reason.INVALID_PLAN


def test_a_field_that_is_named_twice_is_not_silently_folded(server, client):
    noted = Noted()
    with running(make_ingest(server, noted)):
        client.execute_command("XADD", PLANS, "*", *_flat(plan("twice", reduceOnly="false")), "reduceOnly", "true")
        client.execute_command("XADD", PLANS, "*", *_flat(plan("wakes", reduceOnly="false")), "reduceOnly", "true")
        wait_until(lambda: len(noted.messages) == 2, "tasks")
    assert [judged(server, message).reason for message in noted.messages] == [Reason.INVALID_PLAN] * 2


def test_a_plan_without_a_decision_is_denied_by_name(server, client):
    with running(make_ingest(server)):
        fields = plan("undecided")
        del fields["decision"]
        client.xadd(PLANS, fields)
        assert verdict(client, "undecided")["reason"] == "invalid_plan"


def test_a_result_older_than_the_memory_of_fills_is_a_dead_letter(server, client):
    """Applied now, it could be applied a second time."""
    seconds, _ = client.time()
    old_ms = (seconds - 7 * 86_400 - 60) * 1000
    noted = Noted()
    with running(make_ingest(server, noted)):
        client.xadd(RESULTS, result("ancient"), id=f"{old_ms}-1")
        wait_until(lambda: client.xlen(DEAD) == 1, "a dead letter")
        client.xadd(RESULTS, result("young"), id=f"{old_ms + 120_000}-1")
        wait_until(lambda: noted.ids("young"), "a task")
    assert not noted.ids("ancient")


def test_pending_entries_that_a_producer_trimmed_are_acknowledged_and_counted(server, client):
    client.xgroup_create(PLANS, GROUP, id="0", mkstream=True)
    for n in range(3):
        client.xadd(PLANS, plan(f"p{n}"))
    client.xreadgroup(GROUP, "dead-1", {PLANS: ">"})
    client.xtrim(PLANS, maxlen=1, approximate=False)
    noted = Noted()
    with running(make_ingest(server, noted, window=Window(size=4, trimmed_ms=500))):
        wait_until(lambda: noted.ids("p2"), "the one that is left")
        wait_until(lambda: client.hget(COUNTERS, "p33_trimmed_total|plan") == "2", "two are counted")
    assert pending(client) == 1


def test_a_fill_whose_entry_was_trimmed_while_its_task_was_waiting_is_still_recorded(server, client):
    """R: a producer with a short MAXLEN, a pool that is busy for a moment; its copy has all that the entry said."""
    noted = Noted()
    filled = result("filled", executed="true", order_id="1", side="SELL", filled_qty="0.028")
    with running(make_ingest(server, noted)):
        client.xadd(RESULTS, filled)
        wait_until(lambda: noted.ids("filled"), "it was read")
        client.xtrim(RESULTS, maxlen=0, approximate=False)
        client.xadd(RESULTS, result("later"))
        wait_until(lambda: len(noted.ids("later")) >= 3, "what is idle was looked for meanwhile")
        assert pending(client, RESULTS) == 2
    message = next(m for m in noted.messages if "-filled-" in m.task_id)
    here = Runtime(load_settings(server.environment))
    entry = StreamEntry(stream=RESULTS, entry_id=message.kwargs["entry_id"])
    found = here.entries.find_result(entry)
    assert found is not None
    assert here.results.record(parse_result(found.fields), entry) is ResultStatus.RECORDED
    assert here.entries.find_result(entry) is None, "the copy ends with the recording"
    assert client.hget("quantum:p33:fills:BTCUSDT", "1") == "0.028"
    assert client.hget("quantum:position:ledger:BTCUSDT", "last_order_id") == "1"


def test_a_result_that_was_trimmed_and_whose_task_is_lost_is_given_up_and_counted(server, client):
    """Its copy, too, is gone: an hour has passed."""
    with running(make_ingest(server, Noted(), window=Window(size=4, trimmed_ms=500))):
        entry_id = client.xadd(RESULTS, result("gone"))
        wait_until(lambda: client.delete(f"quantum:p33:entry:{entry_id}"), "it was read, and copied")
        client.xtrim(RESULTS, maxlen=0, approximate=False)
        wait_until(lambda: client.hget(COUNTERS, "p33_trimmed_total|result") == "1", "it is counted")
    assert pending(client, RESULTS) == 0


def test_a_result_that_was_trimmed_and_whose_task_is_lost_is_sent_again_from_its_copy(server, client):
    noted = Noted()
    foreign = result("copied", note=b'\xff\x00 "quoted"/', details="{}")
    with running(make_ingest(server, noted, window=Window(size=4, trimmed_ms=500))):
        entry_id = client.xadd(RESULTS, foreign)
        wait_until(lambda: pending(client, RESULTS) == 1, "it was read")
        client.xtrim(RESULTS, maxlen=0, approximate=False)
        sent = len(noted.ids("copied"))
        wait_until(lambda: len(noted.ids("copied")) >= sent + 2, "it is sent again, and again")
        assert client.hget(COUNTERS, "p33_trimmed_total|result") is None
    found = Runtime(load_settings(server.environment)).entries.find_result(
        StreamEntry(stream=RESULTS, entry_id=entry_id)
    )
    assert found is not None
    assert found.fields["note"] == '\udcff\x00 "quoted"/'
    assert 0 < client.ttl(f"quantum:p33:entry:{entry_id}") <= 3_600
    assert pending(client, RESULTS) == 1


@pytest.mark.parametrize("one_by_one", [True, False])
def test_every_result_is_copied_and_no_plan_is(server, client, one_by_one):
    """Whether it was waited for, or read with others; none is sent again here, which copies it as well."""
    if not one_by_one:
        for name in "abc":
            client.xadd(RESULTS, result(name))
    window = Window(size=4, base_idle_ms=60_000, max_idle_ms=60_000)
    with running(make_ingest(server, window=window)):
        wait_until(lambda: pending(client, RESULTS) == (0 if one_by_one else 3), "the ingest reads")
        for name in "abc" if one_by_one else "":
            client.xadd(RESULTS, result(name))
            wait_until(lambda name=name: pending(client, RESULTS) == "abc".index(name) + 1, "it was read")
        client.xadd(PLANS, plan("p"))
        wait_until(lambda: pending(client) == 1, "the plan was read")
        wait_until(lambda: len(client.keys("quantum:p33:entry:*")) == 3, "three copies")


def test_a_result_that_is_too_large_is_a_dead_letter_and_not_copied(server, client):
    with running(make_ingest(server)):
        client.xadd(RESULTS, result("large", note="x" * 70_000))
        wait_until(lambda: client.xlen(DEAD) == 1, "it is a dead letter")
    assert client.keys("quantum:p33:entry:*") == []


def test_the_first_reading_of_an_entry_from_the_future_is_kept_and_counted(server, client):
    """U18: by its id it would never expire. Whichever script reads it first."""
    ahead_ms = int(client.time()[0]) * 1000 + 3_600_000
    for stream, entry in ((PLANS, plan("ahead")), (RESULTS, result("ahead"))):
        client.xadd(stream, entry, id=f"{ahead_ms}-0")
    with running(make_ingest(server)):
        for key, label in (("quantum:p33:first_seen", "plan"), ("quantum:p33:first_seen:results", "result")):
            wait_until(lambda key=key: client.hget(key, f"{ahead_ms}-0"), "its first reading is kept")
            seen_ms = int(client.hget(key, f"{ahead_ms}-0"))
            assert abs(seen_ms - int(client.time()[0]) * 1000) < 60_000
            assert client.hget(COUNTERS, f"p33_entry_ahead_total|{label}") == "1"
            assert 0 < client.ttl(key) <= 3_600


def test_entries_trimmed_before_they_were_read_are_counted_once():
    """Redis 6.2 doesn't number its entries: there it can't be known."""
    with running_redis() as server, server.client() as client:
        noted = Noted()
        window = Window(size=4, base_idle_ms=60_000, max_idle_ms=60_000)
        with running(make_ingest(server, noted, window=window)):
            client.xadd(PLANS, plan("first"))
            wait_until(lambda: noted.ids("first"), "the first is read")
        for n in range(10):
            client.xadd(PLANS, plan(f"p{n}"))
        client.xtrim(PLANS, maxlen=3, approximate=False)
        with running(make_ingest(server, noted, window=window)):
            wait_until(lambda: noted.ids("p9"), "what is left is read")
            assert client.hget(COUNTERS, "p33_trimmed_total|plan") == "7"
        with running(make_ingest(server, noted, window=Window(size=8))):
            client.xadd(PLANS, plan("last"))
            wait_until(lambda: noted.ids("last"), "the last is read")
        assert client.hget(COUNTERS, "p33_trimmed_total|plan") == "7"
        assert client.xinfo_groups(PLANS)[0]["lag"] == 0


def test_a_redis_that_lost_everything_gets_its_groups_again(server, client):
    noted = Noted()
    with running(make_ingest(server, noted)):
        client.xadd(PLANS, plan("before"))
        wait_until(lambda: noted.ids("before"), "a task")
        client.flushall()
        client.xadd(PLANS, plan("after"))
        wait_until(lambda: noted.ids("after"), "a task again")


def test_a_stream_of_a_foreign_type_does_not_stop_the_other(server, client):
    client.set(RESULTS, "not a stream")
    noted = Noted()
    with running(make_ingest(server, noted)):
        for n in range(20):
            client.xadd(PLANS, plan(f"p{n}"))
            (task_id,) = wait_until(lambda n=n: noted.ids(f"p{n}"), f"p{n} is sent")
            assert task_id.endswith("-1"), "when it came, not when it was claimed again"
            client.xack(PLANS, GROUP, noted.messages[-1].kwargs["entry_id"])


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), StoreUnavailableError("away")], ids=["bug", "away"])
def test_whatever_goes_wrong_does_not_end_the_reading(server, client, monkeypatch, error):
    noted = Noted()
    ingest = make_ingest(server, noted)
    real, trips = ingest.name.keep, iter([True, True])

    def keep() -> None:
        if next(trips, False):
            raise error
        real()

    monkeypatch.setattr(ingest.name, "keep", keep)
    client.xadd(PLANS, plan("next"))
    with running(ingest):
        wait_until(lambda: noted.ids("next"), "a task")


def test_redis_going_away_is_survived():
    with running_redis(aof=True) as server:
        noted = Noted()
        with running(make_ingest(server, noted)):
            with server.client() as client:
                client.xadd(PLANS, plan("before"))
                wait_until(lambda: noted.ids("before"), "a task")
            server.kill()
            server.start()
            with server.client() as client:
                client.xadd(PLANS, plan("after"))
                wait_until(lambda: noted.ids("after"), "a task again")


def _flat(fields: dict[str, str]) -> list[str]:
    return [part for pair in fields.items() for part in pair]
