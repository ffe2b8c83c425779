"""``P33_NOTIFY``: the notification addresses of reconciliation's events."""

from __future__ import annotations

import re

from p33_tasks.contract.reconciliation import NOTIFIED

EVERY = "all"
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[!-~]{1,1000}")
MOST_ROUTES = 50


def checked_routes(text: str) -> dict[str, tuple[str, ...]]:
    """Addresses by event, from ``EVENT=ADDRESS`` pairs separated by blanks or line breaks.

    Raises:
        ValueError: Not a pair, or an unknown event. The text contains no address, since they are secrets.
    """
    pairs = [pair.partition("=") for pair in text.split()]
    if not pairs or len(pairs) > MOST_ROUTES:
        raise ValueError(f"name 1 to {MOST_ROUTES} pairs EVENT=ADDRESS, e.g. held=json://127.0.0.1:9000/hook")
    routes: dict[str, tuple[str, ...]] = {}
    for place, (event, _, address) in enumerate(pairs, 1):
        if event != EVERY and event not in NOTIFIED:
            raise ValueError(f"pair {place}: use {EVERY}, or one of {', '.join(NOTIFIED)}, before the '='")
        if not _ADDRESS.fullmatch(address):
            raise ValueError(
                f"pair {place}: the text after {event}= is not an Apprise address, e.g. json://127.0.0.1:9000/hook"
            )
        for one in NOTIFIED if event == EVERY else (event,):
            routes[one] = (*routes.get(one, ()), address)
    return routes
