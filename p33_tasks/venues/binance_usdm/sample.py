"""Answers for the conformance suite: shapes of Binance's documentation, with quantities that a float would change."""

from __future__ import annotations

from typing import Final

from p33_tasks.domain.models import Leg
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
)
from p33_tasks.venues.sample import ErrorSample, VenueSample


def _filters(step: str, minimum: str) -> str:
    lot = f'"minQty": "{minimum}", "maxQty": "1000", "stepSize": "{step}"'
    return f'[{{"filterType": "LOT_SIZE", {lot}}}, {{"filterType": "MARKET_LOT_SIZE", {lot}}}]'


SAMPLE: Final = VenueSample(
    positions_answer=(
        '[{"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "0.030000000000000000004", "updateTime": 1},'
        ' {"symbol": "ETHUSDT", "positionSide": "BOTH", "positionAmt": "-12.5", "updateTime": 1},'
        ' {"symbol": "SOLUSDT", "positionSide": "BOTH", "positionAmt": "0.000", "updateTime": 0}]'
    ),
    positions={"BTCUSDT": "0.030000000000000000004", "ETHUSDT": "-12.5", "SOLUSDT": "0"},
    amount_literal='"0.030000000000000000004"',
    empty_answer="[]",
    unreadable_answers=("{}", '{"positions": []}', "null", '"flat"', "0"),
    markets_answer=(
        '{"symbols": [{"symbol": "BTCUSDT", "status": "TRADING", "filters": ' + _filters("0.001", "0.002") + "},"
        ' {"symbol": "ETHUSDT", "status": "SETTLING", "filters": ' + _filters("0.01", "0.01") + "}]}"
    ),
    steps={"BTCUSDT": ("0.001", "0.002")},
    not_trading=("ETHUSDT", "SOLUSDT"),
    errors=(
        ErrorSample(status=401, body='{"code": -2015, "msg": "Invalid API-key"}', error=ExchangeCredentialsError),
        ErrorSample(status=400, body='{"code": -1021, "msg": "outside of recvWindow"}', error=ExchangeClockError),
        ErrorSample(status=429, body='{"code": -1003, "msg": "Too many requests"}', error=ExchangeRateLimitedError),
        ErrorSample(status=418, body='{"code": -1003, "msg": "banned"}', error=ExchangeRateLimitedError),
        ErrorSample(status=429, body='{"code": -1015, "msg": "Too many new orders"}', error=ExchangeOrderLimitedError),
        ErrorSample(status=503, body='{"code": -1008, "msg": "throttled"}', error=ExchangeUnavailableError),
        ErrorSample(status=200, body='{"code": -1007, "msg": "Timeout"}', error=ExchangeUnavailableError),
    ),
    hedge_answer=(
        '[{"symbol": "BTCUSDT", "positionSide": "LONG", "positionAmt": "0.001"},'
        ' {"symbol": "BTCUSDT", "positionSide": "SHORT", "positionAmt": "-0.0005"}]'
    ),
    hedge_legs={Leg.LONG: "0.001", Leg.SHORT: "-0.0005"},
    hedge_symbol="BTCUSDT",
)
