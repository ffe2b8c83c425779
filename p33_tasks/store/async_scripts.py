"""The Lua scripts on an asyncio client."""

from __future__ import annotations

from typing import Any

import redis.asyncio
from redis.commands.core import AsyncScript

from p33_tasks.store.lua_header import Header, Named
from p33_tasks.store.lua_source import HERE, header, source
from p33_tasks.store.scripts import NO_ARGS, checked_reply, encoded, translated_errors


class AsyncScripts:
    """``Scripts`` for one asyncio client; the same arguments."""

    def __init__(self, client: redis.asyncio.Redis, room: str = HERE) -> None:
        self._client = client
        self._room = room
        self._scripts: dict[str, tuple[AsyncScript, Header]] = {}

    async def run(self, name: str, keys: Named, args: Named = NO_ARGS) -> list[Any]:
        """As ``Scripts.run``."""
        found = self._scripts.get(name)
        if found is None:
            script = self._client.register_script(source(name, self._room))
            found = self._scripts[name] = script, header(name, self._room)
        script, declared = found
        in_order, arguments = declared.keys.ordered(keys), declared.args.ordered(args)
        with translated_errors():
            reply: list[Any] = await script(keys=list(map(encoded, in_order)), args=list(map(encoded, arguments)))
        return checked_reply(reply)
