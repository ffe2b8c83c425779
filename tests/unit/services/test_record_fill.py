"""Recording a result, over stores in memory. What the real stores do of it: ``tests/integration/services``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from p33_tasks.domain.models import Leg
from p33_tasks.errors import StoreError
from p33_tasks.ports import LedgerState, ResultStatus
from p33_tasks.services.record_fill import TRIES, ResultService
from tests.fakes.gate import MemoryGate
from tests.fakes.results import MemoryResultStore
from tests.support.gate import make_result


class Disturbed(MemoryResultStore):
    """After each reading of the ledger something happens."""

    def __init__(self, gate: MemoryGate, act: Callable[[int], object]) -> None:
        super().__init__(gate.account)
        self._act = act
        self.loads = 0

    def load_ledger(
        self, symbol: str, order_ids: Iterable[str], plan_id: str, named: frozenset[Leg] = frozenset()
    ) -> LedgerState:
        base = super().load_ledger(symbol, order_ids, plan_id, named)
        self.loads += 1
        self._act(self.loads)
        return base


@pytest.fixture
def gate() -> MemoryGate:
    found = MemoryGate()
    found.put_ledger("1")
    return found


def fill_of_another(gate: MemoryGate, until: int) -> Callable[[int], object]:
    def act(loads: int) -> None:
        if loads <= until:
            result = make_result(f"other-{loads}", (f"o{loads}", "SELL", "0.001"))
            ResultService(gate.results).record(result, gate.publish_result())

    return act


def test_twice_is_once(gate: MemoryGate) -> None:
    service, entry, result = ResultService(gate.results), gate.publish_result(), make_result("p", ("7", "SELL", "0.5"))
    assert service.record(result, entry) is ResultStatus.RECORDED
    assert service.record(result, entry) is ResultStatus.ALREADY
    assert service.record(result, gate.publish_result()) is ResultStatus.RECORDED
    assert gate.ledger_amt() == "0.5"


def test_quantities_are_cumulative_and_sides_signed(gate: MemoryGate) -> None:
    service = ResultService(gate.results)
    for fill in (("7", "SELL", "0.2"), ("7", "SELL", "0.5"), ("8", "BUY", "0.1")):
        service.record(make_result("p", fill), gate.publish_result())
    assert gate.ledger_amt() == "0.6"


def test_a_ledger_that_moved_is_read_again_and_both_fills_count(gate: MemoryGate) -> None:
    store = Disturbed(gate, fill_of_another(gate, 3))
    status = ResultService(store).record(make_result("p", ("7", "SELL", "0.5")), gate.publish_result())
    assert (status, store.loads, gate.ledger_amt()) == (ResultStatus.RECORDED, 4, "0.497")


def test_a_ledger_that_never_stops_moving_leaves_the_result_pending(gate: MemoryGate) -> None:
    store, entry = Disturbed(gate, fill_of_another(gate, 1_000)), gate.publish_result()
    with pytest.raises(StoreError, match=f"moved {TRIES} times"):
        ResultService(store).record(make_result("p", ("7", "SELL", "0.5")), entry)
    assert entry in gate.account.pending
    assert "7" not in gate.account.quantities["BTCUSDT"]


@pytest.mark.parametrize(("error", "asks"), [("code -1111 precision", True), ("code -2019 margin", False)])
def test_an_order_refused_for_its_quantity_asks_for_the_market_rules(
    gate: MemoryGate, error: str, *, asks: bool
) -> None:
    service = ResultService(gate.results, market_refusals=frozenset({"-1111"}))
    service.record(make_result("p", executed=False, errors=(error,)), gate.publish_result())
    assert gate.account.is_market_refused is asks


def test_a_result_that_was_not_executed_changes_no_amount(gate: MemoryGate) -> None:
    ResultService(gate.results).record(make_result("p", ("7", "SELL", "0.5"), executed=False), gate.publish_result())
    assert gate.ledger_amt() == "1"
