"""The Lua scripts: one file per atomic act, registered once per client and called by EVALSHA.

A script returns a list whose first element is a status word. Scripts never calculate with quantities: Lua's numbers
are doubles. Milliseconds are integers far below 2^53, which doubles represent exactly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import redis
from redis.asyncio.sentinel import MasterNotFoundError as AsyncMasterNotFoundError
from redis.commands.core import Script
from redis.exceptions import NoScriptError
from redis.sentinel import MasterNotFoundError

from p33_tasks.errors import ForeignKeyTypeError, StoreError, StoreUnavailableError
from p33_tasks.store.lua_header import Header, Named, Value
from p33_tasks.store.lua_source import HERE, header, source, with_fixed

# In Redis 7 the error's first word is its code, which redis-py maps to a class; Redis 6 wraps a script's error in a
# sentence with the code in the middle.
_UNFIT = (redis.exceptions.OutOfMemoryError, redis.exceptions.ReadOnlyError, redis.exceptions.MasterDownError)
_UNFIT_WORD = re.compile(r"\b(?:LOADING|READONLY|OOM|MISCONF|NOREPLICAS|MASTERDOWN)\b")


NO_ARGS: Named = {}


class Scripts:
    """The scripts of one client.

    Args:
        client: The Redis client.
        room: The package whose folder ``lua`` contains them.
    """

    def __init__(self, client: redis.Redis, room: str = HERE) -> None:
        self._client = client
        self._room = room
        self._scripts: dict[str, tuple[Script, Header]] = {}

    def run(self, name: str, keys: Named, args: Named = NO_ARGS) -> list[Any]:
        """Run a script.

        Args:
            name: The script's file name, without ``.lua``.
            keys: The keys that the header declares, by name.
            args: The arguments that the header declares, by name.

        Raises:
            TypeError: A name is missing or unknown.
            ValueError: The script's header or body is wrong; raised at the client's first use of it.
            ForeignKeyTypeError: A key has another type; nothing was written.
            StoreUnavailableError: Redis can't be reached, or is loading, read-only or out of memory.
        """
        script, declared = self._script(name)
        in_order, arguments = declared.keys.ordered(keys), declared.args.ordered(args)
        with translated_errors():
            reply: list[Any] = script(keys=list(map(encoded, in_order)), args=list(map(encoded, arguments)))
        return checked_reply(reply)

    def run_each(self, name: str, calls: Sequence[tuple[Named, Named]]) -> list[list[Any] | StoreError]:
        """Run a script several times in one round trip; each call has its own outcome.

        Args:
            name: The script.
            calls: Keys and arguments of each, by name.

        Raises:
            TypeError: A name is missing or unknown.
            StoreUnavailableError: Redis can't be reached.
        """
        return self.run_all([(name, *call) for call in calls])

    def run_all(self, calls: Sequence[tuple[str, Named, Named]]) -> list[list[Any] | StoreError]:
        """As ``run_each``, with a script's name for each call."""
        with translated_errors():
            replies = self._replies([self._call(*call) for call in calls])
        return [self._outcome(*call, reply) for reply, call in zip(replies, calls, strict=True)]

    def _call(self, name: str, keys: Named, args: Named) -> tuple[str, int, list[bytes]]:
        script, declared = self._script(name)
        in_order = declared.keys.ordered(keys)
        return script.sha, len(in_order), _as_sent([*in_order, *declared.args.ordered(args)])

    def _replies(self, calls: Sequence[tuple[str, int, list[bytes]]]) -> list[Any]:
        """Each call's reply, or the error in it."""
        if len(calls) == 1:  # without the overhead of a pipeline
            try:
                ((sha, count, values),) = calls
                return [self._client.evalsha(sha, count, *values)]
            except redis.ResponseError as error:
                return [error]
        with self._client.pipeline(transaction=False) as pipeline:
            for sha, count, values in calls:
                pipeline.evalsha(sha, count, *values)
            return pipeline.execute(raise_on_error=False)

    def fix(self, name: str, known_as: str, fixed: Mapping[str, str]) -> None:
        """Register a variant of a script, with some of its keys and arguments written into its text.

        For values that are the same in every call of a process, which then needn't be sent.

        Args:
            name: The script.
            known_as: The variant's name for ``run`` and ``run_each``.
            fixed: Values by name; calls give only the other names.

        Raises:
            TypeError: The header declares no such name.
            ValueError: A value can't be written in a script.
        """
        text, left = with_fixed(source(name, self._room), header(name, self._room), fixed)
        self._scripts[known_as] = self._client.register_script(text), left

    def _outcome(self, name: str, keys: Named, args: Named, reply: Any) -> list[Any] | StoreError:
        try:
            if isinstance(reply, NoScriptError):  # Redis restarted, or its script cache was flushed
                return self.run(name, keys, args)
            with translated_errors():
                if isinstance(reply, Exception):
                    raise reply
            return checked_reply(reply)
        except StoreError as error:
            return error

    def _script(self, name: str) -> tuple[Script, Header]:
        found = self._scripts.get(name)
        if found is None:
            script = self._client.register_script(source(name, self._room))
            found = self._scripts[name] = script, header(name, self._room)
        return found


def checked_reply(reply: list[Any]) -> list[Any]:
    """The reply; raises ForeignKeyTypeError if it reports a key of another type."""
    if reply and reply[0] == "wrong_type":
        raise ForeignKeyTypeError(f"{reply[1]} holds a {reply[2]}, not a {reply[3]}; look at it, then move it away")
    return reply


def _as_sent(values: Sequence[Value]) -> list[bytes]:
    return [value if type(value) is bytes else encoded(value) for value in values]  # many are cached in encoded form


def encoded(value: Value) -> bytes:
    """A key or an argument as sent."""
    # Foreign bytes were read as lone surrogates; hiredis would refuse to send these, for any options of the client.
    if type(value) is str:  # most of them
        return value.encode("utf-8", "surrogateescape")
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


_NO_PASSWORD = re.compile("HELLO must be called|Authentication required")


def _explained(error: redis.RedisError) -> str:
    # redis-py appends many lines about each sentinel client.
    text = str(error)
    if isinstance(error, (MasterNotFoundError, AsyncMasterNotFoundError)):
        return f"Redis can't be reached: {text.partition(' : ')[0]}, asking every sentinel"
    if isinstance(error, redis.AuthenticationError):
        # For a client without a password, the error text is three lines about HELLO.
        return f"Redis refused the login: {'it wants a password' if _NO_PASSWORD.search(text) else text}"
    return f"Redis can't be reached: {text}"


class translated_errors:  # noqa: N801 - reads as a statement
    """Context manager: raises this service's errors for redis-py's, which are their cause."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise this service's error for redis-py's."""
        if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
            raise StoreUnavailableError(_explained(error)) from error
        if isinstance(error, _UNFIT) or (isinstance(error, redis.ResponseError) and _UNFIT_WORD.search(str(error))):
            raise StoreUnavailableError(f"Redis can't write now: {error}") from error
        if isinstance(error, redis.RedisError):
            raise StoreError(f"Redis refused: {error}") from error
        if isinstance(error, UnicodeEncodeError):
            raise StoreError(f"a text can't be sent to Redis: {error.reason}") from error
