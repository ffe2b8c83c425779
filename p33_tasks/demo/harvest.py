"""The demo's harvest rule: the action of a small strategy for an observed gain. No clock, no Redis.

It closes a quarter at a time for as long as the gain lasts, and all of a position with a loss. The observed gain has
an error, so that plans can't be predicted to the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

PPM = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestRule:
    """Gains are unrealised returns without leverage, in parts per million."""

    target_ppm: int = 900  # a quarter is closed at this gain, everything at twice this gain
    stop_ppm: int = 2_500  # a loss at which all is closed
    rungs: int = 6  # number of partial closes; then everything

    def wanted(self, seen_ppm: int, rung: int) -> str | None:
        """The action, or None.

        Args:
            seen_ppm: The observed gain, in parts per million.
            rung: The number of partial closes since the position was opened.
        """
        if seen_ppm <= -self.stop_ppm or seen_ppm >= 2 * self.target_ppm:
            return "CLOSE_FULL"
        if seen_ppm < self.target_ppm:
            return None
        return "CLOSE_PARTIAL_25" if rung < self.rungs else "CLOSE_FULL"


def gain_ppm(amount: Decimal, entry: Decimal, mark: Decimal) -> int:
    """The unrealised return of a position, in parts per million.

    Args:
        amount: Signed, base units.
        entry: Quote units, above zero.
        mark: The same.
    """
    change = (mark - entry) / entry * PPM
    return int(change if amount > 0 else -change)
