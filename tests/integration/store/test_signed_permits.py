"""Signatures, checked once more by hand from CONTRACT section 6 alone (failure 26)."""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.apply import PermitRefused
from tests.support.gate import OTHER, SYMBOL, Gate
from tests.support.redis_server import RedisServer

KEY, NEXT_KEY = "first-signing-key-of-tests", "second-signing-key-of-tests"
NO_P33 = "missing_or_denied_p33_permit"


@pytest.fixture
def signing(server: RedisServer) -> Gate:
    return Gate(server, signing_key=KEY).make_ready()


def signature_by_hand(raw: str, *, prefix: str, key: str) -> str:
    """Nothing of ours: sorted keys, no spaces, UTF-8, numbers as they were written."""
    permit: dict[str, Any] = json.loads(raw, parse_float=_Literal, parse_int=_Literal)
    permit.pop("sig", None)
    members = (f"{json.dumps(name)}:{_text(value)}" for name, value in sorted(permit.items()))
    message = prefix + "\n{" + ",".join(members) + "}"
    return hmac.new(key.encode(), message.encode("utf-8"), hashlib.sha256).hexdigest()


class _Literal(str):
    __slots__ = ()


def _text(value: object) -> str:
    return value if isinstance(value, _Literal) else json.dumps(value, ensure_ascii=False)


def raw_permit(gate: Gate, plan_id: str = "plan-1") -> str:
    raw: str = gate.redis.get(gate.keys.permit(plan_id)) or ""
    return raw


def test_an_allow_carries_a_signature_that_anybody_can_check(signing: Gate) -> None:
    signing.allow()
    raw = raw_permit(signing)
    assert json.loads(raw)["sig"] == signature_by_hand(raw, prefix="quantum", key=KEY)


@pytest.mark.parametrize(
    ("plan_id", "amount"), [("plan-ü-€-\u4e2d", "0.040"), ('plan "1" \\', "0.1234567"), ("p", "90000000")]
)
def test_any_plan_id_and_any_quantity_can_be_checked(signing: Gate, plan_id: str, amount: str) -> None:
    signing.make_ready(amount)
    signing.allow(plan_id, action="CLOSE_FULL")
    raw = raw_permit(signing, plan_id)
    assert json.loads(raw)["sig"] == signature_by_hand(raw, prefix="quantum", key=KEY)
    assert signing.consume(plan_id, signing_keys=[KEY]).safe_close_qty == min(
        Decimal(amount) // Decimal("0.001") * Decimal("0.001"), Decimal(120)
    )


def test_the_whole_permit_can_be_checked_with_nothing_but_json(signing: Gate) -> None:
    """As an executor would that knows no Decimal, for quantities that a double can hold."""
    signing.allow()
    permit = json.loads(raw_permit(signing))
    sig = permit.pop("sig")
    message = "quantum\n" + json.dumps(permit, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert sig == hmac.new(KEY.encode(), message.encode(), hashlib.sha256).hexdigest()
    assert permit["safe_close_qty"] == 0.03
    assert permit["ts_epoch"] == permit["ts_ms"] // 1000
    assert permit["expires_ms"] == permit["ts_ms"] + 60_000


def test_the_tombstone_holds_no_signature_that_could_be_put_back(signing: Gate) -> None:
    signing.allow()
    assert "sig" not in (signing.decision() or {})
    assert all("sig" not in json.loads(entry["verdict"]) for entry in signing.audit())


def test_a_deny_needs_no_signature(signing: Gate) -> None:
    signing.judge(symbol=OTHER)
    assert "sig" not in (signing.permit() or {})
    assert signing.refusal(symbol=OTHER, signing_keys=[KEY]) == (NO_P33, "no_exchange_snapshot")


def test_a_signed_permit_is_consumed_with_its_key(signing: Gate) -> None:
    signing.allow()
    assert signing.consume(signing_keys=[KEY]).safe_close_qty == Decimal("0.030")


@pytest.mark.parametrize("keys", [[NEXT_KEY, KEY], [KEY, NEXT_KEY]])
def test_while_keys_are_rotated_either_is_right(signing: Gate, keys: list[str]) -> None:
    signing.allow()
    assert signing.consume(signing_keys=keys)


def test_another_key_is_wrong(signing: Gate) -> None:
    signing.allow()
    assert signing.refusal(signing_keys=[NEXT_KEY]) == (NO_P33, "bad_signature")


def test_a_consumer_without_keys_takes_a_signed_permit(signing: Gate) -> None:
    signing.allow()
    assert signing.consume()


def test_an_unsigned_permit_is_refused_where_signing_is_on(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    assert gate.refusal(signing_keys=[KEY]) == (NO_P33, "bad_signature")


@pytest.mark.parametrize("sig", [None, "", "0" * 64, 5, ["x"], "é" * 64, True])
def test_a_signature_that_is_none_is_refused(signing: Gate, sig: object) -> None:
    signing.allow()
    permit = json.loads(raw_permit(signing))
    signing.redis.set(signing.keys.permit("plan-1"), json.dumps({**permit, "sig": sig}))
    assert signing.refusal(signing_keys=[KEY]) == (NO_P33, "bad_signature")


@pytest.mark.parametrize(
    "change",
    [
        {"safe_close_qty": 0.031},
        {"expires_ms": 1_999_999_999_999},
        {"ts_ms": 1},
        {"run_id": "b" * 40},
        {"stale_threshold_sec": 60},
        {"read_lag_sec": 0},
        {"exchange_position_amt": 0.05},
        {"ledger_position_amt": 0.05},
        {"more": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_altered_permit_is_refused(signing: Gate, change: dict[str, Any]) -> None:
    signing.allow()
    permit = json.loads(raw_permit(signing))
    signing.redis.set(signing.keys.permit("plan-1"), json.dumps({**permit, **change}))
    assert signing.refusal(signing_keys=[KEY]) == (NO_P33, "bad_signature")


def test_a_permit_replayed_under_another_plan_is_refused(signing: Gate) -> None:
    signing.allow()
    raw = raw_permit(signing)
    signing.redis.set(signing.keys.permit("plan-2"), raw)
    signing.redis.set(signing.keys.reservation(SYMBOL), "plan-2")
    assert signing.refusal("plan-2", signing_keys=[KEY]) == (NO_P33, "about_another_plan")
    renamed = json.dumps({**json.loads(raw), "plan_id": "plan-2"})
    signing.redis.set(signing.keys.permit("plan-2"), renamed)
    assert signing.refusal("plan-2", signing_keys=[KEY]) == (NO_P33, "bad_signature")


def test_a_permit_of_another_account_is_refused(server: RedisServer) -> None:
    """The key prefix is signed too: two accounts with one key on one Redis."""
    other = Gate(server, prefix="other", signing_key=KEY).make_ready()
    other.allow()
    gate = Gate(server, signing_key=KEY).make_ready()
    gate.allow()
    gate.redis.set(gate.keys.permit("plan-1"), raw_permit(other))
    assert gate.refusal(signing_keys=[KEY]) == (NO_P33, "bad_signature")


def test_signing_keys_are_a_list(gate: Gate) -> None:
    """One string would be taken apart into keys of one character."""
    with pytest.raises(TypeError, match="list"):
        gate.client(signing_keys=KEY)


def test_consuming_refuses_with_the_contracts_own_exception(signing: Gate) -> None:
    with pytest.raises(PermitRefused, match="missing_permit_or_redis"):
        signing.client(signing_keys=[KEY]).consume("plan-1", SYMBOL)
