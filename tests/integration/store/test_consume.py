"""Consuming both permits: both or neither, and once (CONTRACT section 6).

Failures 24, 25, 26, and the sequences B, E, F, G, H.
"""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.apply import PermitClient, PermitRefused
from p33_tasks.domain.models import Leg, OrderSide
from tests.integration.store.permits_to_consume import (
    NO_GOVERNOR,
    NO_P33,
    both_are_there,
    change,
)
from tests.support.gate import SYMBOL, Gate, race
from tests.support.lossy_network import losing_one_answer

WAITED_IN_VAIN_SEC = 20


def refusal_at_once(client: PermitClient, plan_id: str = "plan-1") -> tuple[str, str | None]:
    """Error and reason of a client that would wait for long, and doesn't."""
    began = time.monotonic()
    with pytest.raises(PermitRefused) as refused:
        client.wait_and_consume(plan_id, SYMBOL, timeout_sec=WAITED_IN_VAIN_SEC)
    assert time.monotonic() - began < WAITED_IN_VAIN_SEC / 4
    with pytest.raises(PermitRefused) as again:
        client.consume(plan_id, SYMBOL)
    assert (again.value.error, again.value.reason) == (refused.value.error, refused.value.reason)
    return refused.value.error, refused.value.reason


def test_consuming_gives_the_exact_quantity_and_takes_both_permits(allowed: Gate) -> None:
    before_ms = allowed.now_ms()
    consumed = allowed.client().consume("plan-1", SYMBOL)
    assert consumed.safe_close_qty == Decimal("0.030")
    assert consumed.order_side is OrderSide.SELL
    assert before_ms + 5_000 <= consumed.place_before_ms <= allowed.now_ms() + 5_000
    assert not allowed.redis.exists(allowed.keys.permit("plan-1"), allowed.keys.governor_permit("plan-1"))
    assert allowed.reserved_by() == "plan-1"
    record = allowed.redis.hgetall(allowed.keys.consumed("plan-1"))
    assert record["consume_id"] == consumed.consume_id
    assert record["symbol"] == SYMBOL
    assert record["place_before_ms"] == str(consumed.place_before_ms)


def test_a_short_is_closed_by_buying(gate: Gate) -> None:
    gate.make_ready("-0.5")
    gate.allow(action="CLOSE_FULL")
    consumed = gate.consume()
    assert (consumed.order_side, consumed.safe_close_qty) == (OrderSide.BUY, Decimal("0.5"))


def test_the_governors_key_can_have_another_name(allowed: Gate) -> None:
    template = "{prefix}:permit:{plan_id}"
    allowed.redis.rename(allowed.keys.governor_permit("plan-1"), "quantum:permit:plan-1")
    client = allowed.client(governor_key=template)
    assert client.consume("plan-1", SYMBOL).safe_close_qty == Decimal("0.030")
    assert not allowed.redis.exists("quantum:permit:plan-1")


def test_the_governors_other_fields_are_its_own_business(allowed: Gate) -> None:
    allowed.grant(text='{"granted":true,"score":5.551115123125783e-17,"limit":1e400,"x":NaN,"n":' + "9" * 60 + "}")
    assert allowed.client().consume("plan-1", SYMBOL)


@pytest.mark.parametrize("shared_id", [None, "one-journal"], ids=["own consume_ids", "one consume_id"])
def test_of_a_hundred_executors_exactly_one_may_send(allowed: Gate, shared_id: str | None) -> None:
    """Failure 24; also when all of them read the same consume_id from the same journal."""
    clients = [allowed.client() for _ in range(100)]
    outcomes = race(100, lambda n: clients[n].consume("plan-1", SYMBOL, consume_id=shared_id))
    winners = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert len(winners) == 1
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, Exception)} == {PermitRefused}
    assert allowed.redis.hget(allowed.keys.consumed("plan-1"), "consume_id") == winners[0].consume_id


def test_of_a_hundred_executors_that_wait_exactly_one_may_send(gate: Gate) -> None:
    gate.make_ready()
    clients = [gate.client() for _ in range(100)]

    def act(number: int) -> object:
        if number == 0:
            gate.grant()
            return gate.allow()
        return clients[number].wait_and_consume("plan-1", SYMBOL, timeout_sec=2.5)

    outcomes = race(100, act)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes[1:]) == 1


def test_consuming_again_is_refused_also_under_the_same_consume_id(allowed: Gate) -> None:
    """The first one may have sent its order: an executor that crashed asks the venue, not the gate."""
    client = allowed.client()
    client.consume("plan-1", SYMBOL, consume_id="journal-7")
    with pytest.raises(PermitRefused):
        client.consume("plan-1", SYMBOL, consume_id="journal-7")
    assert allowed.redis.hget(allowed.keys.consumed("plan-1"), "consume_id") == "journal-7"


def test_of_two_that_verified_the_same_permit_under_one_consume_id_one_may_send(allowed: Gate) -> None:
    """Two processes continue one journal: each has read both permits before the other takes them."""
    first, second = allowed.client(), allowed.client()
    real = second._read

    def read(plan_id: str) -> list[Any]:
        found = real(plan_id)
        first.consume(plan_id, SYMBOL, consume_id="one-journal")
        return found

    second._read = read  # type: ignore[method-assign]  # the other one comes right after reading
    with pytest.raises(PermitRefused):
        second.consume("plan-1", SYMBOL, consume_id="one-journal")


def test_permits_put_back_are_not_consumed_again(allowed: Gate) -> None:
    permit = allowed.redis.get(allowed.keys.permit("plan-1")) or ""
    allowed.client().consume("plan-1", SYMBOL)
    allowed.redis.set(allowed.keys.permit("plan-1"), permit)
    assert allowed.refusal() == (NO_P33, "already_consumed")


def test_a_consumption_whose_answer_was_lost_is_repeated_and_is_one(allowed: Gate) -> None:
    """redis-py sends it again over a new connection; the second answer is the first's."""
    with losing_one_answer(allowed.server.port, "consumed") as (url, lost):
        client = PermitClient(url)
        consumed = client.consume("plan-1", SYMBOL)
        assert lost.is_set()
        client.close()
    record = allowed.redis.hgetall(allowed.keys.consumed("plan-1"))
    assert record["consume_id"] == consumed.consume_id
    assert record["place_before_ms"] == str(consumed.place_before_ms)


def test_a_plain_get_and_del_consumer_still_works(allowed: Gate) -> None:
    permit = json.loads(allowed.redis.get(allowed.keys.permit("plan-1")) or "{}")
    assert permit["allow"] is True
    assert allowed.redis.delete(allowed.keys.permit("plan-1")) == 1
    assert allowed.refusal() == (NO_P33, "withdrawn")
    assert allowed.reserved_by() == "plan-1"
    allowed.report("plan-1", ("7", "SELL", "0.030"))
    assert allowed.reserved_by() is None
    assert allowed.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 0


def test_a_second_consumption_is_refused_at_once_as_one(allowed: Gate) -> None:
    client = allowed.client()
    client.consume("plan-1", SYMBOL)
    assert refusal_at_once(client) == (NO_GOVERNOR, "already_consumed")
    allowed.grant()
    assert refusal_at_once(client) == (NO_P33, "already_consumed")


def test_a_permit_that_expired_before_it_was_consumed_is_refused_at_once_as_one(allowed: Gate) -> None:
    verdict = allowed.decision() or {}
    allowed.redis.delete(allowed.keys.permit("plan-1"))
    allowed.redis.set(
        allowed.keys.decision("plan-1"), json.dumps({**verdict, "expires_ms": allowed.now_ms() - 1}, default=float)
    )
    assert refusal_at_once(allowed.client()) == (NO_P33, "expired")
    allowed.redis.delete(allowed.keys.governor_permit("plan-1"))
    assert refusal_at_once(allowed.client()) == (NO_GOVERNOR, "expired")


def test_a_permit_that_somebody_took_without_the_client_is_refused_at_once_as_withdrawn(allowed: Gate) -> None:
    allowed.redis.delete(allowed.keys.permit("plan-1"))
    assert refusal_at_once(allowed.client()) == (NO_P33, "withdrawn")


def test_a_deny_is_told_also_after_its_permit_expired(gate: Gate) -> None:
    gate.judge()
    gate.redis.delete(gate.keys.permit("plan-1"))
    assert refusal_at_once(gate.client()) == (NO_P33, "no_exchange_snapshot")


@pytest.mark.parametrize("verdict", ["", "no JSON", "[]"])
def test_a_verdict_that_cannot_be_read_says_nothing_about_a_permit(gate: Gate, verdict: str) -> None:
    gate.redis.set(gate.keys.decision("plan-1"), verdict)
    gate.redis.set(gate.keys.consumed("plan-1"), "a foreign value")
    assert gate.refusal() == (NO_P33, "missing")


def test_an_executor_that_may_not_read_verdicts_does_without_their_reasons(allowed: Gate) -> None:
    """An ACL file of the version before, or of Redis 6.2, which knows no right to read only."""
    keys, user = allowed.keys, "old-executor"
    rights = ["+@all", *(f"~{key}" for key in (keys.permit("*"), keys.governor_permit("*"), keys.consumed("*")))]
    allowed.redis.acl_setuser(user, enabled=True, nopass=True, commands=rights[:1], keys=[r[1:] for r in rights[1:]])
    client = PermitClient(allowed.url.replace("redis://", f"redis://{user}:any@"))
    allowed.redis.delete(keys.permit("plan-1"))
    for _ in range(2):
        with pytest.raises(PermitRefused) as refused:
            client.wait_and_consume("plan-1", SYMBOL, timeout_sec=0.05)
        assert (refused.value.error, refused.value.reason) == (NO_P33, "missing")
    allowed.redis.hset(keys.consumed("plan-1"), "consume_id", "of another executor")
    with pytest.raises(PermitRefused, match="already_consumed"):
        client.consume("plan-1", SYMBOL)
    (entry,) = allowed.redis.acl_log()
    assert (entry["object"], entry["count"]) == (keys.decision("plan-1"), 1), "it is tried once"


@pytest.mark.parametrize("argument", ["plan_id", "symbol"])
@pytest.mark.parametrize("value", [None, "", "  ", 7, "x" * 201])
def test_a_call_without_a_plan_is_refused_with_what_to_do(gate: Gate, argument: str, value: Any) -> None:
    arguments: dict[str, Any] = {"plan_id": "plan-1", "symbol": SYMBOL, argument: value}
    for call in (gate.client().consume, gate.client().wait_and_consume):
        with pytest.raises(ValueError, match=f"{argument} .* plan"):
            call(**arguments)


@pytest.mark.parametrize("timeout_sec", [float("nan"), float("inf"), -1, "1.2", None, True])
def test_a_waiting_time_that_is_none_is_refused(gate: Gate, timeout_sec: Any) -> None:
    """A NaN would be waited for without end."""
    with pytest.raises(ValueError, match="timeout_sec"):
        gate.client().wait_and_consume("plan-1", SYMBOL, timeout_sec=timeout_sec)


@pytest.mark.parametrize("leg", [Leg.LONG, Leg.SHORT])
def test_the_permits_leg_is_handed_on(gate: Gate, leg: Leg) -> None:
    gate.make_hedged()
    gate.allow(position_side=leg)
    assert gate.consume().position_side == str(leg)


def test_a_permit_of_one_way_mode_is_about_the_whole_position_whatever_side_its_plan_names(gate: Gate) -> None:
    gate.make_ready()
    gate.allow(position_side=Leg.LONG)
    assert gate.consume().position_side == "BOTH"


def test_a_permit_without_a_leg_is_about_the_whole_position(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    change(gate, position_side=...)
    assert gate.consume().position_side == "BOTH"


@pytest.mark.parametrize(
    "text",
    [
        '{"granted":"true"}',
        '{"granted":1}',
        '{"granted":false}',
        '{"granted":null}',
        '{"grant":true}',
        '{"granted":false,"granted":true}',
        '{"granted":true',
        "[true]",
        "true",
        "",
        "[" * 100_000,
        '{"granted":true,"n":' + "1" * 5_000 + "e}",
    ],
    ids=lambda text: text[:32],
)
def test_only_granted_true_is_granted(allowed: Gate, text: str) -> None:
    allowed.grant(text=text)
    with pytest.raises(PermitRefused) as refused:
        allowed.client().consume("plan-1", SYMBOL)
    assert refused.value.error == NO_GOVERNOR
    assert allowed.permit() is not None, "neither is consumed"


def test_a_missing_or_foreign_governors_permit_is_none(allowed: Gate) -> None:
    key = allowed.keys.governor_permit("plan-1")
    for put in (lambda: None, lambda: allowed.redis.hset(key, "granted", "true")):
        allowed.redis.delete(key)
        put()
        with pytest.raises(PermitRefused) as refused:
            allowed.client().consume("plan-1", SYMBOL)
        assert refused.value.error == NO_GOVERNOR
        assert allowed.permit() is not None


def test_a_governors_permit_changed_since_it_was_read_refuses_both(allowed: Gate) -> None:
    client = allowed.client()
    real, key = client._read, allowed.keys.governor_permit("plan-1")
    client._read = lambda plan_id: (real(plan_id), allowed.redis.set(key, '{"granted":false}'))[0]  # type: ignore[method-assign]  # a change right after reading
    with pytest.raises(PermitRefused) as refused:
        client.consume("plan-1", SYMBOL)
    assert (refused.value.error, refused.value.reason) == (NO_GOVERNOR, "changed")
    assert both_are_there(allowed)
