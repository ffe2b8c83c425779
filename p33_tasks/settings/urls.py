"""URLs of Redis servers and brokers: checked before anything connects, and never quoted in an error."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import SecretStr

from p33_tasks.redis_url import TLS_FILES, TLS_OPTIONS, split_tls

STATE_SCHEMES = ("redis", "rediss", "sentinel")
BROKER_SCHEMES = ("redis", "rediss", "sentinel", "amqp", "amqps")

_KNOWN_ELSEWHERE = frozenset(
    {
        *("protocol", "socket_timeout", "socket_connect_timeout", "socket_keepalive", "client_name", "encoding"),
        *("health_check_interval", "max_connections", "retry_on_timeout", "decode_responses", "timeout", "heartbeat"),
        *("login_method", "ssl", "virtual_host"),
    }
)
"""Options of redis-py or kombu that an error names when it refuses them."""

_SENTINEL_URL = re.compile(r"sentinel://([^@/]*@)?[^/;@]+:[0-9]+(;[^/;@]+:[0-9]+)*/[^/?#]+(/[0-9]{1,4})?(\?[^#]*)?")


def next_db(url: str) -> str:
    """The same Redis server's next database; of ``sentinel://hosts/master`` too, as ``/master/1``."""
    head, mark, options = url.partition("?")
    parts = urlsplit(head)
    segments = parts.path.strip("/").split("/")
    master = segments[:1] if parts.scheme == "sentinel" else []
    db = int("".join(segments[len(master) :]) or 0)
    path = "/".join(["", *master, str(db + 1)])
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")) + mark + options


def checked_url(value: SecretStr | None, schemes: tuple[str, ...]) -> SecretStr | None:
    """The URL, if it has one of these schemes and can be used.

    Raises:
        ValueError: It can't; the text shows the right form and no part of the URL, which may contain a password.
    """
    if value is None:
        return None
    url = value.get_secret_value()
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in schemes:
        raise ValueError("use a URL that begins with " + ", ".join(f"{name}://" for name in schemes))
    if scheme == "sentinel":
        if not _SENTINEL_URL.fullmatch(url) or not _can_be_split(url):
            raise ValueError("write sentinel://[user:password@]host:26379;host:26379/MASTER[/DB]")
        _check_options(url)
        return value
    if not has_host(url):
        raise ValueError("no usable host and port; percent-encode the password (/ is %2F, # is %23, ? is %3F)")
    if scheme.startswith("redis") and not (
        re.fullmatch(r"[0-9]{0,4}", path_of(url)) and "db=" not in urlsplit(url).query
    ):
        raise ValueError(f"write the database as the path, e.g. {scheme}://host:6379/0")
    _check_options(url)
    return value


def _check_options(url: str) -> None:
    """Refuse an option that one of the libraries doesn't support, or that weakens TLS.

    redis-py, kombu (two versions: celery-exporter has its own) and py-amqp support different options, and each fails
    differently at an unknown one: a worker with ``?protocol=2`` ended with a TypeError in kombu.

    Raises:
        ValueError: Names the option, never its value.
    """
    found = parse_qsl(url.partition("?")[2], keep_blank_values=True)
    unknown = sorted({name for name, _ in found if name not in TLS_OPTIONS})
    if unknown:
        # Any other text here may be a password with a question mark in it.
        names = ", ".join(name for name in unknown if name in _KNOWN_ELSEWHERE) or "not named here"
        raise ValueError(f"an option that this service doesn't take ({names}); allowed: {', '.join(TLS_OPTIONS)}")
    split_tls(url)
    for name, path in found:
        if name in TLS_FILES and not (os.path.isfile(path) and os.access(path, os.R_OK)):  # noqa: PTH113 - text as given
            raise ValueError(f"{name} names no file that this user can read")


def has_host(url: str) -> bool:
    """Whether a host, and a port if there is one, can be read from the URL."""
    # urlsplit's own errors quote the URL, password included.
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _can_be_split(url: str) -> bool:
    """Whether its brackets, if any, are valid."""
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def path_of(url: str) -> str:
    """The path without the slashes around it: a Redis URL's database."""
    return urlsplit(url).path.strip("/")
