"""A network between client and Redis that loses one answer: the act is done, the client can't know."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def losing_one_answer(port: int, word: str) -> Iterator[tuple[str, threading.Event]]:
    """A proxy before the Redis on ``port`` that cuts the connection where its first answer with ``word`` came through.

    Yields:
        The URL to connect to, and an event that is set once the answer was lost.
    """
    proxy = _Proxy(port, word.encode())
    try:
        yield f"redis://127.0.0.1:{proxy.port}/0", proxy.lost
    finally:
        proxy.close()


class _Proxy:
    def __init__(self, upstream_port: int, word: bytes) -> None:
        self.lost = threading.Event()
        self._upstream_port = upstream_port
        self._word = word
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                upstream = socket.create_connection(("127.0.0.1", self._upstream_port))
                for pump in (
                    threading.Thread(target=self._pass_on, args=(client, upstream, None), daemon=True),
                    threading.Thread(target=self._pass_on, args=(upstream, client, self._word), daemon=True),
                ):
                    self._threads.append(pump)
                    pump.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, word: bytes | None) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if word is not None and word in data and not self.lost.is_set():
                    self.lost.set()
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
