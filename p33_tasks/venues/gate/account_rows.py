"""Pure functions that read Gate's contracts, account and keys.

Sizes, steps, minimum and maximum are contracts of ``quanto_multiplier`` base units. Where ``enable_decimal`` is false a
size is whole contracts; where it is true, the smallest order is taken as the step.

Sources: "Contract", "FuturesAccount", "AccountDetail" and "AccountKeyInfo" of gateapi-python's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from p33_tasks.abilities import AccountReport, KeyPermissions
from p33_tasks.domain.models import MarketRules
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport
from p33_tasks.venues.contracts import in_base
from p33_tasks.venues.gate.pages import object_of, rows_of
from p33_tasks.venues.gate.spec import ACCOUNT, CONTRACTS, DETAIL, KEYS
from p33_tasks.venues.rows import InvalidRowError, Row, account_id, number, rows_by_symbol

_ONE: Final = Decimal(1)
_POSITION_MODES: Final = {"single": False, "dual": True}
_ACCOUNTS: Final = {1: "classic account", 2: "unified account"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """The rows of one answer, by symbol."""

    rows: Mapping[str, list[Row]]

    def size(self, symbol: str) -> Decimal:
        """Base units of one contract. Raises InvalidRowError."""
        row = self._only_row(symbol)
        multiplier = number(row, "quanto_multiplier")
        if row.get("type") != "direct" or not symbol.endswith("_USDT") or multiplier <= 0:
            raise InvalidRowError(
                f"type {row.get('type')!r:.20} and quanto_multiplier {multiplier} are no linear contract of USDT"
            )
        return multiplier

    def rules(self, symbols: Iterable[str]) -> MarketReport:
        """The order rules of each symbol."""
        markets: dict[str, MarketRules] = {}
        invalid: dict[str, str] = {}
        for symbol in symbols:
            try:
                markets[symbol] = self._rules(symbol)
            except InvalidRowError as problem:
                invalid[symbol] = str(problem)
        return MarketReport(markets=markets, invalid=invalid)

    def _only_row(self, symbol: str) -> Row:
        own = self.rows.get(symbol, [])
        if not own:
            raise InvalidRowError("the venue doesn't list it; use the venue's own id, e.g. BTC_USDT")
        if len(own) != 1:
            raise InvalidRowError(f"the venue lists it {len(own)} times")
        return own[0]

    def _rules(self, symbol: str) -> MarketRules:
        row, size = self._only_row(symbol), self.size(symbol)
        if row.get("status") != "trading" or row.get("in_delisting") is not False:
            found = f"status {row.get('status')!r:.20}, in_delisting {row.get('in_delisting')!r:.20}"
            raise InvalidRowError(f"it isn't trading: {found}")
        least, most = number(row, "order_size_min"), number(row, "order_size_max")
        market_most = number(row, "market_order_size_max") if row.get("market_order_size_max") is not None else most
        most = min(most, market_most) if market_most > 0 else most
        if least <= 0 or most <= 0:
            raise InvalidRowError(f"order_size_min {least} and order_size_max {most} are not usable")
        step = min(least, _ONE) if row.get("enable_decimal") is True else _ONE
        return MarketRules(
            symbol=symbol,
            step_size=in_base(step, size),
            min_qty=in_base(least, size),
            max_market_qty=in_base(most, size),
        )


def read_contracts(answer: object) -> Contracts:
    """Read ``GET /futures/usdt/contracts``. Raises MalformedResponseError."""
    rows = rows_of(answer, CONTRACTS.shown)
    if not rows:
        raise MalformedResponseError(f"{CONTRACTS.shown}: it lists no contract at all")
    named = {row["name"] for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)}
    return Contracts(rows=rows_by_symbol(rows, named, name="name"))


def read_hedge_mode(answer: object) -> bool:
    """Whether the account is in hedge mode. Raises MalformedResponseError."""
    account = object_of(answer, ACCOUNT.shown)
    dual, mode = account.get("in_dual_mode"), account.get("position_mode")
    if not isinstance(dual, bool) or (mode is not None and _POSITION_MODES.get(str(mode)) is not dual):
        raise MalformedResponseError(
            f"{ACCOUNT.shown}: in_dual_mode {dual!r:.20} and position_mode {mode!r:.20} are no mode that is known"
        )
    return dual


def read_account_id(answer: object) -> str:
    """The id of the futures account's user. Raises MalformedResponseError."""
    return account_id(object_of(answer, ACCOUNT.shown), "user")


def read_account(answer: object) -> AccountReport:
    """The kind of account. Raises MalformedResponseError."""
    key = object_of(answer, DETAIL.shown).get("key")
    mode = key.get("mode") if isinstance(key, dict) else None
    kind = _ACCOUNTS.get(mode) if isinstance(mode, int) and not isinstance(mode, bool) else None
    if kind is None:
        return AccountReport(
            kind=f"account of unknown kind (key mode {mode!r:.20})", problem="look its mode up on the website"
        )
    return AccountReport(kind=kind)


def read_key(detail: object, keys: object) -> KeyPermissions:
    """The API key's permissions, if the account has one key: the answer lists all keys and doesn't mark the caller's.

    Raises:
        MalformedResponseError: There are several keys, or the answers are not the documented ones.
    """
    addresses = object_of(detail, DETAIL.shown).get("ip_whitelist")
    listed = keys if isinstance(keys, list) else [keys]
    if len(listed) != 1 or not isinstance(listed[0], dict):
        raise MalformedResponseError(f"{KEYS.shown}: {len(listed)} keys are listed, and which one asked isn't told")
    rights = listed[0].get("perms")
    if not isinstance(rights, list) or not isinstance(addresses, list):
        raise MalformedResponseError(f"{KEYS.shown}: perms and ip_whitelist were expected")
    writes = {right.get("name") for right in rights if isinstance(right, dict) and right.get("read_only") is not True}
    return KeyPermissions(
        reading=True,
        futures="futures" in writes,
        withdrawals=bool({"wallet", "withdraw"} & writes),
        ip_restricted=bool(addresses),
    )
