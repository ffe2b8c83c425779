"""Answers of Gate for the conformance suite, as its documentation shows them."""

from __future__ import annotations

from typing import Final

from p33_tasks.domain.models import Leg
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
)
from p33_tasks.venues.gate.spec import ACCOUNT, CONTRACTS
from p33_tasks.venues.sample import ErrorSample, VenueSample


def _row(symbol: str, size: str, mode: str = "single") -> str:
    return (
        f'{{"contract": "{symbol}", "mode": "{mode}", "size": "{size}", "leverage": "0", "lever": "10",'
        ' "entry_price": "40500", "mark_price": "40510.2", "unrealised_pnl": "0.01", "update_id": 7}'
    )


def _list(*rows: str) -> str:
    return f"[{', '.join(rows)}]"


def _contract(symbol: str, multiplier: str, *, status: str = "trading", delisting: str = "false") -> str:
    return (
        f'{{"name": "{symbol}", "type": "direct", "quanto_multiplier": "{multiplier}", "order_size_min": 2,'
        f' "order_size_max": 1000000, "market_order_size_max": "300000", "enable_decimal": false,'
        f' "in_delisting": {delisting}, "status": "{status}"}}'
    )


def _error(label: str, text: str) -> str:
    return f'{{"label": "{label}", "message": "{text}"}}'


_CONTRACTS: Final = _list(
    _contract("BTC_USDT", "0.0001"),
    _contract("ETH_USDT", "0.01"),
    _contract("SOL_USDT", "1"),
    _contract("XRP_USDT", "10", status="delisting"),
    _contract("ADA_USDT", "10", delisting="true"),
    _contract("BTC_USD", "0"),
)

SAMPLE: Final = VenueSample(
    positions_answer=_list(
        _row("SOL_USDT", "0.030000000000000000004"), _row("BTC_USDT", "-12.5"), _row("ETH_USDT", "0")
    ),
    positions={
        "SOL_USDT": "0.030000000000000000004",
        "BTC_USDT": "-0.00125",
        "ETH_USDT": "0",
        "XRP_USDT": "0",
    },
    amount_literal='"0.030000000000000000004"',
    empty_answer="[]",
    unreadable_answers=(
        '{"label": "INVALID_KEY", "message": ""}',
        '{"data": []}',
        '{"list": []}',
        '{"contract": "BTC_USDT", "size": "1"}',
    ),
    markets_answer=_CONTRACTS,
    steps={"BTC_USDT": ("0.0001", "0.0002"), "ETH_USDT": ("0.01", "0.02"), "SOL_USDT": ("1", "2")},
    not_trading=("XRP_USDT", "ADA_USDT", "BTC_USD", "DOGE_USDT"),
    errors=(
        ErrorSample(status=401, body=_error("INVALID_KEY", "Invalid key"), error=ExchangeCredentialsError),
        ErrorSample(status=403, body=_error("IP_FORBIDDEN", "ip"), error=ExchangeCredentialsError),
        ErrorSample(status=403, body=_error("REQUEST_EXPIRED", "gap"), error=ExchangeClockError),
        ErrorSample(status=429, body=_error("TOO_MANY_REQUESTS", "limit"), error=ExchangeRateLimitedError),
        ErrorSample(status=400, body=_error("TOO_FAST", "limit"), error=ExchangeRateLimitedError),
        ErrorSample(status=500, body=_error("SERVER_ERROR", "oops"), error=ExchangeUnavailableError),
        ErrorSample(status=400, body=_error("TOO_BUSY", "busy"), error=ExchangeUnavailableError),
        ErrorSample(status=400, body=_error("POSITION_EMPTY", "empty position"), error=ExchangeError),
        ErrorSample(status=404, body=_error("ORDER_NOT_FOUND", "Order not found"), error=ExchangeError),
    ),
    hedge_answer=_list(_row("BTC_USDT", "10", "dual_long"), _row("BTC_USDT", "-2", "dual_short")),
    hedge_legs={Leg.LONG: "0.001", Leg.SHORT: "-0.0002"},
    hedge_symbol="BTC_USDT",
    hedge_turned=(
        _list(_row("BTC_USDT", "-10", "dual_long"), _row("BTC_USDT", "-2", "dual_short")),
        _list(_row("BTC_USDT", "10", "dual_long"), _row("BTC_USDT", "2", "dual_long")),
        _list(_row("BTC_USDT", "10", "single"), _row("BTC_USDT", "-2", "dual_short")),
    ),
    absent_symbol="NOSUCH_USDT",
    other_answers={ACCOUNT.shown: '{"total": "1", "in_dual_mode": false}', CONTRACTS.shown: _CONTRACTS},
    hedge_other_answers={ACCOUNT.shown: '{"total": "1", "in_dual_mode": true}'},
)
