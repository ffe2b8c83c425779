"""Signatures over the bytes sent, timestamps and recvWindow."""

import pytest

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.signing import Credentials, SignedBytes, check_key, check_signature, check_timestamp, sign

# Key, request and signature of the example in Binance's futures documentation ("SIGNED endpoint examples").
DOCUMENTED_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
DOCUMENTED_QUERY = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)
DOCUMENTED_SIGNATURE = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
CREDENTIALS = Credentials(key="K", secret=DOCUMENTED_SECRET)
NOW_MS = 1_591_702_613_943


def check(sent: SignedBytes, now_ms: int = NOW_MS) -> None:
    check_signature(CREDENTIALS, sent, sent.params(), now_ms=now_ms)


def code_of(sent: SignedBytes, now_ms: int = NOW_MS) -> int:
    with pytest.raises(VenueError) as refused:
        check(sent, now_ms)
    return refused.value.code


def test_the_documented_signature_is_accepted():
    check(SignedBytes(query=f"{DOCUMENTED_QUERY}&signature={DOCUMENTED_SIGNATURE}", body=""))
    check(SignedBytes(query="", body=f"{DOCUMENTED_QUERY}&signature={DOCUMENTED_SIGNATURE}"))


def test_query_and_body_are_signed_one_after_the_other():
    query, body = "symbol=BTCUSDT&side=BUY", f"quantity=1&timestamp={NOW_MS}"
    signature = sign(DOCUMENTED_SECRET, (query + body).encode())
    check(SignedBytes(query=query, body=f"{body}&signature={signature}"))


def test_the_bytes_sent_are_signed_not_what_they_decode_to():
    """Two spellings of one parameter have two signatures."""
    spelled, encoded = f"note=a:b&timestamp={NOW_MS}", f"note=a%3Ab&timestamp={NOW_MS}"
    signature = sign(DOCUMENTED_SECRET, spelled.encode())
    check(SignedBytes(query=f"{spelled}&signature={signature}", body=""))
    assert code_of(SignedBytes(query=f"{encoded}&signature={signature}", body="")) == -1022


def test_bytes_that_are_no_utf8_are_refused_and_not_an_accident():
    body = b"symbol=\xff".decode(errors="surrogateescape")
    assert code_of(SignedBytes(query=f"timestamp={NOW_MS}&signature=\udcff", body=body)) == -1022


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("symbol=BTCUSDT&signature=00", -1102),
        (f"timestamp={NOW_MS}", -1102),
        ("timestamp=soon&signature=00", -1102),
        (f"timestamp={NOW_MS}&signature=00", -1022),
        (f"timestamp={NOW_MS}&recvWindow=60001&signature=00", -1131),
        (f"timestamp={NOW_MS - 5001}&signature=00", -1021),
    ],
)
def test_what_is_wrong_with_a_signed_request_has_its_own_code(query, code):
    assert code_of(SignedBytes(query=query, body="")) == code


def test_a_parameter_sent_twice_is_refused():
    with pytest.raises(VenueError) as refused:
        SignedBytes(query="symbol=A", body="symbol=B").params()
    assert refused.value.code == -1101


@pytest.mark.parametrize("timestamp_ms", [NOW_MS - 5_000, NOW_MS, NOW_MS + 999])
def test_timestamps_within_the_window_pass(timestamp_ms):
    check_timestamp(timestamp_ms, 5_000, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("timestamp_ms", "text"), [(NOW_MS - 5_001, "outside of the recvWindow"), (NOW_MS + 1_000, "1000ms ahead")]
)
def test_timestamps_outside_the_window_are_refused_and_say_on_which_side(timestamp_ms, text):
    with pytest.raises(VenueError, match=text) as refused:
        check_timestamp(timestamp_ms, 5_000, now_ms=NOW_MS)
    assert refused.value.code == -1021


@pytest.mark.parametrize(("key", "code"), [(None, -2014), ("", -2014), ("other", -2015), ("ключ", -2015)])
def test_a_missing_and_a_wrong_api_key_have_their_own_codes(key, code):
    with pytest.raises(VenueError) as refused:
        check_key(CREDENTIALS, key)
    assert (refused.value.code, refused.value.http_status) == (code, 401)
