"""What becomes of the settings: URLs and credentials."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import load_settings
from p33_tasks.venues.build import venue_spec
from p33_tasks.venues.spec import Credentials


def refused(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings(environ)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("environ", "state", "broker"),
    [
        ({}, "redis://localhost:6379/0", "redis://localhost:6379/1"),
        ({"REDIS_DB": "3", "REDIS_HOST": "::1"}, "redis://[::1]:6379/3", "redis://[::1]:6379/4"),
        (
            {"REDIS_PASSWORD": "p@/#:s", "REDIS_USERNAME": "us er", "REDIS_TLS": "true"},
            "rediss://us%20er:p%40%2F%23%3As@localhost:6379/0",
            "rediss://us%20er:p%40%2F%23%3As@localhost:6379/1",
        ),
        ({"P33_REDIS_URL": "redis://h", "REDIS_PORT": "1"}, "redis://h", "redis://h/1"),
        (
            {"P33_REDIS_URL": "rediss://h:1/4?ssl_cert_reqs=required"},
            "rediss://h:1/4?ssl_cert_reqs=required",
            "rediss://h:1/5?ssl_cert_reqs=required",
        ),
        (
            {"P33_REDIS_URL": "sentinel://a:1;b:2/m", "REDIS_TLS": "true"},
            "sentinel://a:1;b:2/m?ssl_cert_reqs=required",
            "sentinel://a:1;b:2/m/1?ssl_cert_reqs=required",
        ),
        ({"P33_REDIS_URL": "rediss://h:1/4", "REDIS_TLS": "true"}, "rediss://h:1/4", "rediss://h:1/5"),
        ({"P33_REDIS_URL": "sentinel://a:1;b:2/m"}, "sentinel://a:1;b:2/m", "sentinel://a:1;b:2/m/1"),
        ({"P33_REDIS_URL": "sentinel://u:p@a:1/m/4"}, "sentinel://u:p@a:1/m/4", "sentinel://u:p@a:1/m/5"),
        ({"P33_BROKER_URL": "amqp://guest@h//"}, "redis://localhost:6379/0", "amqp://guest@h//"),
    ],
)
def test_the_broker_is_the_state_stores_next_database_unless_told_otherwise(
    environ: dict[str, str], state: str, broker: str
):
    settings = load_settings(environ)
    assert (settings.state_url, settings.celery_broker_url) == (state, broker)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:6379", "begins with redis://"),
        ("amqp://h", "begins with redis://"),
        ("unix:///run/redis.sock", "begins with redis://"),
        ("redis://", "no usable host"),
        ("redis://h:99999", "no usable host and port"),
        ("redis://:a/b@h", "percent-encode"),
        ("redis://h/zero", "write the database as the path"),
        ("redis://h?db=2", "write the database as the path"),
        ("sentinel://a:1;b:2", "MASTER"),
        ("sentinel://a/m", "MASTER"),
        ("redis://h?protocol=2", "doesn't take (protocol); allowed: ssl_ca_certs,"),
        ("redis://h?socket_timeout=9&client_name=x", "(client_name, socket_timeout)"),
        ("sentinel://a:1/m?protocol=3", "(protocol)"),
        ("redis://h?hunter2", "(not named here)"),
        ("rediss://h?ssl_cert_reqs=none", "ssl_cert_reqs may only be required"),
        ("rediss://h?ssl_cert_reqs=optional", "ssl_cert_reqs may only be required"),
        ("rediss://h?ssl_cert_reqs=CERT_NONE", "ssl_cert_reqs may only be required"),
        ("rediss://h?ssl_cert_reqs=required&ssl_cert_reqs=none", "occurs twice"),
        ("rediss://h?ssl_check_hostname=false", "ssl_check_hostname may only be true"),
        ("rediss://h?ssl_ca_certs=", "ssl_ca_certs has no value"),
        ("rediss://h?ssl_ca_certs=/nowhere/ca.crt", "ssl_ca_certs names no file that this user can read"),
        ("rediss://h?ssl_keyfile=/dev/null", "ssl_keyfile needs ssl_certfile"),
        ("redis://h?ssl_cert_reqs=required", "needs TLS: write rediss://"),
    ],
)
def test_a_redis_url_that_can_not_work_is_refused_before_anything_connects(url: str, told: str):
    assert told in refused(P33_REDIS_URL=url)


@pytest.mark.parametrize(
    "url", ["amqps://h?heartbeat=30", "redis://h?protocol=2", "sentinel://a:1/m?max_connections=3"]
)
def test_a_brokers_url_takes_no_other_options_either(url: str):
    assert "an option that this service doesn't take" in refused(P33_BROKER_URL=url)


def test_an_amqp_url_with_options_for_tls_wants_to_be_amqps():
    assert "write amqps://" in refused(P33_BROKER_URL="amqp://h?ssl_cert_reqs=required")


def test_a_url_without_tls_beside_redis_tls_is_refused():
    """The password would go in the clear, and REDIS_TLS=true says that somebody didn't want that."""
    assert "write rediss://" in refused(P33_REDIS_URL="redis://h", REDIS_TLS="true")


def test_the_testnet_credentials_are_read_when_the_others_are_absent():
    test_pair = {"BINANCE_TESTNET_API_KEY": "tk", "BINANCE_TESTNET_API_SECRET": "ts"}
    for environ, expected in (
        (test_pair, ("tk", "ts")),
        ({**test_pair, "BINANCE_API_KEY": "k", "BINANCE_API_SECRET": "s"}, ("k", "s")),
    ):
        found = load_settings(environ).api_credentials
        assert tuple(part.get_secret_value() for part in found if part) == expected
    assert load_settings({}).api_credentials == (None, None)


def test_half_a_pair_of_credentials_is_refused_and_never_completed_from_another_pair():
    message = refused(BINANCE_API_KEY="k", BINANCE_TESTNET_API_KEY="tk", BINANCE_TESTNET_API_SECRET="ts")
    assert "BINANCE_API_SECRET (not set): set both this and BINANCE_API_KEY, or neither" in message


def test_another_venue_has_credentials_of_its_own(monkeypatch: pytest.MonkeyPatch):
    spec = replace(
        venue_spec("binanceusdm"),
        exchange_id="bybit",
        credentials=(Credentials(key="P33_API_KEY", secret="P33_API_SECRET"),),
    )
    monkeypatch.setattr("p33_tasks.settings.variables.venue_specs", lambda: {"bybit": spec})
    monkeypatch.setattr("p33_tasks.settings.variables.venue_spec", lambda _: spec)
    environ = {"P33_EXCHANGE": "bybit", "P33_API_KEY": "k", "P33_API_SECRET": "s", "BINANCE_API_KEY": "b",
               "BINANCE_API_SECRET": "b"}  # fmt: skip
    found = load_settings(environ).api_credentials
    assert tuple(part.get_secret_value() for part in found if part) == ("k", "s")
