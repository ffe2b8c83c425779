"""Positions that plans can close: without one, every verdict is a deny and stops at the second rule."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tests.bench.programs import Brain
from tests.support.waiting import wait_until

POSITION = Decimal(1_000)


def hold_positions(brain: Brain, symbols: Sequence[str]) -> None:
    """Give the account a position in each symbol, of which the ledgers know, so that plans can be allowed."""
    client = brain.server.client()
    for symbol in symbols:
        brain.exchange.set_position(symbol, POSITION)
    pipeline = client.pipeline(transaction=False)
    for symbol in symbols:
        pipeline.hset(f"quantum:position:ledger:{symbol}", "last_known_amt", str(POSITION))
    pipeline.execute()
    last = f"quantum:position:snapshot:{symbols[-1]}"
    wait_until(lambda: client.hget(last, "position_amt") == str(POSITION), "the positions are seen", timeout_sec=40)


def give_free(brain: Brain, symbols: Sequence[str]) -> None:
    """No position is reserved any more."""
    brain.server.client().delete(*(f"quantum:position:inflight:{symbol}" for symbol in symbols))
