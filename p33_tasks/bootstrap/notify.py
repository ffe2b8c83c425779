"""Notifies systemd that a service is ready or stopping, by the protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket

import structlog

from p33_tasks.log_events import LogEvent


def notify_ready(status: str) -> None:
    """Notify systemd (``Type=notify``) that this service is ready.

    Call it once, in the unit's main process. Processes started later don't inherit the notification socket.

    Args:
        status: One line for ``systemctl status``.
    """
    if address := os.environ.pop("NOTIFY_SOCKET", ""):
        _address[:] = [address]
    _send(f"READY=1\nSTATUS={status}")


def notify_stopping() -> None:
    """Notify systemd that this service is stopping."""
    _send("STOPPING=1")


_address: list[str] = []
"""systemd's socket address, once it was removed from the environment."""


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
        # Not an error of the service: systemd ends the start at its time limit and logs it.
        structlog.get_logger("p33.systemd").warning(LogEvent.NOTIFY_FAILED, error=str(error))
