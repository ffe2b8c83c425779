"""Answers over real HTTP: what is read, what is an error, and what an error may say."""

from __future__ import annotations

import json
import logging
import socket
import time
import traceback
from decimal import Decimal

import pytest

from p33_tasks.domain.models import OrderSide
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
)
from tests.integration.venues.conftest import API_KEY, API_SECRET
from tests.support.budgets import ForgetfulBudget, RecordingBudget
from tests.support.canned_http import Canned

FLAT = json.dumps([{"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "0.000"}])
POSITIONS, TIME = "/fapi/v2/positionRisk", "/fapi/v1/time"


def error_body(code, text="why"):
    return json.dumps({"code": code, "msg": text})


CLOCK_REFUSED = Canned(status=400, body=error_body(-1021))


# --- row 5: HTTP 200 that says nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", ["", " ", "null", "{}", "<html><body>502</body></html>", FLAT[:-20], "0", '""', "true", b"\xff\xfe\x00"]
)
@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
def test_200_with_anything_but_rows_is_malformed_and_no_position(venue, server, body, content_type):
    server.answer = Canned(body=body, headers={"Content-Type": content_type})
    with pytest.raises(MalformedResponseError):
        venue.fetch_positions(["BTCUSDT"])


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", "<html></html>", '{"symbols": [{"symb'])
def test_200_with_anything_but_exchange_information_is_malformed(venue, server, body):
    server.answer = Canned(body=body)
    with pytest.raises(MalformedResponseError):
        venue.fetch_markets(["BTCUSDT"])


def test_an_empty_list_proves_no_symbol_flat(venue, server):
    server.answer = Canned(body="[]")
    assert venue.fetch_positions(["BTCUSDT"]).positions == {}


def test_a_body_that_ends_before_its_length_is_unavailable(venue, server):
    server.answer = Canned(body=FLAT, claimed_length=len(FLAT) + 50)
    with pytest.raises(ExchangeUnavailableError):
        venue.fetch_positions(["BTCUSDT"])


def test_a_row_that_proves_flat_is_flat(venue, server):
    server.answer = Canned(body=FLAT)
    assert venue.fetch_positions(["BTCUSDT"]).positions["BTCUSDT"].position_amt == 0


# --- rows 10 and 11: the error holds behind any base URL ------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error_body(-2022), ExchangeError),
        (401, error_body(-2015), ExchangeCredentialsError),
        (400, error_body(-2014), ExchangeCredentialsError),
        (400, error_body(-1022), ExchangeCredentialsError),
        (400, error_body(-1021), ExchangeClockError),
        (200, error_body(-2015), ExchangeCredentialsError),
        (403, "<html>WAF</html>", ExchangeCredentialsError),
        (408, error_body(-1007), ExchangeUnavailableError),
        (500, "", ExchangeUnavailableError),
        (502, "<html>", ExchangeUnavailableError),
        (503, error_body(-1008), ExchangeUnavailableError),
        (404, "<html>", ExchangeError),
    ],
)
def test_an_error_behind_a_proxy_is_told_by_status_and_code(venue, server, status, body, kind):
    server.answer = Canned(status=status, body=body)
    with pytest.raises(ExchangeError) as caught:
        venue.fetch_positions(["BTCUSDT"])
    assert type(caught.value) is kind
    assert str(status) in str(caught.value)


def test_a_code_behind_a_proxy_stays_in_the_message(venue, server):
    server.answer = Canned(status=400, body=error_body(-2022, "ReduceOnly Order is rejected."))
    with pytest.raises(ExchangeError, match=r"-2022: ReduceOnly Order is rejected\."):
        venue.fetch_positions(["BTCUSDT"])


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [(429, {"Retry-After": "7"}, 7), (418, {"Retry-After": "300"}, 300), (429, {}, 60)],
)
def test_a_pause_is_told_to_every_worker_and_nothing_is_retried(make_venue, server, status, headers, seconds):
    server.answer = Canned(status=status, headers=headers, body=error_body(-1003))
    budget = RecordingBudget()
    with pytest.raises(ExchangeRateLimitedError) as caught:
        make_venue(server.url, budget=budget).fetch_positions(["BTCUSDT"])
    assert caught.value.retry_after_sec == seconds
    assert budget.pauses == [seconds]
    another_worker = make_venue(server.url, budget=budget)
    with pytest.raises(ExchangeRateLimitedError):
        another_worker.fetch_markets(["BTCUSDT"])
    assert len(server.asked) == 1


def test_the_venues_own_count_of_weight_is_reported_also_with_an_error(venue, server, budget):
    server.answer = Canned(body=FLAT, headers={"X-MBX-USED-WEIGHT-1M": "123"})
    venue.fetch_positions(["BTCUSDT"])
    server.answer = Canned(status=500, headers={"x-mbx-used-weight-1m": "124"})
    with pytest.raises(ExchangeUnavailableError):
        venue.fetch_positions(["BTCUSDT"])
    assert budget.reported == [123, 124]
    assert budget.acquired == [5, 5]


def test_an_answer_is_not_lost_because_the_budget_cannot_be_told(make_venue, server):
    server.answer = Canned(body=FLAT, headers={"X-MBX-USED-WEIGHT-1M": "123"})
    venue = make_venue(server.url, budget=ForgetfulBudget())
    assert venue.fetch_positions(["BTCUSDT"]).positions.keys() == {"BTCUSDT"}
    server.answer = Canned(status=429)
    with pytest.raises(ExchangeRateLimitedError):
        venue.fetch_positions(["BTCUSDT"])


def test_a_redirect_is_not_followed_with_the_key(venue, server):
    other_host = f"http://localhost:{server.host.rpartition(':')[2]}/elsewhere"
    server.answer = Canned(status=302, headers={"Location": other_host})
    with pytest.raises(ExchangeError, match="302"):
        venue.fetch_positions(["BTCUSDT"])
    assert [asked.path for asked in server.asked] == [POSITIONS]


# --- no answer ------------------------------------------------------------------------------------------------------


def test_a_venue_that_does_not_answer_is_unavailable(make_venue, server):
    server.answer = Canned(hang=True)
    with pytest.raises(ExchangeUnavailableError, match=r"RequestTimeout.*300 ms"):
        make_venue(server.url, timeout_ms=300).fetch_positions(["BTCUSDT"])
    assert len(server.asked) == 1


def test_a_refused_connection_is_unavailable_and_called_that(make_venue):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ExchangeUnavailableError, match=r"NetworkError, Connection refused;"):
        make_venue(f"http://127.0.0.1:{port}").fetch_positions(["BTCUSDT"])


def test_a_name_that_does_not_resolve_is_unavailable_and_called_that(make_venue):
    with pytest.raises(ExchangeUnavailableError, match="name is not known"):
        make_venue("http://no-such-host.invalid").fetch_positions(["BTCUSDT"])


def test_tls_spoken_to_a_plain_port_is_unavailable(make_venue, server):
    with pytest.raises(ExchangeUnavailableError):
        make_venue(server.url.replace("http:", "https:")).fetch_positions(["BTCUSDT"])


def test_an_answer_before_a_failure_is_not_taken_for_the_next_one(make_venue, server):
    venue = make_venue(server.url, timeout_ms=300)
    server.answer = Canned(body=FLAT)
    venue.fetch_positions(["BTCUSDT"])
    server.answer = Canned(hang=True)
    with pytest.raises(ExchangeUnavailableError):
        venue.fetch_positions(["BTCUSDT"])


# --- credentials ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [{"api_key": None}, {"api_secret": None}, {"api_key": ""}, {"api_secret": ""}])
def test_missing_credentials_name_the_variables_and_send_nothing(make_venue, server, budget, missing):
    venue = make_venue(server.url, **missing)
    with pytest.raises(ExchangeCredentialsError, match="BINANCE_API_KEY and BINANCE_API_SECRET"):
        venue.fetch_positions(["BTCUSDT"])
    assert server.asked == []
    assert budget.acquired == []


@pytest.mark.parametrize("key", [f"{API_KEY}\n", f" {API_KEY}", f"{API_KEY}\u00e9", f"“{API_KEY}”"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(make_venue, server, key):
    with pytest.raises(ExchangeCredentialsError) as caught:
        make_venue(server.url, api_key=key).fetch_positions(["BTCUSDT"])
    assert API_KEY not in str(caught.value)
    assert server.asked == []


def test_a_private_key_that_cannot_sign_is_a_credentials_error(make_venue, server):
    secret = "-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----"
    with pytest.raises(ExchangeCredentialsError) as caught:
        make_venue(server.url, api_secret=secret).fetch_positions(["BTCUSDT"])
    assert "MC4CAQ" not in "".join(traceback.format_exception(caught.value))


def test_market_rules_need_no_credentials(make_venue, server):
    server.answer = Canned(body='{"symbols": []}')
    make_venue(server.url, api_key=None, api_secret=None).fetch_markets(["BTCUSDT"])
    assert [asked.path for asked in server.asked] == ["/fapi/v1/exchangeInfo"]


# --- the clock ------------------------------------------------------------------------------------------------------


VENUE_AHEAD_MS = 90_000


def _venue_clock_ms():
    return time.time_ns() // 1_000_000 + VENUE_AHEAD_MS


def _strict_about_time(asked):
    if asked.path == TIME:
        return Canned(body=json.dumps({"serverTime": _venue_clock_ms()}))
    age_ms = _venue_clock_ms() - int(asked.params["timestamp"])
    return Canned(body=FLAT) if -1000 < age_ms < int(asked.params["recvWindow"]) else CLOCK_REFUSED


def test_the_clock_is_measured_only_after_the_venue_refused_a_timestamp(venue, server, budget):
    server.answer = _strict_about_time
    with pytest.raises(ExchangeClockError):
        venue.fetch_positions(["BTCUSDT"])
    assert [asked.path for asked in server.asked] == [POSITIONS]
    venue.fetch_positions(["BTCUSDT"])
    venue.fetch_positions(["BTCUSDT"])
    assert [asked.path for asked in server.asked] == [POSITIONS, TIME, POSITIONS, POSITIONS]
    assert budget.acquired == [5, 1, 5, 5]


@pytest.mark.parametrize("body", ["{}", "[]", '{"serverTime": "x"}', '{"serverTime": true}', '{"serverTime": -1}'])
def test_a_clock_that_cannot_be_read_is_malformed_and_is_measured_again(venue, server, body):
    server.answer = CLOCK_REFUSED
    with pytest.raises(ExchangeClockError):
        venue.fetch_positions(["BTCUSDT"])
    server.answer = Canned(body=body)
    for _ in range(2):
        with pytest.raises(MalformedResponseError):
            venue.fetch_positions(["BTCUSDT"])
    assert [asked.path for asked in server.asked] == [POSITIONS, TIME, TIME]


# --- row 33: what an error may say ----------------------------------------------------------------------------------


def _echo(asked):
    return f"Cannot GET {asked.path}?{'&'.join(f'{k}={v}' for k, v in asked.params.items())} key {API_KEY}"


def _echo_in_error(asked):
    return Canned(status=400, body=json.dumps({"code": -1100, "msg": _echo(asked)}))


def _echo_in_page(asked):
    return Canned(body=f"<html>{_echo(asked)}</html>")


def _echo_in_object(asked):
    return Canned(body=json.dumps({"error": _echo(asked)}))


@pytest.mark.parametrize(
    "answer",
    [_echo_in_error, _echo_in_page, _echo_in_object, Canned(body="<html>"), Canned(status=502), Canned(hang=True)],
)
def test_no_error_traceback_or_log_line_holds_the_signed_url_or_the_key(make_venue, server, caplog, answer):
    server.answer = answer
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ExchangeError) as caught:
        make_venue(server.url, timeout_ms=300).fetch_positions(["BTCUSDT"])
    signature = server.asked[0].params["signature"]
    texts = [str(caught.value), "".join(traceback.format_exception(caught.value)), caplog.text]
    linked = caught.value
    while linked is not None:  # also what a log formatter might dig out
        texts.append(repr(linked))
        linked = linked.__cause__ or linked.__context__
    for secret in (signature, API_KEY, API_SECRET, "timestamp="):
        assert all(secret not in text for text in texts)


def test_a_refused_connection_keeps_the_signed_url_to_itself(make_venue):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ExchangeUnavailableError) as caught:
        make_venue(f"http://127.0.0.1:{port}").fetch_positions(["BTCUSDT"])
    assert "signature" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_an_order_goes_out_in_the_body_with_its_quantity_digit_by_digit(make_orders, server):
    def accepted(asked):
        echo = {"symbol": asked.params["symbol"], "clientOrderId": asked.params["newClientOrderId"], "orderId": 7}
        echo["positionSide"] = "BOTH"
        amounts = {"origQty": asked.params["quantity"], "executedQty": asked.params["quantity"]}
        return Canned(body=json.dumps(echo | amounts | {"side": asked.params["side"], "status": "FILLED"}))

    server.answer = accepted
    report = make_orders(server.url).place_reduce_only_market(
        symbol="BTCUSDT",
        side=OrderSide.BUY,
        quantity=Decimal("1234567890123.00000010"),
        client_order_id="p33-1",
        recv_window_ms=4321,
        window_start_ms=1700000000123,
    )
    assert report.executed_qty == Decimal("1234567890123.0000001")
    (asked,) = server.asked
    sent = {name: value for name, value in asked.params.items() if name != "signature"}
    assert (asked.method, asked.path) == ("POST", "/fapi/v1/order")
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quantity": "1234567890123.0000001",
        "reduceOnly": "true",
        "newOrderRespType": "RESULT",
        "newClientOrderId": "p33-1",
        "recvWindow": "4321",
        "timestamp": "1700000000123",
    }


@pytest.mark.parametrize(("status", "code"), [(400, -1121), (401, -2015), (500, -1000), (200, -2011)])
def test_an_order_is_unknown_to_the_venue_only_by_its_own_word(make_orders, server, status, code):
    """Taken for "it doesn't exist", any other refusal would release the reservation of an order that stands."""
    server.answer = Canned(status=status, body=error_body(code))
    with pytest.raises(ExchangeError):
        make_orders(server.url).fetch_order("BTCUSDT", "p33-1")
    server.answer = Canned(status=400, body=error_body(-2013))
    assert make_orders(server.url).fetch_order("BTCUSDT", "p33-1") is None


def test_an_order_without_credentials_is_not_sent_and_no_unknown_outcome(make_orders, server, budget):
    with pytest.raises(ExchangeCredentialsError, match="BINANCE_API_KEY"):
        make_orders(server.url, api_secret=None).place_reduce_only_market(
            symbol="BTCUSDT",
            side=OrderSide.SELL,
            quantity=Decimal(1),
            client_order_id="p33-1",
            recv_window_ms=5000,
        )
    assert server.asked == []
    assert budget.acquired == []


def test_an_order_while_the_clock_cannot_be_measured_is_not_sent(make_orders, server):
    orders = make_orders(server.url)
    order = {"symbol": "BTCUSDT", "side": OrderSide.SELL, "quantity": Decimal(1), "client_order_id": "p33-1"}
    server.answer = CLOCK_REFUSED
    with pytest.raises(ExchangeClockError):
        orders.place_reduce_only_market(**order, recv_window_ms=5000)
    server.answer = Canned(status=502)
    with pytest.raises(ExchangeUnavailableError):
        orders.place_reduce_only_market(**order, recv_window_ms=5000)
    assert [asked.path for asked in server.asked] == ["/fapi/v1/order", TIME]


def test_a_venue_does_not_show_its_secrets(venue):
    shown = f"{venue!r} {vars(venue)!r} {vars(venue._session)!r}"
    assert API_KEY not in shown
    assert API_SECRET not in shown
