"""Exact JSON, scrubbed texts, and the errors that answers stand for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
)
from p33_tasks.venues.binance_usdm.spec import SPEC
from p33_tasks.venues.exact_json import UNREADABLE, loads_exact
from p33_tasks.venues.http_errors import MAX_PAUSE_SEC, Answer, failure_of, pause_sec, venue_code
from p33_tasks.venues.scrub import MAX_LENGTH, scrub

NOW_MS = 1_771_305_126_000  # Tue, 17 Feb 2026 05:12:06 GMT
KEY, SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP/1+inf="
SIGNED = f"https://fapi.binance.com/fapi/v2/positionRisk?timestamp=1&recvWindow=10000&signature={'ab12' * 16}"


def test_numbers_keep_their_digits():
    assert loads_exact('{"a": 0.1000, "b": 12345678901234567890}') == {
        "a": Decimal("0.1000"),
        "b": 12345678901234567890,
    }


@pytest.mark.parametrize("text", ["", " \n", "<html></html>", '[{"symbol": "BTC', "[1,]", "nul", "[" * 100_000])
def test_text_that_is_no_json_is_malformed_and_not_quoted(text):
    with pytest.raises(MalformedResponseError) as caught:
        loads_exact(text)
    assert "symbol" not in str(caught.value)
    assert "html" not in str(caught.value)


def test_a_number_without_an_exact_value_is_unreadable():
    assert loads_exact("[NaN, Infinity, -Infinity, 1e99999999999999999999]") == [UNREADABLE] * 4
    endless = "1" * 5_000  # more digits than int() takes
    assert loads_exact(f"[{endless}, -{endless}, {endless}.5, {'1' * 65}]") == [UNREADABLE] * 4


def test_a_key_given_twice_is_unreadable():
    assert loads_exact('{"a": 1, "a": 2, "b": 3}') == {"a": UNREADABLE, "b": 3}


@pytest.mark.parametrize(
    "text",
    [
        SIGNED,
        f"GET {SIGNED} 400",
        f"Cannot GET /fapi/v2/positionRisk?timestamp=1&signature={'ab12' * 16}",
        f"POST symbol=BTCUSDT&side=SELL&signature={'ab12' * 16}",
        f'{{"X-MBX-APIKEY": "{KEY}"}}',
        f"X-MBX-APIKEY: {KEY}",
        f"key {KEY} refused",
        f"secret={SECRET}",
        "password=NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP%2F1%2Binf%3D",
        f"bad value {SECRET} in header",
        "bad value NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP%2F1%2Binf%3D in a query that was cut",
        f"GET https://proxy.example/fapi/v2/positionRisk?t=1&s={'ab12' * 16}",
    ],
)
def test_no_text_keeps_a_signature_or_a_key(text):
    clean = scrub(text, (KEY, SECRET, None, ""))
    assert "ab12" not in clean
    assert KEY not in clean
    assert "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP" not in clean


def test_a_scrubbed_text_is_one_short_line():
    clean = scrub("first\r\nsecond\x1b[31m " + "x" * 10_000)
    assert clean.isprintable()
    assert len(clean) <= MAX_LENGTH + 3


def test_what_helps_the_operator_stays():
    text = "HTTP 401, code -2015: Invalid API-key, IP, or permissions for action, request ip: 203.0.113.7"
    assert scrub(text, (KEY, SECRET)) == text


def failure(status, body="", headers=None):
    answer = Answer(status=status, headers=headers or {}, text=body)
    return failure_of(answer, SPEC.errors, "binanceusdm GET /x", lambda text: scrub(text, (KEY, SECRET)), NOW_MS)


def error_body(code):
    return f'{{"code": {code}, "msg": "why"}}'


@pytest.mark.parametrize("body", ["[]", "{}", "", '{"code": 200, "msg": "success"}', '{"code": 0}', '{"code": true}'])
def test_an_answer_without_an_error_is_to_be_read(body):
    assert failure(200, body) is None


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -2014, ExchangeCredentialsError),
        (401, -2015, ExchangeCredentialsError),
        (400, -1022, ExchangeCredentialsError),
        (200, -2015, ExchangeCredentialsError),
        (400, -1021, ExchangeClockError),
        (429, -1003, ExchangeRateLimitedError),
        (418, -1003, ExchangeRateLimitedError),
        (400, -1003, ExchangeRateLimitedError),
        (408, -1007, ExchangeUnavailableError),
        (400, -1007, ExchangeUnavailableError),
        (200, -1001, ExchangeUnavailableError),
        (503, -1001, ExchangeUnavailableError),
        (503, -1008, ExchangeUnavailableError),
        (400, -1121, ExchangeError),
        (400, -2022, ExchangeError),
        (200, '"-1121"', ExchangeError),
    ],
)
def test_an_error_is_told_by_status_and_code(status, code, kind):
    assert type(failure(status, error_body(code))) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, ExchangeCredentialsError),
        (403, ExchangeCredentialsError),
        (429, ExchangeRateLimitedError),
        (418, ExchangeRateLimitedError),
        (500, ExchangeUnavailableError),
        (502, ExchangeUnavailableError),
        (504, ExchangeUnavailableError),
        (408, ExchangeUnavailableError),
        (451, ExchangeUnavailableError),
        (302, ExchangeError),
        (404, ExchangeError),
    ],
)
@pytest.mark.parametrize("body", ["", "<html>nginx</html>", "[]", "{}", '{"code": 12}'])
def test_without_a_code_the_status_decides(status, kind, body):
    assert type(failure(status, body)) is kind


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        ({"retry-after": "7"}, 429, 7),
        ({"retry-after": " 7 "}, 429, 7),
        ({"retry-after": "0"}, 429, 1),
        ({"retry-after": "9" * 40}, 418, MAX_PAUSE_SEC),
        ({"retry-after": "soon"}, 429, 60),
        ({"retry-after": "-5"}, 429, 60),
        ({"retry-after": "٣"}, 429, 60),
        ({}, 429, 60),
        ({}, 418, 120),
    ],
)
def test_a_pause_is_what_the_venue_asked_for_within_limits(headers, status, expected):
    assert pause_sec(Answer(status=status, headers=headers, text=""), NOW_MS) == expected


@pytest.mark.parametrize(
    ("status", "headers", "text", "expected"),
    [
        (418, {}, f"Way too many requests; IP(1.2.3.4) banned until {NOW_MS + 600_000}. Use streams.", 600),
        (418, {"retry-after": "30"}, f"banned until {NOW_MS + 600_000}", 600),
        (418, {"retry-after": "900"}, f"banned until {NOW_MS + 600_000}", 900),
        (418, {}, f"banned until {NOW_MS - 1}", 120),
        (418, {}, f"banned until {NOW_MS + 30 * 86_400_000}", MAX_PAUSE_SEC),
        (418, {}, f"banned until {NOW_MS // 1000 + 600}", 600),
        (429, {}, f"Too many requests, try again after {NOW_MS + 90_500}", 91),
        (429, {"retry-after": "Tue, 17 Feb 2026 05:13:06 GMT"}, "", 60),
        (429, {"retry-after": "Tue, 17 Feb 2026 05:22:06 GMT", "date": "Tue, 17 Feb 2026 05:12:06 GMT"}, "", 600),
        (418, {"date": "Tue, 17 Feb 2026 05:07:06 GMT"}, f"banned until {NOW_MS}", 300),
        (429, {"retry-after": "1.2"}, "", 2),
        (418, {}, "banned until 99999999999999999999", 120),
    ],
)
def test_a_pause_is_the_latest_time_that_an_answer_names(status, headers, text, expected):
    """A ban that is asked about too early is prolonged."""
    answer = Answer(status=status, headers=headers, text=f'{{"code": -1003, "msg": "{text}"}}')
    assert pause_sec(answer, NOW_MS) == expected


@pytest.mark.parametrize(
    ("text", "headers", "expected"),
    [
        ("Too many new orders; current limit is 300 orders per 10 SECOND.", {}, 10),
        ("Too many new orders; current limit is 1200 orders per 1 MINUTE.", {}, 60),
        ("Too many new orders; current limit is 1200 orders per 1 MINUTE.", {"retry-after": "7"}, 7),
        ("Too many new orders.", {}, 10),
    ],
)
def test_an_order_limit_pauses_orders_for_its_window(text, headers, expected):
    found = failure(429, f'{{"code": -1015, "msg": "{text}"}}', headers)
    assert type(found) is ExchangeOrderLimitedError
    assert found.retry_after_sec == expected


def test_a_ban_is_a_ban_whatever_its_code_is():
    assert type(failure(418, '{"code": -1015, "msg": "x"}')) is ExchangeRateLimitedError


@pytest.mark.parametrize(
    ("headers", "expected"), [({}, None), ({"retry-after": "5"}, 5), ({"retry-after": "9000"}, 60)]
)
def test_a_server_error_is_asked_again_when_it_says(headers, expected):
    found = failure(503, "", headers)
    assert type(found) is ExchangeUnavailableError
    assert found.retry_after_sec == expected


@pytest.mark.parametrize("code", ['"abc"', "null", "[]", '"-"', '"--1"', f'"-{"9" * 5000}"', "1.5", "-1.5", '"²"'])
def test_a_code_that_is_no_number_is_no_code(code):
    assert venue_code(Answer(status=400, headers={}, text=error_body(code)), SPEC.errors) is None


def test_a_message_that_echoes_the_request_is_scrubbed():
    text = str(failure(400, f'{{"code": -1100, "msg": "bad parameter in {SIGNED} of {KEY}"}}'))
    assert "ab12" not in text
    assert KEY not in text
    assert "-1100" in text


def test_only_an_answer_without_a_code_of_the_venue_leaves_doubt_about_the_base_url():
    assert str(failure(404, "<html>")).endswith("; is the base URL right?")
    assert str(failure(400, error_body(-1106))) == (
        "binanceusdm GET /x: HTTP 400, code -1106: why; the venue refused the request"
    )
