"""The demo's harvest rule: what a small strategy does with the gain that it sees. No clock, no Redis.

It closes a gain by quarters, one after the other for as long as the gain lasts, and all of a loss. It sees the gain
with an error, as everybody does, so that nobody can say to the second what it will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

PPM = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestRule:
    """Gains are unrealised returns without leverage, in parts per million."""

    target_ppm: int = 900  # a quarter is closed here, and all at twice of it
    stop_ppm: int = 2_500  # a loss at which all is closed
    rungs: int = 6  # so many quarters; then all

    def wanted(self, seen_ppm: int, rung: int) -> str | None:
        """The action, or None.

        Args:
            seen_ppm: The gain, as it is seen.
            rung: How often a part was closed since the position was opened.
        """
        if seen_ppm <= -self.stop_ppm or seen_ppm >= 2 * self.target_ppm:
            return "CLOSE_FULL"
        if seen_ppm < self.target_ppm:
            return None
        return "CLOSE_PARTIAL_25" if rung < self.rungs else "CLOSE_FULL"


def gain_ppm(amount: Decimal, entry: Decimal, mark: Decimal) -> int:
    """The unrealised return of a position.

    Args:
        amount: Signed, base units.
        entry: Quote units, above zero.
        mark: The same.
    """
    change = (mark - entry) / entry * PPM
    return int(change if amount > 0 else -change)
