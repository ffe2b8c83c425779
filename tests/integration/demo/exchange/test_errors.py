"""Each documented error, on the wire: HTTP status, code, text, headers."""

import itertools

import pytest

from p33_tasks.demo.exchange.client import SimControl
from tests.support.signed_http import market_order, now_ms, send, sign, signed
from tests.support.simulator import running_simulator

RISK = "/fapi/v2/positionRisk"
_numbers = itertools.count()


def test_a_refusal_is_json_with_code_and_msg_and_http_400(sim):
    answer = market_order(sim, "BTCUSDT", "BUY", "0.010")
    assert answer.status == 400
    assert answer.json() == {"code": -2022, "msg": "ReduceOnly Order is rejected."}


def test_reduce_only_on_a_flat_symbol_is_refused(sim):
    assert market_order(sim, "DOGEUSDT", "SELL", "100").code == -2022


@pytest.mark.parametrize(
    ("quantity", "code"), [("0", -4003), ("0.0001", -1111), ("121", -4005), ("abc", -1100), ("", -1102), (None, -1102)]
)
def test_quantity_errors(sim, quantity, code):
    answer = market_order(sim, "BTCUSDT", "SELL", quantity)
    assert (answer.status, answer.code) == (400, code)


def test_an_unknown_symbol_is_refused(sim):
    assert market_order(sim, "NOPEUSDT", "SELL", "1").code == -1121
    assert signed(sim, "GET", RISK, symbol="NOPEUSDT").code == -1121
    assert send(sim, "GET", "/fapi/v1/premiumIndex", query="symbol=NOPEUSDT").code == -1121


def test_a_client_order_id_is_accepted_once(sim):
    client_id = f"once-{next(_numbers)}"
    assert market_order(sim, "BTCUSDT", "SELL", "0.001", newClientOrderId=client_id).status == 200
    assert market_order(sim, "BTCUSDT", "SELL", "0.001", newClientOrderId=client_id).code == -4116
    assert str(sim.position("BTCUSDT")) == "0.037"


def test_an_unknown_order_is_refused(sim):
    assert signed(sim, "GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=1).code == -2013
    assert signed(sim, "DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="none").code == -2011
    assert signed(sim, "GET", "/fapi/v1/order", symbol="BTCUSDT").code == -1102


def test_the_api_key_is_checked_before_anything_else(sim):
    assert (send(sim, "GET", RISK).status, send(sim, "GET", RISK).code) == (401, -2014)
    assert send(sim, "GET", RISK, api_key="somebody").code == -2015


def test_timestamp_and_signature_are_mandatory_and_checked(sim):
    assert send(sim, "GET", RISK, api_key=sim.api_key).code == -1102
    old = f"timestamp={now_ms() - 6_000}"
    assert send(sim, "GET", RISK, query=f"{old}&signature={sign(sim.api_secret, old)}", api_key="demo").code == -1021
    good = f"timestamp={now_ms()}"
    assert send(sim, "GET", RISK, query=f"{good}&signature={sign('other', good)}", api_key="demo").code == -1022
    assert signed(sim, "GET", RISK, recvWindow=60_001).code == -1131


def test_the_signature_covers_the_bytes_as_they_were_sent(sim):
    """An unusual but legal spelling must be signed as spelled."""
    text = f"timestamp={now_ms()}&symbol=%42TCUSDT"
    answer = send(sim, "GET", RISK, query=f"{text}&signature={sign(sim.api_secret, text)}", api_key="demo")
    assert [row["symbol"] for row in answer.json()] == ["BTCUSDT"]
    decoded = text.replace("%42", "B")
    answer = send(sim, "GET", RISK, query=f"{text}&signature={sign(sim.api_secret, decoded)}", api_key="demo")
    assert answer.code == -1022


def test_an_order_may_be_split_over_query_and_body(sim):
    query, body = "symbol=BTCUSDT&side=SELL&type=MARKET&reduceOnly=true", f"quantity=0.001&timestamp={now_ms()}"
    body += f"&signature={sign(sim.api_secret, query + body)}"
    assert send(sim, "POST", "/fapi/v1/order", query=query, body=body, api_key="demo").status == 200


def test_unknown_paths_are_refused_and_counted(sim):
    assert (send(sim, "GET", "/fapi/v1/nothing").status, send(sim, "GET", "/fapi/v1/nothing").code) == (404, -5000)
    assert send(sim, "GET", "/api/v3/account", api_key="demo").status == 404
    assert send(sim, "POST", "/sapi/v1/capital/withdraw/apply", body="x=1").status == 404
    counts = sim.requests()
    assert set(counts.paths_outside("/fapi")) == {"GET /api/v3/account", "POST /sapi/v1/capital/withdraw/apply"}
    assert counts.endpoints["GET /api/v3/account"].with_key == 1


def test_bytes_that_are_no_text_are_refused_like_any_other_wrong_signature(sim):
    body = f"timestamp={now_ms()}&symbol=\xff\xfe&signature=00"  # http.client sends these two as single bytes
    answer = send(sim, "POST", "/fapi/v1/order", body=body, api_key="demo")
    assert (answer.status, answer.code) == (400, -1022)


@pytest.fixture
def limited() -> SimControl:
    with running_simulator(weight_limit=20, ban_after=2, ban_sec=60) as control:
        yield control


def test_who_goes_over_the_weight_is_told_429_and_who_goes_on_is_banned(limited):
    """The venue's minute may turn in the middle, so the sequence is read until the ban."""
    answers = [signed(limited, "GET", RISK) for _ in range(20)]
    statuses = [answer.status for answer in answers]
    assert statuses.index(200) < statuses.index(429) < statuses.index(418)
    first_429, first_418 = answers[statuses.index(429)], answers[statuses.index(418)]
    assert (first_429.code, first_418.code) == (-1003, -1003)
    assert 1 <= int(first_429.headers["Retry-After"]) <= 60
    assert 1 <= int(first_418.headers["Retry-After"]) <= 60
    assert send(limited, "GET", "/fapi/v1/ping").status == 418
