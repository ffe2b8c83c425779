"""No secret is shown, whatever is wrong."""

from __future__ import annotations

import pytest

from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import load_settings

SECRET = "geheim-hunter2-geheim"

SECRET_VARIABLES = {
    "REDIS_PASSWORD": SECRET,
    "P33_REDIS_URL": f"redis://:{SECRET}@host:6379/0",
    "P33_BROKER_URL": f"amqp://user:{SECRET}@host//",
    "BINANCE_API_KEY": SECRET,
    "BINANCE_API_SECRET": SECRET,
    "BINANCE_TESTNET_API_KEY": SECRET,
    "BINANCE_TESTNET_API_SECRET": SECRET,
    "P33_API_KEY": SECRET,
    "P33_API_SECRET": SECRET,
    "P33_API_PASSWORD": SECRET,
    "P33_PERMIT_SIGNING_KEY": SECRET,
}


def test_no_secret_is_in_the_settings_text():
    settings = load_settings(SECRET_VARIABLES)
    for text in (repr(settings), str(settings), repr(settings.policy), repr(settings.model_dump()), f"{settings}"):
        assert SECRET not in text


@pytest.mark.parametrize(
    "environ",
    [
        {**SECRET_VARIABLES, "REDIS_PORT": "x"},
        {"P33_REDIS_URL": f"http://{SECRET}"},
        {"P33_REDIS_URL": f"redis://:{SECRET}/x@host:6379/0"},
        {"P33_REDIS_URL": f"redis://:x#{SECRET}@host"},
        {"P33_REDIS_URL": f"redis://:{SECRET}@host/{SECRET}"},
        {"P33_REDIS_URL": f"redis://host:{SECRET}"},
        {"P33_REDIS_URL": f"redis://[{SECRET}"},
        {"P33_REDIS_URL": f"sentinel://:{SECRET}@host"},
        {"P33_BROKER_URL": SECRET},
        {"P33_PERMIT_SIGNING_KEY": "geheim-hunter2"},
        {"BINANCE_API_KEY": SECRET},
        {"BINANCE_API_SECRET": SECRET},
        {"P33_EXCHANGE_BASE_URL": f"http://user:{SECRET}@proxy"},
        {"REDIS_HOST": f"redis://:{SECRET}@host"},
        {"P33_METRICS_HOST": f"user:{SECRET}@host"},
    ],
    ids=lambda environ: ",".join(f"{name}={value}"[:40] for name, value in environ.items())[:60],
)
def test_no_secret_is_in_an_error_or_in_what_it_came_from(environ: dict[str, str]):
    with pytest.raises(ConfigurationError) as refusal:
        load_settings(environ)
    error: BaseException | None = refusal.value
    while error is not None:
        assert "hunter2" not in f"{error!s}{error!r}"
        assert error.__cause__ is None
        error = error.__context__


def test_a_signing_key_that_is_too_short_is_masked_and_its_limit_told():
    with pytest.raises(ConfigurationError) as refusal:
        load_settings({"P33_PERMIT_SIGNING_KEY": "short"})
    assert "P33_PERMIT_SIGNING_KEY=********: use at least 16 characters; this one has 5" in str(refusal.value)
