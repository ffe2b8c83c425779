"""URLs of Redis servers and brokers: checked before anything connects, and never quoted in an error."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

STATE_SCHEMES = ("redis", "rediss", "sentinel")
BROKER_SCHEMES = ("redis", "rediss", "sentinel", "amqp", "amqps")

_SENTINEL_URL = re.compile(r"sentinel://([^@/]*@)?[^/;@]+:[0-9]+(;[^/;@]+:[0-9]+)*/[^/?#]+(/[0-9]{1,4})?")


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
    """The URL, when it is one of these schemes and can be used.

    Raises:
        ValueError: It can't; says how to write it, without a part of it (there may be a password in any part).
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
        return value
    if not has_host(url):
        raise ValueError("no usable host and port; percent-encode the password (/ is %2F, # is %23, ? is %3F)")
    if scheme.startswith("redis") and not (
        re.fullmatch(r"[0-9]{0,4}", path_of(url)) and "db=" not in urlsplit(url).query
    ):
        raise ValueError(f"write the database as the path, e.g. {scheme}://host:6379/0")
    return value


def has_host(url: str) -> bool:
    """Whether a host, and a port if there is one, can be read from the URL."""
    # urlsplit's own errors quote the URL, password included.
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _can_be_split(url: str) -> bool:
    """Whether its brackets are in order, if it has any."""
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def path_of(url: str) -> str:
    """The path without the slashes around it: a Redis URL's database."""
    return urlsplit(url).path.strip("/")
