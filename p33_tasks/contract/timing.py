"""Times as they are written in Redis: milliseconds, with an older twin in whole seconds (CONTRACT section 1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from p33_tasks.errors import CorruptStateError

PLACE_WINDOW_MS = 5_000
"""After a consumption, how long its order may be sent (CONTRACT section 6)."""
READ_LAG_MS = 2_000
"""How long after an order was matched the venue's position may still not show it."""
MAX_STALE_MS = 60_000
"""The greatest freshness limit that the settings allow."""
MAX_READ_LAG_MS = 60_000
"""The longest lag that a venue may have: a forged permit must not hold the position for years."""
UNKNOWN_MS = 600_000
"""After a consumption, how long its order's unknown outcome holds the position."""

MAX_EPOCH_MS = 10**14
"""Later than the year 5000: a time beyond it is corrupt, not late."""
_WHOLE = re.compile(r"[0-9]{1,14}")


def consumed_ms(read_lag_ms: int) -> int:
    """The least for which a consumption holds the position.

    Every snapshot that is fresh afterwards was requested after the consumption's barrier.
    """
    return PLACE_WINDOW_MS + MAX_STALE_MS + read_lag_ms


def iso(ts_ms: int) -> str:
    """UTC, with milliseconds, e.g. ``2026-02-17T05:12:06.123Z``."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def decode_time(ms: str | None, epoch: str | None) -> int | None:
    """Milliseconds from a ``_ms`` field or its ``_epoch`` twin in seconds; None when absent or 0.

    The scripts' ``twin_time`` reads the same texts as times, letter by letter: no split view.

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
