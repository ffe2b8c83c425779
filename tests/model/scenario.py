"""What one exploration contains, and which of the scripts' guards it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.state import UNKNOWN, Limits, PlanState, Redis, Snapshot, World

DEFAULT_LIMITS = Limits()
HALF, FULL = "CLOSE_PARTIAL_50", "CLOSE_FULL"

GUARDS = {
    "load.unknown": "a plan's unknown outcome is a hold once its reservation is gone",
    "commit.decision": "a first verdict stands",
    "commit.hold": "no hold",
    "commit.service_hold": "no hold of the service",
    "commit.reservation": "the symbol is free",
    "commit.run_id": "the Redis that was asked",
    "commit.snapshot": "the snapshot that was judged",
    "commit.snapshot_age": "... and it is still fresh",
    "commit.ledger": "the ledger that was judged",
    "commit.barrier": "the snapshot was requested after the barrier",
    "commit.unknown": "no plan's outcome is unknown",
    "commit.plan_age": "the plan is still young",
    "commit.permit_age": "the permit has time left",
    "promote.action": "what was prepared is for the part of the position that the plan wants to close",
    "consume.permit": "the permit is there, of the bytes that were read",
    "consume.already": "nobody consumed it before",
    "consume.expired": "the permit has time left",
    "consume.run_id": "the Redis that issued it",
    "consume.reservation": "the reservation is this plan's",
    "consume.hold": "no hold",
    "consume.service_hold": "no hold of the service",
    "consume.order_since": "no order since the permit",
    "consume.snapshot_age": "the snapshot is fresh",
    "consume.barrier": "... and was requested after the barrier",
    "consume.snapshot_run": "the snapshot is of this run",
    "consume.position": "the position is the permit's",
    "consume.delete": "the permit is deleted",
    "consume.renew": "the reservation is renewed",
    "consume.renew_long_enough": "... until every fresh snapshot is behind the barrier",
    "send.window": "nothing is sent after place_before_ms",
    "result.acknowledged": "an entry is recorded once",
    "result.ledger": "the ledger that was read",
    "result.decision": "the verdict that was read",
    "result.executed": "what the plan's orders executed, as it was read",
    "result.remembered": "the order's quantity that was read",
    "result.increase": "quantities are cumulative",
    "result.cooldown": "any order starts the cooldown",
    "result.abandoned": "who gave up before the verdict gets none",
    "result.tombstone": "nor does who executed before it",
    "result.own_reservation": "only the plan's own reservation is released",
    "result.unconsumed": "a not-executed result releases only what nobody consumed",
    "result.permit_there": "... and what nobody took without our record",
    "result.consume_id": "a rejection proves its consumption",
    "result.barrier": "a released consumption stays a barrier",
    "result.delete": "releasing deletes the permit",
    "result.settled": "an unknown outcome that was published before the answer is over",
    "doubt.renew": "an unknown outcome renews the reservation",
    "doubt.limit": "... and not beyond its limit",
    "doubt.late": "one that comes late takes the position again, or sets the hold",
    "doubt.other": "... and not from another plan",
    "hold.withdraw": "the service's hold takes a permit that nobody consumed",
    "hold.consumed_stays": "... and leaves a reservation whose permit is gone",
    "put.hold": "after the limit of an unknown outcome the service holds the position",
    "put.cut_permit": "a permit is cut with its reservation",
    "put.older": "a snapshot doesn't go backwards",
    "put.other_run": "an answer of another run is not written",
    "refresh.new_run": "after a restart nothing is fetched while an order of before may still be sent",
    "refresh.time": "a snapshot's time is before its request",
    "leg.snapshot": "each leg has a snapshot of its own",
    "leg.ledger": "... and a ledger, with order time, barrier and unknown outcome",
    "leg.reservation": "... and a reservation",
    "leg.hold": "... and a hold of the service",
    "leg.prepared": "... and prepared verdicts",
    "consume.leg": "what is compared is the permit's leg",
    "result.leg": "a fill is booked to the leg that it names",
    "result.first_leg": "... and stays there, whatever a later result says",
    "result.other_ledger": "the other leg's ledger that was read",
    "result.other_cooldown": "an order of the other leg starts that leg's cooldown too",
    "result.other_barrier": "... and is a barrier there",
    "result.both_held": "an order of the other leg than the permit's holds both",
}
"""Every check that can be left out: script, name, and what it makes sure of."""

BY_LEG = {
    "leg.snapshot": ("snapshot",),
    "leg.ledger": ("ledger", "order_age", "barrier", "unknown"),
    "leg.reservation": ("reservation",),
    "leg.hold": ("service_hold", "held_for"),
    "leg.prepared": ("prepared",),
}
"""Keys that name the leg, and the fields of a book that are kept under them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A small case, explored in every interleaving."""

    name: str
    actions: tuple[str, ...] = (HALF, FULL)  # one plan each
    limits: Limits = DEFAULT_LIMITS
    legs: tuple[int, ...] = ()  # in hedge mode the leg that each plan closes: 0 long, 1 short
    start: int = 2  # base units held, at a step of 1; in hedge mode of each leg
    ledger_known: bool = True
    workers: int = 1
    preparers: int = 0  # tasks that prepare verdicts ahead of their plans
    executors: int = 1
    refreshers: int = 1
    crashes: int = 0  # Redis restarts and may lose what it wrote in this tick
    holds: int = 0  # how often an operator may set a hold
    service_holds: int = 0  # ... and the service
    trades: int = 0  # one unit is sold outside
    rogues: int = 0  # ... and somebody reports it, as an order of the first plan, the next time of the next
    getdel: bool = False  # executors that only GET and DEL, without the checks at use
    sloppy: bool = False  # ... and don't look at what DEL answers
    reads: bool = False  # reading and consuming a permit are two steps
    told_later: bool = False  # publishing and recording a result are two steps
    slow_results: bool = False  # ... and reading the ledger and recording it are two more
    gives_up: bool = True  # somebody reports not-executed, at any time
    strays: bool = False  # ... or a rejection without proof
    doubts: bool = False  # an executor says that the outcome of its order is unknown, again and again
    cuts: int = 0  # P33_PERMIT_TTL is lowered, and the workers restarted
    lies: bool = False  # an executor says that the venue refused an order which the venue executed
    owns_up: bool = False  # ... and may tell the execution afterwards
    unfilled: bool = False  # an order may execute nothing
    tells_twice: bool = False  # an order is reported before its fill is, and its fill again and again
    misnames: bool = False  # a result may name the other leg than its order's
    misroutes: bool = False  # an order may be sent for the other leg, which it makes larger
    removed: frozenset[str] = field(default_factory=frozenset)  # guards left out

    def on(self, guard: str) -> bool:
        """Whether a guard is in its place."""
        return guard not in self.removed

    @property
    def sides(self) -> tuple[int, ...]:
        """The symbol's positions."""
        return (0, 1) if self.legs else (0,)

    def leg_of(self, plan: int) -> int:
        """The position that a plan closes."""
        return self.legs[plan] if self.legs else 0

    def at(self, redis: Redis, leg: int) -> Redis:
        """Redis with one leg's book in front, as far as the legs' keys differ."""
        if not self.legs or leg == redis.leg:
            return redis
        return redis.of(leg, frozenset(name for guard in self.removed for name in BY_LEG.get(guard, ())))

    def first(self) -> World:
        """Nothing published; exchange and ledger agree, and the snapshot is fresh."""
        count = len(self.actions)
        redis = Redis(
            plans=(PlanState(),) * count,
            run_age=self.limits.place + 1,
            snapshot=Snapshot(self.start, 0, 0),
            ledger=self.start if self.ledger_known else UNKNOWN,
            order_age=self.limits.forget_order,
        )
        if self.legs:
            redis = redis._replace(other=redis.book)
        return World(
            redis=redis,
            position=self.start,
            short=self.start if self.legs else 0,
            on_disk=redis if self.crashes else None,
            consumptions=(0,) * count,
            forgotten=(0,) * count,
            crashes=self.crashes,
            holds=self.holds,
            service_holds=self.service_holds,
            trades=self.trades,
            rogues=self.rogues,
            cuts=self.cuts,
        )
