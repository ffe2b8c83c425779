"""Each fault switch, seen from the other end of the connection."""

import http.client
import json
import time
from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.client import SimControlError
from tests.support.signed_http import market_order, send, signed
from tests.support.waiting import wait_until

RISK = "/fapi/v2/positionRisk"
TIME = "/fapi/v1/time"


def rows(sim, symbol="BTCUSDT"):
    """The answer's rows that belong to a symbol, also invalid ones."""
    answer = signed(sim, "GET", RISK)
    return [row for row in answer.json() if row == symbol or (isinstance(row, dict) and row["symbol"] == symbol)]


def test_latency_delays_every_answer_of_its_paths(sim):
    sim.fault(latency_ms=300, paths=["positionRisk"])
    began = time.monotonic()
    assert signed(sim, "GET", RISK).status == 200
    assert time.monotonic() - began >= 0.3
    began = time.monotonic()
    send(sim, "GET", TIME)
    assert time.monotonic() - began < 0.3


@pytest.mark.parametrize(("status", "code"), [(429, -1003), (418, -1003), (500, -1001), (502, -1001), (503, -1001)])
def test_a_status_answers_in_place_of_the_venue(sim, status, code):
    sim.fault(status=status, retry_after_sec=9)
    answer = market_order(sim, "BTCUSDT", "SELL", "0.001")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (status, code, "9")
    assert str(sim.position("BTCUSDT")) == "0.038"


def test_behind_a_502_the_order_may_have_been_executed(sim):
    sim.fault(status=502, takes_effect=True)
    assert market_order(sim, "BTCUSDT", "SELL", "0.001").status == 502
    assert str(sim.position("BTCUSDT")) == "0.037"


@pytest.mark.parametrize(("body", "content"), [("empty", b""), ("null", b"null"), ("object", b"{}"), ("list", b"[]")])
def test_garbage_comes_as_http_200(sim, body, content):
    sim.fault(body=body)
    answer = signed(sim, "GET", RISK)
    assert (answer.status, answer.body) == (200, content)


def test_a_proxys_page_is_html_with_http_200(sim):
    sim.fault(body="html")
    answer = signed(sim, "GET", RISK)
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert answer.body.startswith(b"<html>")


def test_a_truncated_answer_is_a_complete_message_with_half_the_json(sim):
    whole = len(signed(sim, "GET", RISK).body)
    sim.fault(body="truncated")
    half = signed(sim, "GET", RISK)
    assert half.status == 200
    assert half.body.startswith(b"[{")
    assert abs(len(half.body) - whole // 2) < whole // 10
    with pytest.raises(json.JSONDecodeError):
        half.json()


def test_a_cut_answer_ends_before_its_announced_length(sim):
    sim.fault(body="cut")
    with pytest.raises(http.client.IncompleteRead):
        signed(sim, "GET", RISK)


def test_a_dropped_connection_has_no_answer(sim):
    sim.fault(body="drop")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        send(sim, "GET", TIME)
    assert sim.requests().endpoints["GET /fapi/v1/time"].statuses == {0: 1}


def test_a_hung_request_gets_no_answer_while_others_do(sim):
    sim.fault(body="hang", paths=["positionRisk"])
    with pytest.raises(TimeoutError):
        signed(sim, "GET", RISK, timeout_sec=0.3)
    assert send(sim, "GET", TIME).status == 200


def test_a_fault_for_a_number_of_requests_ends_by_itself(sim):
    sim.fault(status=503, times=2)
    assert [send(sim, "GET", TIME).status for _ in range(3)] == [503, 503, 200]


def test_clock_skew_moves_the_venues_time_and_its_judgement_of_timestamps(sim):
    sim.fault(clock_skew_ms=30_000)
    ahead_ms = send(sim, "GET", TIME).json()["serverTime"] - sim.state()["now_ms"]
    assert 28_000 < ahead_ms < 31_000
    assert signed(sim, "GET", RISK).code == -1021
    assert signed(sim, "GET", RISK, recvWindow=40_000).status == 200
    sim.fault(clock_skew_ms=-30_000)
    assert "ahead" in signed(sim, "GET", RISK, recvWindow=40_000).json()["msg"]


def test_a_position_changed_behind_our_back_shows_in_the_next_answer(sim):
    sim.set_position("BTCUSDT", "-0.5", entry_price="60000")
    assert (rows(sim)[0]["positionAmt"], rows(sim)[0]["entryPrice"]) == ("-0.500", "60000")


def test_a_delayed_fill_is_filled_at_once_and_shown_later(sim):
    sim.fault(fill_delay_ms=1_000)
    answer = market_order(sim, "BTCUSDT", "SELL", "0.028")
    assert answer.json()["status"] == "FILLED"
    assert rows(sim)[0]["positionAmt"] == "0.038"
    assert str(sim.position("BTCUSDT")) == "0.010"
    assert market_order(sim, "BTCUSDT", "SELL", "0.028").json()["executedQty"] == "0.010"
    wait_until(lambda: rows(sim)[0]["positionAmt"] == "0.000", "the fills show in the position")


def test_an_order_of_a_lagging_venue_is_executed_at_once_and_found_later(sim):
    sim.fault(order_delay_ms=1_000)
    assert market_order(sim, "BTCUSDT", "SELL", "0.028", newClientOrderId="late").json()["status"] == "FILLED"
    asked = {"symbol": "BTCUSDT", "origClientOrderId": "late"}
    assert signed(sim, "GET", "/fapi/v1/order", **asked).code == -2013
    wait_until(lambda: signed(sim, "GET", "/fapi/v1/order", **asked).status == 200, "the order is found")


def test_hedge_mode_shows_long_and_short_rows_and_back(sim):
    sim.fault(hedge_mode=True)
    assert {(row["positionSide"], row["positionAmt"]) for row in rows(sim)} == {("LONG", "0.038"), ("SHORT", "0.000")}
    assert {row["positionAmt"] for row in rows(sim, "ETHUSDT")} == {"0.000", "-1.200"}
    assert signed(sim, "GET", "/fapi/v1/positionSide/dual").json() == {"dualSidePosition": True}
    assert market_order(sim, "BTCUSDT", "SELL", "0.001").code == -1106
    closing = market_order(sim, "BTCUSDT", "SELL", "0.001", reduceOnly=None, positionSide="LONG")
    assert closing.json()["status"] == "FILLED"
    sim.clear_faults()
    assert [(row["positionSide"], row["positionAmt"]) for row in rows(sim)] == [("BOTH", "0.037")]


def test_a_client_may_change_the_mode_only_while_flat(sim):
    change = {"dualSidePosition": "true"}
    assert signed(sim, "POST", "/fapi/v1/positionSide/dual", **change).code == -4068
    sim.set_position("BTCUSDT", 0)
    sim.set_position("ETHUSDT", 0)
    assert signed(sim, "POST", "/fapi/v1/positionSide/dual", **change).json() == {"code": 200, "msg": "success"}
    assert signed(sim, "POST", "/fapi/v1/positionSide/dual", **change).code == -4059


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("missing", []),
        ("duplicate", ["0.038", "0.038"]),
        ("conflict", ["0.038", "1.038"]),
        ("no_amount", ["absent"]),
        ("null_amount", [None]),
        ("text_amount", ["abc"]),
        ("empty_amount", [""]),
        ("nan_amount", ["NaN"]),
        ("huge_amount", ["1e400"]),
        ("number_amount", [0.038]),
        ("not_object", ["BTCUSDT"]),
        ("hedged", ["0.038", "0.000"]),
    ],
)
def test_a_row_fault_spoils_one_symbol(sim, fault, expected):
    sim.fault(rows={"BTCUSDT": fault})
    found = rows(sim)
    assert [row.get("positionAmt", "absent") if isinstance(row, dict) else row for row in found] == expected
    assert rows(sim, "ETHUSDT")[0]["positionAmt"] == "-1.200"
    invalid = signed(sim, "GET", "/fapi/v2/account")
    assert invalid.status == 200


def test_a_delisted_symbol_is_gone_everywhere(sim):
    sim.fault(delisted=["BTCUSDT"])
    listed = {entry["symbol"] for entry in send(sim, "GET", "/fapi/v1/exchangeInfo").json()["symbols"]}
    assert "BTCUSDT" not in listed
    assert rows(sim) == []
    assert market_order(sim, "BTCUSDT", "SELL", "0.001").code == -1121


def test_an_order_may_stay_new_until_somebody_fills_it(sim):
    sim.fault(order="new")
    order = market_order(sim, "BTCUSDT", "SELL", "0.028").json()
    assert (order["status"], order["executedQty"]) == ("NEW", "0")
    assert sim.fill(order["orderId"], "0.010")["status"] == "PARTIALLY_FILLED"
    assert sim.fill(order["orderId"])["executedQty"] == "0.028"
    assert str(sim.position("BTCUSDT")) == "0.010"


def test_a_new_order_completes_by_itself_after_the_delay(sim):
    sim.fault(order="new", fill_delay_ms=200)
    order_id = market_order(sim, "BTCUSDT", "SELL", "0.028").json()["orderId"]

    def status():
        return signed(sim, "GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=order_id).json()["status"]

    wait_until(lambda: status() == "FILLED", "the order completes")


def test_a_partial_fill_leaves_the_rest_open_or_expired(sim):
    sim.fault(order="partial", fill_ratio=Decimal("0.5"))
    order = market_order(sim, "BTCUSDT", "SELL", "0.028").json()
    assert (order["status"], order["executedQty"]) == ("PARTIALLY_FILLED", "0.014")
    sim.fill(order["orderId"])
    sim.fault(order="partial_expired")
    order = market_order(sim, "BTCUSDT", "SELL", "0.010").json()
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.005")


@pytest.mark.parametrize(("outcome", "left"), [("timeout_executed", "0.010"), ("timeout_lost", "0.038")])
def test_after_a_1007_the_order_may_or_may_not_have_been_executed(sim, outcome, left):
    sim.fault(order=outcome)
    answer = market_order(sim, "BTCUSDT", "SELL", "0.028", newClientOrderId=outcome)
    assert (answer.status, answer.code) == (408, -1007)
    assert str(sim.position("BTCUSDT")) == left
    sim.clear_faults()
    found = signed(sim, "GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId=outcome)
    assert found.status == (200 if outcome == "timeout_executed" else 400)


def test_every_order_may_be_refused_with_a_chosen_code(sim):
    sim.fault(order_error=-2019)
    assert market_order(sim, "BTCUSDT", "SELL", "0.001").json() == {"code": -2019, "msg": "Margin is insufficient."}


def test_the_permissions_of_the_api_key_are_a_switch(sim):
    path = "/sapi/v1/account/apiRestrictions"
    assert signed(sim, "GET", path).json()["enableWithdrawals"] is False
    sim.fault(withdrawals_enabled=True)
    assert signed(sim, "GET", path).json()["enableWithdrawals"] is True


def test_a_wrong_switch_is_refused_and_says_what_there_is(sim):
    with pytest.raises(SimControlError, match="hang"):
        sim.fault(body="rubbish")
    with pytest.raises(SimControlError, match="-1121"):
        sim.set_position("NOPEUSDT", 1)
    with pytest.raises(SimControlError, match="-1111"):
        sim.set_position("BTCUSDT", "1e13")
    with pytest.raises(SimControlError, match="open order"):
        sim.fill(1)
    with pytest.raises(SimControlError, match="finite"):
        sim.set_position("BTCUSDT", "NaN")
    with pytest.raises(TypeError):
        sim.set_position("BTCUSDT", 0.1)
