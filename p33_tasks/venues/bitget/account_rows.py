"""Pure functions that read Bitget's contracts, account and key.

Source: "Get contract config", "Get single account" of the contract pages, "Get account information" of the spot pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p33_tasks.abilities import AccountReport, KeyPermissions
from p33_tasks.domain.models import MarketRules
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport
from p33_tasks.venues.bitget.envelope import object_of, rows_of
from p33_tasks.venues.bitget.position_rows import MODES
from p33_tasks.venues.bitget.spec import ACCOUNT, CONTRACTS, KEY, MARGIN_COIN
from p33_tasks.venues.rows import InvalidRowError, Row, account_id, number, rows_by_symbol


def read_markets(answer: object, symbols: Iterable[str]) -> MarketReport:
    """Read ``GET /api/v2/mix/market/contracts``. Raises MalformedResponseError."""
    rows = rows_of(answer, CONTRACTS.shown)
    if not rows:
        raise MalformedResponseError(f"{CONTRACTS.shown}: it lists no contract at all")
    markets: dict[str, MarketRules] = {}
    invalid: dict[str, str] = {}
    for symbol, own in rows_by_symbol(rows, symbols).items():
        try:
            markets[symbol] = _rules(symbol, own)
        except InvalidRowError as problem:
            invalid[symbol] = str(problem)
    return MarketReport(markets=markets, invalid=invalid)


def read_hedge_mode(answer: object) -> bool:
    """Whether the product type is in hedge mode. Raises MalformedResponseError."""
    account = object_of(answer, ACCOUNT.shown)
    mode, coin = account.get("posMode"), account.get("marginCoin")
    if coin != MARGIN_COIN or not isinstance(mode, str) or mode not in MODES:
        raise MalformedResponseError(
            f"{ACCOUNT.shown}: marginCoin {coin!r:.20} and posMode {mode!r:.30} are not {MARGIN_COIN} and a known mode"
        )
    return MODES[mode]


def read_account(answer: object) -> AccountReport:
    """The settings of a classic account; the venue refuses this for a unified one. Raises MalformedResponseError."""
    assets = object_of(answer, ACCOUNT.shown).get("assetMode")
    shown = {"union": "multi-asset mode", "single": "single-asset mode"}.get(str(assets), "asset mode not told")
    return AccountReport(kind=f"classic account, {shown}")


def read_account_id(answer: object) -> str:
    """The id of the user that owns the API key. Raises MalformedResponseError."""
    return account_id(object_of(answer, KEY.shown), "userId")


def read_key(answer: object) -> KeyPermissions:
    """The permissions of the API key that sent the request. Raises MalformedResponseError."""
    account = object_of(answer, KEY.shown)
    rights, addresses = account.get("authorities"), account.get("ips")
    if not isinstance(rights, list) or not (isinstance(addresses, str) or addresses is None):
        raise MalformedResponseError(f"{KEY.shown}: authorities and ips were expected")
    return KeyPermissions(
        reading=True,
        futures=bool({"coow", "trade"} & {str(right) for right in rights}),
        withdrawals="wwow" in rights,
        ip_restricted=bool(addresses and addresses.strip()),
    )


def _rules(symbol: str, rows: Sequence[Row]) -> MarketRules:
    if not rows:
        raise InvalidRowError("the venue doesn't list it; use the venue's own id, e.g. BTCUSDT")
    if len(rows) != 1:
        raise InvalidRowError(f"the venue lists it {len(rows)} times")
    row = rows[0]
    if row.get("symbolStatus") != "normal":
        raise InvalidRowError(f"its symbolStatus is {row.get('symbolStatus')!r:.40}, not normal")
    coins = row.get("supportMarginCoins")
    if row.get("quoteCoin") != MARGIN_COIN or not isinstance(coins, list) or MARGIN_COIN not in coins:
        raise InvalidRowError(f"it isn't quoted and settled in {MARGIN_COIN}; others are not read")
    step, least, most = (number(row, name) for name in ("sizeMultiplier", "minTradeNum", "maxMarketOrderQty"))
    if step <= 0 or least < 0 or most <= 0:
        raise InvalidRowError(f"sizeMultiplier {step}, minTradeNum {least} and maxMarketOrderQty {most} are not usable")
    return MarketRules(symbol=symbol, step_size=step, min_qty=least, max_market_qty=most)
