"""Pure functions that read Hyperliquid's coins, and the role of an address.

Sources: "Retrieve perpetuals metadata" and "Query a user's role" of Hyperliquid's info endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from p33_tasks.domain.models import MarketRules
from p33_tasks.errors import ExchangeCredentialsError, MalformedResponseError
from p33_tasks.ports import MarketReport
from p33_tasks.venues.hyperliquid.coins import named
from p33_tasks.venues.hyperliquid.spec import META, ROLE
from p33_tasks.venues.rows import InvalidRowError, Row, rows_by_symbol, shape

_ACCOUNTS: Final = {"user": "an account", "subAccount": "a sub-account", "vault": "a vault"}
_MOST_DECIMALS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """The venue's role of an address."""

    name: str  # user, subAccount, vault, agent or missing
    behind: str | None  # the account that an agent acts for, or a sub-account's master

    @property
    def shown(self) -> str:
        """The role as text, for people."""
        return _ACCOUNTS.get(self.name, self.name)

    def check_is_account(self) -> None:
        """Raises ExchangeCredentialsError: it isn't an account, so its state is always empty and proves nothing."""
        if self.name in _ACCOUNTS:
            return
        if self.name == "agent":
            whose = f"of {self.behind}" if self.behind else "of another address"
            found = f"P33_API_KEY is an API wallet {whose}, and its state is always empty; set the account's address"
        else:
            found = "P33_API_KEY is an address that the venue doesn't know; is P33_TESTNET right, was it funded?"
        raise ExchangeCredentialsError(f"{ROLE.shown}: {found}")


def read_role(answer: object) -> Role:
    """The role of an address. Raises MalformedResponseError."""
    name = answer.get("role") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or name not in {*_ACCOUNTS, "agent", "missing"}:
        raise MalformedResponseError(f"{ROLE.shown}: role {name!r:.30} is not documented")
    data = answer.get("data")
    behind = data.get("user", data.get("master")) if isinstance(data, dict) else None
    return Role(name=str(name), behind=behind.lower() if isinstance(behind, str) else None)


def coins_of(meta: object, what: str) -> list[Row]:
    """The coins of one dex, in the order of their numbers. Raises MalformedResponseError."""
    rows: Any = meta.get("universe") if isinstance(meta, dict) else None
    if not isinstance(rows, list) or not rows:
        raise MalformedResponseError(f"{what}: an object with a list 'universe' was expected, {shape(meta)} came")
    return [named(row, "name") for row in rows]


def read_markets(answer: object, symbols: Iterable[str]) -> MarketReport:
    """Read ``meta`` of one dex. Raises MalformedResponseError."""
    markets: dict[str, MarketRules] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(coins_of(answer, META.shown), symbols).items():
        try:
            step = Decimal(1).scaleb(-decimals_of(own))
            markets[symbol] = MarketRules(symbol=symbol, step_size=step, min_qty=step, max_market_qty=None)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return MarketReport(markets=markets, invalid=invalid)


def decimals_of(rows: list[Row]) -> int:
    """The decimals of a coin's quantities, from its only row. Raises InvalidRowError: also for a delisted coin."""
    if len(rows) != 1:
        raise InvalidRowError(f"the venue lists it {len(rows)} times; use the coin's name, e.g. BTC or xyz:TSLA")
    decimals = rows[0].get("szDecimals")
    if rows[0].get("isDelisted", False) is not False:
        raise InvalidRowError("it is delisted")
    if not isinstance(decimals, int) or isinstance(decimals, bool) or not 0 <= decimals <= _MOST_DECIMALS:
        raise InvalidRowError(f"szDecimals is {decimals!r:.20}, not 0 to {_MOST_DECIMALS}")
    return decimals
