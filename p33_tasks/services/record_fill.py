"""Recording what an apply layer executed: sums in Python, exact; compared and set in Redis, atomic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import structlog

from p33_tasks.domain.ledger import Applied, apply_fill
from p33_tasks.domain.models import Fill
from p33_tasks.domain.quantities import ZERO, canonical, parse_quantity
from p33_tasks.errors import CorruptStateError, InvalidQuantityError, StoreError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import ExecutionResult, LedgerState, ResultStatus, ResultStore, StreamEntry

TRIES = 20
"""Results of one symbol are few; a base that moved this often means something is wrong, and the entry waits."""

_CODE = re.compile(r"(?<![\w.-])-?\w+", re.ASCII)

log = structlog.get_logger("p33.ledger")


class ResultService:
    """Turns results into ledger movements. Safe to run twice: the acknowledgement is the proof of the first time."""

    def __init__(self, store: ResultStore, *, market_refusals: frozenset[str] = frozenset()) -> None:
        """Make a service.

        Args:
            store: Where fills are applied.
            market_refusals: The venue's error codes that say: this quantity, step or symbol is not (any more) tradable.
        """
        self._store = store
        self._market_refusals = market_refusals

    def record(self, result: ExecutionResult, entry: StreamEntry) -> ResultStatus:
        """Apply a result once.

        Raises:
            StoreError: Redis is away, or a key holds another type.
            CorruptStateError: The symbol's ledger can't be read. As above, the entry stays pending: a result that can
                be decoded is tried until it is applied.
        """
        order_ids = [fill.order_id for fill in result.fills]
        for _ in range(TRIES):
            base = self._store.load_ledger(result.symbol, order_ids)
            applied = apply_all(result, base, entry)
            status = self._store.record(result=result, base=base, applied=applied, entry=entry)
            if status is not ResultStatus.MOVED:
                if status is ResultStatus.RECORDED:
                    _log_result(result, base, applied)
                if code := refusal_in(result.errors, self._market_refusals):
                    log.warning(LogEvent.MARKETS_REFUSED, symbol=result.symbol, plan_id=result.plan_id, code=code)
                    self._store.refuse_markets()
                return status
        raise StoreError(f"the ledger of {result.symbol} moved {TRIES} times while one result was applied")


def apply_all(result: ExecutionResult, base: LedgerState, entry: StreamEntry) -> dict[str, Applied]:
    """Apply a result's fills one after the other, each to what the one before left.

    A result that was not executed applies nothing, whatever quantities it names.

    Raises:
        CorruptStateError: The ledger or the fills memory holds something that is not a quantity.
    """
    amount = None if base.last_known_amt_text is None else _stored(base.last_known_amt_text, "last_known_amt")
    # A fill comes before its report, and a snapshot's time before its request: at the same time it is in the snapshot.
    counts = entry_ms(entry) > int(_stored(base.origin_text or "0", "ledger origin"))
    applied: dict[str, Applied] = {}
    for fill in _one_per_order(result):
        known = base.remembered.get(fill.order_id)
        step = apply_fill(amount, None if known is None else _stored(known, "fills memory"), fill, counts=counts)
        applied[fill.order_id] = step
        amount = step.amount
    return applied


def refusal_in(errors: Iterable[str], codes: frozenset[str]) -> str | None:
    """The first of the venue's codes that an error text names as a word of its own; None when there is none."""
    for text in errors:
        for found in _CODE.findall(text):
            if found in codes:
                return str(found)
    return None


def _one_per_order(result: ExecutionResult) -> Iterable[Fill]:
    """Quantities are cumulative: of an order that is named twice the larger one counts."""
    by_id: dict[str, Fill] = {}
    for fill in result.fills:
        known = by_id.get(fill.order_id, replace(fill, cumulative_qty=ZERO))
        executed = max(known.cumulative_qty, fill.cumulative_qty) if result.executed else ZERO
        by_id[fill.order_id] = replace(known, side=known.side or fill.side, cumulative_qty=executed)
    return by_id.values()


def entry_ms(entry: StreamEntry) -> int:
    """When an entry was added, by its id."""
    return int(entry.entry_id.partition("-")[0])


def _stored(text: str, what: str) -> Decimal:
    try:
        return parse_quantity(text)
    except InvalidQuantityError as error:
        raise CorruptStateError(f"{what} holds {text[:40]!r}: {error}") from error


def _log_result(result: ExecutionResult, base: LedgerState, applied: dict[str, Applied]) -> None:
    last = next(reversed(applied.values()), None)
    after = base.last_known_amt_text if last is None or last.amount is None else canonical(last.amount)
    log.info(
        LogEvent.RESULT,
        symbol=result.symbol,
        plan_id=result.plan_id,
        executed=result.executed,
        orders=len(applied),
        filled=canonical(sum((step.increase for step in applied.values()), Decimal(0))),
        ledger_before=base.last_known_amt_text,
        ledger_after=after,
    )
    if any(step.crossed_zero for step in applied.values()):
        log.warning(
            LogEvent.CROSSED_ZERO, symbol=result.symbol, plan_id=result.plan_id, note="the position changed its side"
        )
