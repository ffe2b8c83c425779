"""Limits the age of connections: an idle client would otherwise use a file descriptor without end."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

MAX_AGE_SEC = 60.0
"""Every answer takes a few seconds at most; Prometheus reconnects without an error."""
MAX_CONNECTIONS = 256
LOOK_SEC = 2.0


async def close_old_connections(
    server: web.Server, *, max_age_sec: float = MAX_AGE_SEC, most: int = MAX_CONNECTIONS, look_sec: float = LOOK_SEC
) -> None:
    """Until cancelled, periodically close connections that are too old, and the oldest of too many."""
    born: dict[web.RequestHandler, float] = {}
    while True:
        now = time.monotonic()
        born = {connection: born.get(connection, now) for connection in server.connections}
        by_age = sorted(born, key=lambda connection: born[connection])
        too_many = max(0, len(by_age) - most)
        for at, connection in enumerate(by_age):
            if at < too_many or now - born[connection] > max_age_sec:
                connection.force_close()
        await asyncio.sleep(look_sec)
