"""The legs of a position in these tests."""

from __future__ import annotations

from typing import Any

from p33_tasks.domain.models import Leg
from tests.support.gate import SYMBOL, Gate

LEGS = [Leg.LONG, Leg.SHORT]


def set_field(gate: Gate, leg: Leg, **fields: Any) -> None:
    gate.redis.hset(gate.keys.snapshot(SYMBOL, leg), mapping=fields)


def adopt(gate: Gate, leg: Leg) -> tuple[bool, str]:
    adoption = gate.operator.adopt_ledger(
        SYMBOL, leg, source="binanceusdm test.example", policy=gate.policy, by="me", replace=True
    )
    return adoption.adopted, adoption.refusal or adoption.after
