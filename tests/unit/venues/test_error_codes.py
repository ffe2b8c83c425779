"""Every error code that the venues document for what matters here: each has the class that decides what is done next.

A code in the wrong class isn't seen in any other way: a rate limit that is taken for something else isn't waited for; a
duplicate order id that is taken for a refusal says "nothing was executed" of an order that was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
)
from p33_tasks.venues.binance_usdm.orders import is_certain_rejection
from p33_tasks.venues.build import venue_entry, venue_spec, venue_specs
from p33_tasks.venues.http_errors import Answer, failure_of, venue_code
from tests.support.played_session import NOW_MS, PlayedSession

KEY, CLOCK, RATE = ExchangeCredentialsError, ExchangeClockError, ExchangeRateLimitedError
AWAY, ORDERS = ExchangeUnavailableError, ExchangeOrderLimitedError

CLASSES: dict[str, dict[type[ExchangeError], str]] = {
    "binanceusdm": {RATE: "-1003", ORDERS: "-1015", KEY: "-2014 -2015 -1022", CLOCK: "-1021", AWAY: "-1006 -1007"},
    "bybit": {
        RATE: "10006 10018",
        KEY: "10003 10004 10005 10009 10010 33004",
        CLOCK: "10002",
        AWAY: "10000 10016 10019",
    },
    "okx": {
        RATE: "50011",
        ORDERS: "50061",
        KEY: "50105 50110 50111 50113",
        CLOCK: "50102",
        AWAY: "50001 50004 50013 50026",
    },
    "bitget": {RATE: "429 1001", KEY: "40006 40009 40012 40018 40037", CLOCK: "40005 40008"},
    "gate": {
        RATE: "TOO_MANY_REQUESTS TOO_FAST",
        KEY: "INVALID_KEY INVALID_SIGNATURE IP_FORBIDDEN",
        CLOCK: "REQUEST_EXPIRED",
        AWAY: "SERVER_ERROR INTERNAL TOO_BUSY",
    },
    "hyperliquid": {
        ORDERS: "Too many cumulative requests sent",
        KEY: "User or API Wallet 0x1 does not exist.",
        CLOCK: "Invalid nonce: too old",
    },
}

# No position, or a reduce-only order that would not reduce; no money.
REFUSED = {
    "binanceusdm": "-2022 -4118 -2019",
    "bybit": "110017 110007 110004 110012",
    "okx": "51169 51205 51112 51023 51008 51119 51127 51131",
    "bitget": "22002 25227 40774 40762 43012",
    "gate": "POSITION_EMPTY INCREASE_POSITION INSUFFICIENT_AVAILABLE BALANCE_NOT_ENOUGH",
    "hyperliquid": "Reduce only order would increase position.",
}
# The id was used before, or nobody knows: the order may have been executed.
IN_DOUBT = {
    "binanceusdm": "-4116 -1006 -1007",
    "bybit": "110072 10000 10016 10019",
    "okx": "51016 50004 50001 50026 51149",
    "bitget": "40786 40010 40725",
    "gate": "SERVER_ERROR INTERNAL TOO_BUSY REPEATED_CREATION",
    "hyperliquid": "Invalid nonce: duplicate nonce",
}
LETTERS = ("hyperliquid",)  # one code, and a text


def codes(text: str, exchange: str) -> list[str]:
    return [text] if exchange in LETTERS else text.split()


def answer_of(exchange: str, code: str, *, status: int = 400) -> Answer:
    errors = venue_spec(exchange).errors
    said: dict[str, object] = {errors.code_field: code, errors.text_field: "no"}
    if exchange in LETTERS:
        said = {errors.code_field: "err", errors.text_field: code}
    elif exchange in {"binanceusdm", "bybit"}:
        said[errors.code_field] = int(code)
    return Answer(status=status, headers={}, text=json.dumps(said))


def documented() -> Iterator[tuple[str, str, type[ExchangeError]]]:
    for exchange, classes in CLASSES.items():
        for error, text in classes.items():
            yield from ((exchange, code, error) for code in codes(text, exchange))


@pytest.mark.parametrize(("exchange", "code", "error"), list(documented()))
@pytest.mark.parametrize("status", [200, 400])
def test_a_code_has_the_class_that_decides_what_is_done_next(
    exchange: str, code: str, error: type[ExchangeError], status: int
) -> None:
    spec, answer = venue_spec(exchange), answer_of(exchange, code, status=status)
    assert type(failure_of(answer, spec.errors, "x", str, NOW_MS, limit=spec.requests)) is error


def is_certain(exchange: str, code: str) -> bool:
    """Whether the order client says that nothing was executed."""
    answer, entry = answer_of(exchange, code), venue_entry(exchange)
    if exchange == "binanceusdm":
        return is_certain_rejection(answer)
    refused = venue_code(answer, entry.spec.errors)
    assert refused is not None
    assert entry.orders is not None
    client = entry.orders(PlayedSession(entry.spec, {}))  # type: ignore[arg-type]  # played
    return bool(client.is_certain_rejection(refused.code))  # type: ignore[attr-defined]  # of ``OrderClient``


@pytest.mark.parametrize("exchange", CLASSES)
def test_a_refusal_is_certain_and_what_leaves_doubt_is_none(exchange: str) -> None:
    assert [code for code in codes(REFUSED[exchange], exchange) if not is_certain(exchange, code)] == []
    assert [code for code in codes(IN_DOUBT[exchange], exchange) if is_certain(exchange, code)] == []


def test_the_tables_have_every_venue_with_a_front() -> None:
    """A venue that is added without one has the error samples of its own folder, in the conformance suite."""
    assert CLASSES.keys() == REFUSED.keys() == IN_DOUBT.keys()
    assert FRONTS.keys() <= CLASSES.keys() <= venue_specs().keys()
