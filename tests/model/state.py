"""What the model remembers: one symbol, a few plans, and everybody who acts on them.

Times are kept as ages in ticks, and an age that can't matter any more stops growing, so that the reachable states are
finitely many although time goes on for ever. A tick is the protocol's smallest unit: the model is the protocol with
its limits set to a few milliseconds.

Everything is a tuple of whole numbers: cheap to hash, to compare and to sort (workers and executors that are in the
same position are interchangeable, so each pool is kept sorted).
"""

from __future__ import annotations

from typing import NamedTuple

UNPUBLISHED, OPEN, ACKED = 0, 1, 2
"""A plan's stream entry. ``OPEN``: unread or pending; delivery, duplicate and reclaim are one move, since any worker
may take up any open entry at any time."""

UNDECIDED, ALLOWED, DENIED = 0, 1, 2

NOT_EXECUTED, STRAY_REJECTION, REJECTED, ORDER_ONLY, FILLED, DOUBT = range(6)
"""What a result says. A stray rejection is one without the consume_id; ``ORDER_ONLY`` names an order that has executed
nothing yet, as a venue's acknowledgement does; ``DOUBT`` says that the order may have been executed, and proves its
consumption."""

NOBODY = -1
"""No plan."""

JUDGING, RECORDING, PREPARING = range(3)
"""What a busy worker holds; ``PREPARING``: an allow ahead of its plan, for a plan's action."""

READ, MAY_SEND, SENT, SENT_AND_TOLD = range(1, 5)
"""How far a busy executor is."""

ROGUE = 9
"""The number of an order that nobody consumed a permit for."""

UNKNOWN_BARRIER = 999
"""No consumption was released yet, or so long ago that it is the same."""

UNKNOWN = -1
"""A ledger without an amount; a quantity not remembered."""


class Limits(NamedTuple):
    """The protocol's time limits, in ticks."""

    place: int = 1  # an order may be sent until the consumption is this old
    stale: int = 1  # a snapshot counts until it is this old
    cooldown: int = 2  # an order must be at least this old
    ttl: int = 2  # a permit counts while it is younger
    plan_age: int = 1  # a plan is judged until it is this old
    lag: int = 0  # a fill shows in the venue's position when it is this old, or before
    read_lag: int = 0  # ... as far as the gate knows
    doubt: int = 4  # an unknown outcome holds by the reservation until the consumption is this old
    remember: int = 0  # ages are kept for so much longer than they matter

    @property
    def forget_order(self) -> int:
        """Orders of this age and older are all the same."""
        return max(self.cooldown, self.stale + 1, self.ttl) + self.remember

    @property
    def unseen(self) -> int:
        """A snapshot requested when the consumption is no older than this may not show its order."""
        return self.place + self.read_lag

    @property
    def forget_consumption(self) -> int:
        """Consumptions of this age and older are all the same: every fresh snapshot is behind their barrier."""
        return max(self.unseen + self.stale + 2, self.doubt + 1) + self.remember

    @property
    def forget_snapshot(self) -> int:
        """Snapshots of this age and older are all the same."""
        return self.stale + 1 + self.remember


class Snapshot(NamedTuple):
    """The venue's position as last fetched."""

    amount: int
    age: int
    run: int


class Permit(NamedTuple):
    """An allow that nobody took yet."""

    qty: int
    amount: int  # the position it rests on
    age: int
    run: int
    left: int = 0  # the key is there for so many more ticks


class PlanState(NamedTuple):
    """What Redis holds about one plan."""

    entry: int = UNPUBLISHED
    age: int = 0
    decision: int = UNDECIDED
    permit: Permit | None = None
    consumed: int = 0  # 0, or the consumption's number
    consumed_age: int = 0
    settled: bool = False  # somebody has told what became of the consumption


class Result(NamedTuple):
    """An entry of the result stream.

    Recorded ones are forgotten, but for a giving up that came before the verdict: an invariant wants to know.
    """

    plan: int
    kind: int
    by: int  # the consumption's number, 0 for none
    qty: int
    is_open: bool


class Order(NamedTuple):
    """The fills memory: one order's cumulative quantity."""

    plan: int
    by: int
    qty: int


class Reservation(NamedTuple):
    """The symbol's one outstanding allow."""

    plan: int
    left: int  # it is there for so many more ticks


class Prepared(NamedTuple):
    """An allow that was evaluated ahead of its plan, and the facts it rests on."""

    action: int  # the first plan with the action that it is for
    qty: int
    amount: int
    snapshot_age: int
    run: int
    ledger: int
    order_age: int
    left: int  # the key is there for so many more ticks


class Redis(NamedTuple):
    """All that a crash of Redis can take away."""

    plans: tuple[PlanState, ...]
    run: int = 0
    run_age: int = 0
    snapshot: Snapshot | None = None
    ledger: int = UNKNOWN
    order_age: int = 0
    barrier: int = UNKNOWN_BARRIER  # snapshots of this age and younger are behind it; negative: none is yet
    hold: bool = False  # an operator's
    service_hold: bool = False
    reservation: Reservation | None = None
    unknown: int = NOBODY  # the plan whose outcome is unknown, by the ledger's note
    held_for: tuple[int, ...] = ()  # the plans whose unknown outcome the service's hold names
    results: tuple[Result, ...] = ()
    orders: tuple[Order, ...] = ()
    prepared: tuple[Prepared, ...] = ()

    def with_plan(self, index: int, plan: PlanState) -> Redis:
        """The same with one plan changed."""
        return self._replace(plans=(*self.plans[:index], plan, *self.plans[index + 1 :]))

    def remembered(self, plan: int, by: int) -> int:
        """The quantity applied of an order, ``UNKNOWN`` for a new one."""
        return next((o.qty for o in self.orders if (o.plan, o.by) == (plan, by)), UNKNOWN)

    def executed(self, plan: int) -> tuple[Order, ...]:
        """What is on record as executed for a plan, by order."""
        return tuple(order for order in self.orders if order.plan == plan)


class Judging(NamedTuple):
    """A worker with an allow that is not final yet, and the facts it rests on."""

    kind: int
    plan: int  # PREPARING: the first plan with the action
    qty: int
    amount: int
    snapshot_age: int
    run: int
    ledger: int
    order_age: int
    since: int  # ticks since the facts were read


class Recording(NamedTuple):
    """A worker with a result and the base it was read with."""

    kind: int
    result: Result
    ledger: int
    remembered: int
    decision: int  # breaches are judged by it
    executed: tuple[Order, ...]  # by the orders of the plan that are on record


class Executor(NamedTuple):
    """An executor at work. One that is idle, died or gave up is nowhere."""

    phase: int
    plan: int
    qty: int  # to send; from ``SENT`` on: executed
    age: int  # of the consumption; in ``READ``: of the permit, or since the GET
    by: int  # the consumption's number
    amount: int = 0  # READ only: of the permit
    run: int = 0  # READ only: of the permit


class World(NamedTuple):
    """Everything at one moment."""

    redis: Redis
    position: int  # at the venue, base units, long
    on_disk: Redis | None = None  # what a crash of Redis leaves; None where no crash can come any more
    hidden: tuple[tuple[int, int], ...] = ()  # (quantity, age) of fills that the position doesn't show yet
    workers: tuple[Judging | Recording, ...] = ()
    executors: tuple[Executor, ...] = ()
    refreshers: tuple[Snapshot, ...] = ()  # answers of the venue that are not stored yet
    consumptions: tuple[int, ...] = ()  # how often each plan was consumed: nobody in the protocol can see this
    forgotten: tuple[int, ...] = ()  # ... and how often Redis lost that
    crashes: int = 0  # how often each of these may still happen
    holds: int = 0
    service_holds: int = 0
    trades: int = 0
    rogues: int = 0
    cuts: int = 0  # how often P33_PERMIT_TTL may still be lowered
    doubts: tuple[int, ...] = ()  # plans whose outcome was told to be unknown, and nothing since

    @property
    def shown(self) -> int:
        """The position as the venue tells it."""
        return self.position + sum(qty for qty, _ in self.hidden)


def aged(world: World, limits: Limits) -> World:
    """One tick later."""
    redis = _aged_redis(world.redis, limits)
    older = (
        world.hidden if not world.hidden else tuple((qty, age + 1) for qty, age in world.hidden if age + 1 < limits.lag)
    )
    return world._replace(
        redis=redis,
        # What is a tick old is on disk.
        on_disk=None if world.on_disk is None else redis,
        hidden=older,
        workers=tuple(sorted(aged_worker(worker, limits) for worker in world.workers)),
        executors=tuple(sorted(aged_executor(executor, limits) for executor in world.executors)),
        refreshers=tuple(sorted(aged_snapshot(answer, limits) for answer in world.refreshers)),
    )


def aged_worker(worker: Judging | Recording, limits: Limits) -> Judging | Recording:
    """A worker that slept for a tick."""
    if isinstance(worker, Recording):
        return worker
    return worker._replace(
        snapshot_age=min(worker.snapshot_age + 1, limits.forget_snapshot),
        order_age=min(worker.order_age + 1, limits.forget_order),
        since=0 if worker.kind == PREPARING else min(worker.since + 1, limits.ttl),
    )


def aged_executor(executor: Executor, limits: Limits) -> Executor:
    """An executor that slept for a tick."""
    if executor.phase == READ:
        return executor._replace(age=min(executor.age + 1, max(limits.ttl, limits.place + 1)))
    if executor.phase == MAY_SEND:
        return executor._replace(age=min(executor.age + 1, limits.place + 1))
    return executor


def aged_snapshot(snapshot: Snapshot, limits: Limits) -> Snapshot:
    """A snapshot, or an answer on its way, a tick later."""
    return snapshot._replace(age=min(snapshot.age + 1, limits.forget_snapshot))


def _aged_plan(plan: PlanState, limits: Limits) -> PlanState:
    if plan.entry == UNPUBLISHED:
        return plan
    permit = plan.permit
    if permit is not None:
        permit = permit._replace(age=permit.age + 1, left=permit.left - 1) if permit.left > 0 else None
    consumed_age = min(plan.consumed_age + 1, limits.forget_consumption) if plan.consumed else 0
    return plan._replace(age=min(plan.age + 1, limits.plan_age + 1), permit=permit, consumed_age=consumed_age)


def _aged_redis(redis: Redis, limits: Limits) -> Redis:
    held = redis.reservation
    if held is not None:
        held = held._replace(left=held.left - 1) if held.left > 0 else None
    return redis._replace(
        plans=tuple(_aged_plan(plan, limits) for plan in redis.plans),
        run_age=min(redis.run_age + 1, limits.place + 1),
        snapshot=None if redis.snapshot is None else aged_snapshot(redis.snapshot, limits),
        order_age=min(redis.order_age + 1, limits.forget_order),
        barrier=redis.barrier + 1 if redis.barrier < limits.forget_snapshot else UNKNOWN_BARRIER,
        reservation=held,
        prepared=tuple(_aged_prepared(one, limits) for one in redis.prepared if one.left > 0),
    )


def _aged_prepared(one: Prepared, limits: Limits) -> Prepared:
    return one._replace(
        snapshot_age=min(one.snapshot_age + 1, limits.forget_snapshot),
        order_age=min(one.order_age + 1, limits.forget_order),
        left=one.left - 1,
    )
