"""The asyncio client does what the other one does: the same cases, awaited."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from p33_tasks.apply import AsyncPermitClient, Consumed, ExecutedOrder, OrderSide, PermitRefused, StoreError
from tests.integration.store.permits_to_consume import CHANGED, FORGED, NO_GOVERNOR, NO_P33, both_are_there, change
from tests.support.gate import SYMBOL, Gate
from tests.support.lossy_network import losing_one_answer
from tests.support.redis_server import free_port

T = TypeVar("T")


def within(url: str, act: Callable[[AsyncPermitClient], Awaitable[T]]) -> T:
    """Do it with a client of its own, in an event loop of its own."""

    async def run() -> T:
        async with AsyncPermitClient(url) as client:
            return await act(client)

    return asyncio.run(run())


def refusal(url: str, act: Callable[[AsyncPermitClient], Awaitable[Any]]) -> tuple[str, str | None]:
    with pytest.raises(PermitRefused) as refused:
        within(url, act)
    return refused.value.error, refused.value.reason


async def consume(client: AsyncPermitClient) -> Consumed:
    return await client.consume("plan-1", SYMBOL)


def test_consuming_gives_the_exact_quantity_and_takes_both_permits(allowed: Gate) -> None:
    consumed = within(allowed.url, consume)
    assert (consumed.safe_close_qty, consumed.order_side) == (Decimal("0.030"), OrderSide.SELL)
    assert not allowed.redis.exists(allowed.keys.permit("plan-1"), allowed.keys.governor_permit("plan-1"))
    assert allowed.redis.hget(allowed.keys.consumed("plan-1"), "consume_id") == consumed.consume_id


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_permit_is_refused_and_both_stay(allowed: Gate, forged: str) -> None:
    change(allowed, **FORGED[forged])
    before = allowed.dump()
    assert refusal(allowed.url, consume)[0] == NO_P33
    assert allowed.dump() == before


@pytest.mark.parametrize("what", CHANGED)
def test_what_changed_since_the_verdict_is_seen_at_use(allowed: Gate, what: str) -> None:
    act, reason = CHANGED[what]
    act(allowed)
    before = allowed.dump()
    assert refusal(allowed.url, consume) == (NO_P33, reason)
    assert allowed.dump() == before


def test_of_a_hundred_tasks_exactly_one_may_send(gate: Gate) -> None:
    gate.make_ready()

    async def race(client: AsyncPermitClient) -> list[Any]:
        waiting = [asyncio.create_task(client.wait_and_consume("plan-1", SYMBOL, timeout_sec=10)) for _ in range(100)]
        await asyncio.to_thread(lambda: (gate.grant(), gate.allow()))
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = within(gate.url, race)
    assert sum(isinstance(outcome, Consumed) for outcome in outcomes) == 1
    assert {type(outcome) for outcome in outcomes} == {Consumed, PermitRefused}


def test_waiting_keeps_the_event_loop_free_and_ends_in_time(gate: Gate) -> None:
    turns = 0

    async def wait(client: AsyncPermitClient) -> None:
        nonlocal turns
        waiting = asyncio.create_task(client.wait_and_consume("plan-1", SYMBOL, timeout_sec=0.3))
        while not waiting.done():
            turns += 1
            await asyncio.wait({waiting}, timeout=0.01)
        await waiting

    began = time.monotonic()
    assert refusal(gate.url, wait)[0] == NO_GOVERNOR
    assert time.monotonic() - began >= 0.3
    assert turns > 5


def test_a_second_consumption_is_refused_at_once_as_one(allowed: Gate) -> None:
    async def twice(client: AsyncPermitClient) -> None:
        await client.consume("plan-1", SYMBOL)
        await client.wait_and_consume("plan-1", SYMBOL, timeout_sec=60)

    assert refusal(allowed.url, twice) == (NO_GOVERNOR, "already_consumed")


def test_redis_out_of_reach_is_a_refusal_and_no_result() -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    error, reason = refusal(url, consume)
    assert error == NO_GOVERNOR
    assert "can't be reached" in str(reason)
    with pytest.raises(StoreError):
        within(url, lambda client: client.publish_result("plan-1", SYMBOL, "blocked"))


def test_sentinels_out_of_reach_are_a_refusal() -> None:
    url = f"sentinel://127.0.0.1:{free_port()};127.0.0.1:{free_port()}/master"
    error, reason = refusal(url, consume)
    assert error == NO_GOVERNOR
    assert "sentinel" in str(reason)


def test_a_consumption_whose_answer_was_lost_is_repeated_and_is_one(allowed: Gate) -> None:
    with losing_one_answer(allowed.server.port, "consumed") as (url, lost):
        consumed = within(url, consume)
        assert lost.is_set()
    assert allowed.redis.hget(allowed.keys.consumed("plan-1"), "consume_id") == consumed.consume_id


def test_scripts_that_redis_forgot_are_loaded_again(allowed: Gate) -> None:
    async def act(client: AsyncPermitClient) -> Consumed:
        with pytest.raises(PermitRefused):
            await client.consume("plan-2", SYMBOL)
        allowed.redis.script_flush()
        return await client.consume("plan-1", SYMBOL)

    assert within(allowed.url, act)


def test_a_cancelled_wait_consumes_nothing(allowed: Gate) -> None:
    allowed.redis.delete(allowed.keys.governor_permit("plan-1"))

    async def cancelled(client: AsyncPermitClient) -> None:
        connected = len(allowed.redis.client_list())
        waiting = asyncio.create_task(client.wait_and_consume("plan-1", SYMBOL, timeout_sec=60))
        for _ in range(500):
            if len(allowed.redis.client_list()) > connected:
                break
            await asyncio.wait({waiting}, timeout=0.01)
        else:
            pytest.fail("it never asked")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    within(allowed.url, cancelled)
    allowed.grant()
    assert both_are_there(allowed)


def test_a_cancellation_that_the_redis_client_forgets_ends_the_wait_all_the_same(
    allowed: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``asyncio.wait_for`` of Python 3.11 does when its work is done in that very moment."""
    allowed.grant()
    asked, real = asyncio.Event(), AsyncPermitClient._read

    async def forgetful(client: AsyncPermitClient, plan_id: str) -> list[Any]:
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()  # only the cancellation ends it
        return await real(client, plan_id)

    monkeypatch.setattr(AsyncPermitClient, "_read", forgetful)

    async def cancelled(client: AsyncPermitClient) -> list[Any]:
        waiting = asyncio.create_task(client.wait_and_consume("plan-1", SYMBOL, timeout_sec=60))
        await asked.wait()
        waiting.cancel()
        return list(await asyncio.gather(waiting, return_exceptions=True))

    (outcome,) = within(allowed.url, cancelled)
    assert isinstance(outcome, asyncio.CancelledError)
    assert both_are_there(allowed)


def test_results_are_published_as_the_brain_reads_them(allowed: Gate) -> None:
    order = ExecutedOrder(order_id=7, side="SELL", executed_qty="0.03")

    async def act(client: AsyncPermitClient) -> str:
        consumed = await client.consume("plan-1", SYMBOL)
        return await client.publish_result("plan-1", SYMBOL, "executed", orders=[order], consume_id=consumed.consume_id)

    entry_id = within(allowed.url, act)
    ((found, fields),) = allowed.redis.xrange(allowed.keys.results)
    assert (found, fields["executed"], fields["outcome"]) == (entry_id, "True", "executed")
