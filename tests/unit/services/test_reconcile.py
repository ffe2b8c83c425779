"""Reconciling a position, without a store or a venue: which way each reading takes, and what is written of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.executions import Breach, Permitted
from p33_tasks.domain.holds import AGREEMENTS, HoldReason
from p33_tasks.domain.late_breaches import PlanExecution
from p33_tasks.domain.models import Ledger, OrderSide, Policy, Snapshot
from p33_tasks.domain.reconciling import LEAST_READING_MS, ExternalPolicy, Mode
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.services.agreement import QUIET_MS
from p33_tasks.services.position_case import AGAIN_MS, ReconcilePolicy
from p33_tasks.services.read_history import HistoryReader
from p33_tasks.services.reconcile import ReconcileService
from tests.factories import SYMBOL
from tests.fakes.account import MemoryAccount
from tests.fakes.reconciling import MemoryReconcileStore, NoLimit
from tests.support.account import Account

PLAN = "plan-1"


class World:
    """0.040 on both sides, with a watermark."""

    def __init__(self, *, mode: Mode = Mode.REPAIR, external: ExternalPolicy = ExternalPolicy.HOLD) -> None:
        self.venue = Account(amount=Decimal("0.040"))
        policy = Policy(allowlist=frozenset({SYMBOL}))
        self.account = MemoryAccount(policy=policy, source=self.venue.source)
        self.store = MemoryReconcileStore(self.account)
        self.service = ReconcileService(
            HistoryReader(self.venue, self.store),
            self.store,
            NoLimit(),
            ReconcilePolicy(mode=mode, external=external, limits=policy),
        )
        self.ledger = Decimal("0.040")
        assert self.refresh() == "quiet"
        assert self.refresh(QUIET_MS) == "marked"

    @property
    def ledger(self) -> Decimal:
        found = self.account.ledgers[SYMBOL].last_known_amt
        assert found is not None
        return found

    @ledger.setter
    def ledger(self, amount: Decimal) -> None:
        self.account.ledgers[SYMBOL] = Ledger(symbol=SYMBOL, last_known_amt=amount)

    def refresh(self, after_ms: int = 5_000) -> str:
        """A later snapshot of what the venue shows, reconciled."""
        self.account.now_ms += after_ms
        here = self.account
        self.account.snapshots[SYMBOL] = Snapshot(
            position=self.venue.position, ts_ms=here.now_ms, source=here.source, run_id=here.run_id, life=here.life
        )
        return self.service.reconcile(SYMBOL)

    def own_trade(self, quantity: str, *, is_final: bool = True, permitted: str | None = None) -> None:
        """A trade of our own order whose result doesn't come."""
        self.store.consumed.add(PLAN)
        self.account.symbols[PLAN] = SYMBOL
        if permitted is not None:
            allow = Permitted(order_side=OrderSide.SELL, safe_close_qty=Decimal(permitted), step_size=Decimal("0.001"))
            self.store.plan_executions[PLAN] = PlanExecution(permitted=allow)
        (client_order_id,) = self.store.own_orders(SYMBOL, 0)
        self.venue.trade("7", quantity, client_order_id=client_order_id, is_final=is_final)

    def reconcile_events(self) -> list[str]:
        return [event for event, _ in self.store.events]

    def hold(self) -> dict[str, Any] | None:
        text = self.store.texts.get(SYMBOL)
        return None if text is None else json.loads(text)


@pytest.fixture
def world() -> World:
    return World()


def test_a_lost_result_is_repaired_and_confirmed_by_the_next_snapshot(world: World) -> None:
    world.own_trade("-0.010")
    assert [world.refresh(), world.refresh()] == ["repaired", "agreed"]
    assert world.ledger == Decimal("0.030")
    assert world.reconcile_events() == ["repaired", "confirmed"]


def test_an_order_in_flight_is_waited_for(world: World) -> None:
    world.own_trade("-0.010", is_final=False)
    assert [world.refresh(AGAIN_MS) for _ in range(4)] == ["wait"] * 4
    world.venue.finish("7")
    assert world.refresh(AGAIN_MS) == "repaired"


def test_a_reserved_position_is_waited_for_and_its_own_final_order_releases_it(world: World) -> None:
    world.venue.trade("8", "-0.010", kind=ForcedKind.ADL)
    world.account.reserved[SYMBOL] = "another"
    assert world.refresh() == "wait"
    world.account.reserved[SYMBOL] = PLAN
    world.own_trade("-0.005")
    assert world.refresh(AGAIN_MS) == "repaired"
    assert SYMBOL not in world.account.reserved


def test_somebody_elses_trade_is_held_until_three_snapshots_agree(world: World) -> None:
    world.venue.trade("9", "-0.010")
    assert world.refresh() == "held"
    found = world.hold()
    assert found is not None
    assert found["reason"] == HoldReason.EXTERNAL
    world.ledger = Decimal("0.030")
    assert [world.refresh() for _ in range(AGREEMENTS)][-1] == "released"
    assert world.hold() is None


def test_under_adopt_it_is_applied() -> None:
    world = World(external=ExternalPolicy.ADOPT)
    world.venue.trade("9", "-0.010")
    assert world.refresh() == "repaired"


def test_not_explained_is_held_after_three_readings_over_a_minute(world: World) -> None:
    world.venue.amount = Decimal("0.030")
    outcomes = [world.refresh(LEAST_READING_MS // 2) for _ in range(3)]
    assert outcomes == ["wait", "wait", "held"]
    assert world.reconcile_events() == ["drift_seen", "held"]


def test_between_two_readings_of_one_drift_nothing_is_asked(world: World) -> None:
    world.venue.amount = Decimal("0.030")
    world.refresh()
    asked = len(world.venue.asked)
    assert world.refresh(AGAIN_MS - 1) == "wait"
    assert len(world.venue.asked) == asked


def test_a_venue_that_is_down_says_nothing_and_does_not_count(world: World) -> None:
    world.venue.amount, world.venue.is_down = Decimal("0.030"), True
    assert [world.refresh(LEAST_READING_MS) for _ in range(5)] == ["unread"] * 5
    assert (world.hold(), world.reconcile_events()) == (None, [])


def test_without_a_watermark_the_history_is_missing(world: World) -> None:
    world.store.marks.clear()
    world.venue.trade("9", "-0.010", kind=ForcedKind.LIQUIDATION)
    assert [world.refresh(LEAST_READING_MS // 2) for _ in range(3)][-1] == "held"
    found = world.hold()
    assert found is not None
    assert found["reason"] == HoldReason.HISTORY_MISSING


def test_a_repair_that_the_next_snapshot_contradicts_is_held(world: World) -> None:
    world.own_trade("-0.010")
    assert world.refresh() == "repaired"
    world.venue.unseen = Decimal("-0.010")  # the snapshot shows the position of before
    assert world.refresh(AGAIN_MS) in {"wait", "held"}
    found = world.hold()
    assert found is not None
    assert found["reason"] == HoldReason.CONFIRMATION_FAILED


@pytest.mark.parametrize("kind", list(ForcedKind))
def test_observing_tells_and_changes_nothing(kind: ForcedKind) -> None:
    world = World(mode=Mode.OBSERVE)
    world.venue.trade("9", "-0.010", kind=kind)
    assert world.refresh() == "explained"
    assert (world.ledger, world.hold(), world.reconcile_events()) == (Decimal("0.040"), None, ["explained"])


def test_a_second_task_finds_the_first_at_work(world: World) -> None:
    state = world.store.claim(SYMBOL)
    assert state is not None
    assert world.refresh() == "busy"
    world.store.release(state)
    assert world.refresh() == "agreed"


def test_the_right_is_given_back_whatever_goes_wrong(world: World) -> None:
    world.venue.fetch_trades = None  # type: ignore[assignment, method-assign]  # a bug
    world.venue.amount = Decimal("0.030")
    with pytest.raises(TypeError):
        world.refresh()
    assert world.store.holder is None


def test_another_symbol_is_not_ours(world: World) -> None:
    assert world.service.reconcile("ETHUSDT") == "not_allowed"


# --- orders beyond their permits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traded", "kinds"),
    [("-0.010", ()), ("-0.0105", ()), ("-0.011", (Breach.QUANTITY,)), ("0.010", (Breach.SIDE,))],
)
def test_what_a_lost_result_hid_is_counted_once_and_repaired(
    world: World, traded: str, kinds: tuple[Breach, ...]
) -> None:
    world.own_trade(traded, permitted="0.010")
    outcomes = [world.refresh(), world.refresh(AGAIN_MS)]
    assert outcomes == (["moved", "repaired"] if kinds else ["repaired", "agreed"])
    assert [breach.kinds for breach in world.store.breaches] == ([kinds] if kinds else [])
    assert world.ledger == Decimal("0.040") + Decimal(traded)


def test_what_was_found_is_kept_for_people_until_the_drift_is_another(world: World) -> None:
    world.venue.trade("7", "-0.010")
    assert world.refresh() == "held"
    case = world.store.cases[SYMBOL]
    assert (case["drift"], case["class"], case["why"]) == (
        "0.03|0.04",
        "external",
        "somebody else traded this position",
    )
    world.venue.is_down = True
    world.ledger = Decimal("0.035")
    assert world.refresh(LEAST_READING_MS) == "unread"
    case = world.store.cases[SYMBOL]
    assert case["drift"] == "0.03|0.035"
    assert "class" not in case
