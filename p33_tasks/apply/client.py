"""Consuming the governor's permit and P3.3's in one atomic step (CONTRACT section 6)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from p33_tasks.apply.permit import NO_GOVERNOR, NO_P33, AllowPermit, require_allow, require_granted
from p33_tasks.contract.keys import Keys
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import PermitRefused, StoreError
from p33_tasks.store.connection import connect
from p33_tasks.store.scripts import Scripts, translated_errors

PLACE_WINDOW_MS = 5_000
CONSUMPTION_MEMORY_MS = 86_400_000
MAX_CONSUME_ID_CHARS = 100
FIRST_PAUSE_SEC, OFTEN_SEC, SELDOM_SEC = 0.003, 0.025, 0.25
GOVERNOR_KEY = "{prefix}:permit:governor:{plan_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """The right to send one reduce-only order."""

    safe_close_qty: Decimal  # base units; send exactly this, never more
    order_side: OrderSide
    consume_id: str  # publish it with the result: it proves which consumption a rejection belongs to
    place_before_ms: int  # Redis TIME; an order sent later could meet the next plan's


class PermitClient:
    """What an executor calls before it sends a reduce-only order. One per process; safe for threads.

    Args:
        redis_url: ``redis://``, ``rediss://`` or ``sentinel://h1:26379;h2:26379/master``.
        prefix: ``P33_KEY_PREFIX`` of the account.
        governor_key: Template of the governor's key, ``P33_GOVERNOR_PERMIT_KEY``.
        signing_keys: ``P33_PERMIT_SIGNING_KEY``; two while it is rotated. When given, unsigned permits are refused.
    """

    def __init__(
        self,
        redis_url: str,
        prefix: str = "quantum",
        governor_key: str = GOVERNOR_KEY,
        signing_keys: Sequence[str] = (),
    ) -> None:
        if isinstance(signing_keys, str):
            raise TypeError("signing_keys is a list of keys, e.g. [key]")
        self._redis = connect(redis_url)
        self._scripts = Scripts(self._redis)
        self._keys = Keys(prefix)
        self._governor_key = governor_key
        self._signing_keys = tuple(key for key in signing_keys if key)

    def consume(self, plan_id: str, symbol: str, *, consume_id: str | None = None) -> Consumed:
        """Consume both permits now.

        Args:
            plan_id: The plan.
            symbol: Its symbol.
            consume_id: One that the executor wrote down before, so that it knows its own consumption again after a
                crash; None makes one. At most 100 characters, never used for another plan. Consuming again under the
                same one is refused all the same: the first call may have sent its order.

        Raises:
            PermitRefused: Nothing was consumed, or it can't be known (Redis went away): send no order.
            ValueError: The consume_id is too long.
        """
        consume_id = _checked(consume_id)
        granted, allow = self._verified(plan_id, symbol)
        return self._consume(plan_id, symbol, granted, allow, consume_id)

    def wait_and_consume(
        self, plan_id: str, symbol: str, timeout_sec: float = 1.2, *, consume_id: str | None = None
    ) -> Consumed:
        """Wait until both permits are there, then consume them; ``consume_id`` as of ``consume``.

        Returns at once when one of them says no, since a verdict is final.

        Raises:
            PermitRefused: As ``consume``; also when the time is over.
        """
        consume_id = _checked(consume_id)
        began = time.monotonic()
        deadline = began + timeout_sec
        pause_sec = FIRST_PAUSE_SEC
        while True:
            governor, ours = self._read(plan_id)
            complete = governor is not None and ours is not None
            if complete or time.monotonic() >= deadline:
                break
            # A no is final, whichever comes first; a yes waits for the other.
            if governor is not None:
                self._require_granted(governor, plan_id)
            if ours is not None:
                self._require_allow(ours, plan_id, symbol)
            now = time.monotonic()
            time.sleep(min(pause_sec, max(0.0, deadline - now)))
            # Many executors that look often, while verdicts are late, make them later.
            pause_sec = min(pause_sec * 2, max(OFTEN_SEC, (now - began) / 4), SELDOM_SEC)
        granted = self._require_granted(governor, plan_id)
        allow = self._require_allow(ours, plan_id, symbol)
        return self._consume(plan_id, symbol, granted, allow, consume_id)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _verified(self, plan_id: str, symbol: str) -> tuple[str, AllowPermit]:
        governor, ours = self._read(plan_id)
        granted = self._require_granted(governor, plan_id)
        return granted, self._require_allow(ours, plan_id, symbol)

    def _require_granted(self, raw: str | None, plan_id: str) -> str:
        return require_granted(raw, key=self._keys.governor_permit(plan_id, self._governor_key))

    def _require_allow(self, raw: str | None, plan_id: str, symbol: str) -> AllowPermit:
        return require_allow(
            raw, plan_id=plan_id, symbol=symbol, prefix=self._keys.prefix, signing_keys=self._signing_keys
        )

    def _read(self, plan_id: str) -> list[Any]:
        keys = self._keys
        try:
            # MGET answers nothing for a value of another type, which is what such a value is worth.
            with translated_errors():
                return self._redis.mget(keys.governor_permit(plan_id, self._governor_key), keys.permit(plan_id))
        except StoreError as error:
            raise PermitRefused(NO_GOVERNOR, str(error)) from error

    def _consume(self, plan_id: str, symbol: str, granted: str, allow: AllowPermit, consume_id: str) -> Consumed:
        keys = self._keys
        try:
            status, *found = self._scripts.run(
                "consume_permits",
                {
                    "governor_permit_key": keys.governor_permit(plan_id, self._governor_key),
                    "permit_key": keys.permit(plan_id),
                    "reservation_key": keys.reservation(symbol),
                    "hold_key": keys.hold(symbol),
                    "ledger_key": keys.ledger(symbol),
                    "snapshot_key": keys.snapshot(symbol),
                    "consumed_key": keys.consumed(plan_id),
                },
                {
                    "governor_permit": granted,
                    "permit": allow.raw,
                    "plan_id": plan_id,
                    "consume_id": consume_id,
                    "permit_ts_ms": allow.ts_ms,
                    "permit_expires_ms": allow.expires_ms,
                    "permit_run_id": allow.run_id,
                    "permit_position_amt": canonical(allow.exchange_position_amt),
                    "max_snapshot_age_ms": allow.stale_threshold_ms,
                    "reservation_ttl_ms": _reservation_ttl_ms(allow),
                    "place_window_ms": PLACE_WINDOW_MS,
                    "consumed_ttl_ms": CONSUMPTION_MEMORY_MS,
                    "symbol": symbol,
                    "call": uuid.uuid4().hex,
                },
            )
        except StoreError as error:
            raise PermitRefused(NO_GOVERNOR, str(error)) from error
        if status == "consumed":
            return Consumed(
                safe_close_qty=allow.safe_close_qty,
                order_side=allow.order_side,
                consume_id=consume_id,
                place_before_ms=int(found[0]),
            )
        raise PermitRefused(NO_GOVERNOR if found[0] == "governor" else NO_P33, found[1])


def _reservation_ttl_ms(allow: AllowPermit) -> int:
    """Not less than until every fresh snapshot was fetched after the order could last be placed."""
    return max(allow.expires_ms - allow.ts_ms, PLACE_WINDOW_MS + allow.stale_threshold_ms)


def _checked(consume_id: str | None) -> str:
    """The caller's consume_id, or a new one."""
    if consume_id is not None and not 0 < len(consume_id) <= MAX_CONSUME_ID_CHARS:
        raise ValueError(f"a consume_id has 1 to {MAX_CONSUME_ID_CHARS} characters, this one {len(consume_id)}")
    return consume_id or uuid.uuid4().hex
