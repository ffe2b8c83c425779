"""Whose positions an answer is about: told with every report, so that another account's never stand for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest

from p33_tasks.errors import ExchangeUnavailableError
from p33_tasks.venues.rows import UNKNOWN_ACCOUNT
from tests.support.played_session import PlayedSession

BYBIT_KEY, BITGET_KEY = "GET /v5/user/query-api", "GET /api/v2/spot/account/info"
OKX_CONFIG, GATE_ACCOUNT = "GET /api/v5/account/config", "GET /futures/usdt/accounts"


def config(**changes: str) -> dict[str, Any]:
    return {"code": "0", "data": [{"posMode": "net_mode", **changes}]}


def played(folder: str, answers: Mapping[str, Any] = {}) -> tuple[Any, PlayedSession]:
    entry = import_module(f"p33_tasks.venues.{folder}.venue").VENUE
    sample = import_module(f"p33_tasks.venues.{folder}.sample").SAMPLE
    found: dict[Any, Any] = dict.fromkeys(entry.spec.positions, sample.positions_answer)
    given = {**sample.other_answers, **answers}
    found |= {endpoint: given[endpoint.shown] for endpoint in entry.spec.endpoints if endpoint.shown in given}
    session = PlayedSession(entry.spec, found)
    return entry.reader(session, "source", False), session  # noqa: FBT003 - the entry's signature


def account(folder: str, answers: Mapping[str, Any] = {}) -> str:
    reader, _ = played(folder, answers)
    return str(reader.fetch_positions(["BTC"]).account)


@pytest.mark.parametrize(
    ("folder", "answers", "expected"),
    [
        ("bybit", {BYBIT_KEY: {"retCode": 0, "result": {"userID": 24617703}}}, "24617703"),
        ("bybit", {BYBIT_KEY: {"retCode": 0, "result": {"userID": True}}}, UNKNOWN_ACCOUNT),
        ("okx", {OKX_CONFIG: config(uid="44115039308720203")}, "44115039308720203"),
        ("okx", {OKX_CONFIG: config()}, UNKNOWN_ACCOUNT),
        ("bitget", {BITGET_KEY: {"code": "00000", "data": {"userId": "714229403"}}}, "714229403"),
        ("bitget", {BITGET_KEY: {"code": "40014", "msg": "Incorrect permissions", "data": None}}, UNKNOWN_ACCOUNT),
        ("gate", {GATE_ACCOUNT: {"user": 1666, "in_dual_mode": False}}, "1666"),
        ("gate", {GATE_ACCOUNT: {"in_dual_mode": False}}, UNKNOWN_ACCOUNT),
        ("hyperliquid", {}, "0x00000000000000000000000000000000000000a1"),
        ("binance_usdm", {}, ""),
    ],
)
def test_every_report_says_whose_it_is(folder: str, answers: Mapping[str, Any], expected: str) -> None:
    assert account(folder, answers) == expected


def test_where_it_is_not_told_because_the_venue_is_away_nothing_is_known() -> None:
    with pytest.raises(ExchangeUnavailableError):
        account("bitget", {BITGET_KEY: {"code": "40010", "msg": "Request timed out", "data": None}})


@pytest.mark.parametrize(
    "later",
    [{"code": "40014", "msg": "Incorrect permissions", "data": None}, {"code": "00000", "data": {}}],
    ids=["refused", "without it"],
)
def test_a_key_stays_that_accounts_though_a_later_answer_does_not_show_it(later: Mapping[str, Any]) -> None:
    """A request that a firewall refused isn't another account."""
    shown = {"code": "00000", "data": {"userId": "714229403"}}
    reader, session = played("bitget", {BITGET_KEY: shown})
    assert reader.fetch_positions(["BTC"]).account == "714229403"
    key = next(endpoint for endpoint in session.answers if endpoint.shown == BITGET_KEY)
    session.answers[key] = later
    reader._user.fetch()  # as an hour later
    assert reader.fetch_positions(["BTC"]).account == "714229403"


def test_what_takes_a_request_of_its_own_is_asked_once_an_hour() -> None:
    for folder, shown in (("bybit", BYBIT_KEY), ("bitget", BITGET_KEY)):
        reader, session = played(folder, {shown: json.dumps({"retCode": 0, "code": "00000", "result": {}, "data": {}})})
        for _ in range(3):
            reader.fetch_positions(["BTC"])
        assert [endpoint.shown for endpoint, _ in session.sent].count(shown) == 1


def test_bybits_test_environment_tells_no_user() -> None:
    entry = import_module("p33_tasks.venues.bybit.venue").VENUE
    _, session = played("bybit")
    assert entry.reader(session, "source", True).fetch_positions(["BTC"]).account == UNKNOWN_ACCOUNT  # noqa: FBT003 - as above
