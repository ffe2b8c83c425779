"""Record an executor's result: exact sums in Python, then an atomic compare-and-set in Redis."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from functools import reduce

import structlog

from p33_tasks.contract.executions import decode_executed, decode_order, permitted_of
from p33_tasks.domain.executions import Breach, OrderRecord, RecordedOrder, Recording, breaches_of
from p33_tasks.domain.ledger import Applied, apply_fill
from p33_tasks.domain.models import Fill, Leg
from p33_tasks.domain.quantities import ZERO, add, canonical, is_writable, parse_quantity
from p33_tasks.errors import CorruptStateError, InvalidQuantityError, StoreError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import ExecutionResult, LedgerState, ResultStatus, ResultStore, StreamEntry

TRIES = 20
"""Maximum number of tries if the ledger changes each time. One symbol has few results: more is an error."""

MARK = "entry:"
"""A prefix that no venue's order id has."""

_CODE = re.compile(r"(?<![\w.-])-?\w+", re.ASCII)

log = structlog.get_logger("p33.ledger")


class ResultService:
    """Applies results to the ledger. Safe to run twice: the fills memory contains what was applied before."""

    def __init__(self, store: ResultStore, *, market_refusals: frozenset[str] = frozenset()) -> None:
        """Make a service.

        Args:
            store: Applies fills.
            market_refusals: The venue's error codes for a quantity, step or symbol that can't be traded (any more).
        """
        self._store = store
        self._market_refusals = market_refusals

    def record(self, result: ExecutionResult, entry: StreamEntry) -> ResultStatus:
        """Apply a result once.

        Raises:
            StoreError: Redis is away, or a key has another type.
            CorruptStateError: The symbol's ledger can't be read. In both cases the entry stays pending: a readable
                result is tried until it is applied.
        """
        first = result.first_entry(entry)
        order_ids = ids_to_load(result, first)
        named = frozenset(Leg(fill.leg.value) for fill in result.fills if fill.leg is not None)
        for _ in range(TRIES):
            base = self._store.load_ledger(result.symbol, order_ids, result.plan_id, named)
            recording = apply_all(result, base, first)
            status = self._store.record(result=result, base=base, recording=recording, entry=entry)
            if status is not ResultStatus.MOVED:
                if status is ResultStatus.RECORDED:
                    _log_result(result, base, recording)
                if code := refusal_in(result.errors, self._market_refusals):
                    log.warning(LogEvent.MARKETS_REFUSED, symbol=result.symbol, plan_id=result.plan_id, code=code)
                    self._store.refuse_markets()
                return status
        raise StoreError(f"the ledger of {result.symbol} moved {TRIES} times while one result was applied")


def apply_all(result: ExecutionResult, base: LedgerState, entry: StreamEntry) -> Recording:
    """The effect of all fills of a result, applied in order.

    If ``executed`` is false, nothing is applied, whatever quantities the result names.

    Raises:
        CorruptStateError: The ledger or the fills memory contains a value that is not a quantity.
    """
    return _Applying(result, base, entry).run()


class _Applying:
    """Applies one result to one stored state."""

    def __init__(self, result: ExecutionResult, base: LedgerState, entry: StreamEntry) -> None:
        self._result, self._base, self._entry = result, base, entry
        self._permitted = permitted_of(
            base.decision_text, plan_id=result.plan_id, symbol=result.symbol, step_size=base.step_size_text
        )
        self._executed = decode_executed(base.executed_text)
        self._problems = list(result.problems)
        self._opposite_leg = base.position_side.opposite if base.position_side is not None else None
        self._amounts: dict[bool, Decimal | None] = {}  # by is_opposite

    def run(self) -> Recording:
        fills = _one_per_order(self._result, self._entry)
        for opposite in (False, True):
            its = [fill for fill in fills.values() if self._is_opposite(fill, self._record(fill)) is opposite]
            self._amounts[opposite] = self._amount(its, opposite=opposite)
        orders = {fill.order_id: self._apply(fill) for fill in fills.values()}
        if self._problems and not any(is_entry_mark(order_id) for order_id in orders):
            mark = entry_mark(self._entry)
            orders[mark.order_id] = self._apply(mark)
        return Recording(orders=orders, executed=self._executed, problems=tuple(self._problems))

    def _amount(self, fills: Iterable[Fill], *, opposite: bool) -> Decimal | None:
        text = self._base.opposite_amt_text if opposite else self._base.last_known_amt_text
        if text is None or not any(fill.cumulative_qty > 0 for fill in fills):
            return None if text is None else _readable(text)  # no fill here changes the amount
        return _stored(text, "last_known_amt")

    def _counts(self, *, opposite: bool) -> bool:
        """Whether a fill of this entry is newer than the snapshot that the ledger began with, so that it counts.

        A fill is before its report, and a snapshot's time before its request: at equal times the snapshot shows it.
        """
        origin = self._base.opposite_origin_text if opposite else self._base.origin_text
        return entry_ms(self._entry) > int(_stored(origin or "0", "ledger origin"))

    def _record(self, fill: Fill) -> OrderRecord:
        record = decode_order(self._base.orders.get(fill.order_id)) or OrderRecord(plan_id="")
        # Reconciliation may have recorded the order without its plan.
        return record if record.plan_id else replace(record, plan_id=self._result.plan_id)

    def _is_opposite(self, fill: Fill, record: OrderRecord) -> bool:
        """Whether an order's fills belong to the other leg, not the result's position.

        Decided by an earlier report, else by the order: the venue's fact counts, not the leg in the verdict.
        """
        leg = record.leg or fill.leg
        return leg is not None and leg.value == self._opposite_leg

    def _apply(self, fill: Fill) -> RecordedOrder:
        known, record = self._known(fill.order_id), self._record(fill)
        opposite = self._is_opposite(fill, record)
        amount, counts = self._amounts[opposite], self._counts(opposite=opposite)
        is_own = record.plan_id == self._result.plan_id
        if not is_own:
            self._problems.append(f"order {fill.order_id} is of plan {record.plan_id}, by an earlier result")
        reported, position = fill, self._base.position_side
        elsewhere = self._elsewhere(fill, record, known)
        if elsewhere:
            self._problems.append(f"order {fill.order_id} {elsewhere}, and this result says {fill.leg or position}")
        if position is None or elsewhere:
            fill = replace(fill, cumulative_qty=ZERO)
        if record.side is not None and fill.side is not None and fill.side is not record.side:
            self._problems.append(f"order {fill.order_id} was a {record.side}, and is reported as a {fill.side}")
            fill = replace(fill, cumulative_qty=ZERO)
        fill = replace(fill, side=fill.side or record.side)
        applied = apply_fill(amount, known, fill, counts=counts)
        if applied.amount is not None and not is_writable(applied.amount):
            self._problems.append(
                f"order {fill.order_id} would make the ledger {applied.amount}, which can't be written"
            )
            applied = apply_fill(amount, known, replace(fill, cumulative_qty=ZERO), counts=counts)
        breaches = self._breaches(reported, applied) if is_own else ()
        if elsewhere and Breach.LEG not in breaches:
            breaches = (*breaches, Breach.LEG)
        new = tuple(kind for kind in breaches if kind not in record.breaches)
        side = record.side or fill.side
        went_to = self._opposite_leg if opposite else position
        leg = record.leg if elsewhere or went_to is Leg.BOTH else went_to
        record = replace(record, side=side, breaches=(*record.breaches, *new), leg=leg)
        self._amounts[opposite] = applied.amount
        return RecordedOrder(applied=applied, record=record, new_breaches=new, is_own=is_own, is_opposite=opposite)

    def _elsewhere(self, fill: Fill, record: OrderRecord, known: Decimal | None) -> str:
        """How an order contradicts an earlier report of it; empty if it doesn't.

        A contradicting order changes no amount; a drift will show which ledger lacks it.
        """
        position = self._base.position_side
        if position is None:
            return ""
        went_to = record.leg or (Leg.BOTH if known else None)
        named = position if position is Leg.BOTH or went_to is Leg.BOTH else fill.leg
        return f"went to {went_to} before" if went_to and named and went_to.value != named.value else ""

    def _breaches(self, fill: Fill, applied: Applied) -> tuple[Breach, ...]:
        if not self._result.executed or is_entry_mark(fill.order_id):
            return ()
        self._executed[fill.order_id] = max(self._executed.get(fill.order_id, ZERO), applied.remembered_qty)
        if self._permitted is None:
            return ()
        total = reduce(add, self._executed.values(), ZERO)
        return breaches_of(self._permitted, fill, increase=applied.increase, total=total)

    def _known(self, order_id: str) -> Decimal | None:
        text = self._base.remembered.get(order_id)
        return None if text is None else _stored(text, "fills memory")


def refusal_in(errors: Iterable[str], codes: frozenset[str]) -> str | None:
    """The first of the venue's codes that an error text contains as a separate word; None if none does."""
    for text in errors:
        for found in _CODE.findall(text):
            if found in codes:
                return str(found)
    return None


def _one_per_order(result: ExecutionResult, entry: StreamEntry) -> dict[str, Fill]:
    """Order id to fill. Quantities are cumulative: of an order named twice the larger one counts.

    An unreadable part of a result may have been an order: a mark of the entry is added instead, so that it starts the
    cooldown once.
    """
    by_id: dict[str, Fill] = {}
    for fill in result.fills:
        known = by_id.get(fill.order_id, replace(fill, cumulative_qty=ZERO))
        executed = max(known.cumulative_qty, fill.cumulative_qty) if result.executed else ZERO
        by_id[fill.order_id] = replace(known, side=known.side or fill.side, cumulative_qty=executed)
    if result.is_unreadable:
        mark = entry_mark(entry)
        by_id[mark.order_id] = mark
    return by_id


def ids_to_load(result: ExecutionResult, entry: StreamEntry) -> list[str]:
    """The order ids that recording a result may write; empty if it is readable and names no order."""
    ids = dict.fromkeys(fill.order_id for fill in result.fills)
    return [*ids, entry_mark(entry).order_id] if ids or result.is_unreadable else []


def entry_mark(entry: StreamEntry) -> Fill:
    """A fill without a quantity, stored in the fills memory in place of an entry's unreadable order."""
    return Fill(order_id=f"{MARK}{entry.entry_id}", side=None, cumulative_qty=ZERO)


def is_entry_mark(order_id: str) -> bool:
    """Whether an order id is an ``entry_mark``'s."""
    return order_id.startswith(MARK)


def entry_ms(entry: StreamEntry) -> int:
    """When an entry was added: the time in its id, ms."""
    return int(entry.entry_id.partition("-")[0])


def _stored(text: str, what: str) -> Decimal:
    try:
        return parse_quantity(text)
    except InvalidQuantityError as error:
        raise CorruptStateError(f"{what} holds {text[:40]!r}: {error}") from error


def _readable(text: str) -> Decimal | None:
    try:
        return parse_quantity(text)
    except InvalidQuantityError:
        return None


def _log_result(result: ExecutionResult, base: LedgerState, recording: Recording) -> None:
    amount = recording.amount()
    after = base.last_known_amt_text if amount is None else canonical(amount)
    applied = [order.applied for order in recording.orders.values()]
    log.info(
        LogEvent.RESULT,
        symbol=result.symbol,
        plan_id=result.plan_id,
        executed=result.executed,
        orders=len(result.fills),
        filled=canonical(sum((step.increase for step in applied), Decimal(0))),
        ledger_before=base.last_known_amt_text,
        ledger_after=after,
    )
    if any(step.crossed_zero for step in applied):
        log.warning(
            LogEvent.CROSSED_ZERO, symbol=result.symbol, plan_id=result.plan_id, note="the position changed its side"
        )
    if recording.problems or result.is_unreadable:
        why = "; ".join(recording.problems) or "executed is true, and no order is named"
        log.error(LogEvent.UNREADABLE_RESULT, symbol=result.symbol, plan_id=result.plan_id, error=why)
    for order_id, order in recording.orders.items():
        if order.new_breaches:
            kinds = ",".join(order.new_breaches)
            log.error(
                LogEvent.PERMIT_BREACH, symbol=result.symbol, plan_id=result.plan_id, order_id=order_id, kinds=kinds
            )
