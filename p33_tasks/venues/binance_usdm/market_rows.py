"""Pure functions that read Binance USD-M exchange information: the quantity rules of market orders.

Both LOT_SIZE and MARKET_LOT_SIZE apply to a market order, so its step is a multiple of both steps, its minimum the
greater and its maximum the smaller. A step or maximum of 0 means that the filter sets none. MIN_NOTIONAL isn't read: it
doesn't bind reduce-only orders, and this service allows no others.

Source: "Exchange Information" and "Filters" of Binance's USD-M futures documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import MarketRules
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport
from p33_tasks.venues.rows import InvalidRowError, Row, number, rows_by_symbol, shape

LOT_FILTERS = ("LOT_SIZE", "MARKET_LOT_SIZE")


def read_markets(answer: object, symbols: Iterable[str]) -> MarketReport:
    """Read the answer of ``GET /fapi/v1/exchangeInfo``.

    Args:
        answer: As decoded by ``exact_json.loads_exact``.
        symbols: The venue's ids of the symbols wanted.

    Raises:
        MalformedResponseError: The answer is not an object with a list ``symbols``.
    """
    listed = answer.get("symbols") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise MalformedResponseError(f"markets: an object with a list 'symbols' was expected, {shape(answer)} came")
    markets: dict[str, MarketRules] = {}
    invalid: dict[str, str] = {}
    for symbol, rows in rows_by_symbol(listed, symbols).items():
        try:
            markets[symbol] = _rules(symbol, rows)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return MarketReport(markets=markets, invalid=invalid)


def _rules(symbol: str, rows: list[Row]) -> MarketRules:
    if not rows:
        raise InvalidRowError("the venue doesn't list it; use the venue's own id, e.g. BTCUSDT and not BTC/USDT")
    if len(rows) != 1:
        raise InvalidRowError(f"the venue lists it {len(rows)} times")
    row = rows[0]
    if row.get("status") != "TRADING":
        raise InvalidRowError(f"its status is {row.get('status')!r:.40}, not TRADING")
    filters = _lot_filters(row)
    steps = [step for step in _values(filters, "stepSize") if step > 0]
    maxima = [maximum for maximum in _values(filters, "maxQty") if maximum > 0]
    if not steps:
        raise InvalidRowError("neither LOT_SIZE nor MARKET_LOT_SIZE has a stepSize above 0")
    return MarketRules(
        symbol=symbol,
        step_size=_common_step(steps),
        min_qty=max(_values(filters, "minQty")),
        max_market_qty=min(maxima, default=None),
    )


def _lot_filters(row: Row) -> list[Row]:
    listed = row.get("filters")
    if not isinstance(listed, list):
        raise InvalidRowError("it has no list of filters")
    wanted: list[Row] = []
    for name in LOT_FILTERS:
        same: list[Any] = [entry for entry in listed if isinstance(entry, dict) and entry.get("filterType") == name]
        if len(same) != 1:
            raise InvalidRowError(f"it has {len(same)} filters {name}, not one")
        wanted.append(same[0])
    return wanted


def _values(filters: Sequence[Row], name: str) -> list[Decimal]:
    values = [number(entry, name) for entry in filters]
    if any(value < 0 for value in values):
        raise InvalidRowError(f"{name} is below 0")
    return values


def _common_step(steps: Sequence[Decimal]) -> Decimal:
    step = q.common_step(steps[0], steps[-1])
    if step.adjusted() >= q.MAX_DIGITS:
        raise InvalidRowError(f"its steps {' and '.join(map(str, steps))} have no common multiple of reasonable size")
    return step
