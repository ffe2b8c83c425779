"""Answers of the venue for the conformance suite, as its documentation or a recording shows them."""

from __future__ import annotations

from typing import Final

from p33_tasks.errors import ExchangeCredentialsError, ExchangeRateLimitedError
from p33_tasks.venues.sample import ErrorSample, VenueSample

SAMPLE: Final = VenueSample(
    positions_answer=(
        '{"code": 0, "complete": true, "data": [{"symbol": "AAA", "size": "0.030000000000000000004"},'
        ' {"symbol": "BBB", "size": "-12.5"}]}'
    ),
    positions={"AAA": "0.030000000000000000004", "BBB": "-12.5", "CCC": "0"},
    # Where amounts are contracts: of a symbol whose contract is 1 base unit.
    amount_literal='"0.030000000000000000004"',
    empty_answer='{"code": 0, "complete": true, "data": []}',
    unreadable_answers=(
        '{"code": 0, "data": []}',
        '{"code": 0, "complete": true, "data": [{"size": "1"}]}',
        "[]",
    ),
    markets_answer=(
        '{"code": 0, "data": [{"symbol": "AAA", "status": "trading", "step": "0.001", "min": "0.002"},'
        ' {"symbol": "BBB", "status": "halted", "step": "0.5", "min": "0.5"}]}'
    ),
    steps={"AAA": ("0.001", "0.002")},
    not_trading=("BBB", "CCC"),
    errors=(
        ErrorSample(status=200, body='{"code": 10003, "msg": "invalid key"}', error=ExchangeCredentialsError),
        ErrorSample(status=200, body='{"code": "10006", "msg": "slow down"}', error=ExchangeRateLimitedError),
    ),
)
