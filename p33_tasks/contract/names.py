"""Checks of a key prefix, a key template and a signing key, the same for settings and executors."""

from __future__ import annotations

import re

MIN_SIGNING_KEY_CHARS = 16
DEFAULT_PREFIX = "quantum"
DEFAULT_GOVERNOR_KEY = "{prefix}:permit:governor:{plan_id}"

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OWN_KEYS = ("permit:p33:", "p33:", "position:", "reconcile:", "stream:")


def checked_prefix(value: str) -> str:
    """The key prefix as given, if it is valid.

    Raises:
        ValueError: It is not valid.
    """
    if not _PREFIX.fullmatch(value):
        raise ValueError("use 1 to 64 letters, digits, '.', '_' or '-'")
    return value


def checked_governor_key(template: str, prefix: str = DEFAULT_PREFIX) -> str:
    """The template of the governor's key, if it is valid.

    Raises:
        ValueError: It has no ``{plan_id}``, has another placeholder, or makes keys of this service.
    """
    if "{plan_id}" not in template or re.sub(r"\{(plan_id|prefix)\}", "", template).count("{"):
        raise ValueError("must contain {plan_id}, and may contain {prefix}")
    start = template.replace("{prefix}", prefix).partition("{plan_id}")[0]
    for own in _OWN_KEYS:
        if start.startswith(f"{prefix}:{own}"):
            raise ValueError(f"{start} is a key of this service; name the governor's, e.g. {DEFAULT_GOVERNOR_KEY}")
    return template


def checked_signing_key(value: str) -> str:
    """A key for signing permits, if it is long enough.

    Raises:
        ValueError: It is too short; its value isn't in the message.
    """
    if len(value.strip()) < MIN_SIGNING_KEY_CHARS:
        raise ValueError(f"use at least {MIN_SIGNING_KEY_CHARS} characters; this one has {len(value.strip())}")
    return value
