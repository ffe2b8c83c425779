"""Reads Bitget: positions, market rules, the account's data for ``p33 check``, and history.

Fills, orders and resting orders are lists of pages of 100, newest first; a window is at most 7 days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from p33_tasks.abilities import AccountReport, KeyPermissions, RestingOrder
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, merged
from p33_tasks.errors import ExchangeCredentialsError, ExchangeError, MalformedResponseError
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues.bitget.account_rows import read_account, read_account_id, read_hedge_mode, read_key, read_markets
from p33_tasks.venues.bitget.envelope import pages, rows_of
from p33_tasks.venues.bitget.order_rows import read_fills, read_plans, read_resting
from p33_tasks.venues.bitget.orders import find_order
from p33_tasks.venues.bitget.position_rows import read_positions
from p33_tasks.venues.bitget.spec import (
    ACCOUNT,
    CONTRACTS,
    FILL_HISTORY,
    KEY,
    ORDER,
    ORDER_FILLS,
    PENDING,
    PLAN_PENDING,
    POSITIONS,
)
from p33_tasks.venues.contracts import Kept
from p33_tasks.venues.history import check_window, trades_of_order, within
from p33_tasks.venues.marked_trades import MarkedTrade, forced_orders
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import UNKNOWN_ACCOUNT, margin_modes
from p33_tasks.venues.session import VenueSession

PLAN_KINDS: Final = ("normal_plan", "track_plan", "profit_loss")


class Bitget:
    """``ports.Venue``, history and the reads of ``p33 check``. An answer is complete, or ExchangeError is raised."""

    def __init__(self, session: VenueSession, source: str, is_testnet: bool) -> None:  # noqa: ARG002, FBT001 - VenueEntry
        self._session = session
        self._source = source
        self._user, self._account = Kept(self._fetch_user, period_ms=KEY.period_ms), UNKNOWN_ACCOUNT

    @property
    def source(self) -> str:
        """Venue, host and scope, e.g. ``bitget api.bitget.com USDT-FUTURES demo``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions of the product type: reads the position mode, then the positions; at times the account's id.

        Raises:
            ExchangeError: Any subclass; then every symbol is unknown. A unified account is one.
        """
        user, hedge_mode = self._user.get(), self.is_hedge_mode()
        report = read_positions(self._session.ask(POSITIONS), symbols, hedge_mode=hedge_mode)
        return replace(report, account=user)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of market orders; works without credentials. Raises ExchangeError."""
        return read_markets(self._session.ask(CONTRACTS), symbols)

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()

    def fetch_margin_modes(self, symbols: Iterable[str]) -> Mapping[str, str]:
        """Crossed or isolated, of open positions. Raises ExchangeError."""
        rows = rows_of(self._session.ask(POSITIONS), POSITIONS.shown)
        return margin_modes(rows, symbols, amount="total", mode=lambda row: row.get("marginMode"))

    def is_hedge_mode(self) -> bool:
        """Whether the product type is in hedge mode. Raises ExchangeError."""
        return read_hedge_mode(self._session.ask(ACCOUNT))

    def fetch_account(self) -> AccountReport:
        """The kind of account. Raises ExchangeError."""
        return read_account(self._session.ask(ACCOUNT))

    def fetch_key_permissions(self) -> KeyPermissions:
        """The API key's permissions. Raises ExchangeError: also if the key may not read spot data."""
        return read_key(self._session.ask(KEY))

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        """Own trades of a window, oldest first; a request for each 100. Raises ExchangeError, ValueError."""
        return merged([[fill.trade for fill in self._fills(symbol, since_ms, until_ms)]])

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        """Liquidations, ADLs and deliveries of a window; as ``fetch_trades``."""
        return forced_orders(self._fills(symbol, since_ms, until_ms))

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        """Every trade of one order, oldest first. Raises ExchangeError: also if their sum isn't the order's."""
        rows = pages(self._session, ORDER_FILLS, {"symbol": symbol, "orderId": order_id}, "fillList")
        return trades_of_order(read_fills(rows, symbol), self._order(symbol, order_id), order_id, ORDER_FILLS.shown)

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        """One order by the venue's order id; None if the venue doesn't know it (any more). Raises ExchangeError."""
        order = self._order(symbol, order_id)
        return None if order is None else order.state()

    def fetch_resting_orders(self, symbol: str) -> tuple[RestingOrder, ...]:
        """Every open order of a symbol; one request per kind of trigger order. Raises ExchangeError."""
        found = list(read_resting(pages(self._session, PENDING, {"symbol": symbol}, "entrustedList"), symbol))
        for kind in PLAN_KINDS:
            rows = pages(self._session, PLAN_PENDING, {"symbol": symbol, "planType": kind}, "entrustedList")
            found.extend(read_plans(rows, symbol))
        return tuple({order.order_id: order for order in found}.values())

    def _fetch_user(self) -> str:
        """The user's id, read once. The venue shows it only to keys that may read spot data."""
        try:
            found = read_account_id(self._session.ask(KEY))
            self._account = found if found != UNKNOWN_ACCOUNT else self._account
        except ExchangeError as error:
            if type(error) not in {ExchangeError, ExchangeCredentialsError}:
                raise
        return self._account

    def _fills(self, symbol: str, since_ms: int, until_ms: int) -> list[MarkedTrade]:
        check_window(since_ms, until_ms)
        params = {"symbol": symbol, "startTime": since_ms, "endTime": until_ms}
        return within(read_fills(pages(self._session, FILL_HISTORY, params, "fillList"), symbol), since_ms, until_ms)

    def _order(self, symbol: str, order_id: str) -> OrderRow | None:
        order = find_order(self._session, symbol, {"orderId": order_id})
        if order is not None and order.order_id != order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {order_id} came")
        return order
