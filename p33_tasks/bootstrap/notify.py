"""Telling systemd that a service is ready or stopping, by the protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket

import structlog

from p33_tasks.log_events import LogEvent


def notify_ready(status: str) -> None:
    """Tell systemd (``Type=notify``) that this service works.

    Call it once, in the unit's main process. The processes that it starts later don't inherit the right to speak.

    Args:
        status: One line for ``systemctl status``.
    """
    if address := os.environ.pop("NOTIFY_SOCKET", ""):
        _address[:] = [address]
    _send(f"READY=1\nSTATUS={status}")


def notify_stopping() -> None:
    """Tell systemd that this service has begun to stop."""
    _send("STOPPING=1")


_address: list[str] = []
"""Where systemd listens, once it was taken out of the environment."""


def _send(text: str) -> None:
    if not _address:
        return
    (address,) = _address
    if address.startswith("@"):  # an abstract socket
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            connection.connect(address)
            connection.sendall(text.encode())
    except OSError as error:
        # Not an error of the service: systemd then ends the start by its own time limit and says so.
        structlog.get_logger("p33.systemd").warning(LogEvent.NOTIFY_FAILED, error=str(error))
