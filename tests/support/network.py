"""A network between a process and its server that can start to swallow packets."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator


class Network:
    """Forwards TCP connections to a port on this machine.

    While it swallows, nothing that is sent arrives, and nobody is told: neither an error nor an end. Connections
    made before stay dead when it ends, as behind a router that forgot them.
    """

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._swallows = False
        self._closed = False
        self._dead: set[socket.socket] = set()
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """Lose every packet of every connection from now on."""
        with self._lock:
            self._swallows = True
            self._dead.update(self._open)

    def recover(self) -> None:
        """New connections work again; the old ones stay dead."""
        with self._lock:
            self._swallows = False

    def close(self) -> None:
        """End it all."""
        self._closed = True
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(near)
                if self._swallows:
                    self._dead.add(near)
            threading.Thread(target=self._forward, args=(near,), daemon=True).start()

    def _forward(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._to_port))
        except OSError:
            near.close()
            return
        with self._lock:
            self._open.append(far)
        with contextlib.suppress(OSError, ValueError):
            while True:
                ready, _, _ = select.select([near, far], [], [], 0.5)
                for one, other in ((near, far), (far, near)):
                    if one not in ready:
                        continue
                    data = one.recv(65_536)
                    if near in self._dead:
                        if not data:
                            return
                        continue  # swallowed
                    if not data:
                        near.close()
                        far.close()
                        return
                    other.sendall(data)


@contextlib.contextmanager
def network_to(port: int) -> Iterator[Network]:
    """A network in front of ``port``, for as long as the block runs."""
    network = Network(port)
    try:
        yield network
    finally:
        network.close()
