"""One life of the store, as the scripts make it (CONTRACT section 3)."""

from __future__ import annotations

import hashlib


def life_of(run_id: str, master_replid: str, epoch: str | None) -> str:
    """The opaque text that snapshots and permits carry; empty while the store has no epoch.

    Args:
        run_id: Of the Redis server, from INFO server.
        master_replid: From INFO replication; a promotion changes it.
        epoch: The value of our epoch key; None when it is missing.
    """
    if epoch is None:
        return ""
    # Only as an abbreviation, the same that a script can make.
    return hashlib.sha1(f"{run_id}/{master_replid}/{epoch}".encode(), usedforsecurity=False).hexdigest()
