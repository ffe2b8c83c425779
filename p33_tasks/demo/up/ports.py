"""Ports of loopback, shared out among the demos of this machine."""

from __future__ import annotations

import socket
import sys

_claims: dict[int, socket.socket] = {}
"""What keeps another demo from a port that this one's child has not begun to listen on."""


def claim_port(usual: int | None = None) -> int:
    """A TCP port of loopback for a child that is yet to be started: the usual one, or any when that is taken.

    No other demo takes it for as long as this process lives.
    """
    if usual is not None and is_free(usual) and _claim(usual):
        return usual
    port = free_port()
    while not _claim(port):
        port = free_port()
    return port


def free_port() -> int:
    """A TCP port of loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def elsewhere(port: int, usual: int) -> str:
    """Says why a port isn't the usual one; empty when it is."""
    return "" if port == usual else f"  (somebody else listens on {usual})"


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _claim(port: int) -> bool:
    """Whether this process has the port's name now. The name is Linux's alone, and leaves no file behind."""
    if sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0p33-up-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims[port] = claim
    return True
