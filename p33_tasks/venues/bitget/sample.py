"""Answers of Bitget for the conformance suite, as its documentation shows them."""

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
from p33_tasks.venues.bitget.spec import ACCOUNT, KEY
from p33_tasks.venues.sample import ErrorSample, VenueSample


def _answer(*rows: str) -> str:
    listed = ", ".join(rows)
    return f'{{"code": "00000", "msg": "success", "requestTime": 1695793701269, "data": [{listed}]}}'


def _row(symbol: str, side: str, total: str, mode: str = "one_way_mode", coin: str = "USDT") -> str:
    return (
        f'{{"marginCoin": "{coin}", "symbol": "{symbol}", "holdSide": "{side}", "total": "{total}", "leverage": "20",'
        f' "openPriceAvg": "37355.5", "marginMode": "crossed", "posMode": "{mode}", "unrealizedPL": "0.03",'
        ' "markPrice": "37370.5"}'
    )


def _contract(symbol: str, *, status: str = "normal", coin: str = "USDT") -> str:
    return (
        f'{{"symbol": "{symbol}", "quoteCoin": "{coin}", "supportMarginCoins": ["{coin}"], "minTradeNum": "0.02",'
        f' "sizeMultiplier": "0.01", "maxMarketOrderQty": "220", "maxOrderQty": "1200", "symbolStatus": "{status}"}}'
    )


def _account(mode: str) -> str:
    return f'{{"code": "00000", "data": {{"marginCoin": "USDT", "posMode": "{mode}", "assetMode": "union"}}}}'


def _error(code: str, text: str) -> str:
    return f'{{"code": "{code}", "msg": "{text}", "requestTime": 1695698564931, "data": null}}'


SAMPLE: Final = VenueSample(
    positions_answer=_answer(
        _row("BTCUSDT", "long", "0.030000000000000000004"),
        _row("ETHUSDT", "short", "12.5"),
        _row("SOLUSDT", "long", "0"),
    ),
    positions={"BTCUSDT": "0.030000000000000000004", "ETHUSDT": "-12.5", "SOLUSDT": "0", "XRPUSDT": "0"},
    amount_literal='"0.030000000000000000004"',
    empty_answer=_answer(),
    unreadable_answers=(
        '{"code": "00000", "msg": "success"}',
        '{"code": "00000", "data": null}',
        '{"code": "00000", "data": {}}',
        '{"code": 0, "data": []}',
        '{"code": "40085", "data": []}',
        '{"data": []}',
        "[]",
    ),
    markets_answer=_answer(
        _contract("BTCUSDT"),
        _contract("ETHUSDT", status="maintain"),
        _contract("XRPUSDT", status="off"),
        _contract("BTCPERP", coin="USDC"),
    ),
    steps={"BTCUSDT": ("0.01", "0.02")},
    not_trading=("ETHUSDT", "XRPUSDT", "SOLUSDT", "BTCPERP"),
    errors=(
        ErrorSample(status=400, body=_error("40037", "Apikey does not exist"), error=ExchangeCredentialsError),
        ErrorSample(status=400, body=_error("40018", "Invalid IP"), error=ExchangeCredentialsError),
        ErrorSample(
            status=400, body=_error("40085", "You are in Unified Account mode"), error=ExchangeCredentialsError
        ),
        ErrorSample(
            status=400, body=_error("40099", "exchange environment is incorrect"), error=ExchangeCredentialsError
        ),
        ErrorSample(status=400, body=_error("40008", "Request timestamp expired"), error=ExchangeClockError),
        ErrorSample(status=429, body=_error("429", "Too Many Requests"), error=ExchangeRateLimitedError),
        ErrorSample(status=200, body=_error("1001", "too frequent"), error=ExchangeRateLimitedError),
        ErrorSample(status=400, body=_error("40010", "Request timed out"), error=ExchangeUnavailableError),
        ErrorSample(status=200, body=_error("40725", "service return an error"), error=ExchangeUnavailableError),
        ErrorSample(status=400, body=_error("22002", "No position to close"), error=ExchangeError),
        ErrorSample(status=200, body=_error("00001", "interval"), error=ExchangeError),
    ),
    hedge_answer=_answer(_row("ETHUSDT", "long", "1.5", "hedge_mode"), _row("ETHUSDT", "short", "2.25", "hedge_mode")),
    hedge_legs={Leg.LONG: "1.5", Leg.SHORT: "-2.25"},
    hedge_symbol="ETHUSDT",
    hedge_turned=(
        _answer(_row("ETHUSDT", "long", "-1.5", "hedge_mode"), _row("ETHUSDT", "short", "2.25", "hedge_mode")),
        _answer(_row("ETHUSDT", "long", "1.5", "hedge_mode"), _row("ETHUSDT", "short", "-2.25", "hedge_mode")),
        _answer(_row("ETHUSDT", "long", "1.5", "hedge_mode"), _row("ETHUSDT", "long", "2.25", "hedge_mode")),
        _answer(_row("ETHUSDT", "long", "1.5"), _row("ETHUSDT", "short", "2.25", "hedge_mode")),
    ),
    absent_symbol="NOSUCHUSDT",
    other_answers={ACCOUNT.shown: _account("one_way_mode"), KEY.shown: '{"code": "00000", "data": {"userId": "7"}}'},
    hedge_other_answers={ACCOUNT.shown: _account("hedge_mode")},
)
