"""The reference governor (P3.2): ``python -m p33_tasks.demo.governor``.

Grants each plan of decision ``EXECUTE`` a single-use permit, unless the symbol's rate limit or the day's notional is
used up. It doesn't check positions; the brain does. Checking, counting, writing and acknowledging are one script in
Redis, by its ``TIME``.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import redis
import structlog

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.snapshots import HEDGE
from p33_tasks.demo.loops import repeat, serve
from p33_tasks.demo.names import GOVERNOR_GROUP, DemoKeys
from p33_tasks.demo.plan_reader import PlanEntry, PlanReader
from p33_tasks.domain import exact_json
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, Plan
from p33_tasks.errors import ForeignKeyTypeError, InvalidQuantityError
from p33_tasks.log_events import LogEvent
from p33_tasks.settings import Settings
from p33_tasks.store.connection import connect
from p33_tasks.store.scripts import Scripts, translated_errors

CONSUMER = "governor-1"
BATCH = 50
BLOCK_MS = 500
SHORT_WINDOW_MS = 300_000
LONG_WINDOW_MS = 3_600_000
_CENTS = Decimal(100)
_READ = ["position_amt", "position_mode", "mark_price", "long_amt", "short_amt"]

log = structlog.get_logger("p33.governor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The governor's limits; each grant counts, also if the brain denies the plan."""

    per_5_min: int = 2  # grants per symbol
    per_hour: int = 3  # grants per symbol
    daily_notional: Decimal = Decimal(100_000)  # quote units per UTC day, all symbols together
    permit_ttl_sec: int = 60


class Governor:
    """Decides plans. A second run on the same plan returns the first decision."""

    def __init__(self, client: redis.Redis, keys: Keys, limits: Limits, *, permit_key: str) -> None:
        self._client = client
        self._scripts = Scripts(client, "p33_tasks.demo")
        self._keys = keys
        self._own = DemoKeys(keys.prefix)
        self._limits = limits
        self._permit_key = permit_key

    def decide(self, entry: PlanEntry, plan: Plan) -> str:
        """Grant or refuse a plan and acknowledge its entry.

        Returns:
            ``granted``, ``already``, or why it was refused: ``rate_limit_short``, ``rate_limit_long``,
            ``daily_notional``; or ``notional_unknown``: there is no snapshot to compute its notional from.
            Then neither a grant nor a refusal is written: the brain denies such a plan with a better reason, and
            after a refusal the executor would give up the plan before it reads that reason.

        Raises:
            StoreError: Redis is unavailable; the entry stays pending.
        """
        limits, about = self._limits, {"plan_id": plan.plan_id, "symbol": plan.symbol}
        cents = self._notional_cents(plan)
        if cents is None:
            return self._leave(entry, plan)
        status, *why = self._scripts.run(
            "grant_permit",
            {
                "permit_key": self._keys.governor_permit(plan.plan_id, self._permit_key),
                "grants_key": self._own.grants(plan.symbol),
                "notional_key": self._own.notional,
                "plans_key": self._keys.plans,
            },
            {
                "group": GOVERNOR_GROUP,
                "entry_id": entry.entry_id,
                "plan_id": plan.plan_id,
                "notional_cents": cents,
                "permit_ttl_ms": limits.permit_ttl_sec * 1000,
                "permit_head": exact_json.dumps({**about, "granted": True}).removesuffix("}") + ',"ts_epoch":',
                "refusal_head": exact_json.dumps({**about, "granted": False}).removesuffix("}") + ',"reason":"',
                "short_window_ms": SHORT_WINDOW_MS,
                "short_limit": limits.per_5_min,
                "long_window_ms": LONG_WINDOW_MS,
                "long_limit": limits.per_hour,
                "daily_limit_cents": int(limits.daily_notional * _CENTS),
            },
        )
        decision = str(why[0] if why else status)
        log.info(LogEvent.GOVERNOR, decision=decision, symbol=plan.symbol, plan_id=plan.plan_id)
        return decision

    def _leave(self, entry: PlanEntry, plan: Plan) -> str:
        with translated_errors():
            self._client.xack(self._keys.plans, GOVERNOR_GROUP, entry.entry_id)
        log.info(LogEvent.GOVERNOR, decision="notional_unknown", symbol=plan.symbol, plan_id=plan.plan_id)
        return "notional_unknown"

    def _notional_cents(self, plan: Plan) -> int | None:
        """The plan's maximum notional, in whole cents of the quote currency; None if unknown."""
        with translated_errors():
            net, mode, price, long_amt, short_amt = self._client.hmget(self._keys.snapshot(plan.symbol), _READ)
        # In hedge mode the symbol's own amount is the sum of both legs, and 0 where each is as large as the other.
        amount = {Leg.LONG: long_amt, Leg.SHORT: short_amt}.get(plan.position_side) if mode == HEDGE else net
        try:
            position, mark_price = q.parse_quantity(amount or ""), q.parse_quantity(price or "")
        except InvalidQuantityError:
            return None
        notional = q.multiply(q.multiply(q.magnitude(position), mark_price), plan.close_factor or Decimal(1))
        cents = q.multiply(notional, _CENTS)
        return int(cents.to_integral_value(ROUND_CEILING))


def run_governor(
    settings: Settings, stop: threading.Event, *, limits: Limits | None = None, consumer: str = CONSUMER
) -> None:
    """Run the reference governor until ``stop`` is set.

    Args:
        settings: Redis and the name of the governor's key.
        stop: Set it, and this returns within a second.
        limits: Limits other than the defaults, e.g. high ones for a demo.
        consumer: Stable name within the group.
    """
    keys, client = Keys(settings.key_prefix), connect(settings.state_url)
    limits = limits or Limits()
    governor = Governor(client, keys, limits, permit_key=settings.governor_permit_key)
    reader = PlanReader(client, keys.plans, group=GOVERNOR_GROUP, consumer=consumer)
    log.info(
        LogEvent.GOVERNOR_LIMITS, per_5_min=limits.per_5_min, per_hour=limits.per_hour, daily=limits.daily_notional
    )

    def decide(entry: PlanEntry, plan: Plan) -> None:
        try:
            governor.decide(entry, plan)
        except ForeignKeyTypeError as error:
            # This plan gets no permit, and the next plans are processed.
            log.error(LogEvent.NOT_DECIDED, symbol=plan.symbol, plan_id=plan.plan_id, error=str(error))  # noqa: TRY400 - no bug of ours
            reader.acknowledge(entry.entry_id)

    def turn() -> None:
        # Pending entries first: an answer of Redis with entries may have been lost.
        for entry in [*reader.pending(), *reader.new(count=BATCH, block_ms=BLOCK_MS)]:
            plan = reader.plan_of(entry)
            if plan is not None:
                decide(entry, plan)

    repeat(turn, stop, who="governor")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    usual = Limits()
    parser = argparse.ArgumentParser(prog="python -m p33_tasks.demo.governor", description=__doc__)
    parser.add_argument("--per-5-min", type=int, default=usual.per_5_min, help="grants per symbol")
    parser.add_argument("--per-hour", type=int, default=usual.per_hour, help="grants per symbol")
    parser.add_argument("--daily-notional", type=Decimal, default=usual.daily_notional, help="quote units per UTC day")
    parser.add_argument("--consumer", default=CONSUMER, help="stable name within the consumer group")
    chosen = parser.parse_args(argv)
    limits = Limits(per_5_min=chosen.per_5_min, per_hour=chosen.per_hour, daily_notional=chosen.daily_notional)
    return serve(lambda settings, stop: run_governor(settings, stop, limits=limits, consumer=chosen.consumer))


if __name__ == "__main__":
    sys.exit(main())
