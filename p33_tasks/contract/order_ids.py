"""The client order id that identifies an order as one of a plan (CONTRACT section 11)."""

from __future__ import annotations

import hashlib

DIGEST_CHARS = 32
"""128 bits; with the prefix ``p33-`` 36 characters, which most venues allow."""


def own_order_id(key_prefix: str, plan_id: str, own_prefix: str, *, max_chars: int = 36) -> str:
    """The client order id of a plan's order: the same on every host and after every restart.

    If an executor uses it, reconciliation recognizes the plan's order also when its result is lost.

    Args:
        key_prefix: The account's key prefix, without a line break.
        plan_id: Any text.
        own_prefix: Written in characters that the venue allows, see ``ClientOrderIds.own_prefix``.
        max_chars: The longest id that the venue accepts.

    Returns:
        The prefix and up to 32 characters of ``a-f0-9``.
    """
    digest = hashlib.sha256(f"{key_prefix}\n{plan_id}".encode("utf-8", "surrogatepass")).hexdigest()
    return own_prefix + digest[: min(DIGEST_CHARS, max_chars - len(own_prefix))]
