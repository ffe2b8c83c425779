"""What is recorded is enough to make the verdict again, whatever the facts; whatever the stream holds is bearable."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.audit import audit_inputs
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Facts, Plan, Policy
from p33_tasks.domain.records import RecordedVerdict, UnreadableRecord
from p33_tasks.services.replay import Finding, Limits, replay
from p33_tasks.store.audit import written
from p33_tasks.store.records import read_record
from tests.factories import make_facts, make_plan, make_policy
from tests.property.test_decision import cases

LIMITS = Limits(cooldown_ms=30_000, stale_threshold_ms=5_000)


def entry_of(plan: Plan, facts: Facts | None, policy: Policy) -> dict[str, str]:
    """An entry as the commit writes it."""
    assert facts is not None
    verdict = evaluate(plan, facts, policy)
    return {
        "plan_id": plan.plan_id,
        "symbol": plan.symbol,
        "allow": "true" if isinstance(verdict, Allow) else "false",
        "reason": str(verdict.reason) if isinstance(verdict, Deny) else "",
        "verdict": written(plan, verdict, facts, policy),
        "inputs": exact_json.dumps(audit_inputs(plan, facts, policy)),
    }


@given(cases())
def test_a_verdict_written_and_read_back_comes_out_the_same(case: tuple[Plan, Facts, Policy]) -> None:
    record = read_record("1-0", entry_of(*case))
    assert isinstance(record, RecordedVerdict)
    found = replay(record, written, LIMITS)
    assert found.finding is Finding.SAME, found
    assert found.again == evaluate(*case)
    assert record.verdict is not None
    assert record.verdict == found.again


@given(cases(), st.sampled_from(["allow", "reason"]), st.sampled_from(["true", "false", "", "no_position"]))
def test_whatever_an_entry_says_of_itself_must_be_its_verdict(
    case: tuple[Plan, Facts, Policy], name: str, value: str
) -> None:
    entry = entry_of(*case)
    record = read_record("1-0", {**entry, name: value})
    assert isinstance(record, RecordedVerdict)
    expected = Finding.SAME if entry[name] == value else Finding.DIFFERENT
    assert replay(record, written).finding is expected


def _flipped(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else {"else": value}


@given(cases(), st.data())
def test_no_member_of_a_recorded_verdict_can_be_changed_unseen(
    case: tuple[Plan, Facts, Policy], data: st.DataObject
) -> None:
    entry = entry_of(*case)
    verdict = exact_json.loads_object(entry["verdict"])
    name = data.draw(st.sampled_from(sorted(verdict)))
    record = read_record("1-0", {**entry, "verdict": exact_json.dumps({**verdict, name: _flipped(verdict[name])})})
    assert isinstance(record, RecordedVerdict)
    assert replay(record, written).finding is Finding.DIFFERENT


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(cases(), st.data())
def test_whatever_stands_in_the_inputs_there_is_a_finding_and_no_exception(
    case: tuple[Plan, Facts, Policy], data: st.DataObject
) -> None:
    entry = entry_of(*case)
    inputs = exact_json.loads_object(entry["inputs"])
    part = inputs
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [value for value in part.values() if isinstance(value, dict) and value]
        if not inner:
            break
        part = data.draw(st.sampled_from(inner))
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(anything)
    record = read_record("1-0", {**entry, "inputs": exact_json.dumps(inputs)})
    if not isinstance(record, UnreadableRecord):
        assert replay(record, written, LIMITS).finding in Finding


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("facts hold", 0),
        ("facts now_ms", "1"),
        ("facts now_ms", True),
        ("facts now_ms", 2**64),
        ("facts run_id", None),
        ("facts source", 5),
        ("facts reserved_by", []),
        ("facts snapshot", 1),
        ("facts snapshot hedge_mode", None),
        ("facts snapshot position_amt", "0.01"),
        ("facts snapshot ts_ms", 1.5),
        ("facts ledger last_order_time_ms", "x"),
        ("facts market step_size", None),
        ("plan reduce_only", "true"),
        ("plan action", 5),
        ("plan issued_ms", None),
        ("plan close_factor", True),
        ("policy cooldown_ms", None),
        ("policy qty_tolerance_pct", "1"),
        ("policy allowlisted", 1),
        ("policy allowlist_size", 0),
        ("policy allowlist_size", 10**9),
        ("policy unheard_of_ms", 1),
    ],
)
def test_a_value_of_another_type_is_none_that_this_service_recorded(path: str, value: object) -> None:
    entry = entry_of(make_plan(), make_facts(), make_policy())
    inputs = json.loads(entry["inputs"], parse_float=Decimal)
    *way, name = path.split()
    part = inputs
    for step in way:
        part = part[step]
    part[name] = Decimal(str(value)) if isinstance(value, float) else value
    record = read_record("1-0", {**entry, "inputs": exact_json.dumps(inputs)})
    assert isinstance(record, UnreadableRecord)


@given(st.dictionaries(st.sampled_from(["plan_id", "symbol", "allow", "reason", "verdict", "inputs"]), st.text()))
def test_an_entry_of_anybody_is_read_or_said_to_be_unreadable(fields: dict[str, str]) -> None:
    record = read_record("1-0", fields)
    if isinstance(record, UnreadableRecord):
        assert 0 < len(record.problem) <= 300
