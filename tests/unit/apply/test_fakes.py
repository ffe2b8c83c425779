"""``p33_tasks.apply.testing``: what an executor's own tests rely on."""

from __future__ import annotations

import asyncio
import inspect
import re
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from p33_tasks.apply import (
    REFUSALS,
    AsyncPermitClient,
    ExecutedOrder,
    OrderSide,
    PermitClient,
    PermitRefused,
    StoreError,
)
from p33_tasks.apply.refusals import refusal_of
from p33_tasks.apply.testing import EVERY_REASON, AsyncFakePermitClient, Call, FakePermitClient

ROOT = Path(__file__).parents[3]
CALLS = ("consume", "wait_and_consume", "publish_result", "close", "__enter__", "__exit__")


@pytest.mark.parametrize("name", CALLS)
def test_the_fake_has_the_clients_own_signatures(name: str) -> None:
    assert inspect.signature(getattr(FakePermitClient, name)) == inspect.signature(getattr(PermitClient, name))
    awaited = name.replace("__e", "__ae")
    real, fake = getattr(AsyncPermitClient, awaited), getattr(AsyncFakePermitClient, awaited)
    assert inspect.signature(fake) == inspect.signature(real)
    assert inspect.signature(real).parameters == inspect.signature(getattr(PermitClient, name)).parameters
    assert inspect.iscoroutinefunction(fake)


def test_an_allowed_plan_is_consumed_once_and_calls_are_recorded() -> None:
    with FakePermitClient() as permits:
        permits.allow("plan-1", safe_close_qty="0.028", order_side="BUY", position_side="SHORT")
        consumed = permits.wait_and_consume("plan-1", "BTCUSDT", consume_id="mine")
        assert (consumed.safe_close_qty, consumed.order_side) == (Decimal("0.028"), OrderSide.BUY)
        assert (consumed.position_side, consumed.consume_id) == ("SHORT", "mine")
        with pytest.raises(PermitRefused, match="already_consumed"):
            permits.consume("plan-1", "BTCUSDT")
        with pytest.raises(PermitRefused, match="missing"):
            permits.consume("plan-2", "BTCUSDT")
    assert permits.calls == [
        Call("wait_and_consume", "plan-1", "BTCUSDT"),
        Call("consume", "plan-1", "BTCUSDT"),
        Call("consume", "plan-2", "BTCUSDT"),
    ]


@pytest.mark.parametrize("reason", EVERY_REASON)
def test_every_refusal_can_be_played(reason: str) -> None:
    permits = FakePermitClient()
    permits.refuse("plan-1", reason)
    with pytest.raises(PermitRefused) as refused:
        permits.consume("plan-1", "BTCUSDT")
    known = refusal_of(reason)
    assert refused.value.reason == reason
    assert refused.value.error in (known.errors if known else ("missing_or_denied_p33_permit",))


def test_a_reason_that_the_client_never_gives_is_refused() -> None:
    with pytest.raises(ValueError, match="EVERY_REASON"):
        FakePermitClient().refuse("plan-1", "no_such_reason")


def test_results_are_checked_and_recorded_as_the_client_does() -> None:
    permits = FakePermitClient()
    order = ExecutedOrder(order_id=1, side="SELL", executed_qty="0.01")
    permits.publish_result("plan-1", "BTCUSDT", "executed", orders=[order], consume_id="c")
    assert permits.results[0]["executed"] == "True"
    with pytest.raises(ValueError, match="consume_id"):
        permits.publish_result("plan-1", "BTCUSDT", "rejected")
    permits.redis_is_away = True
    with pytest.raises(StoreError):
        permits.publish_result("plan-1", "BTCUSDT", "blocked")
    with pytest.raises(PermitRefused, match="reached"):
        permits.consume("plan-1", "BTCUSDT")


def test_the_asyncio_fake_says_the_same() -> None:
    async def act() -> AsyncFakePermitClient:
        async with AsyncFakePermitClient() as permits:
            permits.sync.allow("plan-1", safe_close_qty=1)
            consumed = await permits.wait_and_consume("plan-1", "BTCUSDT")
            await permits.publish_result("plan-1", "BTCUSDT", "unknown", consume_id=consumed.consume_id)
            with pytest.raises(PermitRefused):
                await permits.consume("plan-1", "BTCUSDT")
        return permits

    assert asyncio.run(act()).sync.results[0]["outcome"] == "unknown"


# --- the list of refusals -------------------------------------------------------------------------------------------


def test_every_reason_of_the_script_and_of_the_parser_is_on_the_list() -> None:
    script = resources.files("p33_tasks.store").joinpath("lua/consume_permits.lua").read_text("utf-8")
    given = set(re.findall(r"refused\('(?:governor|p33)', '([a-z0-9_]+)'\)", script))
    assert len(given) > 10
    parser = (ROOT / "p33_tasks/apply/permit.py").read_text("utf-8")
    given |= set(re.findall(r'PermitRefused\([A-Z_a-z0-9]+, f?"([^":{]+)', parser))
    unlisted = {reason for reason in given if refusal_of(reason.strip()) is None}
    assert unlisted == set()


@pytest.mark.parametrize("page", ["README.md", "deployment/RUNBOOK.md"])
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.reason)
def test_every_reason_is_in_the_readme_and_the_runbook(page: str, refusal: Any) -> None:
    """In the words of the list."""
    row = f"| `{refusal.reason.strip()}` | {refusal.when} | {refusal.remedy} |"
    assert row in (ROOT / page).read_text("utf-8")
