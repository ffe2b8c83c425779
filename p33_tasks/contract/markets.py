"""The format of a symbol's market rules in Redis."""

from __future__ import annotations

from p33_tasks.contract.hash_values import MAX_NAME_CHARS, Raw, number, optional
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain.models import MarketRules
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import CorruptStateError, MarketUnknownError

MARKET_FIELDS = ("step_size", "min_qty", "max_market_qty", "source", "ts_ms", "problem")


def encode_market(market: MarketRules, source: str, ts_ms: int) -> dict[str, str]:
    """The HASH fields of a symbol's market rules; ``ts_ms`` is Redis TIME before the request."""
    return {
        "step_size": canonical(market.step_size),
        "min_qty": canonical(market.min_qty),
        "max_market_qty": optional(market.max_market_qty),
        "source": source,
        "ts_ms": str(ts_ms),
    }


def encode_market_problem(problem: str, source: str, ts_ms: int) -> dict[str, str]:
    """The HASH fields of a symbol that can't be traded now, by the venue's latest answer."""
    return {"problem": problem[:MAX_NAME_CHARS], "source": source, "ts_ms": str(ts_ms)}


def decode_market(symbol: str, raw: Raw, source: str) -> MarketRules | None:
    """Read ``MARKET_FIELDS``; None if there are no rules, or they are of another venue.

    Raises:
        CorruptStateError: A field is not a number, the step is not above zero, or there is no time.
        MarketUnknownError: By the venue's latest answer the symbol can't be traded, or its rules can't be read.
    """
    step, minimum, maximum, found, ts_ms, problem = raw
    if found != source:
        return None
    if problem:
        raise MarketUnknownError(f"the venue's latest word on {symbol}: {problem[:MAX_NAME_CHARS]}")
    if step is None or minimum is None:
        return None
    fetched_ms = decode_time(ts_ms, None)
    if fetched_ms is None:
        raise CorruptStateError(f"the market rules of {symbol} have no time; the next refresh writes them anew")
    rules = MarketRules(
        symbol=symbol,
        step_size=number(step, "step_size"),
        min_qty=number(minimum, "min_qty"),
        max_market_qty=number(maximum, "max_market_qty") if maximum else None,
        fetched_ms=fetched_ms,
    )
    if rules.step_size <= 0 or rules.min_qty < 0 or (rules.max_market_qty is not None and rules.max_market_qty <= 0):
        raise CorruptStateError(f"the market rules of {symbol} are not usable: step_size {step}, min_qty {minimum}")
    return rules
