"""The tasks' own decisions: whose a task is, what it may acknowledge, and that it is never silent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from p33_tasks.contract.keys import Keys
from p33_tasks.domain.models import Deny
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import StoreUnavailableError
from p33_tasks.ports import ResultStatus, StreamEntry
from p33_tasks.tasks import apply_result, evaluate_permit, permits, refresh_snapshot, results, snapshots

KEYS = Keys("quantum")
PLAN = {"plan_id": "p", "symbol": "BTCUSDT", "action": "CLOSE_FULL", "decision": "EXECUTE"}
RESULT = {"plan_id": "p", "symbol": "BTCUSDT", "executed": "false"}
WHERE = {"stream": KEYS.plans, "entry_id": "1771305126000-0"}


class Services:
    """Notes what a task asks for."""

    def __init__(self) -> None:
        self.keys = KEYS
        self.asked: list[Any] = []
        self.error: Exception | None = None
        self.permits = SimpleNamespace(judge=self._judge, deny=self._deny)
        self.results = SimpleNamespace(record=self._record)
        self.snapshots = SimpleNamespace(refresh=lambda symbol: self.asked.append(symbol) or "refreshed")
        self.dead_letters = SimpleNamespace(dead_letter=lambda entry, error, _: self.asked.append((entry, error)))

    def _judge(self, plan: Any, entry: Any) -> Deny:
        if self.error is not None:
            raise self.error
        self.asked.append((plan, entry))
        return Deny(reason=Reason.NO_POSITION)

    def _deny(self, plan: Any, entry: Any, reason: Reason, details: Any) -> Deny:
        self.asked.append((plan, entry, reason, details))
        return Deny(reason=reason)

    def _record(self, result: Any, entry: Any) -> ResultStatus:
        self.asked.append((result, entry))
        return ResultStatus.RECORDED


@pytest.fixture
def services(monkeypatch) -> Services:
    found = Services()
    for module in (permits, results, snapshots):
        monkeypatch.setattr(module, "runtime", lambda: found)
    return found


def test_a_plan_of_the_stream_is_judged_at_its_entrys_time(services):
    assert evaluate_permit(PLAN, **WHERE, prefix="quantum") == "deny"
    ((plan, entry),) = services.asked
    assert (plan.issued_ms, plan.from_stream) == (1_771_305_126_000, True)
    assert entry == StreamEntry(stream=KEYS.plans, entry_id="1771305126000-0")


def test_a_producers_own_task_needs_issued_ms(services):
    evaluate_permit(PLAN)
    evaluate_permit({**PLAN, "issued_ms": 1_771_305_126_000})
    (without, _), (with_time, _) = services.asked
    assert "issued_ms" in without.problem
    assert (with_time.problem, with_time.issued_ms, with_time.from_stream) == (None, 1_771_305_126_000, False)


@pytest.mark.parametrize(
    ("task", "body"),
    [
        (evaluate_permit, {"plan": PLAN}),
        (apply_result, {"result": RESULT, "stream": KEYS.results, "entry_id": "1-0"}),
        (refresh_snapshot, {"symbol": "BTCUSDT"}),
    ],
)
def test_a_task_of_another_account_is_not_run(services, task, body):
    assert task(**body, prefix="other") == "refused"
    assert services.asked == []


@pytest.mark.parametrize(
    "where",
    [
        {"stream": "quantum:stream:apply.result", "entry_id": "1-0"},
        {"stream": KEYS.plans, "entry_id": "not-an-id"},
        {"stream": KEYS.plans, "entry_id": None},
        {"stream": None, "entry_id": "1-0"},
        {"stream": KEYS.plans, "entry_id": "9" * 400 + "-0"},
        {"stream": KEYS.plans, "entry_id": 1},
    ],
)
def test_only_an_entry_of_our_own_stream_is_acknowledged(services, where):
    assert evaluate_permit(PLAN, **where) == "refused"
    assert services.asked == []


def test_results_come_by_the_stream_only(services):
    assert apply_result(RESULT) == "refused"
    assert services.asked == []
    assert apply_result(RESULT, stream=KEYS.results, entry_id="1-0") == "recorded"


def test_every_entry_id_that_a_stream_can_have_is_taken(services):
    """A producer that sets an id of more digits sets those of all later entries: no result would ever be recorded."""
    assert apply_result(RESULT, stream=KEYS.results, entry_id="18446744073709551615-18446744073709551615") == "recorded"
    assert evaluate_permit(PLAN, stream=KEYS.plans, entry_id="1771305126000000-0") != "refused"


def test_an_unexpected_failure_is_a_deny(services):
    services.error = ValueError("a bug")
    assert evaluate_permit(PLAN, **WHERE) == "deny"
    ((_, _, reason, details),) = services.asked
    assert (reason, details) == (Reason.INTERNAL_ERROR, {"error": "ValueError"})


def test_a_redis_that_is_away_leaves_the_entry_pending(services):
    services.error = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        evaluate_permit(PLAN, **WHERE)
    assert services.asked == []


@pytest.mark.parametrize("plan", [{}, {"plan_id": "p"}, None, "text", [1]])
def test_a_plan_that_can_not_be_understood_is_a_dead_letter(services, plan):
    assert evaluate_permit(plan, **WHERE) == "dead_letter"
    ((entry, error),) = services.asked
    assert entry.entry_id == WHERE["entry_id"]
    assert error


@pytest.mark.parametrize("result", [{}, {"plan_id": "p"}, None, "text"])
def test_a_result_that_can_not_be_understood_is_a_dead_letter(services, result):
    assert apply_result(result, stream=KEYS.results, entry_id="1-0") == "dead_letter"
    assert len(services.asked) == 1
