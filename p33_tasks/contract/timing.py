"""Times in Redis: a field in milliseconds, and an older one in whole seconds (CONTRACT section 1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from p33_tasks.errors import CorruptStateError

PLACE_WINDOW_MS = 5_000
"""How long after a consumption its order may be sent (CONTRACT section 6)."""
READ_LAG_MS = 2_000
"""How long after an order's match the venue's position may not show it yet."""
MAX_STALE_MS = 60_000
"""The highest limit on a snapshot's age that the settings allow."""
MAX_READ_LAG_MS = 60_000
"""The longest read lag allowed, so that a forged permit can't reserve a position for years."""
UNKNOWN_MS = 600_000
"""How long after a consumption the position stays reserved while its order's outcome is unknown."""

MAX_EPOCH_MS = 10**14
"""After the year 5000: a later time is corrupt."""
_WHOLE = re.compile(r"[0-9]{1,14}")


def consumed_ms(read_lag_ms: int) -> int:
    """How long a consumption reserves the position at least, in milliseconds.

    A snapshot that is fresh after this time was requested after the consumption's barrier.
    """
    return PLACE_WINDOW_MS + MAX_STALE_MS + read_lag_ms


def iso(ts_ms: int) -> str:
    """A time as UTC text with milliseconds, e.g. ``2026-02-17T05:12:06.123Z``."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decode_time(ms: str | None, epoch: str | None) -> int | None:
    """Milliseconds from a ``_ms`` field, or from the older ``_epoch`` field in seconds; None when absent or 0.

    The scripts' ``twin_time`` accepts exactly the same texts, so both always see the same time.

    Raises:
        CorruptStateError: It is not a whole number, or beyond ``MAX_EPOCH_MS``.
    """
    for value, unit in ((ms, 1), (epoch, 1000)):
        if value is None or value == "":
            continue
        if not _WHOLE.fullmatch(value) or int(value) * unit >= MAX_EPOCH_MS:
            raise CorruptStateError(f"{value!r:.40} is not a time")
        return int(value) * unit or None
    return None
