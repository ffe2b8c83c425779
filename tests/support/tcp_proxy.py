"""A TCP proxy that a network's faults are done with: packets held back, slow ones, cut connections.

Held bytes are delivered when the network is back, as TCP would send them again; also those of a client that gave up.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 65_536
START_TIMEOUT_SEC = 5


class TcpProxy:
    """Listens on a free port and forwards to one address. Use ``running_proxy``."""

    def __init__(self, target_port: int, *, target_host: str = "127.0.0.1", listen_host: str = "127.0.0.1") -> None:
        self._target = (target_host, target_port)
        self._listen_host = listen_host
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._free = {"up": asyncio.Event(), "down": asyncio.Event()}  # to the server, and back
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.delay_sec = 0.0
        self.port = 0

    # --- from the test's thread -------------------------------------------------------------------------------------

    @contextmanager
    def holding(self, *directions: str) -> Iterator[None]:
        """Nothing passes ``up`` (to the server) or ``down``; both when none is named. New connections hang too."""
        for name in directions or ("up", "down"):
            self._loop.call_soon_threadsafe(self._free[name].clear)
        try:
            yield
        finally:
            for event in self._free.values():
                self._loop.call_soon_threadsafe(event.set)

    def cut(self) -> None:
        """Reset every connection."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(5)

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(START_TIMEOUT_SEC), "the proxy did not start"

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # --- in the proxy's own ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._started.set()
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> None:
        for event in self._free.values():
            event.set()
        self._server = await asyncio.start_server(self._accept, self._listen_host, 0, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, up_writer}
        pumps = [
            asyncio.create_task(self._pump(reader, up_writer, "up")),
            asyncio.create_task(self._pump(up_reader, writer, "down")),
        ]
        self._pumps |= set(pumps)
        await asyncio.wait(pumps)
        self._pumps -= set(pumps)
        for end in (writer, up_writer):
            self._writers.discard(end)
            end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                if self.delay_sec:
                    await asyncio.sleep(self.delay_sec)  # of the network, not of the test
                await self._free[direction].wait()
                writer.write(data)
                await writer.drain()
            await self._free[direction].wait()
            writer.write_eof()

    async def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
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
