"""Sends notifications through Apprise (the extra ``notify``), which supports webhooks and over a hundred services."""

from __future__ import annotations

import logging
from importlib.util import find_spec


def is_installed() -> bool:
    """Whether the extra ``notify`` is installed."""
    return find_spec("apprise") is not None


class AppriseSender:
    """Implements ``services.notify.Sender``. Each request has Apprise's time-outs: 4 s to connect, 4 s to read."""

    def send(self, address: str, title: str, text: str) -> bool:
        """See ``services.notify.Sender.send``."""
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines may contain the address, which is a secret
        try:
            import apprise  # noqa: PLC0415 - only the task that sends needs it

            target = apprise.Apprise()
            return bool(target.add(address)) and bool(target.notify(title=title, body=text))
        except Exception:  # noqa: BLE001 - whatever a plugin raises: it was not taken
            return False
