"""Reads Gate: positions, market rules, the account's data for ``p33 check``, and history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from p33_tasks.abilities import AccountReport, KeyPermissions, RestingOrder
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, merged
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.gate.account_rows import read_account, read_account_id, read_hedge_mode, read_key
from p33_tasks.venues.gate.order_rows import OPEN, read_order, read_resting, read_trades, read_triggers
from p33_tasks.venues.gate.orders import NOT_FOUND, kept_contracts, size_of
from p33_tasks.venues.gate.pages import all_rows, pages
from p33_tasks.venues.gate.position_rows import margin_mode_of, read_positions
from p33_tasks.venues.gate.spec import (
    ACCOUNT,
    DETAIL,
    KEYS,
    ORDER,
    ORDER_TRADES,
    ORDERS,
    POSITIONS,
    PRICE_ORDERS,
    TRADES,
)
from p33_tasks.venues.history import check_window, trades_of_order, within
from p33_tasks.venues.legs import steady
from p33_tasks.venues.marked_trades import MarkedTrade, forced_orders
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import margin_modes
from p33_tasks.venues.session import VenueSession


class Gate:
    """``ports.Venue``, history and the reads of ``p33 check``. An answer is complete, or ExchangeError is raised."""

    def __init__(self, session: VenueSession, source: str, is_testnet: bool) -> None:  # noqa: ARG002, FBT001 - VenueEntry
        self._session = session
        self._source = source
        self._contracts = kept_contracts(session)

    @property
    def source(self) -> str:
        """Venue, host and scope, e.g. ``gate api.gateio.ws usdt``."""
        return self._source

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions: reads account and mode, contract sizes if due, then positions; several pages twice.

        Raises:
            ExchangeError: Any subclass; then every symbol is unknown.
        """
        wanted, account = tuple(symbols), self._session.ask(ACCOUNT)
        hedge_mode, user, contracts = read_hedge_mode(account), read_account_id(account), self._contracts.get()
        reports: list[PositionReport] = []
        for _ in range(2):
            found = pages(self._session, POSITIONS)
            rows = [row for page in found for row in page]
            report = read_positions(rows, wanted, contracts=contracts, hedge_mode=hedge_mode)
            reports.append(replace(report, account=user))
            if len(found) == 1 and len(reports) == 1:
                return reports[0]
        return steady(*reports)

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """The rules of market orders; works without credentials. Raises ExchangeError."""
        return self._contracts.fetch().rules(symbols)

    def fetch_server_time_ms(self) -> int:
        """The venue's clock in milliseconds. Raises ExchangeError."""
        return self._session.fetch_server_time_ms()

    def fetch_margin_modes(self, symbols: Iterable[str]) -> Mapping[str, str]:
        """Cross or isolated, of open positions. Raises ExchangeError."""
        rows = all_rows(self._session, POSITIONS, {})
        return margin_modes(rows, symbols, name="contract", amount="size", mode=margin_mode_of)

    def is_hedge_mode(self) -> bool:
        """Whether the account is in hedge mode. Raises ExchangeError."""
        return read_hedge_mode(self._session.ask(ACCOUNT))

    def fetch_account(self) -> AccountReport:
        """The kind of account. Raises ExchangeError."""
        return read_account(self._session.ask(DETAIL))

    def fetch_key_permissions(self) -> KeyPermissions:
        """The API key's permissions. Raises ExchangeError: also where the account has several keys."""
        return read_key(self._session.ask(DETAIL), self._session.ask(KEYS))

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        """Own trades of a window, oldest first; a request for each 100. Raises ExchangeError, ValueError."""
        return merged([[each.trade for each in self._trades(symbol, since_ms, until_ms)]])

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        """Liquidations and ADLs of a window; as ``fetch_trades``."""
        return forced_orders(self._trades(symbol, since_ms, until_ms))

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        """Every trade of one order, oldest first. Raises ExchangeError: also if their sum isn't the order's."""
        rows = all_rows(self._session, ORDER_TRADES, {"contract": symbol, "order": order_id})
        trades = read_trades(rows, symbol, self._size(symbol), hedge_mode=self.is_hedge_mode())
        return trades_of_order(trades, self._order(symbol, order_id), order_id, ORDER_TRADES.shown)

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        """One order by the venue's order id; None if the venue doesn't know it (any more). Raises ExchangeError."""
        order = self._order(symbol, order_id)
        return None if order is None else order.state()

    def fetch_resting_orders(self, symbol: str) -> tuple[RestingOrder, ...]:
        """Every open order of a symbol, price-triggered ones too. Raises ExchangeError."""
        hedge_mode, size, own = self.is_hedge_mode(), self._size(symbol), {"contract": symbol}
        rows = all_rows(self._session, ORDERS, {**own, "status": OPEN})
        triggers = all_rows(self._session, PRICE_ORDERS, own)
        found = (
            *read_resting(rows, symbol, size, hedge_mode=hedge_mode),
            *read_triggers(triggers, symbol, size, hedge_mode=hedge_mode),
        )
        return tuple({(order.is_conditional, order.order_id): order for order in found}.values())

    def _trades(self, symbol: str, since_ms: int, until_ms: int) -> list[MarkedTrade]:
        check_window(since_ms, until_ms)
        # The request's window is in whole seconds and contains the window asked for.
        params = {"contract": symbol, "from": since_ms // 1000, "to": -(-until_ms // 1000)}
        rows = all_rows(self._session, TRADES, params)
        trades = read_trades(rows, symbol, self._size(symbol), hedge_mode=self.is_hedge_mode())
        return within(trades, since_ms, until_ms)

    def _order(self, symbol: str, order_id: str) -> OrderRow | None:
        reply = self._session.send(ORDER, {"order_id": order_id})
        if reply.refused is not None and reply.refused.code in NOT_FOUND:
            return None
        if reply.failure is not None:
            raise reply.failure
        order = read_order(loads_exact(reply.answer.text), symbol, self._size(symbol), hedge_mode=False)
        if order.order_id != order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {order_id} came")
        return order

    def _size(self, symbol: str) -> Decimal:
        return size_of(self._contracts, symbol)
