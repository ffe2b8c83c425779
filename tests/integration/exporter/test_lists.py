"""The lists of verdicts and dead letters: filters, pages, and that an odd address does no harm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from p33_tasks.contract.keys import Keys
from p33_tasks.store.connection import connect
from p33_tasks.views.dead_letters import read_dead_letter, read_dead_letters
from p33_tasks.views.recent import read_verdicts
from tests.integration.exporter.conftest import Exporter
from tests.integration.exporter.world import HOSTILE_PLAN_ID, MIXED, mixed
from tests.support.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as found:
        mixed(connect(found.url()))
        yield found


@pytest.fixture(scope="module")
def exporter(server: RedisServer, exporters: Callable[..., Exporter]) -> Exporter:
    return exporters(**server.environment, P33_ALLOWLIST=",".join((*MIXED, "LTCUSDT")))


def test_pages_hold_each_verdict_once_and_end(server: RedisServer) -> None:
    client, seen, before = connect(server.url()), [], ""
    while True:
        page = read_verdicts(client, Keys(), before=before, count=3)
        seen += [verdict.plan_id for verdict in page.verdicts]
        before = page.older
        if not before:
            break
    assert len(seen) == len(set(seen)) == client.xlen(Keys().decisions)
    assert seen[-1] == "abc5f1f59a4df545"


def test_a_filter_shows_its_symbol_and_outcome_only(server: RedisServer) -> None:
    client = connect(server.url())
    hostile, plain = read_verdicts(client, Keys(), reason="unknown_action").verdicts
    assert (hostile.plan_id, plain.plan_id) == (HOSTILE_PLAN_ID, "9f2c71b0cafe0008")
    allowed = read_verdicts(client, Keys(), symbol="BTCUSDT", reason="allow").verdicts
    assert [verdict.plan_id for verdict in allowed] == ["abc5f1f59a4df545"]
    assert read_verdicts(client, Keys(), symbol="NONEUSDT").verdicts == ()


def test_the_page_filters_and_keeps_the_choice(exporter: Exporter) -> None:
    answer = exporter.get("/verdicts?symbol=btcusdt&reason=cooldown_in_flight")
    assert answer.status == 200
    assert re.findall(r'href="/plan/([^"]+)"', answer.text) == ["9f2c71b0cafe0001"]
    assert "<option selected>cooldown_in_flight</option>" in answer.text
    assert 'value="BTCUSDT"' in answer.text
    assert 'http-equiv="refresh"' not in answer.text


@pytest.mark.parametrize("path", ["/verdicts", "/deadletters"])
@pytest.mark.parametrize(
    "query", ["before=x", "before=99999999999999999999-0", "before=-1", "symbol=%3Cscript%3E&reason=%00", "before=1-1"]
)
def test_an_odd_address_is_answered_and_nothing_of_it_is_markup(exporter: Exporter, path: str, query: str) -> None:
    answer = exporter.get(f"{path}?{query}")
    assert answer.status == 200
    assert "<script" not in answer.text.lower()


def test_the_dead_letter_is_listed_with_its_error(exporter: Exporter, server: RedisServer) -> None:
    client = connect(server.url())
    (letter,) = read_dead_letters(client, Keys())
    assert (letter.error, dict(letter.fields)) == ("no plan_id", {"x": "1"})
    assert read_dead_letter(client, Keys(), letter.entry_id) == letter
    assert read_dead_letter(client, Keys(), "1-1") is None
    text = exporter.get("/deadletters").text
    assert letter.entry_id in text
    assert "no plan_id" in text
