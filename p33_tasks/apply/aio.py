"""``PermitClient`` for asyncio: the same steps, script and parsing; only the calls to Redis are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from p33_tasks.apply.consuming import (
    SCRIPT,
    Consumed,
    Consuming,
    Look,
    Pause,
    Read,
    Step,
    Steps,
    Take,
    as_refusal,
)
from p33_tasks.apply.environment import options_from_env
from p33_tasks.apply.options import ClientOptions
from p33_tasks.apply.result import RESULT_MAXLEN, ExecutedOrder, Outcome, result_fields
from p33_tasks.contract.names import DEFAULT_GOVERNOR_KEY, DEFAULT_PREFIX
from p33_tasks.store.async_scripts import AsyncScripts
from p33_tasks.store.connection import connect_async
from p33_tasks.store.scripts import translated_errors


class AsyncPermitClient:
    """``PermitClient`` for asyncio: the same arguments, answers and errors; usable in an ``async with``.

    Make one per event loop. A cancelled call may have consumed the permits: send no order.
    """

    def __init__(
        self,
        redis_url: str,
        prefix: str = DEFAULT_PREFIX,
        governor_key: str = DEFAULT_GOVERNOR_KEY,
        signing_keys: Sequence[str] = (),
        *,
        accept_old_life: bool = False,
    ) -> None:
        options = ClientOptions.checked(redis_url, prefix, governor_key, signing_keys, accept_old_life=accept_old_life)
        self._consuming = Consuming(options)
        self._redis = connect_async(options.redis_url)
        self._scripts = AsyncScripts(self._redis)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """As ``PermitClient.from_env``."""
        options = options_from_env(environ)
        return cls(
            options.redis_url,
            options.prefix,
            options.governor_key,
            options.signing_keys,
            accept_old_life=options.accept_old_life,
        )

    async def consume(self, plan_id: str, symbol: str, *, consume_id: str | None = None) -> Consumed:
        """As ``PermitClient.consume``."""
        return await self._run(self._consuming.consume(plan_id, symbol, consume_id=consume_id))

    async def wait_and_consume(
        self, plan_id: str, symbol: str, timeout_sec: float = 1.2, *, consume_id: str | None = None
    ) -> Consumed:
        """As ``PermitClient.wait_and_consume``."""
        return await self._run(self._consuming.wait_and_consume(plan_id, symbol, timeout_sec, consume_id=consume_id))

    async def publish_result(
        self,
        plan_id: str,
        symbol: str,
        outcome: Outcome | str,
        *,
        orders: Sequence[ExecutedOrder] = (),
        consume_id: str | None = None,
        action: str = "",
        error: str = "",
        reason: str | None = "",
    ) -> str:
        """As ``PermitClient.publish_result``."""
        fields = result_fields(
            plan_id, symbol, outcome, orders=orders, consume_id=consume_id, action=action, error=error, reason=reason
        )
        with translated_errors():
            seconds, _ = await self._redis.time()
            stamped: dict[Any, Any] = {**fields, "timestamp": str(seconds)}
            return str(await self._redis.xadd(self._consuming.keys.results, stamped, maxlen=RESULT_MAXLEN))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def _run(self, steps: Steps) -> Consumed:
        answer: Any = None
        task = asyncio.current_task()
        cancelled_before = 0 if task is None else task.cancelling()
        try:
            while True:
                step = steps.send(answer)
                with as_refusal():
                    answer = await self._answer(step)
                # redis-py sends within asyncio.wait_for, which up to Python 3.11 loses a cancellation that comes in
                # the moment the sending ends: the wait would go on, and consume for a caller that has given up.
                if task is not None and task.cancelling() > cancelled_before:
                    raise asyncio.CancelledError
        except StopIteration as done:
            consumed: Consumed = done.value
            return consumed

    async def _answer(self, step: Step) -> Any:
        match step:
            case Read():
                return await self._read(step.plan_id)
            case Look():
                return await self._look(step.plan_id)
            case Take():
                return await self._scripts.run(SCRIPT, step.keys, step.args)
            case Pause():
                return await asyncio.sleep(step.seconds)

    async def _read(self, plan_id: str) -> list[Any]:
        return await self._redis.mget(self._consuming.permit_keys(plan_id))

    async def _look(self, plan_id: str) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            self._consuming.queue_look(pipeline, plan_id)
            return await pipeline.execute(raise_on_error=False)
