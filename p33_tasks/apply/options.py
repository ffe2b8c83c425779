"""The options of a ``PermitClient``, checked before it connects."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from p33_tasks.contract.names import (
    DEFAULT_GOVERNOR_KEY,
    DEFAULT_PREFIX,
    checked_governor_key,
    checked_prefix,
    checked_signing_key,
)

MAX_CONSUME_ID_CHARS = 100
MAX_ID_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """Where the permits are, and how to check them. Its ``repr`` has neither URL nor keys, which are secrets."""

    redis_url: str
    prefix: str = DEFAULT_PREFIX
    governor_key: str = DEFAULT_GOVERNOR_KEY
    signing_keys: tuple[str, ...] = ()
    accept_old_life: bool = False  # P33_ACCEPT_OLD_LIFE: a permit of version 0.1 has no life

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"ClientOptions(prefix={self.prefix!r}, {len(self.signing_keys)} signing keys)"

    @classmethod
    def checked(
        cls,
        redis_url: str,
        prefix: str,
        governor_key: str,
        signing_keys: Sequence[str],
        *,
        accept_old_life: bool = False,
    ) -> ClientOptions:
        """The options, if all of them are valid.

        Raises:
            TypeError: ``signing_keys`` is one string: it would be split into keys of one character.
            ValueError: Another option is invalid; the text names it, and what to write instead.
        """
        if isinstance(signing_keys, str | bytes):
            raise TypeError("signing_keys is a list of keys, e.g. [key]; () switches signatures off")
        for name, value in (("redis_url", redis_url), ("prefix", prefix), ("governor_key", governor_key)):
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} is {value!r:.40}; give a text, or leave it out for the default")
        _named("prefix", f"{prefix[:80]!r}, P33_KEY_PREFIX of the account", lambda: checked_prefix(prefix))
        _named(
            "governor_key",
            f"{governor_key[:80]!r}, P33_GOVERNOR_PERMIT_KEY of the workers",
            lambda: checked_governor_key(governor_key, prefix),
        )
        return cls(
            redis_url=redis_url,
            prefix=prefix,
            governor_key=governor_key,
            signing_keys=_checked_keys(signing_keys),
            accept_old_life=accept_old_life,
        )


# --- arguments of a call --------------------------------------------------------------------------------------------


def checked_id(name: str, value: str) -> str:
    """A plan_id or a symbol as given, if it is valid.

    Raises:
        ValueError: It is empty, too long or not text: no plan can have it.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} is {value!r:.40}; pass the field {name} of the plan's stream entry")
    if len(value) > MAX_ID_CHARS:
        raise ValueError(f"{name} has {len(value)} characters; at most {MAX_ID_CHARS} are accepted on the plan stream")
    return value


def checked_timeout(timeout_sec: float) -> float:
    """The time-out in seconds as given, if it is valid.

    Raises:
        ValueError: It isn't a valid time.
    """
    is_number = isinstance(timeout_sec, int | float) and not isinstance(timeout_sec, bool)
    if not is_number or not math.isfinite(timeout_sec) or timeout_sec < 0:
        raise ValueError(f"timeout_sec is {timeout_sec!r:.40}; give seconds, e.g. 1.2 (0: look once)")
    return timeout_sec


def consume_id_of(consume_id: str | None) -> str:
    """The caller's consume_id, or a new one.

    Raises:
        ValueError: It can't be reported with a result.
    """
    if consume_id is None:
        return uuid.uuid4().hex
    if not isinstance(consume_id, str) or not 0 < len(consume_id) <= MAX_CONSUME_ID_CHARS:
        found = len(consume_id) if isinstance(consume_id, str) else repr(consume_id)[:40]
        raise ValueError(f"a consume_id has 1 to {MAX_CONSUME_ID_CHARS} characters, this one {found}")
    return consume_id


def _named(name: str, found: str, check: Callable[[], object]) -> None:
    try:
        check()
    except ValueError as error:
        raise ValueError(f"{name} is {found}: {error}") from None


def _checked_keys(keys: Sequence[str]) -> tuple[str, ...]:
    if keys is None:
        raise ValueError("signing_keys is None; give the workers' P33_PERMIT_SIGNING_KEY, or () for no signatures")
    checked = []
    for number, key in enumerate(keys, 1):
        if not isinstance(key, str):
            found = type(key).__name__
            raise ValueError(f"signing key {number} is {found}, not a text: is its variable set?")  # noqa: TRY004 - contract
        try:
            checked.append(checked_signing_key(key))
        except ValueError as error:
            raise ValueError(f"signing key {number}: {error}; signing_keys=() switches signatures off") from None
    return tuple(checked)
