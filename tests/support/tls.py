"""Certificates of authorities of a test's own, and a TLS server that notes what it was sent."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TLS_RECORD = 0x16  # the first byte of a handshake; anything else was sent in the clear


def _openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


def make_certificates(folder: Path) -> Path:
    """``ca``, a ``server`` of localhost and an ``other-host`` signed by it, and ``stranger``, who signed nothing."""
    for name in ("ca", "stranger"):
        subject = ["-subj", f"/CN=p33 test {name}", "-days", "2", "-nodes"]
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-keyout", f"{name}.key", "-out", f"{name}.crt", *subject,
                 folder=folder)  # fmt: skip
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("other-host", "DNS:redis.example")):
        (folder / f"{name}.names").write_text(f"subjectAltName={names}\n")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                 "/CN=p33 test", folder=folder)  # fmt: skip
        _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                 "2", "-extfile", f"{name}.names", "-out", f"{name}.crt", folder=folder)  # fmt: skip
    return folder


@dataclass
class TlsServer:
    """Listens with TLS on loopback; passes what it reads to another port, or only notes it."""

    port: int
    attempts: int = 0  # connections that were opened
    received: bytearray = field(default_factory=bytearray)  # what a client said, decrypted or in the clear

    def saw_nothing(self) -> bool:
        """Whether nobody told it anything."""
        return not self.received


@contextmanager
def running_tls(certificate: Path, key: Path, *, forward_to: int | None = None) -> Iterator[TlsServer]:
    """A TLS server for as long as the block runs.

    Args:
        certificate: What it shows.
        key: Its private key.
        forward_to: A loopback port that it stands in front of; None: it listens, and answers nothing.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    server = TlsServer(port=listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server.attempts += 1
            threading.Thread(target=_talk, args=(server, context, client, forward_to), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _talk(server: TlsServer, context: ssl.SSLContext, client: socket.socket, forward_to: int | None) -> None:
    with contextlib.suppress(OSError), client:  # a handshake that the client breaks off is an OSError, too
        client.settimeout(30)
        first = client.recv(1, socket.MSG_PEEK)
        if first and first[0] != TLS_RECORD:
            server.received += client.recv(65536)
            return
        with context.wrap_socket(client, server_side=True) as safe:
            if forward_to is None:
                while data := safe.recv(65536):
                    server.received += data
                return
            with socket.create_connection(("127.0.0.1", forward_to)) as behind:
                back = threading.Thread(target=_copy, args=(behind, safe, None), daemon=True)
                back.start()
                _copy(safe, behind, server.received)


def _copy(source: socket.socket, target: socket.socket, noted: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if noted is not None:
                noted += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
