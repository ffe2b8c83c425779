"""TLS in a URL: what it asks for, and that nothing weakens it."""

from __future__ import annotations

import pytest
import redis

from p33_tasks.errors import ConfigurationError
from p33_tasks.redis_url import Tls, split_tls
from p33_tasks.store.connection import connect


@pytest.mark.parametrize(
    ("url", "bare", "tls"),
    [
        ("redis://h:1/0", "redis://h:1/0", None),
        ("redis://h?client_name=x", "redis://h?client_name=x", None),
        ("rediss://h:1/0", "rediss://h:1/0", Tls()),
        ("rediss://h?ssl_ca_certs=/ca%20x&client_name=x", "rediss://h?client_name=x", Tls(ca_certs="/ca x")),
        ("rediss://h?ssl_certfile=/c&ssl_keyfile=/k", "rediss://h", Tls(certfile="/c", keyfile="/k")),
        ("rediss://h?ssl_cert_reqs=CERT_REQUIRED&ssl_check_hostname=True", "rediss://h", Tls()),
        ("sentinel://h:1/m", "sentinel://h:1/m", None),
        ("sentinel://h:1/m?ssl_cert_reqs=required", "sentinel://h:1/m", Tls()),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", None),
    ],
)
def test_the_options_for_tls_are_taken_out_and_the_rest_stays(url, bare, tls):
    assert split_tls(url) == (bare, tls)


@pytest.mark.parametrize(
    "url",
    [
        "rediss://h?ssl_cert_reqs=none",
        "rediss://h?ssl_check_hostname=0",
        "rediss://h?ssl_cert_reqs=required&ssl_cert_reqs=none",
        "redis://h?ssl_ca_certs=/ca",
        "sentinel://h:1/m?ssl_cert_reqs=none",
    ],
)
def test_a_url_that_weakens_tls_can_not_be_connected_to(url):
    """Also not by an executor, whose URL no settings have checked."""
    with pytest.raises(ConfigurationError):
        connect(url)


def test_the_client_verifies_the_servers_certificate_and_name():
    pool = connect("rediss://h:1/0?ssl_ca_certs=/ca").connection_pool
    assert pool.connection_class is redis.SSLConnection
    options = pool.connection_kwargs
    assert (options["ssl_cert_reqs"], options["ssl_check_hostname"]) == ("required", True)
    assert options["ssl_ca_certs"] == "/ca"


def test_sentinels_and_their_primary_are_both_verified():
    pool = connect("sentinel://h:1/m?ssl_ca_certs=/ca").connection_pool
    [sentinel] = pool.sentinel_manager.sentinels
    for options in (pool.connection_kwargs, sentinel.connection_pool.connection_kwargs):
        assert (options["ssl_cert_reqs"], options["ssl_check_hostname"]) == ("required", True)
    assert issubclass(pool.connection_class, redis.SSLConnection)
    assert sentinel.connection_pool.connection_class is redis.SSLConnection
