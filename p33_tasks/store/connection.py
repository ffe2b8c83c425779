"""Redis connections with explicit time limits and retries.

redis-py retries by default, and may apply an increment twice; so retries are set here, and every script that they can
repeat is idempotent. Clients are made per process, after fork.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from p33_tasks.errors import ConfigurationError
from p33_tasks.redis_url import Tls, split_tls

CONNECT_TIMEOUT_SEC = 1.0
SOCKET_TIMEOUT_SEC = 2.0


def connect(url: str, *, socket_timeout_sec: float = SOCKET_TIMEOUT_SEC, retries: int = 2) -> redis.Redis:
    """A client for a ``redis://``, ``rediss://``, ``unix://`` or ``sentinel://h1:26379;h2:26379/master`` URL.

    Over TLS the server's certificate is always verified before anything is sent, for any options in the URL.

    Args:
        url: May contain a password; it is never logged.
        socket_timeout_sec: Must exceed any BLOCK sent over this client.
        retries: Repeats after a lost connection; every script may be repeated.

    Raises:
        ConfigurationError: The URL can't be used. Connecting itself happens with the first command.
    """
    options = _options(socket_timeout_sec=socket_timeout_sec, retry=Retry(_backoff(), retries))
    try:
        bare, tls = split_tls(url)
        if bare.startswith("sentinel://"):
            once = Retry(NoBackoff(), 0)
            client: redis.Redis = _sentinel_master(bare, options, tls, asked_once=once, kind=Sentinel)
        else:
            client = redis.Redis.from_url(bare, **options, **(tls.for_redis() if tls else {}))
    except ValueError as error:
        raise ConfigurationError(f"the Redis URL can't be used: {error}") from None
    return client


def connect_async(url: str, *, socket_timeout_sec: float = SOCKET_TIMEOUT_SEC, retries: int = 2) -> redis.asyncio.Redis:
    """As ``connect``, for asyncio; the client belongs to one event loop."""
    options = _options(socket_timeout_sec=socket_timeout_sec, retry=AsyncRetry(_backoff(), retries))
    try:
        bare, tls = split_tls(url)
        if bare.startswith("sentinel://"):
            once = AsyncRetry(NoBackoff(), 0)
            client: redis.asyncio.Redis = _sentinel_master(bare, options, tls, asked_once=once, kind=AsyncSentinel)
        else:
            client = redis.asyncio.Redis.from_url(bare, **options, **(tls.for_redis() if tls else {}))
    except ValueError as error:
        raise ConfigurationError(f"the Redis URL can't be used: {error}") from None
    return client


def _backoff() -> ExponentialBackoff:
    return ExponentialBackoff(cap=0.2, base=0.02)


def _options(*, socket_timeout_sec: float, retry: Retry | AsyncRetry) -> dict[str, Any]:
    return {
        "decode_responses": True,
        # Foreign bytes in our keys must be readable, so that a rule can deny them.
        "encoding_errors": "surrogateescape",
        "socket_timeout": socket_timeout_sec,
        "socket_connect_timeout": CONNECT_TIMEOUT_SEC,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "retry": retry,
        "retry_on_error": [redis.ConnectionError, redis.TimeoutError],
    }


def _sentinel_master(
    url: str, options: dict[str, Any], tls: Tls | None, *, asked_once: Retry | AsyncRetry, kind: Any
) -> Any:
    over_tls = {"ssl": True, **tls.for_redis()} if tls else {}
    credentials, hosts, master, db = parse_sentinel_url(url)
    user, _, password = credentials.rpartition(":")
    sentinel_options = {
        "socket_timeout": CONNECT_TIMEOUT_SEC,
        "socket_connect_timeout": CONNECT_TIMEOUT_SEC,
        # The next sentinel is the retry. By default redis-py tries each eleven times, in each of our retries: two
        # sentinels that refused connections delayed an executor's consume() by 24 s.
        "retry": asked_once,
        **over_tls,
    }
    return kind(hosts, sentinel_kwargs=sentinel_options).master_for(
        master, db=db, username=unquote(user) or None, password=unquote(password) or None, **options, **over_tls
    )


def parse_sentinel_url(url: str) -> tuple[str, list[tuple[str, int]], str, int]:
    """The parts of ``sentinel://[user:password@]h1:26379;h2:26379/master[/db]``.

    Returns:
        Credentials (``user:password`` or empty), the sentinels, the master's name, the database.

    Raises:
        ConfigurationError: The master's name is missing, or a host has no usable port.
    """
    parts = urlsplit(url)
    credentials, _, addresses = parts.netloc.rpartition("@")
    master, _, db = parts.path.strip("/").partition("/")
    hosts = []
    for address in addresses.split(";"):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ConfigurationError(f"P33_REDIS_URL: {address!r} is not a host:port of a sentinel")
        hosts.append((host, int(port)))
    if not master or (db and not db.isdigit()):
        raise ConfigurationError("P33_REDIS_URL: write sentinel://host:26379;host:26379/MASTER[/DB]")
    return credentials, hosts, master, int(db or 0)
