"""Executors of a model, on the real client and scripts: what the replays know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.apply import PermitClient
from p33_tasks.errors import PermitRefused
from tests.model.state import READ, Executor
from tests.support.gate import SYMBOL, Gate

if TYPE_CHECKING:
    from tests.model.replay import Replay


@dataclass
class Held:
    """What somebody of the model holds, and what that is in reality."""

    model: Any
    real: Any


def reader(play: Replay, index: int) -> Executor:
    """An executor of the model that has read a plan's permit."""
    permit = play.before.redis.plans[index].permit
    assert permit is not None, "nothing to read"
    age = 0 if play.case.getdel else permit.age
    return Executor(READ, index, permit.qty, age, 0, permit.amount, permit.run)


def taken(gate: Gate, client: PermitClient, plan_id: str, permit: str | None, consume_id: str) -> str:
    """Take both permits, ours as it was read; why that was refused, "" where it wasn't."""
    gate.grant(plan_id)
    granted = gate.redis.get(gate.keys.governor_permit(plan_id)) or ""
    try:
        client._run(client._consuming._take(plan_id, SYMBOL, granted, permit, consume_id))
    except PermitRefused as refused:
        return str(refused.reason)
    return ""
