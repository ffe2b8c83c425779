"""The proxy that networks fail in: what goes in comes out, in order, whatever is done to it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from tests.support.tcp_proxy import TcpProxy, running_proxy
from tests.support.waiting import wait_until


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says back what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(client: socket.socket) -> None:
        with suppress(OSError), closing(client):
            while data := client.recv(65_536):
                client.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def proxy(echo) -> Iterator[TcpProxy]:
    with running_proxy(echo) as found:
        yield found


def _client(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def _heard(client: socket.socket, length: int) -> bytes:
    heard = b""
    while len(heard) < length:
        data = client.recv(65_536)
        assert data, f"cut off after {heard!r:.80}"
        heard += data
    return heard


def test_megabytes_come_back_as_they_went(proxy):
    sent = bytes(range(256)) * 40_000
    with closing(_client(proxy)) as client:
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
        assert _heard(client, len(sent)) == sent


def test_pieces_keep_their_order_while_the_delay_ends(proxy):
    """A later piece that overtook an earlier one would be another fault than the one that is meant."""
    with closing(_client(proxy)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        proxy.delay_sec = 0.2
        client.sendall(b"one ")
        wait_until(lambda: any(end.under_way for end in list(proxy.ends)), "the first is under way", every_sec=0.001)
        proxy.delay_sec = 0.0
        client.sendall(b"two ")
        assert _heard(client, 8) == b"one two "


@pytest.mark.parametrize("directions", [("up",), ("down",), ()])
def test_what_is_held_arrives_when_the_network_is_back(proxy, directions):
    with closing(_client(proxy)) as client:
        client.sendall(b"before ")
        assert _heard(client, 7) == b"before "
        with proxy.holding(*directions):
            wait_until(lambda: proxy.held, "the network is down", every_sec=0.001)
            client.sendall(b"held ")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(10)
            client.settimeout(10)
            with closing(_client(proxy)) as other:  # a new connection hangs as well
                other.sendall(b"new")
        assert _heard(client, 5) == b"held "


def test_a_client_that_gave_up_holds_nobody_else_up(proxy):
    """Its held answer meets a closed socket; everybody else's come."""
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(_client(proxy))) for _ in range(8)]
        for client in clients:
            client.sendall(b"before")
            assert _heard(client, 6) == b"before"
        with proxy.holding("down"):
            wait_until(lambda: proxy.held, "the network is down", every_sec=0.001)
            for client in clients:
                client.sendall(b"held")
            for client in clients[::2]:
                client.close()
            ended = len(clients[::2])
            wait_until(
                lambda: sum(b"" in [d for _, d in list(e.under_way)] for e in list(proxy.ends)) == ended, "they ended"
            )
        for client in clients[1::2]:
            assert _heard(client, 4) == b"held"
    wait_until(lambda: not proxy.ends, "all are forgotten")


@pytest.mark.parametrize("linger", [None, struct.pack("ii", 1, 0)], ids=["closed", "reset"])
def test_the_server_hears_of_an_end_when_the_network_is_back(linger):
    """What was sent before comes first."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        running_proxy(listener.getsockname()[1]) as proxy,
        closing(_client(proxy)) as client,
    ):
        client.sendall(b"before ")
        server, _ = listener.accept()
        with closing(server):
            server.settimeout(10)
            assert _heard(server, 7) == b"before "
            with proxy.holding("up"):
                wait_until(lambda: proxy.held, "the network is down", every_sec=0.001)
                client.sendall(b"last")
                wait_until(lambda: any(end.under_way for end in list(proxy.ends)), "it is under way", every_sec=0.001)
                if linger:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                client.close()
                server.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    server.recv(10)
                server.settimeout(10)
            assert _heard(server, 4) == b"last"
            assert server.recv(10) == b""
        wait_until(lambda: not proxy.ends, "all are forgotten")


def test_a_client_that_left_before_the_server_was_reached_is_forgotten(proxy):
    with proxy.holding():
        wait_until(lambda: proxy.held, "the network is down", every_sec=0.001)
        with closing(_client(proxy)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"x")
    wait_until(lambda: not proxy.ends, "it is forgotten")


def test_cutting_resets_every_connection(proxy):
    with closing(_client(proxy)) as client:
        client.sendall(b"before")
        assert _heard(client, 6) == b"before"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(10)


def test_a_server_that_is_not_there_cuts_the_client_off():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with (
            running_proxy(nobody.getsockname()[1]) as proxy,
            pytest.raises(ConnectionResetError),  # while connecting, at the earliest
            closing(_client(proxy)) as client,
        ):
            client.recv(10)


def test_both_ends_of_a_connection_that_was_closed_are_forgotten(proxy):
    with closing(_client(proxy)) as client:
        client.sendall(b"x")
        assert _heard(client, 1) == b"x"
        assert len(proxy.ends) == 2
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b"", "the server ends its side too"
    wait_until(lambda: not proxy.ends, "both are forgotten")
