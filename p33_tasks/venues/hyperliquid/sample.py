"""Answers of Hyperliquid for the conformance suite, as its documentation and recordings show them."""

from __future__ import annotations

from typing import Final

from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
)
from p33_tasks.venues.hyperliquid.spec import ROLE
from p33_tasks.venues.sample import ErrorSample, VenueSample


def _answer(*rows: str) -> str:
    return (
        f'{{"assetPositions": [{", ".join(rows)}], "crossMaintenanceMarginUsed": "0.0", "withdrawable": "510.1",'
        ' "time": 1704261007014}'
    )


def _row(coin: str, szi: str) -> str:
    return (
        f'{{"type": "oneWay", "position": {{"coin": "{coin}", "szi": "{szi}", "entryPx": "2213.9",'
        ' "leverage": {"type": "cross", "value": 20}, "liquidationPx": null, "unrealizedPnl": "-0.5"}}'
    )


def _error(text: str) -> str:
    return f'{{"status": "err", "response": "{text}"}}'


SAMPLE: Final = VenueSample(
    positions_answer=_answer(_row("BTC", "0.030000000000000000004"), _row("kPEPE", "-12.5"), _row("SOL", "0.0")),
    positions={"BTC": "0.030000000000000000004", "KPEPE": "-12.5", "SOL": "0", "XRP": "0"},
    amount_literal='"0.030000000000000000004"',
    empty_answer=_answer(),
    unreadable_answers=(
        '{"assetPositions": []}',
        '{"assetPositions": null, "time": 1704261007014}',
        '{"time": 1704261007014}',
        '{"status": "ok", "response": {}}',
        "[]",
    ),
    markets_answer=(
        '{"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 50},'
        ' {"name": "kPEPE", "szDecimals": 0, "maxLeverage": 10},'
        ' {"name": "MATIC", "szDecimals": 1, "maxLeverage": 20, "isDelisted": true}]}'
    ),
    steps={"BTC": ("0.00001", "0.00001"), "KPEPE": ("1", "1")},
    not_trading=("MATIC", "SOL"),
    errors=(
        ErrorSample(status=200, body=_error("User or API Wallet 0x01 does not exist."), error=ExchangeCredentialsError),
        ErrorSample(status=200, body=_error("Must deposit before performing actions."), error=ExchangeCredentialsError),
        ErrorSample(status=200, body=_error("Invalid nonce: nonce too low"), error=ExchangeClockError),
        ErrorSample(status=200, body=_error("Invalid nonce: duplicate nonce 1700000000000"), error=ExchangeError),
        ErrorSample(
            status=200, body=_error("Too many cumulative requests sent (9 > 8)."), error=ExchangeOrderLimitedError
        ),
        ErrorSample(status=429, body="null", error=ExchangeRateLimitedError),
        ErrorSample(status=422, body="Failed to deserialize the JSON body", error=ExchangeError),
        ErrorSample(status=500, body="null", error=ExchangeUnavailableError),
        ErrorSample(status=200, body=_error("Order has zero size."), error=ExchangeError),
        ErrorSample(status=200, body=_error("something new"), error=ExchangeError),
    ),
    other_answers={ROLE.shown: '{"role": "user"}'},
)
