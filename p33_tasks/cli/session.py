"""The start of most commands: the configuration, and a Redis client."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from p33_tasks.contract.keys import Keys
from p33_tasks.settings import Settings, load_settings
from p33_tasks.store.connection import connect

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Settings, key names and a client. Nothing is sent before the first command."""

    settings: Settings
    keys: Keys
    client: redis.Redis

    @property
    def redis_place(self) -> str:
        """The address of Redis, without its password."""
        return place_of(self.settings.state_url)

    @property
    def source(self) -> str:
        """Venue and host that snapshots must come from."""
        from p33_tasks.venues.build import venue_source

        settings = self.settings
        return venue_source(settings.exchange, settings.testnet, settings.exchange_base_url)


def open_session() -> Session:
    """Read the configuration and create a client.

    Raises:
        ConfigurationError: Lists every problem.
    """
    settings = load_settings()
    return Session(settings=settings, keys=Keys(settings.key_prefix), client=connect(settings.state_url))


def place_of(url: str) -> str:
    """A URL without its credentials."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def operator() -> str:
    """The user who runs the command, for the audit: ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's uid without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
