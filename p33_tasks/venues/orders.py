"""What every venue's order is checked for before it is sent."""

from __future__ import annotations

from decimal import Decimal

from p33_tasks.domain import quantities as q
from p33_tasks.venues.spec import VenueSpec

_LONGEST_WINDOW_MS = 60_000


def check_order(spec: VenueSpec, *, quantity: Decimal, client_order_id: str, recv_window_ms: int) -> None:
    """Raises ValueError where a parameter is not usable; nothing was sent then."""
    if q.parse_quantity(quantity) <= 0:
        raise ValueError(f"an order's quantity is above zero, not {quantity}")
    ids = spec.client_order_ids
    if not ids.pattern.fullmatch(client_order_id):
        raise ValueError(f"client order id {client_order_id!r:.60}: use 1 to {ids.max_chars} of {ids.shown}")
    longest = spec.request_window_ms or _LONGEST_WINDOW_MS
    if not 1 <= recv_window_ms <= longest:
        raise ValueError(f"recv_window_ms={recv_window_ms}: use 1 to {longest}")
