"""``PermitClient``, which an executor calls before it sends a reduce-only order."""

from __future__ import annotations

import time
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
from p33_tasks.store.connection import connect
from p33_tasks.store.scripts import Scripts, translated_errors


class PermitClient:
    """Consumes permits and publishes results. Make one per process; thread-safe; usable in a ``with``.

    Args:
        redis_url: ``redis://``, ``rediss://`` or ``sentinel://h1:26379;h2:26379/master``.
        prefix: ``P33_KEY_PREFIX`` of the account.
        governor_key: Template of the governor's key, ``P33_GOVERNOR_PERMIT_KEY``.
        signing_keys: ``P33_PERMIT_SIGNING_KEY``; two during a rotation. With keys, unsigned permits are refused.
            Only ``()`` switches the check off: an empty, missing or short key is an error.
        accept_old_life: ``P33_ACCEPT_OLD_LIFE``, for one rolling upgrade from 0.1, whose permits have no life of the
            store.

    Raises:
        TypeError: ``signing_keys`` is one string.
        ValueError: An argument can't be used; the text names it, and what to write instead.
        ConfigurationError: The URL can't be used.
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
        self._redis = connect(options.redis_url)
        self._scripts = Scripts(self._redis)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client with the workers' own settings: ``P33_REDIS_URL`` or ``REDIS_HOST`` …, ``P33_KEY_PREFIX``, ….

        Args:
            environ: Used instead of the process's environment. Its ``P33_ENV_FILE`` names an env file with defaults.

        Raises:
            ConfigurationError: Lists all problems at once; contains no secret.
        """
        options = options_from_env(environ)
        return cls(
            options.redis_url,
            options.prefix,
            options.governor_key,
            options.signing_keys,
            accept_old_life=options.accept_old_life,
        )

    # --- permits ----------------------------------------------------------------------------------------------------

    def consume(self, plan_id: str, symbol: str, *, consume_id: str | None = None) -> Consumed:
        """Consume both permits now.

        Args:
            plan_id: The plan.
            symbol: Its symbol.
            consume_id: An id that the executor stored before, to recognize its own consumption after a crash; None
                makes one. At most 100 characters, never used for another plan. A second consumption with the same id
                is refused too: the first call may have sent its order.

        Raises:
            PermitRefused: Nothing was consumed, or it is unknown (Redis failed): send no order.
            ValueError: An argument is invalid: no plan_id, no symbol, a consume_id that is too long.
        """
        return self._run(self._consuming.consume(plan_id, symbol, consume_id=consume_id))

    def wait_and_consume(
        self, plan_id: str, symbol: str, timeout_sec: float = 1.2, *, consume_id: str | None = None
    ) -> Consumed:
        """Wait until both permits exist, then consume them; arguments as for ``consume``.

        Raises at once if one of them is a deny, since a verdict is final; also if this plan's permit existed before,
        and was consumed or expired.

        Args:
            plan_id: The plan.
            symbol: Its symbol.
            timeout_sec: How long to wait, in seconds.
            consume_id: As for ``consume``.

        Raises:
            PermitRefused: As ``consume``; also on time-out.
            ValueError: As ``consume``; also for an invalid ``timeout_sec``.
        """
        return self._run(self._consuming.wait_and_consume(plan_id, symbol, timeout_sec, consume_id=consume_id))

    # --- results ----------------------------------------------------------------------------------------------------

    def publish_result(
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
        """Publish the result of a plan: for every outcome, and again after each increase of an executed quantity.

        Args:
            plan_id: The plan.
            symbol: Its symbol.
            outcome: ``executed`` (a quantity was executed, and the order is final), ``blocked`` (no permit, no order),
                ``rejected`` (the venue refused the order, or nothing was sent), ``unknown`` (an order may have been
                executed, or a part of it was executed and more may follow).
            orders: The plan's orders, as reported by the venue so far; quantities are cumulative.
            consume_id: ``Consumed.consume_id``; required unless the outcome is ``blocked``.
            action: The plan's action, for people.
            error: The error text; after a refusal ``PermitRefused.error``.
            reason: After a refusal ``PermitRefused.reason``.

        Returns:
            The id of the stream entry. A result may be published twice.

        Raises:
            ValueError: Outcome, orders and consume_id contradict each other; nothing was published.
            StoreError: Redis didn't answer; publish again until it does, or the ledger will lack the order.
        """
        fields = result_fields(
            plan_id, symbol, outcome, orders=orders, consume_id=consume_id, action=action, error=error, reason=reason
        )
        with translated_errors():
            seconds, _ = self._redis.time()
            stamped: dict[Any, Any] = {**fields, "timestamp": str(seconds)}
            return str(self._redis.xadd(self._consuming.keys.results, stamped, maxlen=RESULT_MAXLEN))

    # --- the connection ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def _run(self, steps: Steps) -> Consumed:
        answer: Any = None
        try:
            while True:
                step = steps.send(answer)
                with as_refusal():
                    answer = self._answer(step)
        except StopIteration as done:
            consumed: Consumed = done.value
            return consumed

    def _answer(self, step: Step) -> Any:
        match step:
            case Read():
                return self._read(step.plan_id)
            case Look():
                return self._look(step.plan_id)
            case Take():
                return self._scripts.run(SCRIPT, step.keys, step.args)
            case Pause():
                return time.sleep(step.seconds)

    def _read(self, plan_id: str) -> list[Any]:
        # MGET returns None for a value of another type: such a value is no permit.
        return self._redis.mget(self._consuming.permit_keys(plan_id))

    def _look(self, plan_id: str) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipeline:
            self._consuming.queue_look(pipeline, plan_id)
            return pipeline.execute(raise_on_error=False)
