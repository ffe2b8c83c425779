"""The id of one life of the store, computed as the scripts do (CONTRACT section 3)."""

from __future__ import annotations

import hashlib


def life_of(run_id: str, master_replid: str, epoch: str | None) -> str:
    """The life's id in snapshots and permits, an opaque text; empty while the store has no epoch.

    Args:
        run_id: The Redis server's, from INFO server.
        master_replid: From INFO replication; a promotion changes it.
        epoch: The value of our epoch key; None when it is missing.
    """
    if epoch is None:
        return ""
    # Not for security: SHA-1 is the digest that scripts have too, and it keeps the id short.
    return hashlib.sha1(f"{run_id}/{master_replid}/{epoch}".encode(), usedforsecurity=False).hexdigest()
