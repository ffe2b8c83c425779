"""Request an emergency close (first the audit entry, then the signed plan), and wait for its verdict."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.emergency import MAX_BY_CHARS, MAX_WHY_CHARS, OVER_HOLD, emergency_hmac, signed_text
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.plans import EMERGENCY
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Leg, Plan
from p33_tasks.store.scripts import translated_errors
from p33_tasks.store.snapshots import AUDIT_MAXLEN

if TYPE_CHECKING:
    import redis

LOOK_SEC = 0.1


class EmergencyStore:
    """The Redis operations of ``p33 emergency-close``."""

    def __init__(self, client: redis.Redis, keys: Keys, *, key: str) -> None:
        self._client = client
        self._keys = keys
        self._key = key

    def ask(
        self, symbol: str, leg: Leg, action: str, *, passes_cooldown: bool, over_hold: bool, why: str, by: str
    ) -> str:
        """Add the plan of the close. The audit entry is written first: a crash in between closes nothing.

        Returns:
            The plan_id.

        Raises:
            StoreError: Redis is away or refuses. If only the last answer was lost, the plan was added.
        """
        why, by = why[:MAX_WHY_CHARS], by[:MAX_BY_CHARS]
        with translated_errors():
            seconds, micros = self._client.time()
            plan = Plan(
                plan_id=f"emergency-{uuid.uuid4().hex}",
                symbol=symbol,
                action=action,
                close_factor=None,
                position_side=leg,
                issued_ms=int(seconds) * 1000 + int(micros) // 1000,
            )
            self._client.xadd(
                self._keys.audit,
                {
                    "event": "emergency_requested",
                    "symbol": symbol,
                    "position_side": str(leg),
                    "plan_id": plan.plan_id,
                    "action": action,
                    "now": str(int(passes_cooldown)),
                    "over_hold": str(int(over_hold)),
                    "by": by,
                    "why": why,
                },
                maxlen=AUDIT_MAXLEN,
            )
            fields = self._fields(plan, passes_cooldown=passes_cooldown, over_hold=over_hold)
            entry: dict[Any, Any] = {**fields, "timestamp": str(seconds), "why": why, "by": by}
            self._client.xadd(self._keys.plans, entry)
        return plan.plan_id

    def _fields(self, plan: Plan, *, passes_cooldown: bool, over_hold: bool) -> dict[str, str]:
        text = signed_text(plan, prefix=self._keys.prefix, passes_cooldown=passes_cooldown)
        fields = {
            "plan_id": plan.plan_id,
            "symbol": plan.symbol,
            "decision": EMERGENCY,
            "action": plan.action,
            "positionSide": str(plan.position_side),
            "reduceOnly": "true",
            "issued_ms": str(plan.issued_ms),
            "now": str(int(passes_cooldown)),
            "hmac": emergency_hmac(text, self._key),
        }
        return {**fields, "hold_hmac": emergency_hmac(f"{text}\n{OVER_HOLD}", self._key)} if over_hold else fields

    def wait(self, plan_id: str, timeout_sec: float) -> Mapping[str, Any] | None:
        """The verdict; None if there is none within the time-out.

        Raises:
            StoreError: Redis is away.
            CorruptStateError: The stored verdict can't be read.
        """
        deadline = time.monotonic() + timeout_sec
        while True:
            with translated_errors():
                found = self._client.get(self._keys.decision(plan_id))
            if found is not None:
                return exact_json.loads_object(str(found))
            if time.monotonic() >= deadline:
                return None
            time.sleep(LOOK_SEC)
