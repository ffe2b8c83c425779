"""Recording a result over a real Redis: a base that moves, and one that never stops moving."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from p33_tasks.domain.models import Leg
from p33_tasks.errors import ForeignKeyTypeError, StoreError, StoreUnavailableError
from p33_tasks.ports import LedgerState, ResultStatus
from p33_tasks.services.record_fill import ResultService
from p33_tasks.store.connection import connect
from p33_tasks.store.results import RedisResultStore
from tests.support.gate import SYMBOL, Gate, make_result
from tests.support.redis_server import free_port


class Disturbed(RedisResultStore):
    """The real store; after each reading of the ledger something happens."""

    def __init__(self, gate: Gate, act: Callable[[int], object]) -> None:
        super().__init__(
            connect(gate.url), gate.keys, allowlist=gate.policy.allowlist, permit_ttl_ms=gate.policy.permit_ttl_ms
        )
        self._act = act
        self.loads = 0

    def load_ledger(
        self, symbol: str, order_ids: Iterable[str], plan_id: str, named: frozenset[Leg] = frozenset()
    ) -> LedgerState:
        base = super().load_ledger(symbol, order_ids, plan_id, named)
        self.loads += 1
        self._act(self.loads)
        return base


def fill_of_another(gate: Gate, until: int) -> Callable[[int], object]:
    def act(loads: int) -> None:
        if loads <= until:
            gate.report(f"other-{loads}", (f"o{loads}", "SELL", "0.001"))

    return act


def test_a_ledger_that_moved_is_read_again_and_both_fills_count(gate: Gate) -> None:
    gate.put_ledger("1")
    store = Disturbed(gate, fill_of_another(gate, 3))
    entry = gate.publish_result()
    status = ResultService(store).record(make_result("p", ("7", "SELL", "0.5")), entry)
    assert status is ResultStatus.RECORDED
    assert store.loads == 4
    assert gate.ledger_amt() == "0.497"


def test_a_ledger_that_never_stops_moving_leaves_the_result_pending(gate: Gate) -> None:
    gate.put_ledger("1")
    store = Disturbed(gate, fill_of_another(gate, 1_000))
    entry = gate.publish_result()
    with pytest.raises(StoreError, match="moved 20 times"):
        ResultService(store).record(make_result("p", ("7", "SELL", "0.5")), entry)
    assert gate.pending(gate.keys.results) == 1
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") is None
    assert gate.recorder.record(make_result("p", ("7", "SELL", "0.5")), entry) is ResultStatus.RECORDED


def test_a_recording_by_somebody_else_in_between_is_found(gate: Gate) -> None:
    gate.put_ledger("1")
    entry, result = gate.publish_result(), make_result("p", ("7", "SELL", "0.5"))
    store = Disturbed(gate, lambda loads: gate.recorder.record(result, entry) if loads == 1 else None)
    assert ResultService(store).record(result, entry) is ResultStatus.ALREADY
    assert gate.ledger_amt() == "0.5"


def test_a_foreign_type_leaves_the_result_pending_until_it_is_gone(gate: Gate) -> None:
    gate.put_ledger("1")
    gate.redis.sadd(gate.keys.fill_times(SYMBOL), "foreign")
    entry, result = gate.publish_result(), make_result("p", ("7", "SELL", "0.5"))
    with pytest.raises(ForeignKeyTypeError, match="fill_times"):
        gate.recorder.record(result, entry)
    assert gate.pending(gate.keys.results) == 1
    gate.redis.delete(gate.keys.fill_times(SYMBOL))
    assert gate.recorder.record(result, entry) is ResultStatus.RECORDED


def test_redis_away_is_told_as_such(gate: Gate) -> None:
    nowhere = connect(f"redis://127.0.0.1:{free_port()}/0")
    store = RedisResultStore(nowhere, gate.keys, allowlist=frozenset(), permit_ttl_ms=1)
    with pytest.raises(StoreUnavailableError):
        ResultService(store).record(make_result(), gate.publish_result())


def test_the_log_says_what_was_filled_and_that_a_position_turned(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.put_ledger("0.02")
    gate.report("p", ("7", "SELL", "0.05"))
    printed = capsys.readouterr().out
    assert "filled=0.05" in printed
    assert "ledger_after=-0.03" in printed
    assert "CROSSED_ZERO" in printed
