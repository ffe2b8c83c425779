"""``ports.ReconcileStore`` in memory, and one account at a venue that is reconciled over it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from p33_tasks.contract.executions import encode_order
from p33_tasks.contract.order_ids import own_order_id
from p33_tasks.domain.holds import AGREEMENTS, ENDS
from p33_tasks.domain.late_breaches import LateBreach, PlanExecution
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reconciliation import Account, Known, Watermark
from p33_tasks.ports import HoldRequest, Note, PositionState
from tests.fakes.account import KEYS, MemoryAccount

_FORGOTTEN = ("readings", "first_ms", "waits", "next_ms", "class", "why")
_OF_A_DRIFT = (*_FORGOTTEN, "drift", "candidate_ms", "candidate_amt")


class MemoryReconcileStore:
    """One-way positions of an account."""

    def __init__(self, account: MemoryAccount, *, own_prefix: str = "p33-") -> None:
        self.account = account
        self.holder: str | None = None  # the token of who reconciles now
        self.cases: dict[str, dict[str, str]] = {}
        self.marks: dict[str, Watermark] = {}
        self.texts: dict[str, str] = {}  # the service's own holds, as stored
        self.trades: dict[str, set[str]] = {}  # ids of trades without an order that were applied
        self.consumed: set[str] = set()
        self.plan_executions: dict[str, PlanExecution] = {}
        self.events: list[tuple[str, Mapping[str, str]]] = []
        self.breaches: list[LateBreach] = []
        self._own_prefix = own_prefix
        self._tokens = itertools.count()

    def claim(self, symbol: str, leg: Leg = Leg.BOTH) -> PositionState | None:
        if self.holder is not None:
            return None
        self.holder = str(next(self._tokens))
        here = self.account
        ledger = here.ledgers.get(symbol)
        return PositionState(
            symbol=symbol,
            leg=leg,
            position=symbol,
            is_of_mode=leg is Leg.BOTH,
            token=self.holder,
            now_ms=here.now_ms,
            life=here.life,
            snapshot=here.snapshots.get(symbol),
            ledger=ledger,
            origin_text=None,
            reserved_by=here.reserved.get(symbol),
            hold_text=self.texts.get(symbol),
            watermark=self.marks.get(symbol),
            case=dict(self.cases.get(symbol, {})),
            as_stored=self._as_stored(symbol),
        )

    def release(self, state: PositionState) -> None:
        if self.holder == state.token:
            self.holder = None

    def known(self, state: PositionState, order_ids: Iterable[str], trade_ids: Iterable[str]) -> Known:
        here, symbol = self.account, state.symbol
        quantities, orders = here.quantities.get(symbol, {}), here.orders.get(symbol, {})
        ids = list(order_ids)
        assert state.ledger is not None
        assert state.ledger.last_known_amt is not None
        return Known(
            ledger_amt=state.ledger.last_known_amt,
            remembered={one: quantities[one] for one in ids if one in quantities},
            reported=frozenset(one for one in ids if one in orders and orders[one].plan_id),
            records={one: encode_order(orders[one]) for one in ids if one in orders},
            applied_trades=frozenset(trade_ids) & self.trades.get(symbol, set()),
        )

    def own_orders(self, symbol: str, since_ms: int) -> Mapping[str, str]:  # noqa: ARG002 - the port's signature
        plans = [plan for plan in self.consumed if self.account.symbols.get(plan) == symbol]
        return {own_order_id(KEYS.prefix, plan_id, self._own_prefix): plan_id for plan_id in plans}

    def note(self, state: PositionState, note: Note) -> bool:
        if self.holder != state.token:
            return False
        case = self.cases.setdefault(state.symbol, {})
        if note.event and case.get(f"event:{note.event}") != note.event_id:
            case[f"event:{note.event}"] = note.event_id
            self.events.append((note.event, note.fields))
        if note.is_new_drift:
            _forget(case, _FORGOTTEN)
        case.update(note.case)
        _forget(case, [name for name, value in case.items() if value == ""])
        if note.watermark is not None:
            self.marks[state.symbol] = note.watermark
        return True

    def repair(
        self, state: PositionState, *, account: Account, known: Known, watermark: Watermark, note: Note, releases: bool
    ) -> str:
        here, symbol = self.account, state.symbol
        if self.holder != state.token:
            return "lost"
        if here.life != state.life or self._as_stored(symbol) != state.as_stored:
            return "moved"
        if here.reserved.get(symbol) != state.reserved_by or (state.reserved_by is not None and not releases):
            return "moved"
        shares = [share for share in account.shares if share.order_id is not None or share.missing != 0]
        quantities = here.quantities.setdefault(symbol, {})
        if any(one.order_id and quantities.get(one.order_id) != known.remembered.get(one.order_id) for one in shares):
            return "moved"
        for share in shares:
            if share.order_id is None:
                self.trades.setdefault(symbol, set()).update(share.trade_ids)
            else:
                quantities[share.order_id] = share.remembered_after
        ledger = here.ledgers[symbol]
        here.ledgers[symbol] = replace(ledger, last_known_amt=account.ledger_after, last_order_time_ms=here.now_ms)
        if releases:
            here.reserved.pop(symbol, None)
        self.marks[symbol] = watermark
        case = self.cases.setdefault(symbol, {})
        _forget(case, _OF_A_DRIFT)
        case.update(unconfirmed_ms=str(here.now_ms), unconfirmed_id=note.event_id)
        self.events.append(("repaired", note.fields))
        return "repaired"

    def plans(self, symbol: str, plan_ids: Iterable[str]) -> Mapping[str, PlanExecution]:  # noqa: ARG002 - the port's
        return {one: self.plan_executions.get(one, PlanExecution(permitted=None)) for one in plan_ids}

    def count_breaches(
        self,
        state: PositionState,
        breaches: Sequence[LateBreach],
        known: Known,
    ) -> str:
        if self.holder != state.token:
            return "lost"
        now = self.known(state, [breach.order_id for breach in breaches], [])
        if any(now.records.get(one.order_id) != known.records.get(one.order_id) for one in breaches):
            return "moved"
        for breach in breaches:
            self.account.orders.setdefault(state.symbol, {})[breach.order_id] = breach.record
        self.breaches += breaches
        return "counted"

    def hold(self, state: PositionState, request: HoldRequest) -> str:
        here, symbol, case = self.account, state.symbol, self.cases.setdefault(state.symbol, {})
        if self.holder != state.token:
            return "lost"
        if self._as_stored(symbol)["base_amt"] != state.as_stored["base_amt"]:
            return "moved"
        if here.reserved.get(symbol) != state.reserved_by:
            return "moved"
        case["next_ms"] = str(request.next_ms)
        if case.get("held_id") == request.event_id or symbol in self.texts:
            return "known"
        self.texts[symbol] = (
            f'{{"reason":"{request.reason}","since_ms":{here.now_ms},"ends":"{ENDS[request.reason]}",'
            f'"evidence":[{request.evidence_json}]}}'
        )
        case["held_id"] = request.event_id
        _forget(case, ("agreed", "agreed_ms", "unconfirmed_ms", "unconfirmed_id"))
        self.events.append(("held", request.fields))
        return "held"

    def settle(self, state: PositionState, note: Note) -> str:
        here, symbol, case = self.account, state.symbol, self.cases.setdefault(state.symbol, {})
        if self.holder != state.token:
            return "lost"
        snapshot, ledger = here.snapshots.get(symbol), here.ledgers.get(symbol)
        agrees = (
            snapshot is not None
            and ledger is not None
            and snapshot.position_amt == ledger.last_known_amt
            and snapshot.life == here.life
            and symbol not in here.reserved
            and self.texts.get(symbol) == state.hold_text
        )
        if not agrees or snapshot is None:
            _forget(case, ("agreed", "agreed_ms"))
            return "differs"
        agreed = int(case.get("agreed", "0"))
        agreed += case.get("agreed_ms") != str(snapshot.ts_ms)
        if agreed < AGREEMENTS:
            case.update(agreed=str(agreed), agreed_ms=str(snapshot.ts_ms))
            return "agreed"
        self.texts.pop(symbol, None)
        _forget(case, ("agreed", "agreed_ms", "held_id"))
        self.events.append(("released", note.fields))
        return "released"

    def due(self, symbols: Iterable[str]) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        raise AssertionError("which positions are due is asked by the task, not by the service")

    def _as_stored(self, symbol: str) -> dict[str, str]:
        ledger = self.account.ledgers.get(symbol)
        amount = None if ledger is None else ledger.last_known_amt
        ordered_ms = None if ledger is None else ledger.last_order_time_ms
        return {
            "base_amt": "" if amount is None else canonical(amount),
            "base_order_ms": "" if ordered_ms is None else str(ordered_ms),
        }


class NoLimit:
    """``ports.DriftBudget`` that grants everything."""

    def begin(self) -> None:
        """Nothing to count."""


def _forget(case: dict[str, str], names: Iterable[str]) -> None:
    for name in list(names):
        case.pop(name, None)
