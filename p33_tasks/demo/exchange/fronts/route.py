"""One endpoint of a venue: its handler, weight and security."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from p33_tasks.demo.exchange.core.orders import Params
from p33_tasks.demo.exchange.simulation import Simulation

Handler = Callable[[Simulation, Params], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint; ``weight_of_all`` is its weight when no symbol is given."""

    handler: Handler
    security: Literal["none", "signed"] = "none"
    weight: int = 1
    weight_of_all: int | None = None
    is_order: bool = False

    def weight_for(self, query: str) -> int:
        """What a request costs, by its query string."""
        if self.weight_of_all is None or "symbol=" in query:
            return self.weight
        return self.weight_of_all
