"""What the ingest does with one entry, without Redis."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.entries import MAX_ENTRY_CHARS
from p33_tasks.contract.results import MAX_RESULT_AGE_MS
from p33_tasks.domain.reasons import Reason
from p33_tasks.ingest.handlers import (
    PlanHandler,
    ResultHandler,
    readable,
)
from p33_tasks.ingest.options import Options
from p33_tasks.ports import StreamEntry
from p33_tasks.store.batches import Entry, Window

NOW_MS = 1_771_305_126_000


@dataclass
class Outcomes:
    """Stands in for everything a handler may call."""

    denied: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)

    def deny(self, plan: Any, entry: Any, reason: Reason, details: Any) -> None:  # noqa: ARG002 - the port's
        self.denied.append((plan.plan_id, str(reason)))

    def acknowledge(self, entry: StreamEntry) -> None:
        self.acknowledged.append(entry.entry_id)

    def dead_letter(self, entry: StreamEntry, error: str, fields: Any) -> None:
        json.dumps(fields).encode()
        assert error
        self.buried.append(entry.entry_id)


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


def entry(deliveries: int = 1, age_ms: int = 0, **fields: Any) -> Entry:
    where = StreamEntry(stream="s", entry_id=f"{NOW_MS - age_ms}-0")
    return Entry(where=where, fields=fields, deliveries=deliveries)


def plans(outcomes: Outcomes) -> PlanHandler:
    return PlanHandler(
        task="p33.evaluate_permit",
        permits=outcomes,
        entries=outcomes,
        dead_letters=outcomes,
        window=Window(size=4),
        prefix="quantum",
    )


PLAN = {"plan_id": "p", "symbol": "BTCUSDT", "action": "CLOSE_FULL", "decision": "EXECUTE"}


def test_the_fourth_delivery_is_the_last(outcomes):
    handler = plans(outcomes)
    assert handler.handle(entry(4, **PLAN), NOW_MS) is not None
    assert handler.handle(entry(5, **PLAN), NOW_MS) is None
    assert outcomes.denied == [("p", "internal_error")]


@pytest.mark.parametrize("decision", ["HOLD", "", "execute later", "BLOCKED"])
def test_any_other_decision_is_acknowledged(outcomes, decision):
    assert plans(outcomes).handle(entry(**{**PLAN, "decision": decision}), NOW_MS) is None
    assert len(outcomes.acknowledged) == 1
    assert not outcomes.denied


@pytest.mark.parametrize("decision", ["EXECUTE", "execute", " Execute "])
def test_execute_in_any_spelling_is_sent(outcomes, decision):
    assert plans(outcomes).handle(entry(**{**PLAN, "decision": decision}), NOW_MS) is not None


@pytest.mark.parametrize("decision", ["\udcff", ["EXECUTE", "HOLD"]])
def test_a_decision_that_can_not_be_read_denies(outcomes, decision):
    assert plans(outcomes).handle(entry(**{**PLAN, "decision": decision}), NOW_MS) is None
    assert outcomes.denied == [("p", "invalid_plan")]


def test_the_size_limit_is_exact(outcomes):
    handler = plans(outcomes)
    used = entry(**PLAN, note="").chars
    assert handler.handle(entry(**PLAN, note="x" * (MAX_ENTRY_CHARS - used)), NOW_MS) is not None
    assert handler.handle(entry(**PLAN, note="x" * (MAX_ENTRY_CHARS - used + 1)), NOW_MS) is None
    assert outcomes.denied == [("p", "invalid_plan")]


def test_an_oversized_plan_without_a_name_is_a_dead_letter(outcomes):
    assert plans(outcomes).handle(entry(decision="EXECUTE", note="x" * MAX_ENTRY_CHARS), NOW_MS) is None
    assert len(outcomes.buried) == 1


def test_the_age_limit_of_a_result_is_exact(outcomes):
    handler = ResultHandler(task="p33.apply_result", dead_letters=outcomes, prefix="quantum")
    fields = {"plan_id": "p", "symbol": "BTCUSDT", "executed": "true"}
    assert handler.handle(entry(age_ms=MAX_RESULT_AGE_MS, **fields), NOW_MS) is not None
    assert handler.handle(entry(age_ms=MAX_RESULT_AGE_MS + 1, **fields), NOW_MS) is None
    assert len(outcomes.buried) == 1


def test_an_oversized_result_is_a_dead_letter(outcomes):
    handler = ResultHandler(task="p33.apply_result", dead_letters=outcomes, prefix="quantum")
    fields = {"plan_id": "p", "symbol": "BTCUSDT", "executed": "true", "note": "x" * MAX_ENTRY_CHARS}
    assert handler.handle(entry(**fields), NOW_MS) is None
    assert len(outcomes.buried) == 1


def test_a_result_that_can_not_be_understood_is_a_dead_letter(outcomes):
    handler = ResultHandler(task="p33.apply_result", dead_letters=outcomes, prefix="quantum")
    assert handler.handle(entry(plan_id="p", symbol="BTCUSDT"), NOW_MS) is None
    assert len(outcomes.buried) == 1


def test_a_result_is_never_given_up(outcomes):
    handler = ResultHandler(task="p33.apply_result", dead_letters=outcomes, prefix="quantum")
    assert handler.handle(entry(1_000, plan_id="p", symbol="BTCUSDT", executed="true"), NOW_MS) is not None


def test_task_ids_are_bounded_and_plain(outcomes):
    message = plans(outcomes).handle(entry(**{**PLAN, "plan_id": "é /:*" + "x" * 190}), NOW_MS)
    assert message is not None
    assert len(message.task_id) < 160
    assert message.task_id.isascii()
    assert " " not in message.task_id


_anything = st.dictionaries(
    st.one_of(st.sampled_from([*PLAN, "executed", "steps_results", "details", "reduceOnly"]), st.text()),
    st.one_of(st.text(), st.lists(st.text(), min_size=2, max_size=3), st.sampled_from(["\udcff", "NaN", "1e400"])),
)


@given(fields=_anything, deliveries=st.integers(1, 9))
def test_whatever_an_entry_holds_there_is_exactly_one_outcome(fields, deliveries):
    for make in (plans, lambda found: ResultHandler(task="p33.apply_result", dead_letters=found, prefix="quantum")):
        outcomes = Outcomes()
        message = make(outcomes).handle(_entry(fields, deliveries), NOW_MS)
        settled = len(outcomes.denied) + len(outcomes.acknowledged) + len(outcomes.buried)
        assert settled + (message is not None) == 1
        if message is not None:
            json.dumps(message.kwargs)


def _entry(fields: dict[str, Any], deliveries: int) -> Entry:
    return Entry(where=StreamEntry(stream="s", entry_id=f"{NOW_MS}-0"), fields=fields, deliveries=deliveries)


@given(fields=st.dictionaries(st.text(), st.one_of(st.text(st.characters()), st.integers(), st.binary())))
def test_a_dead_letter_is_readable_and_bounded(fields):
    found = readable(fields, max_chars=100)
    json.dumps(found).encode()
    "".join(found).encode()
    assert sum(len(name) + len(value) for name, value in found.items() if name != "p33_note") <= 300


def test_undecodable_bytes_are_written_as_escapes():
    assert readable({"a": "\udcff\udcfeok"}) == {"a": "\\xff\\xfeok"}


def test_what_is_cut_is_said():
    found = readable({"a": "x" * 1000}, max_chars=100)
    assert len(found["a"]) < 100
    assert "1001 characters" in found["p33_note"]


@pytest.mark.parametrize(("concurrency", "window"), [(1, 4), (2, 4), (3, 6), (16, 32)])
def test_the_window_is_twice_the_pool_but_at_least_4(concurrency, window):
    assert Options(concurrency=concurrency).window == window


def test_options_survive_the_command_line():
    options = Options(streams=("plans",), concurrency=7, logfile="/x y/z.log", verbose=True, parent_pid=42)
    assert Options.parse(options.arguments()) == options
    assert Options.parse([]) == Options()


@pytest.mark.parametrize("arguments", [["--streams", "other"], ["--streams", ","], ["--concurrency", "0"]])
def test_wrong_options_end_with_2(arguments):
    with pytest.raises(SystemExit) as ended:
        Options.parse(arguments)
    assert ended.value.code == 2


def test_a_plan_that_was_sent_before_goes_alone(outcomes):
    """What ended its first task must not end the tasks of others."""
    fields = {"plan_id": "p", "symbol": "BTCUSDT", "action": "CLOSE_FULL", "decision": "EXECUTE"}
    first, again = (plans(outcomes).handle(entry(deliveries, **fields), NOW_MS) for deliveries in (1, 2))
    assert first is not None
    assert again is not None
    assert (first.goes_with_others, again.goes_with_others) == (True, False)


@dataclass
class Promoter:
    """Promotes all that it is given."""

    given: list[str] = field(default_factory=list)

    def promote(self, plans: Any) -> frozenset[str]:
        self.given += [plan.plan_id for plan, _ in plans]
        return frozenset(where.entry_id for _, where in plans)


def test_what_has_to_be_proven_or_noted_or_was_sent_before_is_not_promoted(outcomes: Outcomes) -> None:
    promoter = Promoter()
    handler = replace(plans(outcomes), promoter=promoter)
    told = {"symbol": "BTCUSDT", "action": "CLOSE_FULL", "decision": "EXECUTE"}
    entries = [
        entry(plan_id="fits", **told),
        entry(plan_id="sent before", deliveries=2, **told),
        entry(plan_id="emergency", **{**told, "decision": "RECONCILE_CLOSE"}, hmac="00", issued_ms="1"),
        entry(plan_id="ahead", age_ms=-1_001, **told),
        entry(plan_id="", **told),
        entry(plan_id="another decision", **{**told, "decision": "SKIP"}),
    ]
    assert handler.settled(entries, NOW_MS) == {entries[0].where.entry_id}
    assert promoter.given == ["fits"]
    assert plans(outcomes).settled(entries, NOW_MS) == frozenset()
