"""Answers of OKX for the conformance suite, as its documentation shows them."""

from __future__ import annotations

from typing import Final

from p33_tasks.domain.models import Leg
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
)
from p33_tasks.venues.okx.spec import CONFIG, INSTRUMENTS
from p33_tasks.venues.sample import ErrorSample, VenueSample


def _answer(*rows: str) -> str:
    listed = ", ".join(rows)
    return f'{{"code": "0", "msg": "", "data": [{listed}]}}'


def _row(symbol: str, side: str, contracts: str, mode: str = "cross") -> str:
    return (
        f'{{"instType": "SWAP", "instId": "{symbol}", "mgnMode": "{mode}", "posSide": "{side}", "pos": "{contracts}",'
        ' "avgPx": "50912.4", "markPx": "", "lever": "3", "upl": "0.45"}'
    )


def _instrument(symbol: str, size: str, *, state: str = "live", kind: str = "linear", currency: str = "") -> str:
    base = currency or symbol.partition("-")[0]
    return (
        f'{{"instType": "SWAP", "instId": "{symbol}", "ctType": "{kind}", "ctVal": "{size}", "ctMult": "1",'
        f' "ctValCcy": "{base}", "lotSz": "0.01", "minSz": "0.02", "maxMktSz": "12000", "state": "{state}"}}'
    )


def _config(mode: str) -> str:
    return _answer(f'{{"acctLv": "2", "posMode": "{mode}", "perm": "read_only,trade", "ip": "", "uid": "1"}}')


def _refused(code: str, text: str) -> str:
    return f'{{"code": "1", "data": [{{"clOrdId": "a", "ordId": "", "sCode": "{code}", "sMsg": "{text}"}}], "msg": ""}}'


_INSTRUMENTS: Final = _answer(
    _instrument("SOL-USDT-SWAP", "1"),
    _instrument("BTC-USDT-SWAP", "0.01"),
    _instrument("ETH-USDT-SWAP", "0.1"),
    _instrument("XRP-USDT-SWAP", "100", state="suspend"),
    _instrument("BTC-USD-SWAP", "100", kind="inverse", currency="USD"),
)

SAMPLE: Final = VenueSample(
    positions_answer=_answer(
        _row("SOL-USDT-SWAP", "net", "0.030000000000000000004"), _row("BTC-USDT-SWAP", "net", "-12.5", "isolated")
    ),
    positions={"SOL-USDT-SWAP": "0.030000000000000000004", "BTC-USDT-SWAP": "-0.125", "ETH-USDT-SWAP": "0"},
    amount_literal='"0.030000000000000000004"',
    empty_answer=_answer(),
    unreadable_answers=(
        '{"code": "0", "msg": ""}',
        '{"code": "0", "data": {}}',
        '{"code": 0, "data": []}',
        '{"data": []}',
        '{"code": "1", "data": []}',
        "[]",
    ),
    markets_answer=_INSTRUMENTS,
    steps={
        "BTC-USDT-SWAP": ("0.0001", "0.0002"),
        "ETH-USDT-SWAP": ("0.001", "0.002"),
        "SOL-USDT-SWAP": ("0.01", "0.02"),
    },
    not_trading=("XRP-USDT-SWAP", "BTC-USD-SWAP", "DOGE-USDT-SWAP"),
    errors=(
        ErrorSample(status=401, body='{"code": "50111", "data": [], "msg": "Invalid"}', error=ExchangeCredentialsError),
        ErrorSample(status=401, body='{"code": "50110", "data": [], "msg": "IP"}', error=ExchangeCredentialsError),
        ErrorSample(status=401, body='{"code": "50102", "data": [], "msg": "expired"}', error=ExchangeClockError),
        ErrorSample(status=200, body='{"code": "50011", "data": [], "msg": "limit"}', error=ExchangeRateLimitedError),
        ErrorSample(status=429, body='{"code": "50011", "data": [], "msg": "limit"}', error=ExchangeRateLimitedError),
        ErrorSample(
            status=400, body='{"code": "50004", "data": [], "msg": "time-out"}', error=ExchangeUnavailableError
        ),
        ErrorSample(status=503, body='{"code": "50001", "data": [], "msg": "upgrade"}', error=ExchangeUnavailableError),
        ErrorSample(status=200, body=_refused("51169", "no position to reduce"), error=ExchangeError),
        ErrorSample(status=200, body=_refused("50061", "sub-account"), error=ExchangeOrderLimitedError),
        ErrorSample(status=200, body=_refused("50013", "busy"), error=ExchangeUnavailableError),
        ErrorSample(status=200, body=_refused("51119", "balance").replace('"1"', '"2"', 1), error=ExchangeError),
        ErrorSample(status=200, body=_refused("51119", "balance").replace('"1"', '"0"', 1), error=ExchangeError),
    ),
    hedge_answer=_answer(_row("BTC-USDT-SWAP", "long", "1"), _row("BTC-USDT-SWAP", "short", "5", "isolated")),
    hedge_legs={Leg.LONG: "0.01", Leg.SHORT: "-0.05"},
    hedge_symbol="BTC-USDT-SWAP",
    hedge_turned=(
        _answer(_row("BTC-USDT-SWAP", "long", "-1"), _row("BTC-USDT-SWAP", "short", "5")),
        _answer(_row("BTC-USDT-SWAP", "long", "1"), _row("BTC-USDT-SWAP", "net", "5")),
    ),
    absent_symbol="NOSUCH-USDT-SWAP",
    other_answers={CONFIG.shown: _config("net_mode"), INSTRUMENTS.shown: _INSTRUMENTS},
    hedge_other_answers={CONFIG.shown: _config("long_short_mode")},
)
