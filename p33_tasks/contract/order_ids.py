"""The client order id by which an order is known as ours (CONTRACT section 11)."""

from __future__ import annotations

import hashlib

DIGEST_CHARS = 32
"""128 bits; with the prefix ``p33-`` 36 characters, which most venues allow."""


def own_order_id(key_prefix: str, plan_id: str, own_prefix: str, *, max_chars: int = 36) -> str:
    """The one client order id that a plan's order ever has, on every host and after every restart.

    An executor that uses it makes its orders known as ours also when their results are lost.

    Args:
        key_prefix: The account's key prefix; it holds no line break.
        plan_id: Any text.
        own_prefix: In the venue's alphabet, see ``ClientOrderIds.own_prefix``.
        max_chars: The longest id that the venue takes.

    Returns:
        The prefix and up to 32 characters of ``a-f0-9``.
    """
    digest = hashlib.sha256(f"{key_prefix}\n{plan_id}".encode("utf-8", "surrogatepass")).hexdigest()
    return own_prefix + digest[: min(DIGEST_CHARS, max_chars - len(own_prefix))]
