"""The types of the producer's cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p33_tasks.demo.scenarios.environment import Environment, SymbolState
from p33_tasks.domain.models import Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """A symbol of the demo: its position at the start of a case (signed base units), and the venue's step size."""

    symbol: str
    home_amt: Decimal
    step: Decimal
    leg: Leg = Leg.BOTH


HOME_AMTS = {
    "BTC": Decimal("0.040"),
    "ETH": Decimal("-1.200"),
    "SOL": Decimal(36),
    "XRP": Decimal("-4000.0"),
    "DOGE": Decimal(20_000),
}
"""By base asset, since each front has its own symbols and contracts."""


def traded_on(markets: Mapping[str, Mapping[str, str]], *, hedged: bool) -> tuple[Traded, ...]:
    """The demo's symbols on a simulator; in hedge mode each has both legs.

    Args:
        markets: Base asset and step size by symbol, as in ``GET /sim/state``.
        hedged: The account's position mode.
    """
    symbols = {market["base"]: symbol for symbol, market in markets.items()}
    return tuple(
        Traded(
            symbol=symbols[base],
            home_amt=home_amt if leg is Leg.BOTH else home_amt.copy_sign(1 if leg is Leg.LONG else -1),
            step=Decimal(markets[symbols[base]]["step_size"]),
            leg=leg,
        )
        for leg in ((Leg.LONG, Leg.SHORT) if hedged else (Leg.BOTH,))
        for base, home_amt in HOME_AMTS.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The setup of one case: the environment and the traded position."""

    environment: Environment
    traded: Traded
    symbols: tuple[str, ...]  # all symbols of the demo

    @property
    def symbol(self) -> str:  # noqa: D102 - the traded one's
        return self.traded.symbol

    def state(self) -> SymbolState:
        """The state of the traded position."""
        return self.environment.state(self.symbol, self.traded.leg)

    def send(self, action: str = "CLOSE_PARTIAL_75", **fields: str) -> str:
        """Send a plan for the traded position, with its leg in hedge mode, and return the plan_id."""
        side = {} if self.traded.leg is Leg.BOTH else {"positionSide": str(self.traded.leg)}
        return self.environment.send(self.symbol, action, **(side | fields))

    def move(self, amount: Decimal) -> None:
        """Change the position at the simulator, as a manual trade does."""
        self.environment.move_position(self.symbol, amount, self.traded.leg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The result of a case."""

    got: str  # verdicts, joined by " + "
    plan_id: str = ""
    outcome: str = ""  # the executor's last outcome; empty if none is expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One step of the demo."""

    name: str
    expected: str
    play: Callable[[Setup], Played]
    outcome: str = ""  # the executor's expected outcome; empty: not checked
    side: int = 0  # 1: on a long, -1: on a short, 0: on either
    amount: Callable[[Traded], Decimal] = lambda traded: traded.home_amt  # the position when the case begins
    many_symbols: bool = False  # needs a second symbol
    modes: frozenset[bool] = frozenset({False, True})  # False: in one-way mode, True: in hedge mode
    switches_mode: bool = False  # only on a venue with hedge mode


def judged(setup: Setup, plan_id: str) -> Played:
    """Wait for a plan's verdict and result."""
    got = setup.environment.verdict(plan_id)
    return Played(got=got, plan_id=plan_id, outcome=setup.environment.outcome(plan_id))


def sent(action: str = "CLOSE_PARTIAL_75", **fields: str) -> Callable[[Setup], Played]:
    """A case that only sends one plan."""
    return lambda setup: judged(setup, setup.send(action, **fields))


@contextmanager
def faulty(setup: Setup, **switches: Any) -> Iterator[None]:
    """Turn fault switches of the simulator on for as long as the block runs."""
    setup.environment.sim.fault(**switches)
    try:
        yield
    finally:
        setup.environment.sim.clear_faults()
