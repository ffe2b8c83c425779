"""What the model remembers: one symbol, a few plans, and everybody who acts on them.

In hedge mode the symbol has two positions, each with a book of its own. Amounts are magnitudes on both legs.

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
    short: int = 0  # in an answer of the venue in hedge mode: the short leg; ``amount`` is the long one


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
    leg: int = 0  # in hedge mode: of an order, the leg that the result names


class Order(NamedTuple):
    """The fills memory: one order's cumulative quantity."""

    plan: int
    by: int
    qty: int
    leg: int = 0  # which it named first
    is_breach: bool = False  # it named another than its permit's, or two


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


class Book(NamedTuple):
    """What is kept of one position."""

    snapshot: Snapshot | None = None
    ledger: int = UNKNOWN
    order_age: int = 0
    barrier: int = UNKNOWN_BARRIER  # snapshots of this age and younger are behind it; negative: none is yet
    service_hold: bool = False
    reservation: Reservation | None = None
    unknown: int = NOBODY  # the plan whose outcome is unknown, by the ledger's note
    held_for: tuple[int, ...] = ()  # the plans whose unknown outcome the service's hold names
    prepared: tuple[Prepared, ...] = ()


class Redis(NamedTuple):
    """All that a crash of Redis can take away: of one position the fields of ``Book``, in hedge mode of ``leg``'s."""

    plans: tuple[PlanState, ...]
    run: int = 0
    run_age: int = 0
    snapshot: Snapshot | None = None
    ledger: int = UNKNOWN
    order_age: int = 0
    barrier: int = UNKNOWN_BARRIER
    hold: bool = False  # an operator's
    service_hold: bool = False
    reservation: Reservation | None = None
    unknown: int = NOBODY
    held_for: tuple[int, ...] = ()
    results: tuple[Result, ...] = ()
    orders: tuple[Order, ...] = ()
    prepared: tuple[Prepared, ...] = ()
    leg: int = 0  # the one in front; between moves the long one
    other: Book | None = None  # in hedge mode the other leg's

    @property
    def book(self) -> Book:
        """What is kept of the position in front."""
        return Book(*(getattr(self, name) for name in Book._fields))

    def of(self, leg: int, shared: frozenset[str] = frozenset()) -> Redis:
        """The same with this leg's book in front.

        Args:
            leg: Which; in one-way mode there is one.
            shared: Fields that both legs have in common: what a missing leg in a key's name does.
        """
        if self.other is None or leg == self.leg:
            return self
        front, behind = self.book, self.other
        kept = {name: getattr(front, name) for name in shared}
        return self._replace(**{**behind._asdict(), **kept}, leg=leg, other=front)

    def with_plan(self, index: int, plan: PlanState) -> Redis:
        """The same with one plan changed."""
        return self._replace(plans=(*self.plans[:index], plan, *self.plans[index + 1 :]))

    def remembered(self, plan: int, by: int) -> int:
        """The quantity applied of an order, ``UNKNOWN`` for a new one."""
        return next((o.qty for o in self.orders if (o.plan, o.by) == (plan, by)), UNKNOWN)

    def went_to(self, plan: int, by: int) -> int | None:
        """The leg that an order was booked to, None for a new one."""
        return next((o.leg for o in self.orders if (o.plan, o.by) == (plan, by)), None)

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
    other_ledger: int = UNKNOWN  # of the other leg, where the order belongs to it


class Executor(NamedTuple):
    """An executor at work. One that is idle, died or gave up is nowhere."""

    phase: int
    plan: int
    qty: int  # to send; from ``SENT`` on: executed
    age: int  # of the consumption; in ``READ``: of the permit, or since the GET
    by: int  # the consumption's number
    amount: int = 0  # READ only: of the permit
    run: int = 0  # READ only: of the permit
    leg: int = 0  # from ``SENT`` on: where it was executed


class World(NamedTuple):
    """Everything at one moment."""

    redis: Redis
    position: int  # at the venue, base units; in hedge mode the long leg
    short: int = 0  # ... and the short leg
    on_disk: Redis | None = None  # what a crash of Redis leaves; None where no crash can come any more
    hidden: tuple[tuple[int, int, int], ...] = ()  # (quantity, age, leg) of fills that the position doesn't show yet
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

    def position_of(self, leg: int) -> int:
        """What is held at the venue."""
        return self.short if leg else self.position

    def shown(self, leg: int) -> int:
        """The position as the venue tells it."""
        return self.position_of(leg) + sum(qty for qty, _, its in self.hidden if its == leg)

    def traded(self, leg: int, qty: int, *, is_late: bool) -> World:
        """The venue executed an order, which made a position so much smaller; the position may show that later."""
        hidden = self.hidden if not is_late or not qty else tuple(sorted((*self.hidden, (qty, 0, leg))))
        if leg:
            return self._replace(short=self.short - qty, hidden=hidden)
        return self._replace(position=self.position - qty, hidden=hidden)
