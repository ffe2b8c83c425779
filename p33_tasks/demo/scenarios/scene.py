"""What a case of the producer is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p33_tasks.demo.scenarios.stage import Stage, SymbolState
from p33_tasks.domain.models import Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """A symbol of the demo: what the account holds at the start of a case, and the venue's step."""

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
"""By base asset: a front has symbols and contracts of its own."""


def traded_on(markets: Mapping[str, Mapping[str, str]], *, hedged: bool) -> tuple[Traded, ...]:
    """The demo's symbols on a simulator; in hedge mode each has both legs.

    Args:
        markets: Base asset and step size by symbol, as ``GET /sim/state`` tells them.
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
class Scene:
    """Where a case is played."""

    stage: Stage
    traded: Traded
    symbols: tuple[str, ...]  # all of the demo

    @property
    def symbol(self) -> str:  # noqa: D102 - the traded one's
        return self.traded.symbol

    def state(self) -> SymbolState:
        """Of the traded position."""
        return self.stage.state(self.symbol, self.traded.leg)

    def send(self, action: str = "CLOSE_PARTIAL_75", **fields: str) -> str:
        """A plan for the traded position; in hedge mode it names the leg, unless the case says otherwise."""
        side = {} if self.traded.leg is Leg.BOTH else {"positionSide": str(self.traded.leg)}
        return self.stage.send(self.symbol, action, **(side | fields))

    def move(self, amount: Decimal) -> None:
        """Somebody trades by hand."""
        self.stage.move_position(self.symbol, amount, self.traded.leg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a case came to."""

    got: str  # verdicts, joined by " + "
    plan_id: str = ""
    outcome: str = ""  # what the apply layer said last; empty where nothing is expected of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One step of the demo."""

    name: str
    expected: str
    play: Callable[[Scene], Played]
    outcome: str = ""  # what the apply layer is expected to say; empty: not asked
    side: int = 0  # 1: on a long, -1: on a short, 0: on either
    amount: Callable[[Traded], Decimal] = lambda traded: traded.home_amt  # held when the case begins
    many_symbols: bool = False  # needs a second symbol beside its own
    modes: frozenset[bool] = frozenset({False, True})  # False: in one-way mode, True: in hedge mode
    switches_mode: bool = False  # on a venue that has hedge mode only


def judged(scene: Scene, plan_id: str) -> Played:
    """Verdict and result of a plan."""
    got = scene.stage.verdict(plan_id)
    return Played(got=got, plan_id=plan_id, outcome=scene.stage.outcome(plan_id))


def sent(action: str = "CLOSE_PARTIAL_75", **fields: str) -> Callable[[Scene], Played]:
    """A case that is nothing but a plan."""
    return lambda scene: judged(scene, scene.send(action, **fields))


@contextmanager
def faulty(scene: Scene, **switches: Any) -> Iterator[None]:
    """The simulator misbehaves for as long as the block runs."""
    scene.stage.sim.fault(**switches)
    try:
        yield
    finally:
        scene.stage.sim.clear_faults()
