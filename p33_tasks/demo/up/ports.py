"""Loopback ports, distributed among the demos of this machine."""

from __future__ import annotations

import socket
import sys

_claims: dict[int, socket.socket] = {}
"""The claims on ports whose child isn't listening yet, so that no other demo uses them."""


def claim_port(usual: int | None = None) -> int:
    """A loopback TCP port for a child that will be started: the usual one, or any free one if that is in use.

    No other demo uses it while this process runs.
    """
    if usual is not None and is_free(usual) and _claim(usual):
        return usual
    port = free_port()
    while not _claim(port):
        port = free_port()
    return port


def free_port() -> int:
    """A loopback TCP port without a listener at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def elsewhere(port: int, usual: int) -> str:
    """A remark that a port isn't the usual one; empty if it is."""
    return "" if port == usual else f"  (somebody else listens on {usual})"


def is_free(port: int) -> bool:
    """Whether this loopback port has no listener."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _claim(port: int) -> bool:
    """Whether this process now owns the port's name: an abstract socket (Linux only), which leaves no file."""
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
