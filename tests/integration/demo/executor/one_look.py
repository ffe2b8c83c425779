"""One look at one plan, as a thread of the reference executor takes it, and what is then on record."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

import pytest

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.executor.attempt import Executor
from p33_tasks.demo.names import DemoKeys, client_order_id
from p33_tasks.demo.plan_reader import PlanReader
from tests.integration.demo.executor.brain import Brain

PLAN = "plan-1"


class Died(BaseException):
    """The process ends here."""


def step(executor: Executor, reader: PlanReader) -> float | None:
    """One look at every plan that is new or pending; the last one's answer."""
    answer: float | None = None
    for entry in [*reader.pending(), *reader.new(count=10, block_ms=1)]:
        plan = reader.plan_of(entry)
        if plan is not None:
            answer = executor.attempt(entry, plan)
    return answer


def orders(brain: Brain, sim: SimControl) -> list[dict[str, object]]:
    wanted = client_order_id(brain.keys.prefix, PLAN)
    return [order for order in sim.orders() if order["clientOrderId"] == wanted]


def only_result(brain: Brain) -> dict[str, str]:
    (result,) = brain.results_of(PLAN)
    return result


def journal(brain: Brain) -> dict[str, str]:
    found: dict[str, str] = brain.client.hgetall(DemoKeys(brain.keys.prefix).journal(PLAN))
    return found


def let_the_window_end(brain: Brain, by_ms: int = 10_000) -> None:
    """As if this much time had passed since the permit was consumed."""
    key = DemoKeys(brain.keys.prefix).journal(PLAN)
    before = int(brain.client.hget(key, "place_before_ms"))
    brain.client.hset(key, "place_before_ms", str(before - by_ms))


@contextmanager
def dies_at(monkeypatch, owner: object, name: str, *, after: bool = False):
    """The process is killed when it comes to this call, or right after it."""
    real: Callable[..., object] = getattr(owner, name)

    def killed(*args: object, **kwargs: object) -> object:
        if after:
            real(*args, **kwargs)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(Died):
            yield
