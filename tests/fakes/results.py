"""``ports.ResultStore`` in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from p33_tasks.contract.executions import encode_order
from p33_tasks.domain.executions import Recording
from p33_tasks.domain.models import Ledger, Leg
from p33_tasks.domain.quantities import canonical
from p33_tasks.ports import ExecutionResult, LedgerState, ResultStatus, StreamEntry
from tests.fakes.account import MemoryAccount


class MemoryResultStore:
    """Ledgers of an account."""

    def __init__(self, account: MemoryAccount) -> None:
        self.account = account

    def refuse_markets(self) -> None:
        self.account.is_market_refused = True

    def load_ledger(
        self,
        symbol: str,
        order_ids: Iterable[str],
        plan_id: str,  # noqa: ARG002 - the port's signature, here and below
        named: frozenset[Leg] = frozenset(),  # noqa: ARG002
    ) -> LedgerState:
        return self._state(symbol, order_ids)

    def _state(self, symbol: str, order_ids: Iterable[str]) -> LedgerState:
        here = self.account
        ledger = here.ledgers.get(symbol)
        amount = None if ledger is None else ledger.last_known_amt
        quantities, orders = here.quantities.get(symbol, {}), here.orders.get(symbol, {})
        ids = tuple(order_ids)
        return LedgerState(
            last_known_amt_text=None if amount is None else canonical(amount),
            remembered={order: canonical(quantities[order]) for order in ids if order in quantities},
            origin_text=None,
            orders={order: encode_order(orders[order]) for order in ids if order in orders},
        )

    def record(
        self, *, result: ExecutionResult, base: LedgerState, recording: Recording, entry: StreamEntry
    ) -> ResultStatus:
        here, symbol = self.account, result.symbol
        if entry not in here.pending:
            return ResultStatus.ALREADY
        if self._state(symbol, [*recording.orders, *base.remembered]) != base:
            return ResultStatus.MOVED
        ledger = here.ledgers.get(symbol) or Ledger(symbol=symbol, last_known_amt=None)
        if (amount := recording.amount()) is not None:
            ledger = replace(ledger, last_known_amt=amount)
        for order_id, order in recording.orders.items():
            here.quantities.setdefault(symbol, {})[order_id] = order.applied.remembered_qty
            here.orders.setdefault(symbol, {})[order_id] = order.record
            if order.applied.is_new:
                ledger = replace(ledger, last_order_id=order_id, last_order_time_ms=here.now_ms)
        if recording.orders:
            here.ledgers[symbol] = ledger
        here.pending.discard(entry)
        return ResultStatus.RECORDED
