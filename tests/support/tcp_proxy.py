"""A TCP proxy that a network's faults are done with: packets held back, slow ones, cut connections.

Held bytes are delivered when the network is back, as TCP would send them again; also those of a client that gave up.
It must cost little: what it takes of two cores, the programs behind it don't have.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

START_TIMEOUT_SEC = 5
_NO_LINGER = struct.pack("ii", 1, 0)


class _End(asyncio.Protocol):
    """One end of a connection through the proxy; what it receives goes out at the other, in the same order."""

    def __init__(self, proxy: TcpProxy, direction: str, other: _End | None = None) -> None:
        self.proxy = proxy
        self.direction = direction
        self.other = other
        self.transport: asyncio.Transport | None = None
        self.under_way: deque[tuple[float, bytes]] = deque()  # when each piece may arrive; b"" ends the stream
        self.has_ended = False
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.proxy.ends.add(self)
        if self.other is None:
            self.other = _End(self.proxy, "down", self)
            self.proxy.connect(self.other)
        else:
            self.other.move()  # what came before we were there

    def data_received(self, data: bytes) -> None:
        loop = self.proxy.loop
        due = loop.time() + self.proxy.delay_sec
        self.under_way.append((max(due, self.under_way[-1][0]) if self.under_way else due, data))
        if self.proxy.delay_sec:
            loop.call_at(due, self.move)
        else:
            self.move()

    def eof_received(self) -> bool:
        self.data_received(b"")
        return True  # the other direction goes on

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self.is_lost = True
        self.move()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def move(self) -> None:
        """Let arrive what is due, the end of a lost connection last, unless the network is down in this direction."""
        there = self.other.transport if self.other is not None else None
        if there is None or self.direction in self.proxy.held:
            return
        if there.is_closing():
            if self.is_lost:
                self.proxy.ends.discard(self)
            return
        now = self.proxy.loop.time()
        while self.under_way and self.under_way[0][0] <= now:
            _, data = self.under_way.popleft()
            if data:
                there.write(data)
            else:
                self._end_stream(there)
        if self.under_way:  # a clock's tick too early
            self.proxy.loop.call_at(self.under_way[0][0], self.move)
        elif self.is_lost:
            self.proxy.ends.discard(self)
            there.close()

    def cut(self) -> None:
        """Reset the connection: without lingering, closing sends RST."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.transport.abort()

    def _end_stream(self, there: asyncio.Transport) -> None:
        self.has_ended = True
        try:
            there.write_eof()
        except OSError:  # reset a moment ago, by the bytes before this end: a client that gave up doesn't read them
            there.abort()
            return
        if self.other is not None and self.other.has_ended:
            there.close()


class TcpProxy:
    """Listens on a free port and forwards to one address. Use ``running_proxy``."""

    def __init__(self, target_port: int, *, target_host: str = "127.0.0.1", listen_host: str = "127.0.0.1") -> None:
        self._target = (target_host, target_port)
        self._listen_host = listen_host
        self._connecting: set[asyncio.Task[None]] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._note)
        self.failures: list[str] = []  # of the proxy itself: the network would have another fault than the one meant
        self.ends: set[_End] = set()
        self.held: frozenset[str] = frozenset()  # directions: up to the server, down from it
        self.delay_sec = 0.0
        self.port = 0

    # --- from the test's thread -------------------------------------------------------------------------------------

    @contextmanager
    def holding(self, *directions: str) -> Iterator[None]:
        """Nothing passes ``up`` (to the server) or ``down``; both when none is named."""
        self.loop.call_soon_threadsafe(self._hold, frozenset(directions or ("up", "down")))
        try:
            yield
        finally:
            self.loop.call_soon_threadsafe(self._hold, frozenset())

    def cut(self) -> None:
        """Reset every connection."""
        asyncio.run_coroutine_threadsafe(self._cut(), self.loop).result(5)

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(START_TIMEOUT_SEC), "the proxy did not start"

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        assert not self.failures, "the proxy failed: " + "; ".join(self.failures)

    # --- in the proxy's own ------------------------------------------------------------------------------------------

    def connect(self, end: _End) -> None:
        """Reach the server; a client of one that isn't there is cut off."""
        task = self.loop.create_task(self._connect(end))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, end: _End) -> None:
        assert end.other is not None
        try:
            await self.loop.create_connection(lambda: end, *self._target)
        except OSError:
            end.other.cut()
            self.ends.discard(end.other)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._listen())
        self._started.set()
        self.loop.run_forever()
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.close()

    async def _listen(self) -> None:
        self._server = await self.loop.create_server(lambda: _End(self, "up"), self._listen_host, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno == errno.ENOTCONN:
            return  # an end of stream for somebody who had reset the connection meanwhile: nobody else's business
        self.failures.append(f"{context['message']}: {error!r}")

    def _hold(self, directions: frozenset[str]) -> None:
        self.held = directions
        for end in list(self.ends):
            end.move()

    async def _cut(self) -> None:
        for end in list(self.ends):
            end.cut()

    async def _end(self) -> None:
        self._server.close()
        await self._cut()


@contextmanager
def running_proxy(
    target_port: int, *, target_host: str = "127.0.0.1", listen_host: str = "127.0.0.1"
) -> Iterator[TcpProxy]:
    """A proxy for as long as the block runs."""
    proxy = TcpProxy(target_port, target_host=target_host, listen_host=listen_host)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
