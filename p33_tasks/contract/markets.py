"""How a symbol's market rules are written in Redis."""

from __future__ import annotations

from p33_tasks.contract.hash_values import Raw, number, optional
from p33_tasks.domain.models import MarketRules
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import CorruptStateError

MARKET_FIELDS = ("step_size", "min_qty", "max_market_qty", "source")


def encode_market(market: MarketRules, source: str) -> dict[str, str]:
    """The HASH fields of a symbol's market rules."""
    return {
        "step_size": canonical(market.step_size),
        "min_qty": canonical(market.min_qty),
        "max_market_qty": optional(market.max_market_qty),
        "source": source,
    }


def decode_market(symbol: str, raw: Raw, source: str) -> MarketRules | None:
    """Read ``step_size, min_qty, max_market_qty, source``; None when unknown or of another venue.

    Raises:
        CorruptStateError: A field is no number, or the step is not above zero.
    """
    step, minimum, maximum, found = raw
    if step is None or minimum is None or found != source:
        return None
    rules = MarketRules(
        symbol=symbol,
        step_size=number(step, "step_size"),
        min_qty=number(minimum, "min_qty"),
        max_market_qty=number(maximum, "max_market_qty") if maximum else None,
    )
    if rules.step_size <= 0 or rules.min_qty < 0 or (rules.max_market_qty is not None and rules.max_market_qty <= 0):
        raise CorruptStateError(f"the market rules of {symbol} are not usable: step_size {step}, min_qty {minimum}")
    return rules
