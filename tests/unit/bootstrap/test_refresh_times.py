"""What the settings become in the services of a process."""

from __future__ import annotations

import pytest

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.settings import Settings


@pytest.mark.parametrize(
    ("ttl_sec", "cooldown_sec", "longest_ms"), [("60", "15", 75_000), ("1", "0", 67_000), ("3600", "15", 3_615_000)]
)
def test_no_reservation_that_is_ever_made_counts_as_too_long(ttl_sec: str, cooldown_sec: str, longest_ms: int):
    """Issued for the permit's lifetime and the cooldown; consumed for its lifetime, or for 67 s."""
    here = Runtime(Settings(P33_PERMIT_TTL=ttl_sec, P33_COOLDOWN_SEC=cooldown_sec))
    assert here.refresh_times.longest_reservation_ms == longest_ms
