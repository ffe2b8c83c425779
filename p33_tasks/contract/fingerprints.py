"""What a worker leaves of its settings with its sign of life, so that another process can see that its own differ.

A lease on a consumer name is a text: a random token, and behind it one mark per setting. Nothing in it is a secret: a
mark of a key is an HMAC of fixed text with it, as a permit's signature is, cut to 48 bits; a mark of an address is a
digest of it without its login.
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
    """The marks of a process's settings.

    Args:
        prefix: ``P33_KEY_PREFIX``: the same key gives another mark in another account.
        broker_url: Its login, and what stands behind a question mark, don't count.
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
    """The text of a lease."""
    return " ".join([token, *(f"{name}={mark}" for name, mark in marks.items())])


def read_marks(lease: str) -> dict[str, str]:
    """The marks in a lease; empty for one of an older version."""
    pairs = (part.partition("=") for part in lease.split(" ")[1:])
    return {name: mark for name, _, mark in pairs}


def _mark(key: str | None, text: str) -> str:
    return NONE if key is None else hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:_CHARS]
