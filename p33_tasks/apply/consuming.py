"""The steps that consume both permits, without I/O (CONTRACT section 6).

Each method is a generator: it yields a request to Redis (``Read``, ``Look``, ``Take``) or a ``Pause``, and is sent the
answer. ``PermitClient`` and ``AsyncPermitClient`` differ only in how they get the answer.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from p33_tasks.apply.options import ClientOptions, checked_id, checked_timeout, consume_id_of
from p33_tasks.apply.permit import AllowPermit, Leg, Traces, require_allow, require_granted, require_unused
from p33_tasks.apply.refusals import NO_GOVERNOR, NO_P33
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.timing import PLACE_WINDOW_MS, consumed_ms
from p33_tasks.domain.models import Leg as PositionLeg
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import PermitRefused, StoreError
from p33_tasks.store.lua_header import Named
from p33_tasks.store.scripts import translated_errors

CONSUMPTION_MEMORY_MS = 86_400_000
FIRST_PAUSE_SEC, OFTEN_SEC, SELDOM_SEC = 0.003, 0.025, 0.25
SCRIPT = "consume_permits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """The right to send one reduce-only order."""

    safe_close_qty: Decimal
    """Base units; send exactly this, never more."""
    order_side: OrderSide
    """``SELL`` closes a long position, ``BUY`` a short one."""
    position_side: Leg = "BOTH"
    """``BOTH`` in one-way mode. ``LONG`` or ``SHORT`` in hedge mode: the leg to name in the order."""
    consume_id: str
    """To publish with the result: it shows which consumption a rejection belongs to."""
    place_before_ms: int
    """Redis TIME, ms: an order sent later could overlap with the next plan's."""


# --- requests of the steps ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """Read both permits; the answer is ``[governor's, P3.3's]``, None for a missing one."""

    plan_id: str


@dataclass(frozen=True, slots=True)
class Look:
    """Read both permits and the traces of a permit; the answer is the replies to ``queue_look``'s commands."""

    plan_id: str


@dataclass(frozen=True, slots=True)
class Take:
    """Run the script that consumes; the answer is its reply."""

    keys: Named
    args: Named


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait this many seconds; the answer is None."""

    seconds: float


Step = Read | Look | Take | Pause
Steps = Generator[Step, Any, Consumed]


@contextmanager
def as_refusal() -> Iterator[None]:
    """Turn Redis errors into ``PermitRefused``: nothing was consumed, or it is unknown. Send no order."""
    try:
        with translated_errors():
            yield
    except StoreError as error:
        raise PermitRefused(NO_GOVERNOR, str(error)) from error


class Consuming:
    """The steps, for one account."""

    def __init__(self, options: ClientOptions) -> None:
        self.keys = Keys(options.prefix)
        self._options = options
        self._reads_verdicts = True

    # --- reads ------------------------------------------------------------------------------------------------------

    def permit_keys(self, plan_id: str) -> list[str]:
        """The keys of the governor's permit and ours."""
        return [self.keys.governor_permit(plan_id, self._options.governor_key), self.keys.permit(plan_id)]

    def queue_look(self, pipeline: Any, plan_id: str) -> None:
        """Put the commands of a ``Look`` into a pipeline, sync or async."""
        # One MGET: verdict and permit are written together, so a verdict without its permit means that it is gone.
        verdict = [self.keys.decision(plan_id)] if self._reads_verdicts else []
        pipeline.mget(*self.permit_keys(plan_id), *verdict)
        pipeline.hmget(self.keys.consumed(plan_id), "consume_id", "consumed_ms")
        pipeline.time()

    # --- the steps --------------------------------------------------------------------------------------------------

    def consume(self, plan_id: str, symbol: str, *, consume_id: str | None = None) -> Steps:
        """Read once; consume both permits or raise ``PermitRefused``."""
        consume_id = _checked(plan_id, symbol, consume_id)
        governor, ours = yield Read(plan_id)
        if governor is None or ours is None:
            governor, ours = yield from self._look(plan_id)
        return (yield from self._take(plan_id, symbol, governor, ours, consume_id))

    def wait_and_consume(
        self, plan_id: str, symbol: str, timeout_sec: float, *, consume_id: str | None = None
    ) -> Steps:
        """Read until both permits exist or one is a deny; then as ``consume``."""
        consume_id = _checked(plan_id, symbol, consume_id)
        began = time.monotonic()
        deadline = began + checked_timeout(timeout_sec)
        pause_sec = FIRST_PAUSE_SEC
        governor, ours = yield Read(plan_id)
        while governor is None or ours is None:
            # The first deny is final; an allow waits for the other permit.
            if governor is not None:
                self._require_granted(governor, plan_id)
            if ours is not None:
                self._require_allow(ours, plan_id, symbol)
            now = time.monotonic()
            if now >= deadline:
                break
            yield Pause(min(pause_sec, deadline - now))
            # When verdicts are late, frequent reads by many executors would delay them more.
            pause_sec = min(pause_sec * 2, max(OFTEN_SEC, (now - began) / 4), SELDOM_SEC)
            governor, ours = yield from self._look(plan_id)
        return (yield from self._take(plan_id, symbol, governor, ours, consume_id))

    def _look(self, plan_id: str) -> Generator[Step, Any, tuple[str | None, str | None]]:
        """Both permits as read; raises ``PermitRefused`` if a permit can no longer come."""
        found, consumed, time_now = yield Look(plan_id)
        if isinstance(found, NoPermissionError) and self._reads_verdicts:
            # A role of the previous version, or of Redis 6.2, which has no read-only rights: go on without verdicts.
            self._reads_verdicts = False
            return (yield from self._look(plan_id))
        for reply in (found, time_now):
            if isinstance(reply, Exception):
                with as_refusal():
                    raise reply
        governor, ours, *verdict = found
        if ours is None:
            consume_id = None if isinstance(consumed, ResponseError) else consumed[0]
            seconds, micros = time_now
            now_ms = int(seconds) * 1000 + int(micros) // 1000
            traces = Traces(verdict=verdict[0] if verdict else None, consume_id=consume_id, now_ms=now_ms)
            require_unused(traces, has_governor=governor is not None)
        return governor, ours

    def _take(
        self, plan_id: str, symbol: str, governor: str | None, ours: str | None, consume_id: str
    ) -> Generator[Step, Any, Consumed]:
        granted = self._require_granted(governor, plan_id)
        allow = self._require_allow(ours, plan_id, symbol)
        keys, leg = self.keys, PositionLeg(allow.position_side)
        status, *found = yield Take(
            {
                "governor_permit_key": keys.governor_permit(plan_id, self._options.governor_key),
                "permit_key": keys.permit(plan_id),
                "reservation_key": keys.reservation(symbol, leg),
                "hold_key": keys.hold(symbol),
                "service_hold_key": keys.service_hold(symbol, leg),
                "ledger_key": keys.ledger(symbol, leg),
                "snapshot_key": keys.snapshot(symbol, leg),
                "symbol_snapshot_key": keys.snapshot(symbol),
                "consumed_key": keys.consumed(plan_id),
                "epoch_key": keys.epoch,
            },
            {
                "governor_permit": granted,
                "permit": allow.raw,
                "plan_id": plan_id,
                "consume_id": consume_id,
                "permit_ts_ms": allow.ts_ms,
                "permit_expires_ms": allow.expires_ms,
                "permit_run_id": allow.run_id,
                "permit_life": allow.life,
                "permit_source": allow.source,
                "emergency": int(allow.emergency),
                "passes_operator_hold": int(allow.passes_operator_hold),
                "accept_old_life": int(self._options.accept_old_life),
                "position_side": leg,
                "permit_position_amt": canonical(allow.exchange_position_amt),
                "max_snapshot_age_ms": allow.stale_threshold_ms,
                "reservation_ttl_ms": _reservation_ttl_ms(allow),
                "place_window_ms": PLACE_WINDOW_MS,
                "read_lag_ms": allow.read_lag_ms,
                "consumed_ttl_ms": CONSUMPTION_MEMORY_MS,
                "symbol": symbol,
                "call": uuid.uuid4().hex,
            },
        )
        if status != "consumed":
            raise PermitRefused(NO_GOVERNOR if found[0] == "governor" else NO_P33, found[1])
        return Consumed(
            safe_close_qty=allow.safe_close_qty,
            order_side=allow.order_side,
            position_side=allow.position_side,
            consume_id=consume_id,
            place_before_ms=int(found[0]),
        )

    def _require_granted(self, raw: str | None, plan_id: str) -> str:
        return require_granted(raw, key=self.permit_keys(plan_id)[0])

    def _require_allow(self, raw: str | None, plan_id: str, symbol: str) -> AllowPermit:
        return require_allow(
            raw, plan_id=plan_id, symbol=symbol, prefix=self.keys.prefix, signing_keys=self._options.signing_keys
        )


def _reservation_ttl_ms(allow: AllowPermit) -> int:
    """The reservation's least TTL, ms: afterwards each fresh snapshot was requested after the consumption's barrier."""
    return max(allow.expires_ms - allow.ts_ms, consumed_ms(allow.read_lag_ms))


def _checked(plan_id: str, symbol: str, consume_id: str | None) -> str:
    checked_id("plan_id", plan_id)
    checked_id("symbol", symbol)
    return consume_id_of(consume_id)
