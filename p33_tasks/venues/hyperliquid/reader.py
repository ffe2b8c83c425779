"""Reads Hyperliquid: positions and market rules of each dex, own fills and orders, and the role of the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from p33_tasks.abilities import AccountReport, RestingOrder
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, merged
from p33_tasks.errors import ExchangeError, MalformedResponseError
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues.contracts import Kept
from p33_tasks.venues.history import check_window, trades_of_order, within
from p33_tasks.venues.hyperliquid.account_rows import Role, read_markets, read_role
from p33_tasks.venues.hyperliquid.coins import dex_of
from p33_tasks.venues.hyperliquid.order_rows import read_fills, read_order, read_resting, rows_of, times_of
from p33_tasks.venues.hyperliquid.position_rows import read_positions, rows_of_state
from p33_tasks.venues.hyperliquid.spec import FILLS, META, MOST_DEXES, ORDER, POSITIONS, RESTING, ROLE
from p33_tasks.venues.marked_trades import MarkedTrade, forced_orders
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import margin_modes
from p33_tasks.venues.session import VenueSession

_Report = TypeVar("_Report", PositionReport, MarketReport)
_PAGE: Final = 2_000
_KEPT_FILLS: Final = 10_000  # fills that the venue keeps, of all coins; older ones are dropped without notice
_MOST_REQUESTS: Final = 16
_BEFORE_MS: Final = 60_000  # the times of an order and of its fills may differ


class Hyperliquid:
    """``ports.Venue``, history and the reads of ``p33 check``. An answer is complete, or ExchangeError is raised."""

    def __init__(self, session: VenueSession, source: str, is_testnet: bool) -> None:  # noqa: ARG002, FBT001 - VenueEntry
        self._session = session
        self._source = source
        self._role = Kept(lambda: read_role(session.ask(ROLE, {"user": session.account})), period_ms=ROLE.period_ms)

    @property
    def source(self) -> str:
        """Venue and host, e.g. ``hyperliquid api.hyperliquid.xyz``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions of each dex that the symbols name; the role of the address is read first, if due.

        Raises:
            ExchangeError: Any subclass; then every symbol is unknown. An API wallet's address is one.
        """
        self._role.get().check_is_account()
        user = self._session.account
        found, unread = _for_each_dex(
            symbols,
            lambda dex, own: read_positions(self._session.ask(POSITIONS, {"user": user, "dex": dex}), own, dex=dex),
        )
        return PositionReport(
            positions={symbol: each for report in found for symbol, each in report.positions.items()},
            invalid=unread | {symbol: why for report in found for symbol, why in report.invalid.items()},
            account=user,
        )

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of orders, of each dex that the symbols name; works without credentials. Raises ExchangeError."""
        found, unread = _for_each_dex(
            symbols, lambda dex, own: read_markets(self._session.ask(META, {"dex": dex}), own)
        )
        return MarketReport(
            markets={symbol: each for report in found for symbol, each in report.markets.items()},
            invalid=unread | {symbol: why for report in found for symbol, why in report.invalid.items()},
        )

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()

    def fetch_margin_modes(self, symbols: Iterable[str]) -> Mapping[str, str]:
        """Cross or isolated, of open positions of each dex that the symbols name. Raises ExchangeError."""
        wanted, user = tuple(symbols), self._session.account
        found: dict[str, str] = {}
        for dex in sorted({dex_of(symbol) for symbol in wanted})[:MOST_DEXES]:
            rows = rows_of_state(self._session.ask(POSITIONS, {"user": user, "dex": dex}))
            found |= margin_modes(rows, wanted, amount="szi", mode=lambda row: row["margin_mode"])
        return found

    def is_hedge_mode(self) -> bool:
        """The venue has no hedge mode."""
        return False

    def fetch_account(self) -> AccountReport:
        """The role of the address, and whether the secret's wallet may sign for it. Raises ExchangeError."""
        role, account = self._role.fetch(), self._session.account
        signer = self._session.wallet_address()
        if signer is None:
            return AccountReport(kind=f"{role.shown}; without P33_API_SECRET positions are read, no order is placed")
        owners = {account, role.behind}
        if signer in owners:
            problem = (
                "the wallet of P33_API_SECRET owns the account and may withdraw: authorize an API wallet for the "
                "account, and set that wallet's key"
            )
            return AccountReport(kind=f"{role.shown}, signed for by its owner", problem=problem)
        wallet = self._role_of(signer)
        if wallet.name == "agent" and wallet.behind in owners:
            return AccountReport(kind=f"{role.shown}, signed for by an API wallet of it, which may not withdraw")
        problem = "the wallet of P33_API_SECRET is no API wallet of this account: the venue refuses its orders"
        return AccountReport(kind=role.shown, problem=problem)

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        """Own trades of a window, oldest first. Raises ExchangeError, ValueError."""
        return merged([[fill.trade for fill in self._window(symbol, since_ms, until_ms)]])

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        """Liquidations, ADLs and settlements of a window; as ``fetch_trades``."""
        return forced_orders(self._window(symbol, since_ms, until_ms))

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        """Every trade of one order, oldest first. Raises ExchangeError: also if their sum isn't the order's."""
        order = self._order(symbol, order_id)
        fills = [] if order is None else self._fills_since(symbol, order.state().created_ms - _BEFORE_MS)
        return trades_of_order(
            [each for each in fills if each.trade.order_id == order_id], order, order_id, FILLS.shown
        )

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        """One order by the venue's order id; None if the venue doesn't know it (any more). Raises ExchangeError."""
        order = self._order(symbol, order_id)
        return None if order is None else order.state()

    def fetch_resting_orders(self, symbol: str) -> tuple[RestingOrder, ...]:
        """Every open order of a coin, trigger orders too. Raises ExchangeError."""
        params = {"user": self._session.account, "dex": dex_of(symbol)}
        return read_resting(self._session.ask(RESTING, params), symbol)

    def _role_of(self, address: str) -> Role:
        return read_role(self._session.ask(ROLE, {"user": address}))

    def _order(self, symbol: str, order_id: str) -> OrderRow | None:
        order = find_order(self._session, symbol, int(order_id))
        if order is not None and order.order_id != order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {order_id} came")
        return order

    def _window(self, symbol: str, since_ms: int, until_ms: int) -> list[MarkedTrade]:
        check_window(since_ms, until_ms)
        return within(self._fills_since(symbol, since_ms), since_ms, until_ms)

    def _fills_since(self, symbol: str, since_ms: int) -> list[MarkedTrade]:
        """Every fill since then: only their number shows whether the venue still keeps the oldest of them."""
        account, spans, rows = self._session.account, [(since_ms, self._session.clock_ms())], list[Any]()
        for _ in range(_MOST_REQUESTS):
            if not spans:
                if len(rows) >= _KEPT_FILLS:
                    break
                return read_fills(rows, symbol, account)
            start, end = spans.pop()
            params = {"user": account, "startTime": start, "endTime": end, "aggregateByTime": False}
            page = rows_of(self._session.ask(FILLS, params), FILLS.shown)
            if len(page) < _PAGE:
                rows.extend(page)
                continue
            # Truncated at an undocumented end: complete between its first and last millisecond; the rest is requested.
            times = times_of(page)
            first, last = min(times), max(times)
            if first == last:
                break
            rows.extend(row for row, time_ms in zip(page, times, strict=True) if first < time_ms < last)
            spans += [(start, first), (last, end)]
        raise MalformedResponseError(f"{FILLS.shown}: so many fills since {since_ms} that the oldest may be gone")


def find_order(session: VenueSession, symbol: str, oid: int | str) -> OrderRow | None:
    """One order by the venue's id or ours; None if the venue doesn't know it. Raises ExchangeError."""
    return read_order(session.ask(ORDER, {"user": session.account, "oid": oid}), symbol)


def _for_each_dex(
    symbols: Iterable[str], read: Callable[[str, list[str]], _Report]
) -> tuple[list[_Report], dict[str, str]]:
    """The report of each dex that was read, and per symbol of the others the reason. Raises ExchangeError.

    A symbol may name a dex that doesn't exist: an error answer affects that dex only.
    """
    grouped: dict[str, list[str]] = {}
    for symbol in symbols:
        grouped.setdefault(dex_of(symbol), []).append(symbol)
    reports: list[_Report] = []
    unread: dict[str, str] = {}
    for count, (dex, own) in enumerate(sorted(grouped.items())):
        if count >= MOST_DEXES:
            unread |= dict.fromkeys(own, f"the symbols name more than {MOST_DEXES} dexes")
            continue
        try:
            reports.append(read(dex, own))
        except ExchangeError as error:
            if not dex or type(error) not in {ExchangeError, MalformedResponseError}:
                raise
            unread |= dict.fromkeys(own, str(error))
    return reports, unread
