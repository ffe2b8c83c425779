"""The audit stream read back in pages, and followed forward, on a real Redis."""

from __future__ import annotations

import pytest

from p33_tasks.contract.keys import Keys
from p33_tasks.domain.records import RecordedVerdict, UnreadableRecord
from p33_tasks.errors import StoreError, StoreUnavailableError
from p33_tasks.store.connection import connect
from p33_tasks.views import history as history_module
from p33_tasks.views.history import Extent, History, Page
from p33_tasks.views.live import LiveVerdicts
from tests.support.gate import OTHER, SYMBOL, Gate


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "PAGE", 10)


def history(gate: Gate) -> History:
    return History(connect(gate.url), gate.keys)


def live(gate: Gate) -> LiveVerdicts:
    return LiveVerdicts(connect(gate.url), gate.keys)


def judged(gate: Gate, number: int) -> list[str]:
    """As many denies; every third of the other symbol."""
    names = [f"p{at}" for at in range(number)]
    for at, name in enumerate(names):
        gate.judge(name, symbol=SYMBOL if at % 3 else OTHER)
    return names


def names_of(pages: list[Page]) -> list[str]:
    return [record.plan.plan_id for page in pages for record in page.records if isinstance(record, RecordedVerdict)]


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 20, 35])
def test_every_entry_is_read_once_newest_first_and_never_more_than_a_page_at_once(gate: Gate, number: int) -> None:
    names = judged(gate, number)
    reader = history(gate)
    extent = reader.extent()
    assert (extent.length, extent.is_empty) == (number, number == 0)
    pages = list(reader.pages(extent))
    assert names_of(pages) == names[::-1]
    assert all(page.read <= 10 for page in pages)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("last", [1, 10, 13, 100])
def test_the_last_so_many_are_read(gate: Gate, last: int) -> None:
    names, reader = judged(gate, 25), history(gate)
    assert names_of(list(reader.pages(reader.extent(), last=last))) == names[::-1][:last]


@pytest.mark.usefixtures("small_pages")
def test_the_last_so_many_of_a_symbol_are_those_of_the_symbol(gate: Gate) -> None:
    names, reader = judged(gate, 40), history(gate)
    found = names_of(list(reader.pages(reader.extent(), last=12, symbol=OTHER)))
    assert found == [name for name in names[::-1] if int(name[1:]) % 3 == 0][:12]


@pytest.mark.usefixtures("small_pages")
def test_what_is_older_than_asked_for_is_left_alone(gate: Gate) -> None:
    judged(gate, 15)
    then_ms = gate.now_ms()
    gate.until_after(then_ms)
    gate.judge("late")
    reader = history(gate)
    assert names_of(list(reader.pages(reader.extent(), since_ms=then_ms + 1))) == ["late"]


@pytest.mark.usefixtures("small_pages")
def test_what_comes_while_it_is_read_is_left_out(gate: Gate) -> None:
    names, reader = judged(gate, 15), history(gate)
    found, extent = [], reader.extent()
    gate.judge("before-the-first-page")
    for page in reader.pages(extent):
        found.append(page)
        gate.judge(f"meanwhile-{len(found)}")
    assert names_of(found) == names[::-1]


def test_an_entry_of_another_writer_is_one_record_among_others(gate: Gate) -> None:
    gate.judge("p0")
    gate.redis.xadd(gate.keys.decisions, {b"\xff": b"\xfe"})
    reader = history(gate)
    (page,) = reader.pages(reader.extent())
    assert [type(record) for record in page.records] == [UnreadableRecord, RecordedVerdict]


def test_a_key_of_another_type_is_a_store_error(gate: Gate) -> None:
    gate.redis.set(gate.keys.decisions, "x")
    for act in (lambda: history(gate).extent(), lambda: live(gate).begin()):
        with pytest.raises(StoreError):
            act()


# --- forward --------------------------------------------------------------------------------------------------------


def read(verdicts: LiveVerdicts, wait_ms: int = 1) -> list[str]:
    return [seen.plan_id for seen in verdicts.poll(wait_ms)]


def test_following_begins_behind_what_is_there_and_shows_each_once(gate: Gate) -> None:
    gate.judge("before")
    verdicts = live(gate)
    verdicts.begin()
    assert read(verdicts) == []
    gate.judge("a")
    gate.judge("b")
    assert read(verdicts) == ["a", "b"]
    assert read(verdicts) == []


def test_following_can_begin_in_the_past(gate: Gate) -> None:
    for name in ("a", "b"):
        gate.judge(name)
    verdicts = live(gate)
    verdicts.begin(60_000)
    assert read(verdicts) == ["a", "b"]


def test_a_stream_that_is_not_there_yet_is_waited_for(gate: Gate) -> None:
    verdicts = live(gate)
    verdicts.begin()
    assert read(verdicts) == []
    assert not verdicts.rewound()
    gate.judge("first")
    assert read(verdicts) == ["first"]


def test_a_quiet_stream_was_not_rewound(gate: Gate) -> None:
    gate.redis.xadd(gate.keys.decisions, {"plan_id": "old"}, id="1000-0")
    verdicts = live(gate)
    verdicts.begin(60_000)
    assert read(verdicts) == []
    assert not verdicts.rewound()


def test_after_a_failover_to_an_older_state_it_is_not_deaf(gate: Gate) -> None:
    """S: the new server's clock is behind, its ids are lower than those that were read."""
    future_ms = gate.now_ms() + 3_600_000
    gate.redis.xadd(gate.keys.decisions, {"plan_id": "a"}, id=f"{future_ms}-0")
    verdicts = live(gate)
    verdicts.begin()
    gate.redis.delete(gate.keys.decisions)
    gate.redis.xadd(gate.keys.decisions, {"plan_id": "known"}, id="1000-0")
    assert read(verdicts) == []
    assert verdicts.rewound()
    assert not verdicts.rewound()
    gate.redis.xadd(gate.keys.decisions, {"plan_id": "new"}, id="1000-1")
    assert read(verdicts) == ["new"]


def test_redis_away_is_an_error_of_ours() -> None:
    client = connect("redis://127.0.0.1:1/0")
    for act in (History(client, Keys()).extent, LiveVerdicts(client, Keys()).begin):
        with pytest.raises(StoreUnavailableError):
            act()


def test_an_empty_extent_has_no_pages(gate: Gate) -> None:
    assert list(history(gate).pages(Extent(now_ms=0, length=0, oldest_id="", newest_id=""))) == []
