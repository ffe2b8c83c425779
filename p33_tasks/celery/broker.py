"""The broker's URL and transport options, for Redis, Redis behind sentinels, and AMQP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from p33_tasks.errors import ConfigurationError
from p33_tasks.redis_url import split_tls
from p33_tasks.settings import Settings
from p33_tasks.store.connection import parse_sentinel_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Celery's broker settings."""

    url: str  # without the options for TLS; may hold a password: never log it
    transport_options: dict[str, Any]
    use_ssl: dict[str, Any] | None = None  # Celery's broker_use_ssl; None: no TLS


def broker_of(settings: Settings) -> Broker:
    """The broker that the settings name.

    Raises:
        ConfigurationError: A sentinel URL without a master, or with an unusable host; TLS without certificate checks.
    """
    try:
        url, tls = split_tls(settings.celery_broker_url)
    except ValueError as error:
        raise ConfigurationError(f"P33_BROKER_URL: {error}") from None
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme in {"amqp", "amqps"}:
        # No heartbeats, which a long task would miss; a publish is complete only when the broker confirms it.
        options = {"confirm_publish": True, "connect_timeout": 2}
        return Broker(
            url=url, transport_options=options, use_ssl=tls.for_amqp(parts.hostname or "localhost") if tls else None
        )
    options = redis_options(settings.key_prefix)
    use_ssl = tls.for_redis() if tls else None
    if scheme != "sentinel":
        return Broker(url=url, transport_options=options, use_ssl=use_ssl)
    credentials, hosts, master, db = parse_sentinel_url(url)
    login = f"{credentials}@" if credentials else ""
    over_tls = {"ssl": True, **use_ssl} if use_ssl else {}
    return Broker(
        url=";".join(f"sentinel://{login}{host}:{port}/{db}" for host, port in hosts),
        transport_options={
            **options,
            "master_name": master,
            "sentinel_kwargs": {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, **over_tls},
        },
        use_ssl=use_ssl,
    )


def management_url(settings: Settings) -> str | None:
    """RabbitMQ's management address for Flower's broker page; None if Flower's default is right.

    By default Flower sends the broker's login to port 15672 unencrypted, also if the broker is ``amqps://``.
    """
    parts = urlsplit(settings.celery_broker_url)
    if parts.scheme.lower() != "amqps":
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"https://{host}:15671/api/"


def redis_options(prefix: str) -> dict[str, Any]:
    """Transport options for Redis.

    With the defaults, after 10 s of lost packets no worker ever received a task again (ARCHITECTURE.md).
    ``retry_on_timeout`` must not be set: with it, a batch is silently published one message at a time.

    ``ack_emulation`` is off: with it, kombu keeps a copy of each message in Redis until it is acknowledged, which costs
    two transactions per message, and a worker stops receiving if they fail. kombu redelivers the copy after the
    visibility timeout, long after the stream's pending list gave the work to another worker. A permit task sent by a
    producer has no stream entry and is tried once.
    """
    return {
        "global_keyprefix": f"{prefix}:",
        "socket_timeout": 3,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "ack_emulation": False,
    }
