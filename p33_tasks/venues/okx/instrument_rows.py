"""Pure functions that read OKX's instruments: contract sizes, and the quantity rules of market orders, in base units.

Steps, minimum and maximum are contracts (``lotSz`` can be 0.01). An inverse contract is worth an amount of USD,
which has no fixed base quantity: such a symbol has no contract size here, so its position and rules are unknown.

Source: "Get instruments" of OKX's v5 documentation. A row in state preopen has nearly all fields empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p33_tasks.domain.models import MarketRules
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport
from p33_tasks.venues.contracts import in_base
from p33_tasks.venues.okx.envelope import rows_of
from p33_tasks.venues.okx.spec import INST_TYPE, INSTRUMENTS
from p33_tasks.venues.rows import InvalidRowError, Row, number, rows_by_symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """The rows of one answer, by symbol."""

    rows: Mapping[str, list[Row]]

    def contract_size(self, symbol: str) -> Decimal:
        """Base units of one contract. Raises InvalidRowError."""
        return _contract_size(symbol, self._only_row(symbol))

    def rules(self, symbols: Iterable[str]) -> MarketReport:
        """The order rules of each symbol."""
        markets: dict[str, MarketRules] = {}
        invalid: dict[str, str] = {}
        for symbol in symbols:
            try:
                markets[symbol] = _rules(symbol, self._only_row(symbol))
            except InvalidRowError as problem:
                invalid[symbol] = str(problem)
        return MarketReport(markets=markets, invalid=invalid)

    def _only_row(self, symbol: str) -> Row:
        own = self.rows.get(symbol, [])
        if not own:
            raise InvalidRowError("the venue doesn't list it; use the venue's own id, e.g. BTC-USDT-SWAP")
        if len(own) != 1:
            raise InvalidRowError(f"the venue lists it {len(own)} times")
        if own[0].get("instType") != INST_TYPE:
            raise InvalidRowError(f"its instType is {own[0].get('instType')!r:.20}, not {INST_TYPE}")
        return own[0]


def read_instruments(answer: object) -> Instruments:
    """Read the answer of ``GET /api/v5/public/instruments``. Raises MalformedResponseError."""
    rows: list[Any] = rows_of(answer, INSTRUMENTS.shown)
    if not rows:
        raise MalformedResponseError(f"{INSTRUMENTS.shown}: it lists no instrument at all")
    named = {row["instId"] for row in rows if isinstance(row, dict) and isinstance(row.get("instId"), str)}
    return Instruments(rows=rows_by_symbol(rows, named, name="instId"))


def _contract_size(symbol: str, row: Row) -> Decimal:
    base = symbol.partition("-")[0]
    if row.get("ctType") != "linear" or row.get("ctValCcy") != base:
        found = f"ctType {row.get('ctType')!r:.20}, ctValCcy {row.get('ctValCcy')!r:.20}"
        raise InvalidRowError(f"its contract isn't a fixed quantity of {base} ({found}); linear contracts are read")
    value, multiplier = number(row, "ctVal"), number(row, "ctMult")
    if value <= 0 or multiplier <= 0:
        raise InvalidRowError(f"ctVal {value} and ctMult {multiplier} are not usable")
    return in_base(value, multiplier)


def _rules(symbol: str, row: Row) -> MarketRules:
    if row.get("state") != "live":
        raise InvalidRowError(f"its state is {row.get('state')!r:.20}, not live")
    size = _contract_size(symbol, row)
    step, least, most = (number(row, name) for name in ("lotSz", "minSz", "maxMktSz"))
    if step <= 0 or least < 0 or most <= 0:
        raise InvalidRowError(f"lotSz {step}, minSz {least} and maxMktSz {most} are not usable")
    return MarketRules(
        symbol=symbol,
        step_size=in_base(step, size),
        min_qty=in_base(least, size),
        max_market_qty=in_base(most, size),
    )
