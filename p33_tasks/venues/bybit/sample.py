"""Answers of Bybit for the conformance suite, as its documentation shows them."""

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
from p33_tasks.venues.sample import ErrorSample, VenueSample


def _page(*rows: str, category: str = "linear", cursor: str = "") -> str:
    listed = ", ".join(rows)
    return (
        f'{{"retCode": 0, "retMsg": "OK", "result": {{"nextPageCursor": "{cursor}", "category": "{category}",'
        f' "list": [{listed}]}}, "retExtInfo": {{}}, "time": 1697684980172}}'
    )


def _row(symbol: str, side: str, size: str, index: int = 0) -> str:
    return (
        f'{{"positionIdx": {index}, "symbol": "{symbol}", "side": "{side}", "size": "{size}", "avgPrice": "2213.45",'
        ' "positionStatus": "Normal", "leverage": "5", "markPrice": "2210.11", "unrealisedPnl": "-3.34"}'
    )


def _instrument(symbol: str, status: str, coin: str = "USDT") -> str:
    return (
        f'{{"symbol": "{symbol}", "contractType": "LinearPerpetual", "status": "{status}", "settleCoin": "{coin}",'
        ' "lotSizeFilter": {"maxOrderQty": "100.0", "minOrderQty": "0.002", "qtyStep": "0.001",'
        ' "maxMktOrderQty": "50.0"}}'
    )


def _error(code: int, text: str) -> str:
    return f'{{"retCode": {code}, "retMsg": "{text}", "result": {{}}, "retExtInfo": {{}}, "time": 1672738134824}}'


SAMPLE: Final = VenueSample(
    positions_answer=_page(
        _row("BTCUSDT", "Buy", "0.030000000000000000004"), _row("ETHUSDT", "Sell", "12.5"), _row("SOLUSDT", "", "0")
    ),
    positions={"BTCUSDT": "0.030000000000000000004", "ETHUSDT": "-12.5", "SOLUSDT": "0", "XRPUSDT": "0"},
    amount_literal='"0.030000000000000000004"',
    empty_answer=_page(),
    unreadable_answers=(
        _page(category="inverse"),
        _page(category="spot"),
        '{"retCode": 0, "result": {"list": []}}',
        '{"retCode": 0, "result": {"category": "linear"}}',
        '{"retCode": 0, "result": {"category": "linear", "list": {}}}',
        '{"result": {"category": "linear", "list": []}}',
        '{"retCode": "0", "result": {"category": "linear", "list": []}}',
        '{"retCode": 10016, "result": {"category": "linear", "list": []}}',
        '{"retCode": 0, "result": null}',
    ),
    markets_answer=_page(
        _instrument("BTCUSDT", "Trading"),
        _instrument("ETHUSDT", "Delivering"),
        _instrument("BTCPERP", "Trading", "USDC"),
    ),
    steps={"BTCUSDT": ("0.001", "0.002")},
    not_trading=("ETHUSDT", "SOLUSDT", "BTCPERP"),
    errors=(
        ErrorSample(status=200, body=_error(10003, "API key is invalid."), error=ExchangeCredentialsError),
        ErrorSample(status=200, body=_error(10010, "unmatched IP"), error=ExchangeCredentialsError),
        ErrorSample(status=200, body=_error(10002, "check your server timestamp"), error=ExchangeClockError),
        ErrorSample(status=200, body=_error(10006, "Too many visits!"), error=ExchangeRateLimitedError),
        ErrorSample(status=403, body="403, access too frequent", error=ExchangeRateLimitedError),
        ErrorSample(status=403, body="blocked from your country", error=ExchangeCredentialsError),
        ErrorSample(status=200, body=_error(10016, "server error"), error=ExchangeUnavailableError),
        ErrorSample(status=200, body=_error(110017, "orderQty will be truncated to zero."), error=ExchangeError),
    ),
    hedge_answer=_page(_row("ETHUSDT", "Buy", "1.5", 1), _row("ETHUSDT", "Sell", "2.25", 2)),
    hedge_legs={Leg.LONG: "1.5", Leg.SHORT: "-2.25"},
    hedge_symbol="ETHUSDT",
    hedge_turned=(
        _page(_row("ETHUSDT", "Sell", "1.5", 1), _row("ETHUSDT", "Sell", "2.25", 2)),
        _page(_row("ETHUSDT", "Buy", "1.5", 1), _row("ETHUSDT", "Buy", "2.25", 2)),
        _page(_row("ETHUSDT", "Buy", "-1.5", 1), _row("ETHUSDT", "Sell", "2.25", 2)),
        _page(_row("ETHUSDT", "Buy", "1.5", 1), _row("ETHUSDT", "Sell", "-2.25", 2)),
    ),
    absent_symbol="NOSUCHUSDT",
)
