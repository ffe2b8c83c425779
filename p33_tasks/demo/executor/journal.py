"""The executor's journal of a plan: a small state machine in Redis that survives the executor's process.

``claimed`` → ``consumed`` → ``sending`` → (``open``) → ``done``. Every step is one script that checks the state before
it. So a plan's order is sent at most once, by one of all executors: only one takes the step to ``sending``, and it is
never reverted.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import redis

from p33_tasks.apply import Consumed
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.timing import PLACE_WINDOW_MS
from p33_tasks.demo.names import APPLY_GROUP, DemoKeys, client_order_id
from p33_tasks.domain.models import Leg, OrderSide, Plan
from p33_tasks.domain.quantities import canonical, parse_quantity
from p33_tasks.store.scripts import Scripts
from p33_tasks.venues.spec import ClientOrderIds

MEMORY_MS = 7 * 86_400_000
RESULT_MAXLEN = 100_000
MIN_WINDOW_MS = 50
"""With less time left the order isn't sent: the venue would refuse it on arrival."""


class State(StrEnum):
    """The state of a plan's execution."""

    CLAIMED = "claimed"  # no consumption is recorded
    CONSUMED = "consumed"  # the permit was consumed by us; nothing was sent
    SENDING = "sending"  # an order may be at the venue
    OPEN = "open"  # the venue has the order and it isn't final
    DONE = "done"  # the last result was published


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """The order that a consumed permit allows."""

    side: OrderSide
    quantity: Decimal  # base units
    leg: Leg = Leg.BOTH  # in hedge mode the leg that is closed

    @classmethod
    def of(cls, consumed: Consumed) -> Permitted:
        """From the permit that ``PermitClient`` returned."""
        leg = Leg(consumed.position_side)
        return cls(side=consumed.order_side, quantity=consumed.safe_close_qty, leg=leg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A plan's journal as it was read."""

    consumption_on_record: bool  # the brain has recorded that this consume_id consumed the permit
    now_ms: int  # Redis TIME
    state: State
    consume_id: str
    client_order_id: str
    permitted: Permitted | None = None  # this field and the next ones are set once consumed
    place_before_ms: int | None = None


class Settled(StrEnum):
    """The outcome of publishing a result."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"  # the same result was published before
    DONE = "done"  # the last result was published before
    MOVED = "moved"  # the journal's state doesn't allow this result
    CONSUMED = "consumed"  # the permit was consumed by us


class Journal:
    """The journals of one account's plans."""

    def __init__(self, client: redis.Redis, keys: Keys, ids: ClientOrderIds | None = None) -> None:
        """Create journals; client order ids follow the venue's alphabet."""
        self._scripts = Scripts(client, "p33_tasks.demo")
        self._keys = keys
        self._own = DemoKeys(keys.prefix)
        self._ids = ids

    def claim(self, plan: Plan, entry_id: str) -> Claim | None:
        """Create or read the plan's journal; None for an entry that needs no further work."""
        order_id = client_order_id(self._keys.prefix, plan.plan_id, self._ids)
        status, *rest = self._scripts.run(
            "claim_plan",
            {
                "journal_key": self._own.journal(plan.plan_id),
                "plans_key": self._keys.plans,
                "consumed_key": self._keys.consumed(plan.plan_id),
            },
            {
                "group": APPLY_GROUP,
                "entry_id": entry_id,
                "symbol": plan.symbol,
                "consume_id": uuid.uuid4().hex,
                "client_order_id": order_id,
                "journal_ttl_ms": MEMORY_MS,
                "place_window_ms": PLACE_WINDOW_MS,
            },
        )
        if status in {"duplicate", "done"}:
            return None
        now_ms, on_record, consume_id, state, side, quantity, leg, place_before_ms = rest
        permitted = None
        if side and quantity:
            permitted = Permitted(side=OrderSide(side), quantity=parse_quantity(quantity), leg=Leg(leg or Leg.BOTH))
        return Claim(
            consumption_on_record=on_record == "1",
            now_ms=int(now_ms),
            state=State(state),
            consume_id=consume_id,
            client_order_id=order_id,
            permitted=permitted,
            place_before_ms=int(place_before_ms) if place_before_ms else None,
        )

    def mark_consumed(self, plan: Plan, consumed: Consumed) -> bool:
        """Write the permit to the journal before anything is sent; False: another executor continues this plan."""
        reply = self._scripts.run(
            "mark_consumed",
            {"journal_key": self._own.journal(plan.plan_id), "epoch_key": self._keys.epoch},
            {
                "consume_id": consumed.consume_id,
                "side": str(consumed.order_side),
                "quantity": canonical(consumed.safe_close_qty),
                "position_side": consumed.position_side,
                "place_before_ms": consumed.place_before_ms,
            },
        )
        return bool(reply[0] == "consumed")

    def mark_sending(self, plan: Plan, consume_id: str, token: str) -> int | str:
        """Take the right to send the order, which is given once per plan.

        ``token`` identifies this attempt: if Redis's answer was lost, the attempt is repeated with the same token.

        Returns:
            Milliseconds until the order must have arrived; or ``late``, ``lost`` (another executor has the right),
            ``other_run`` (another one may have had it before Redis restarted), ``unsent`` (this attempt took it but
            can't use it any more: nothing was or will be sent).
        """
        status, *rest = self._scripts.run(
            "mark_sending",
            {"journal_key": self._own.journal(plan.plan_id), "epoch_key": self._keys.epoch},
            {
                "consume_id": consume_id,
                "token": token,
                "min_window_ms": MIN_WINDOW_MS,
                "max_window_ms": PLACE_WINDOW_MS,
            },
        )
        return int(rest[0]) if status == "send" else str(status)

    def settle(
        self,
        plan: Plan,
        entry_id: str,
        result: Mapping[str, str],
        *,
        digest: str,
        final: State = State.DONE,
        only_from: tuple[State, ...] = (),
        unless_consumed: str = "",
    ) -> Settled:
        """Publish a result, unless the same was published before.

        Args:
            plan: The plan.
            entry_id: The plan's stream entry.
            result: The entry for the result stream.
            digest: Identifies the report; the same digest is published once.
            final: The state afterwards; ``DONE`` acknowledges the plan.
            only_from: States in which it may be published; empty: any.
            unless_consumed: Our consume_id: not published if that consumption is recorded.
        """
        pairs = [text for pair in result.items() for text in pair]
        allowed = f",{','.join(only_from)}," if only_from else ""
        reply = self._scripts.run(
            "settle_plan",
            {
                "journal_key": self._own.journal(plan.plan_id),
                "results_key": self._keys.results,
                "plans_key": self._keys.plans,
                "consumed_key": self._keys.consumed(plan.plan_id),
            },
            {
                "group": APPLY_GROUP,
                "entry_id": entry_id,
                "allowed_states": allowed,
                "next_state": str(final),
                "news_digest": digest,
                "results_maxlen": RESULT_MAXLEN,
                "journal_ttl_ms": MEMORY_MS,
                "unless_consumed": int(bool(unless_consumed)),
                "consume_id": unless_consumed,
                "result_fields": pairs,
            },
        )
        return Settled(reply[0])
