"""The neighbours' Lua scripts, one file per atomic act, with the store's prelude in front."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import redis
from redis.commands.core import Script

from p33_tasks.errors import ForeignKeyTypeError
from p33_tasks.store.scripts import translated_errors

Argument = str | int


@cache
def source(name: str) -> str:
    """A script's text."""
    prelude = resources.files("p33_tasks.store") / "lua" / "_prelude.lua"
    return prelude.read_text("utf-8") + (resources.files("p33_tasks.neighbours") / "lua" / f"{name}.lua").read_text(
        "utf-8"
    )


class NeighbourScripts:
    """The scripts of one client."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._scripts: dict[str, Script] = {}

    def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        """Run a script; its reply begins with a status word.

        Raises:
            ForeignKeyTypeError: One of the keys holds a value of another type; nothing was written.
            StoreError: Redis can't be reached or refused.
        """
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._client.register_script(source(name))
        with translated_errors():
            reply: list[Any] = script(keys=list(keys), args=list(args))
        if reply[0] == "wrong_type":
            raise ForeignKeyTypeError(f"{reply[1]} holds a {reply[2]}, not a {reply[3]}; look at it, then move it away")
        return reply
