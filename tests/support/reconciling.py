"""The gate and an account at a venue, reconciled: with short words for what happens between refreshes."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from p33_tasks.contract.order_ids import own_order_id
from p33_tasks.contract.positions import position_key
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reconciling import LEAST_READING_MS, ExternalPolicy, Mode
from p33_tasks.services.agreement import QUIET_MS
from p33_tasks.services.position_case import ReconcilePolicy
from p33_tasks.services.read_history import HistoryReader
from p33_tasks.services.reconcile import ReconcileService
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.connection import connect
from p33_tasks.store.drift_budget import WEIGHT_PER_MINUTE, ReconcileBudget
from p33_tasks.store.reconciliation import RedisReconcileStore
from tests.support.account import Account
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer

OWN = "p33-"


class Reconciled(Gate):
    """Everything of one account, and the venue."""

    def __init__(
        self,
        server: RedisServer,
        *,
        amount: str = "0.040",
        mode: Mode = Mode.REPAIR,
        external: ExternalPolicy = ExternalPolicy.HOLD,
        leg: Leg = Leg.BOTH,
        account: Any = None,
        **limits: Any,
    ) -> None:
        found = account or Account(amount=Decimal(amount), leg=leg, other_amount=-Decimal(amount) / 2)
        super().__init__(server, source=found.source, **limits)
        self.account, self.leg, self.position = found, leg, position_key(SYMBOL, leg)
        client = connect(self.url)
        self.store = RedisReconcileStore(client, self.keys, own_prefix=OWN)
        own = RedisRequestBudget(
            client, self.keys, own_weight=WEIGHT_PER_MINUTE, venue_weight=WEIGHT_PER_MINUTE, is_reconcile=True
        )
        policy = ReconcilePolicy(mode=mode, external=external, limits=self.policy)
        reader = HistoryReader(self.account, self.store)
        self.service = ReconcileService(reader, self.store, ReconcileBudget(own, self.budget), policy)
        self.put_market()
        self.put_ledger(found.shown, leg=leg)
        if leg is not Leg.BOTH:
            self.put_ledger(found.other_amount, leg=Leg.SHORT if leg is Leg.LONG else Leg.LONG)
        self.put(found.position)

    def reconcile(self) -> str:
        """Reconcile the snapshot that is there."""
        return self.service.reconcile(self.position)

    def refresh(self) -> str:
        """A later snapshot of what the venue shows, reconciled."""
        self.until_after(
            self.now_ms()
        )  # a snapshot of the same millisecond is not a later one, nor later than an order
        self.put(self.account.position)
        return self.reconcile()

    def mark(self) -> None:
        """Take a watermark, as if nothing had happened for a while."""
        assert self.refresh() == "quiet"
        self.back_date("candidate_ms", QUIET_MS)
        self.age_trades(QUIET_MS)
        assert self.refresh() == "marked"

    def age_trades(self, by_ms: int) -> None:
        self.account.trades[:] = [replace(one, time_ms=one.time_ms - by_ms) for one in self.account.trades]

    def back_date(self, name: str, by_ms: int) -> None:
        case = self.keys.reconcile_case(SYMBOL, self.leg)
        value = self.redis.hget(case, name)
        if value is not None:
            self.redis.hset(case, name, int(value) - by_ms)

    def try_again(self) -> str:
        """The next reading of a drift, as if its time had come."""
        self.back_date("next_ms", 10**7)
        return self.refresh()

    def try_for_a_minute(self) -> str:
        """Readings until "not explained" may be believed."""
        for _ in range(4):
            outcome = self.try_again()
            self.back_date("first_ms", LEAST_READING_MS // 2)
        return outcome

    def own_order(self, plan_id: str = "plan-1") -> str:
        """The client order id of a plan's order."""
        return own_order_id(self.keys.prefix, plan_id, OWN)

    def order(self, plan_id: str = "plan-1") -> str:
        """A plan that is allowed and consumed; the client order id of its order."""
        self.put(self.account.position)
        self.allow(plan_id, position_side=self.leg)
        self.consume(plan_id)
        return self.own_order(plan_id)

    def closing(self, quantity: str) -> str:
        """A quantity, signed so that it reduces the position."""
        return quantity if self.leg is Leg.SHORT else f"-{quantity}"

    def expire_reservation(self) -> None:
        self.redis.delete(self.keys.reservation(SYMBOL, self.leg))

    def hold(self) -> dict[str, Any] | None:
        text = self.redis.get(self.keys.service_hold(SYMBOL, self.leg))
        return None if text is None else json.loads(text)

    def reconcile_events(self) -> list[str]:
        return [fields["event"] for _, fields in self.redis.xrange(self.keys.reconcile_events)]

    def classes(self) -> list[str]:
        return [fields["class"] for _, fields in self.redis.xrange(self.keys.reconcile_events)]

    @property
    def agrees(self) -> bool:
        amount = self.ledger_amt(leg=self.leg)
        return amount is not None and Decimal(amount) == self.account.amount


def lose_a_result(world: Reconciled, plan_id: str = "plan-1", quantity: str = "-0.030") -> None:
    """The plan's order executes, and its result is never published."""
    client_order_id = world.order(plan_id)
    world.account.trade(f"of-{plan_id}", quantity, client_order_id=client_order_id)
