"""Whatever lies under a permit's key: an allow that reduces a position, or a refusal. Nothing else comes out."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from p33_tasks.apply.permit import NO_GOVERNOR, NO_P33, AllowPermit, require_allow, require_granted
from p33_tasks.contract.permits import sign, verdict_fields
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, OrderSide
from p33_tasks.errors import PermitRefused
from tests.factories import NOW_MS, SYMBOL, make_facts, make_plan, make_policy

PREFIX, KEY = "quantum", "a signing key of 30 characters"
LONGEST_REASON = 400

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**4_000), 10**4_000)
    | st.floats()
    | st.text()
    | st.sampled_from(["0.010", "SELL", "BUY", SYMBOL, "plan-1", "\ud800", "x" * 5_000, 10**14, -1, 0, 0.01, 1e-30])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
)


def issued(amount: str = "0.010", action: str = "CLOSE_FULL") -> dict[str, Any]:
    """A permit as this service writes it."""
    plan, facts, policy = make_plan(action=action), make_facts(amount), make_policy()
    verdict = evaluate(plan, facts, policy)
    assert isinstance(verdict, Allow)
    return verdict_fields(plan, verdict, now_ms=NOW_MS, facts=make_facts(), policy=policy)


def signed(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "sig": sign(fields, prefix=PREFIX, key=KEY)}


def plain(value: object) -> Any:
    """What the standard writer takes: quantities as it would mangle them."""
    return float(value) if isinstance(value, Decimal) else value


ISSUED = issued()
NAMES = st.sampled_from([*ISSUED, "sig", "reason", "stale_threshold_sec"]) | st.text(max_size=5)
NEARLY_RIGHT = st.builds(
    lambda changes, gone: {k: plain(v) for k, v in {**ISSUED, **changes}.items() if k not in gone},
    st.dictionaries(NAMES, ANYTHING, max_size=2),
    st.sets(st.sampled_from(list(ISSUED)), max_size=1),
)
TEXTS = (
    st.text()
    | st.binary().map(lambda data: data.decode(errors="surrogateescape"))
    | ANYTHING.map(json.dumps)
    | NEARLY_RIGHT.map(json.dumps)
    | st.builds(lambda text, end: text[:end], NEARLY_RIGHT.map(json.dumps), st.integers(0, 400))
)


def nested(depth: int) -> str:
    """A well-formed allow in which something is nested very deep."""
    return exact_json.dumps({**ISSUED, "sig": "00"})[:-1] + ',"extra":' + "[" * depth + "]" * depth + "}"


def refusal_of(error: PermitRefused, allowed: set[str]) -> None:
    assert error.error in allowed
    assert error.reason
    assert len(error.reason) <= LONGEST_REASON


@pytest.mark.parametrize("signing_keys", [(), (KEY,), ("another key, of 30 characters!", KEY)])
@given(raw=st.none() | TEXTS)
@example(raw=nested(300))
@example(raw=nested(1_300))
@example(raw=nested(1_700))
@example(raw=nested(900))
@example(raw=nested(100_000))
@example(raw='{"allow":true,"allow":false}')
@example(raw="9" * 5_000)
@example(raw='{"allow":true,"x":1e5555555555555555555555500}')
@example(raw=json.dumps({k: plain(v) for k, v in ISSUED.items()} | {"order_side": "x" * 5_000}))
@example(raw=json.dumps({"allow": False, "reason": "x" * 5_000}))
def test_any_value_is_an_allow_or_a_refusal(raw: str | None, signing_keys: tuple[str, ...]):
    try:
        permit = require_allow(raw, plan_id="plan-1", symbol=SYMBOL, prefix=PREFIX, signing_keys=signing_keys)
    except PermitRefused as error:
        refusal_of(error, {NO_P33})
        return
    assert not signing_keys, "nobody but us can sign"
    check_consistent(permit)
    assert permit.raw == raw


def test_a_permit_nested_to_any_depth_is_refused() -> None:
    """Around the recursion limit there are depths that can be read and not be written again to check the signature."""
    for depth in range(sys.getrecursionlimit() - 250, sys.getrecursionlimit() + 50):
        with pytest.raises(PermitRefused):
            require_allow(nested(depth), plan_id="plan-1", symbol=SYMBOL, prefix=PREFIX, signing_keys=(KEY,))


def check_consistent(permit: AllowPermit) -> None:
    """It reduces the position that it names, for a limited time."""
    assert 0 < permit.safe_close_qty <= permit.exchange_position_amt.copy_abs()
    assert permit.order_side is (OrderSide.SELL if permit.exchange_position_amt > 0 else OrderSide.BUY)
    assert 0 < permit.ts_ms < permit.expires_ms <= permit.ts_ms + 3_600_000
    assert permit.stale_threshold_ms <= 60_000
    assert permit.run_id


@given(
    amount=st.decimals("0.001", "119", places=3).map(str) | st.decimals("-119", "-0.001", places=3).map(str),
    action=st.sampled_from(["CLOSE_FULL", "CLOSE_PARTIAL_75"]),
)
def test_what_the_service_issues_is_accepted_and_means_the_same(amount: str, action: str):
    plan, facts, policy = make_plan(action=action), make_facts(amount), make_policy()
    verdict = evaluate(plan, facts, policy)
    if not isinstance(verdict, Allow):
        return
    fields = verdict_fields(plan, verdict, now_ms=NOW_MS, facts=make_facts(), policy=policy)
    raw = exact_json.dumps(signed(fields))
    permit = require_allow(raw, plan_id="plan-1", symbol=SYMBOL, prefix=PREFIX, signing_keys=[KEY])
    check_consistent(permit)
    assert (permit.safe_close_qty, permit.exchange_position_amt) == (verdict.safe_close_qty, Decimal(amount))


@given(name=NAMES, value=ANYTHING)
def test_no_field_of_a_signed_permit_can_be_changed(name: str, value: Any):
    forged = {**signed(ISSUED), name: value}
    try:
        raw = exact_json.dumps(forged)
    except TypeError:  # a float: our own writer writes none
        raw = json.dumps({key: plain(each) for key, each in forged.items()})
    try:
        permit = require_allow(raw, plan_id="plan-1", symbol=SYMBOL, prefix=PREFIX, signing_keys=[KEY])
    except PermitRefused as error:
        refusal_of(error, {NO_P33})
        return
    assert (permit.safe_close_qty, permit.expires_ms) == (ISSUED["safe_close_qty"], ISSUED["expires_ms"])


@given(raw=st.none() | TEXTS | st.sampled_from(['{"granted":true}', '{"granted":"true"}', '{"granted":1}']))
@example(raw=nested(100_000))
def test_the_governor_granted_only_what_says_true(raw: str | None):
    try:
        granted = require_granted(raw, key="the-key")
    except PermitRefused as error:
        refusal_of(error, {NO_GOVERNOR})
        return
    assert granted == raw
    assert json.loads(granted)["granted"] is True
