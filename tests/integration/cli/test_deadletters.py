"""``p33 deadletters``: listed, shown, and a result put back once, with the time at which it first came."""

from __future__ import annotations

import json

import pytest

from p33_tasks.contract.keys import GROUP
from p33_tasks.contract.results import MAX_RESULT_AGE_MS, parse_entry_result
from p33_tasks.ports import ResultStatus, StreamEntry
from p33_tasks.store.operator import Retry
from tests.integration.cli.conftest import Call, document
from tests.support.gate import CONSUMER, SYMBOL, Gate, race

DAY_MS = 86_400_000
RESULT = {"plan_id": "p1", "symbol": SYMBOL, "executed": "True", "order_id": "7", "side": "SELL", "filled_qty": "0.010"}


def bury(gate: Gate, *, age_ms: int = 1_000, stream: str = "", **changes: str) -> str:
    """A dead letter, as the ingest writes it; its id."""
    added_ms = gate.now_ms() - age_ms
    letter = {
        "source_stream": stream or gate.keys.results,
        "source_id": f"{added_ms}-0",
        "error": "it couldn't be read",
        "entry": json.dumps({**RESULT, **changes}),
    }
    return str(gate.redis.xadd(gate.keys.dead_letters, letter))


def record_waiting(gate: Gate) -> list[ResultStatus]:
    """What a worker does with the results that wait."""
    found = gate.redis.xreadgroup(GROUP, CONSUMER, {gate.keys.results: ">"})
    statuses = []
    for entry_id, fields in found[0][1] if found else []:
        result = parse_entry_result(fields, now_ms=gate.now_ms(), added_ms=int(entry_id.partition("-")[0]))
        entry = StreamEntry(stream=gate.keys.results, entry_id=entry_id)
        statuses.append(gate.recorder.record(result, entry))
    return statuses


# --- looking ----------------------------------------------------------------------------------------------------------


def test_dead_letters_are_listed_newest_first_and_shown_whole(gate: Gate, call: Call) -> None:
    assert "There is none." in call("deadletters", "list").stdout
    first, second = bury(gate), bury(gate, plan_id="p2\x1b[31m")
    lines = call("deadletters", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [second, first]
    assert "it couldn't be read" in lines[0]
    older = document(call("deadletters", "list", "--before", second, "--json"))["dead_letters"]
    assert [(letter["entry_id"], letter["fields"]["plan_id"]) for letter in older] == [(first, "p1")]
    assert len(document(call("deadletters", "list", "--count", "1", "--json"))["dead_letters"]) == 1
    shown = call("deadletters", "show", second).stdout
    assert f"from   {gate.keys.results}, entry " in shown
    assert "filled_qty: 0.010" in shown
    assert "\x1b" not in shown
    assert document(call("deadletters", "show", first, "--json"))["fields"] == RESULT


def test_an_entry_that_is_no_json_is_shown_as_it_is(gate: Gate, call: Call) -> None:
    letter = gate.redis.xadd(gate.keys.dead_letters, {"entry": "{not json"})
    assert "{not json" in call("deadletters", "show", str(letter)).stdout


@pytest.mark.parametrize("command", ["show", "retry"])
def test_a_dead_letter_that_is_not_there_is_a_no(gate: Gate, call: Call, command: str) -> None:
    refused = call("deadletters", command, "1795753122367-0")
    assert refused.exit_code == 1
    assert "there is no dead letter 1795753122367-0" in refused.stderr
    assert call("deadletters", command, "yesterday").exit_code == 2


# --- putting back -----------------------------------------------------------------------------------------------------


def test_a_result_is_put_back_once_and_applied(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    letter = bury(gate)
    source_id = gate.dead()[0]["source_id"]
    done = call("deadletters", "retry", letter)
    assert done.exit_code == 0, done.output
    assert f"{letter} was put back as " in done.stdout
    assert gate.dead() == []
    ((entry_id, fields),) = gate.redis.xrange(gate.keys.results)
    assert fields == {**RESULT, "retried_entry_id": source_id}
    (event,) = [fields for _, fields in gate.redis.xrange(gate.keys.audit)]
    assert (event["event"], event["dead_letter"], event["source_id"], event["entry_id"], event["symbol"]) == (
        "dead_letter_retried",
        letter,
        source_id,
        entry_id,
        SYMBOL,
    )
    assert "@" in event["by"]
    assert record_waiting(gate) == [ResultStatus.RECORDED]
    assert gate.ledger_amt() == "0.03"
    again = call("deadletters", "retry", letter)
    assert again.exit_code == 1
    assert "put back already" in again.stderr
    assert gate.redis.xlen(gate.keys.results) == 1


def test_of_many_who_put_it_back_at_once_one_does(gate: Gate) -> None:
    letter = bury(gate)
    retry = Retry(plan_id="p1", symbol=SYMBOL, first_id=f"{gate.now_ms()}-0", fields=RESULT)
    gates = [Gate(gate.server) for _ in range(8)]
    statuses = race(8, lambda n: gates[n].operator.retry_dead_letter(letter, retry, by="test")[0])
    assert sorted(statuses) == ["gone"] * 7 + ["retried"]
    assert gate.redis.xlen(gate.keys.results) == 1


def test_what_was_recorded_meanwhile_adds_nothing(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    letters = [bury(gate), bury(gate), bury(gate, filled_qty="0.015")]
    for letter in letters:
        assert call("deadletters", "retry", letter).exit_code == 0
        record_waiting(gate)
    assert gate.ledger_amt() == "0.025", "the order's quantity is cumulative"


def test_a_result_from_before_an_adopted_ledger_is_remembered_and_not_applied(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    letter = bury(gate, age_ms=60_000)
    gate.redis.set(gate.keys.ledger_origin(SYMBOL), str(gate.now_ms() - 30_000))
    assert call("deadletters", "retry", letter).exit_code == 0
    assert record_waiting(gate) == [ResultStatus.RECORDED]
    assert gate.ledger_amt() == "0.04"
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.01"


def test_one_that_comes_back_keeps_the_time_at_which_it_first_came(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    first = f"{gate.now_ms() - 60_000}-3"
    letter = bury(gate, retried_entry_id=first)
    assert call("deadletters", "retry", letter).exit_code == 0
    ((_, fields),) = gate.redis.xrange(gate.keys.results)
    assert fields["retried_entry_id"] == first


def test_a_result_older_than_the_memory_of_fills_is_refused(gate: Gate, call: Call) -> None:
    letter = bury(gate, age_ms=MAX_RESULT_AGE_MS + 60_000)
    refused = call("deadletters", "retry", letter)
    assert refused.exit_code == 1
    assert "fills are remembered for 7" in refused.stdout
    assert "p33 ledger adopt --replace" in refused.stdout
    too_old = Retry(plan_id="p1", symbol=SYMBOL, first_id=gate.dead()[0]["source_id"], fields=RESULT)
    assert gate.operator.retry_dead_letter(letter, too_old, by="test") == ("too_old", "")
    assert len(gate.dead()) == 1
    assert gate.redis.xlen(gate.keys.results) == 0


def test_an_old_result_that_was_put_back_is_no_unpermitted_execution(gate: Gate, call: Call) -> None:
    """Its plan's decision is gone after a day; the new entry is young."""
    gate.make_ready("0.040")
    assert call("deadletters", "retry", bury(gate, age_ms=2 * DAY_MS)).exit_code == 0
    record_waiting(gate)
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"stream": "quantum:stream:apply.plan"}, "send a new plan with a new plan_id"),
        ({"stream": "other:stream:apply.result"}, "this account's results are quantum:stream:apply.result"),
        ({"executed": "perhaps"}, "still can't be read"),
        ({"side": "close"}, "not all of it can be read"),
        ({"p33_note": "cut: the entry has 99999 characters"}, "not stored completely"),
        ({"retried_entry_id": "yesterday"}, "doesn't say which entry it came in"),
    ],
)
def test_what_can_not_be_put_back_says_why_and_the_way_out(
    gate: Gate, call: Call, changes: dict[str, str], says: str
) -> None:
    refused = call("deadletters", "retry", bury(gate, **changes))
    assert refused.exit_code == 1
    assert says in " ".join(refused.stdout.split())
    assert len(gate.dead()) == 1
    assert gate.events() == []


def test_all_that_can_be_are_put_back_after_a_question(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    good = [bury(gate), bury(gate, order_id="8", filled_qty="0.005")]
    plan = bury(gate, stream=gate.keys.plans)
    assert call("deadletters", "retry", "--all", answer="n\n").exit_code == 1
    assert call("deadletters", "retry", "--all", "--json").exit_code == 2
    assert call("deadletters", "retry").exit_code == 2
    assert len(gate.dead()) == 3
    found = document(call("deadletters", "retry", "--all", "--yes", "--json"))
    assert list(found["retried"]) == good
    assert list(found["refused"]) == [plan]
    record_waiting(gate)
    assert gate.ledger_amt() == "0.025"
    assert len(gate.dead()) == 1
