"""The HMAC of a plan sent as a Celery task: its sender has ``P33_TASK_KEY`` (CONTRACT section 7)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping


def task_hmac(plan: Mapping[str, object], *, prefix: str, key: str) -> str:
    r"""HMAC-SHA256 in hex over the key prefix, a newline and the plan.

    Args:
        plan: The task's argument, as JSON with sorted keys and no spaces; characters outside ASCII as ``\uXXXX``.
        prefix: ``P33_KEY_PREFIX``.
        key: ``P33_TASK_KEY``.

    Raises:
        ValueError: A value has no form in JSON, e.g. NaN.
        TypeError: A value has a type that JSON lacks.
    """
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.new(key.encode(), f"{prefix}\n{text}".encode(), hashlib.sha256).hexdigest()


def is_proven(proof: object, plan: Mapping[str, object], *, prefix: str, key: str) -> bool:
    """Whether ``proof`` is the HMAC of this plan."""
    if not isinstance(proof, str) or not proof.isascii():
        return False
    try:
        return hmac.compare_digest(proof, task_hmac(plan, prefix=prefix, key=key))
    except (ValueError, TypeError, RecursionError):
        return False
