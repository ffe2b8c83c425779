"""The margin mode that ``p33 check`` shows: of open positions, in the venue's own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from p33_tasks.abilities import ReadsMarginModes
from p33_tasks.cli import check_exchange
from p33_tasks.cli.findings import Findings, Grade
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.errors import ExchangeUnavailableError, MalformedResponseError
from p33_tasks.venues.binance_usdm.spec import POSITION_RISK
from p33_tasks.venues.bitget.spec import POSITIONS as BITGET
from p33_tasks.venues.build import venue_entry
from p33_tasks.venues.gate.spec import POSITIONS as GATE
from p33_tasks.venues.hyperliquid.spec import POSITIONS as HYPERLIQUID
from p33_tasks.venues.okx.spec import POSITIONS as OKX
from tests.support.played_session import NOW_MS, PlayedSession

DATA = Path(__file__).parents[2] / "data" / "venues"
FIRST, SECOND = "cross", "isolated"


def binance(*rows):
    return [{"symbol": symbol, "positionAmt": size, "marginType": mode} for symbol, size, mode in rows]


def okx(*rows):
    return {"code": "0", "data": [{"instId": symbol, "pos": size, "mgnMode": mode} for symbol, size, mode in rows]}


def bitget(*rows):
    data = [{"symbol": symbol, "total": size, "marginMode": mode} for symbol, size, mode in rows]
    return {"code": "00000", "data": data}


def gate(*rows):
    return [{"contract": symbol, "size": size, "pos_margin_mode": mode} for symbol, size, mode in rows]


def hyperliquid(*rows):
    held = [{"coin": coin, "szi": size, "leverage": {"type": mode, "value": 3}} for coin, size, mode in rows]
    return {"time": NOW_MS, "assetPositions": [{"type": "oneWay", "position": each} for each in held]}


ANSWERS = {
    "binanceusdm": (POSITION_RISK, binance),
    "okx": (OKX, okx),
    "bitget": (BITGET, bitget),
    "gate": (GATE, gate),
    "hyperliquid": (HYPERLIQUID, hyperliquid),
}


def reader(exchange, answer):
    entry = venue_entry(exchange)
    return entry.reader(PlayedSession(entry.spec, {ANSWERS[exchange][0]: answer}), "source", False)  # noqa: FBT003


def modes(exchange, *rows):
    return reader(exchange, ANSWERS[exchange][1](*rows)).fetch_margin_modes(["BTC", "ETH", "SOL"])


def test_every_venue_with_a_front_reports_it_but_the_one_whose_account_does():
    reported = {name for name in FRONTS if isinstance(reader_of(name), ReadsMarginModes)}
    assert reported == ANSWERS.keys() == FRONTS.keys() - {"bybit"}


def reader_of(exchange):
    entry = venue_entry(exchange)
    return entry.reader(PlayedSession(entry.spec, {}), "source", False)  # noqa: FBT003


@pytest.mark.parametrize("exchange", ANSWERS)
def test_open_positions_have_one_and_flat_or_unreadable_ones_have_none(exchange):
    rows = (("BTC", "1.5", FIRST), ("ETH", "0", SECOND), ("SOL", "much", SECOND), ("XRP", "1", FIRST))
    assert modes(exchange, *rows) == {"BTC": FIRST}


@pytest.mark.parametrize("exchange", ANSWERS)
def test_two_rows_of_a_symbol_with_two_modes_have_both(exchange):
    assert modes(exchange, ("BTC", "1", SECOND), ("BTC", "2", FIRST)) == {"BTC": "cross and isolated"}


@pytest.mark.parametrize("exchange", ANSWERS)
@pytest.mark.parametrize("said", [None, "", 7, "cross\x1b[31m", "x" * 21, ["cross"], {"a": 1}], ids=repr)
def test_what_is_no_word_is_not_shown(exchange, said):
    assert modes(exchange, ("BTC", "1", said)) == {"BTC": "unknown"}


@pytest.mark.parametrize("exchange", ANSWERS)
def test_an_answer_about_something_else_is_an_error(exchange):
    with pytest.raises(MalformedResponseError):
        reader(exchange, {"label_": 1}).fetch_margin_modes(["BTC"])


@pytest.mark.parametrize(
    ("exchange", "name", "expected"),
    [
        ("okx", "positions_longshort_mode_long.json", {"BTC-USDT-SWAP": "isolated"}),
        ("bitget", "positions_hedge_long.json", {"BTCUSDT": "crossed"}),
        ("gate", "positions_single_long.json", {"BTC_USDT": "cross"}),  # by its leverage of 0
        ("gate", "positions_dual_both_legs_string_sizes.json", {"BTC_USDT": "cross"}),
        ("hyperliquid", "clearinghouse_state_isolated.json", {"ETH": "isolated"}),
        ("binanceusdm", "position_risk_v2_flat_oneway.json", {}),
    ],
)
def test_the_mode_is_read_from_recorded_answers(exchange, name, expected):
    answer = json.loads((DATA / exchange / name).read_text())
    if exchange == "hyperliquid":
        answer = {"time": NOW_MS} | answer  # recorded before answers had their time
    wanted = expected or ["BTCUSDT"]
    assert reader(exchange, answer).fetch_margin_modes(wanted) == expected


def test_on_gate_a_leverage_is_isolated_margin_where_no_field_has_the_mode():
    (row,) = gate(("BTC", "1", FIRST))
    del row["pos_margin_mode"]
    assert reader("gate", [row | {"leverage": "10"}]).fetch_margin_modes(["BTC"]) == {"BTC": "isolated"}
    assert reader("gate", [row]).fetch_margin_modes(["BTC"]) == {"BTC": "unknown"}


# --- p33 check ------------------------------------------------------------------------------------------------------


def found(told: Any) -> Any:
    class Venue:
        def fetch_margin_modes(self, _symbols: object) -> Any:
            if isinstance(told, Exception):
                raise told
            return told

    findings = Findings("exchange")
    check_exchange._check_margin_modes(findings, cast("Any", Venue()), ("BTC", "ETH", "SOL"))
    (finding,) = findings.all
    return finding


def test_check_groups_the_symbols_by_their_mode():
    finding = found({"SOL": "isolated", "ETH": "crossed", "BTC": "crossed"})
    assert (finding.grade, finding.found) == (Grade.OK, "crossed for BTC, ETH; isolated for SOL")
    assert found({}).found == "unknown: no position is open"
    assert found(ExchangeUnavailableError("away")).grade is not Grade.OK
