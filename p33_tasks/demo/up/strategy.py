"""The demo's strategy: ``python -m p33_tasks.demo.up.strategy URL``. Its plans follow prices and gains, with noise.

It has positions in separate symbols and closes them by a rule. The forecaster has no other data than positions, prices
and plans that were already sent. From time to time a part of the position with the largest gain is closed manually;
until the ledger is adopted, plans for that position are denied.
"""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p33_tasks.demo.exchange.client import SimControl, SimControlError
from p33_tasks.demo.harvest import HarvestRule, gain_ppm
from p33_tasks.demo.loops import repeat, serve
from p33_tasks.demo.scenarios.environment import Environment
from p33_tasks.demo.up.demo import strategy_symbols
from p33_tasks.demo.up.producer import wait_for_readers
from p33_tasks.domain.models import Leg
from p33_tasks.settings import Settings

LOOK_EVERY_SEC = 1.0
ERROR_PPM = 40
"""Standard deviation of the error of the observed gain."""
WAITS_SEC = 10.0
"""Pause between two plans for a position: then the first order, its barrier and usually its cooldown are over."""
FLAT_SEC = 10.0
"""Mean time until a position is opened again."""
NOTIONAL, LEAST_STEPS = Decimal(2_000), 16
"""Of a new position: quote units, and a multiple of this many steps, so that a quarter of the rest is a whole step."""
BY_HAND_EVERY_SEC, REPAIRED_AFTER_SEC = 30.0, 25.0
KEPT_BY_HAND = (3, 4)
"""The part left after a manual trade: a drift far above the tolerance."""

Row = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Held:
    """One symbol of the strategy. Times are of the monotonic clock."""

    opens_sec: float  # while flat
    amount: Decimal = Decimal(0)  # signed, base units; at the last reading
    rung: int = 0  # number of partial closes
    is_settled: bool = False  # snapshot and ledger have the position
    planned_sec: float = 0.0
    repaired_sec: float = 0.0  # until then the ledger isn't adopted after the manual trade


class Strategy:
    """Positions of the demo's account that are closed by the harvest rule."""

    def __init__(self, environment: Environment, symbols: Sequence[str], *, chance: random.Random) -> None:
        self._environment = environment
        self._environment.case = "strategy"
        self._chance = chance
        self._rule = HarvestRule()
        now_sec = time.monotonic()
        self._held = {symbol: self._flat(now_sec) for symbol in symbols}
        self._by_hand_sec = now_sec + BY_HAND_EVERY_SEC

    def turn(self) -> None:
        """Check every position once.

        Raises:
            StoreError: Redis is unavailable, or refuses.
            SimControlError: The simulator is unavailable.
        """
        state, now_sec = self._environment.sim.state(), time.monotonic()
        rows = {row["symbol"]: row for row in state["positions"] if row["symbol"] in self._held and Decimal(row["amt"])}
        for symbol, held in self._held.items():
            if symbol in rows:
                self._look(rows[symbol], held, Decimal(state["prices"][symbol]), now_sec)
            elif held.amount:
                self._held[symbol] = self._flat(now_sec)
            elif now_sec >= held.opens_sec:
                self._open(symbol, held, state)
        if now_sec >= self._by_hand_sec:
            self._by_hand_sec = now_sec + BY_HAND_EVERY_SEC
            self._trade_by_hand(list(rows.values()), state, now_sec)

    def _flat(self, now_sec: float) -> Held:
        return Held(opens_sec=now_sec + self._chance.expovariate(1 / FLAT_SEC))

    def _look(self, row: Row, held: Held, mark: Decimal, now_sec: float) -> None:
        symbol, leg, amount = row["symbol"], Leg(row["position_side"]), Decimal(row["amt"])
        if abs(amount) < abs(held.amount):
            held.rung += 1
        held.amount = amount
        if not held.is_settled and now_sec >= held.repaired_sec:
            held.is_settled = self._environment.is_settled(symbol, amount, leg)
        known = held.is_settled or now_sec < held.repaired_sec
        if not known or now_sec - held.planned_sec < WAITS_SEC:
            return
        seen_ppm = gain_ppm(amount, Decimal(row["entry_price"]), mark) + round(self._chance.gauss(0, ERROR_PPM))
        action = self._rule.wanted(seen_ppm, held.rung)
        if action is not None:
            held.planned_sec = now_sec
            side = {} if leg is Leg.BOTH else {"positionSide": str(leg)}
            self._environment.send(symbol, action, **side)

    def _open(self, symbol: str, held: Held, state: Mapping[str, Any]) -> None:
        """Set the position at the simulator, as if another strategy had opened it, and adopt its ledger."""
        step = Decimal(state["markets"][symbol]["step_size"]) * LEAST_STEPS
        size = max(1, int(NOTIONAL / Decimal(state["prices"][symbol]) / step)) * step
        is_long = self._chance.random() < 1 / 2
        held.amount = size if is_long else size.copy_negate()
        leg = (Leg.LONG if is_long else Leg.SHORT) if state["hedge_mode"] else Leg.BOTH
        self._environment.sim.set_position(symbol, held.amount, position_side=leg)

    def _trade_by_hand(self, rows: Sequence[Row], state: Mapping[str, Any], now_sec: float) -> None:
        """Close a part of the position with the largest gain, without a plan or a result."""

        def gain(row: Row) -> int:
            return gain_ppm(Decimal(row["amt"]), Decimal(row["entry_price"]), Decimal(state["prices"][row["symbol"]]))

        settled = [row for row in rows if self._held[row["symbol"]].is_settled]
        if not settled:
            return
        row = max(settled, key=gain)
        symbol, amount, step = row["symbol"], Decimal(row["amt"]), Decimal(state["markets"][row["symbol"]]["step_size"])
        kept, of = KEPT_BY_HAND
        left = (amount / step * kept // of) * step
        if left:
            self._environment.sim.set_position(
                symbol, left, entry_price=row["entry_price"], position_side=row["position_side"]
            )
            held = self._held[symbol]
            held.amount, held.is_settled, held.repaired_sec = left, False, now_sec + REPAIRED_AFTER_SEC


def run_strategy(settings: Settings, stop: threading.Event, sim: SimControl) -> None:
    """Trade until ``stop`` is set."""
    environment = Environment.of(settings, sim, stop)
    if not wait_for_readers(environment.client, environment.keys.plans, stop):
        return
    strategy = Strategy(environment, strategy_symbols(settings.exchange), chance=random.Random())

    def turn() -> None:
        with contextlib.suppress(SimControlError):  # the simulator is starting or ending
            strategy.turn()
        stop.wait(LOOK_EVERY_SEC)

    repeat(turn, stop, who="strategy")


if __name__ == "__main__":
    sys.exit(serve(lambda settings, stop: run_strategy(settings, stop, SimControl(sys.argv[1]))))
