"""Fingerprints of a worker's settings, stored in its lease so that another process can detect different settings.

The lease of a consumer name is a random token followed by one mark per setting. Marks reveal no secret: a key's mark
is an HMAC of a fixed text with this key, cut to 48 bits; an address's mark is a digest of it without the login.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

NONE = "none"
_LOGIN = re.compile(r"//[^@/]*@")
_CHARS = 12


def marks_of(
    *, prefix: str, broker_url: str, signing_key: str | None, reconcile_key: str | None, task_key: str | None
) -> dict[str, str]:
    """The marks of a process's settings, by name.

    Args:
        prefix: ``P33_KEY_PREFIX``: in another account the same key gives another mark.
        broker_url: The login and the query part are ignored.
        signing_key: ``P33_PERMIT_SIGNING_KEY``; None: off.
        reconcile_key: ``P33_RECONCILE_KEY``; None: there are no emergency closes.
        task_key: ``P33_TASK_KEY``; None: a plan sent as a task needs no proof.
    """
    place = _LOGIN.sub("//", broker_url.partition("?")[0]).rstrip("/")
    return {
        "broker": hashlib.sha256(place.encode()).hexdigest()[:_CHARS],
        "signing": _mark(signing_key, f"p33 permit signing key\n{prefix}"),
        "reconcile": _mark(reconcile_key, f"p33 reconcile key\n{prefix}"),
        "task": _mark(task_key, f"p33 task key\n{prefix}"),
    }


def with_marks(token: str, marks: Mapping[str, str]) -> str:
    """The text of a lease: the token and the marks."""
    return " ".join([token, *(f"{name}={mark}" for name, mark in marks.items())])


def read_marks(lease: str) -> dict[str, str]:
    """The marks in a lease; empty if an older version wrote it."""
    pairs = (part.partition("=") for part in lease.split(" ")[1:])
    return {name: mark for name, _, mark in pairs}


def _mark(key: str | None, text: str) -> str:
    return NONE if key is None else hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:_CHARS]
