"""Pure functions that read Bybit's instruments: the quantity rules of market orders, in base units.

``maxMktOrderQty``, not ``maxOrderQty``, is the maximum of a market order. A symbol that isn't in status Trading has no
rules.

Source: "Get Instruments Info" of Bybit's v5 documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p33_tasks.domain.models import MarketRules
from p33_tasks.ports import MarketReport
from p33_tasks.venues.bybit.envelope import rows_of
from p33_tasks.venues.bybit.position_rows import is_settled_here
from p33_tasks.venues.bybit.spec import INSTRUMENTS, SETTLE_COIN
from p33_tasks.venues.rows import InvalidRowError, Row, number, rows_by_symbol


def read_markets(pages: Sequence[object], symbols: Iterable[str]) -> MarketReport:
    """Read every page of ``GET /v5/market/instruments-info``. Raises MalformedResponseError."""
    rows = [row for page in pages for row in rows_of(page, INSTRUMENTS.shown, is_about_account=False)]
    markets: dict[str, MarketRules] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(rows, symbols).items():
        try:
            markets[symbol] = _rules(symbol, own)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return MarketReport(markets=markets, invalid=invalid)


def _rules(symbol: str, rows: Sequence[Row]) -> MarketRules:
    if not rows:
        raise InvalidRowError("the venue doesn't list it as trading; use the venue's own id, e.g. BTCUSDT")
    if len(rows) != 1:
        raise InvalidRowError(f"the venue lists it {len(rows)} times")
    row = rows[0]
    if row.get("status") != "Trading":
        raise InvalidRowError(f"its status is {row.get('status')!r:.40}, not Trading")
    if row.get("settleCoin") != SETTLE_COIN or not is_settled_here(symbol):
        raise InvalidRowError(
            f"it is settled in {row.get('settleCoin')!r:.20}; contracts settled in {SETTLE_COIN} are read"
        )
    lots = row.get("lotSizeFilter")
    if not isinstance(lots, dict):
        raise InvalidRowError("it has no lotSizeFilter")
    step, least, most = (number(lots, name) for name in ("qtyStep", "minOrderQty", "maxMktOrderQty"))
    if step <= 0 or least < 0 or most <= 0:
        raise InvalidRowError(f"qtyStep {step}, minOrderQty {least} and maxMktOrderQty {most} are not usable")
    return MarketRules(symbol=symbol, step_size=step, min_qty=least, max_market_qty=most)
