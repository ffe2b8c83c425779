"""The broker's URL and transport options, for Redis, Redis behind sentinels, and AMQP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from p33_tasks.settings import Settings
from p33_tasks.store.connection import parse_sentinel_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """What Celery needs to know about its broker."""

    url: str  # may hold a password: never log it
    transport_options: dict[str, Any]


def broker_of(settings: Settings) -> Broker:
    """The broker that the settings name.

    Raises:
        ConfigurationError: A sentinel URL without a master, or with an unusable host.
    """
    url = settings.celery_broker_url
    scheme = urlsplit(url).scheme.lower()
    if scheme in {"amqp", "amqps"}:
        # No heartbeat beside a long task, and a publish is only done when the broker says so.
        return Broker(url=url, transport_options={"confirm_publish": True, "connect_timeout": 2})
    options = redis_options(settings.key_prefix)
    if scheme != "sentinel":
        return Broker(url=url, transport_options=options)
    credentials, hosts, master, db = parse_sentinel_url(url)
    login = f"{credentials}@" if credentials else ""
    return Broker(
        url=";".join(f"sentinel://{login}{host}:{port}/{db}" for host, port in hosts),
        transport_options={
            **options,
            "master_name": master,
            "sentinel_kwargs": {"socket_timeout": 1.0, "socket_connect_timeout": 1.0},
        },
    )


def redis_options(prefix: str) -> dict[str, Any]:
    """Transport options for Redis.

    With the defaults, a network that swallowed packets for 10 s left every worker deaf for good (ARCHITECTURE.md).
    ``retry_on_timeout`` must stay out: with it, a batch is silently published one message at a time.

    ``ack_emulation`` is off: kombu keeps a copy of each message in Redis until it is acknowledged, two transactions
    per message and a worker that goes deaf where they fail. The copy is given back a visibility timeout later, and the
    stream's pending list gave the work to another worker long before. A permit task that a producer sent itself has no
    entry in a stream: it is tried once.
    """
    return {
        "global_keyprefix": f"{prefix}:",
        "socket_timeout": 3,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "ack_emulation": False,
    }
