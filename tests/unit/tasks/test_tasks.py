"""The tasks' own decisions: whose a task is, what it may acknowledge, and that it is never silent."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.task_proof import task_hmac
from p33_tasks.domain.models import Deny
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import CorruptStateError, EntryMismatchError, StoreError, StoreUnavailableError
from p33_tasks.ports import PlanName, ResultStatus, StreamEntry
from p33_tasks.settings import Settings
from p33_tasks.store.batches import FoundResult
from p33_tasks.tasks import (
    apply_result,
    evaluate_permit,
    evaluate_permits,
    permits,
    read_resting,
    refresh_snapshot,
    resting,
    results,
    snapshots,
)

notify_module = import_module("p33_tasks.tasks.notify")
notify_task = notify_module.notify
KEYS = Keys("quantum")
PLAN = {"plan_id": "p", "symbol": "BTCUSDT", "action": "CLOSE_FULL", "decision": "EXECUTE"}
RESULT = {"plan_id": "p", "symbol": "BTCUSDT", "executed": "false"}
WHERE = {"stream": KEYS.plans, "entry_id": "1771305126000-0"}
RESULT_WHERE = {"stream": KEYS.results, "entry_id": "1-0"}
NOW_MS = 1_771_305_126_000


KEY = "a-task-key-of-this-test"


class Services:
    """Notes what a task asks for."""

    def __init__(self) -> None:
        self.keys = KEYS
        self.settings = Settings()
        self.result_reader = None
        self.asked: list[Any] = []
        self.error: Exception | None = None
        self.held: dict[str, Any] | None = RESULT  # what Redis holds of a result
        self.permits = SimpleNamespace(
            judge=self._judge, judge_entry=self._judge, judge_entries=self.asked.append, deny=self._deny
        )
        self.aside: list[StreamEntry] = []
        self.entries = SimpleNamespace(find_result=self._find, set_aside=self.aside.append)
        self.results = SimpleNamespace(record=self._record)
        self.snapshots = SimpleNamespace(refresh=lambda symbol: self.asked.append(symbol) or "refreshed")

    def _judge(self, plan: Any, entry: Any) -> Deny:
        if self.error is not None:
            raise self.error
        self.asked.append((plan, entry))
        return Deny(reason=Reason.NO_POSITION)

    def _deny(self, plan: Any, entry: Any, reason: Reason, details: Any) -> Deny:
        self.asked.append((plan, entry, reason, details))
        return Deny(reason=reason)

    def _find(self, entry: StreamEntry) -> FoundResult | None:  # noqa: ARG002 - the store's signature
        return None if self.held is None else FoundResult(now_ms=NOW_MS, time_ms=NOW_MS - 5, fields=self.held)

    def _record(self, result: Any, entry: Any) -> ResultStatus:
        if self.error is not None:
            raise self.error
        self.asked.append((result, entry))
        return ResultStatus.RECORDED


@pytest.fixture
def services(monkeypatch) -> Services:
    found = Services()
    for module in (permits, results, snapshots):
        monkeypatch.setattr(module, "runtime", lambda: found)
    return found


def test_a_message_with_an_entry_only_names_the_plan(services):
    """Whatever else it says: the fields come from the stream."""
    assert evaluate_permit(plan_id="p", symbol="btcusdt", **WHERE, prefix="quantum") == "deny"
    assert (
        evaluate_permit({**PLAN, "action": "CLOSE_PARTIAL_25"}, **WHERE, prefix="quantum") == "deny"
    )  # as 0.1 sent it
    entry = StreamEntry(stream=KEYS.plans, entry_id="1771305126000-0")
    assert services.asked == [(PlanName(plan_id="p", symbol="BTCUSDT"), entry)] * 2


def test_a_message_whose_entry_holds_another_plan_is_refused(services):
    services.error = EntryMismatchError("the entry holds plan 'q'")
    assert evaluate_permit(plan_id="p", symbol="BTCUSDT", **WHERE) == "refused"
    assert services.asked == []


def test_a_producers_own_task_needs_issued_ms(services):
    evaluate_permit(PLAN)
    evaluate_permit({**PLAN, "issued_ms": 1_771_305_126_000})
    (without, _), (with_time, _) = services.asked
    assert "issued_ms" in without.problem
    assert (with_time.problem, with_time.issued_ms, with_time.from_stream) == (None, 1_771_305_126_000, False)


def test_with_a_task_key_a_producers_own_task_needs_its_proof(services):
    services.settings = Settings(P33_TASK_KEY=KEY)
    plan = {**PLAN, "issued_ms": 1_771_305_126_000}
    proof = task_hmac(plan, prefix="quantum", key=KEY)
    for wrong in (
        None,
        "",
        proof[:-1],
        proof.upper() + "0",
        7,
        "\u0661" * 64,
        task_hmac(plan, prefix="other", key=KEY),
    ):
        assert evaluate_permit(plan, hmac=wrong) == "refused"
    assert evaluate_permit({**plan, "action": "CLOSE_PARTIAL_25"}, hmac=proof) == "refused"
    assert services.asked == []
    assert evaluate_permit(plan, hmac=proof) == "deny"
    assert len(services.asked) == 1


def test_a_task_of_an_entry_needs_no_proof(services):
    services.settings = Settings(P33_TASK_KEY=KEY)
    assert evaluate_permit(plan_id="p", symbol="BTCUSDT", **WHERE) == "deny"


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
    assert apply_result(plan_id="p", symbol="BTCUSDT", **RESULT_WHERE) == "recorded"


def test_what_is_recorded_is_what_redis_holds(services):
    forged = {**RESULT, "executed": "true", "order_id": "7", "side": "BUY", "filled_qty": "0.5"}
    assert apply_result(forged, **RESULT_WHERE) == "recorded"
    ((result, _),) = services.asked
    assert (result.executed, result.fills) == (False, ())


@pytest.mark.parametrize(
    "held",
    [
        None,
        {**RESULT, "plan_id": "q"},
        {**RESULT, "symbol": "ETHUSDT"},
        {"plan_id": "p"},
        {**RESULT, "x": "y" * 70_000},
    ],
    ids=["gone", "another plan", "another symbol", "no result", "too large"],
)
def test_a_result_that_redis_does_not_hold_like_that_is_refused(services, held):
    services.held = held
    assert apply_result(plan_id="p", symbol="BTCUSDT", **RESULT_WHERE) == "refused"
    assert services.asked == []


def test_a_result_older_than_the_memory_of_fills_is_refused(services):
    """Its entry may be in the stream still; whoever names it again must not have it applied again."""
    services.entries.find_result = lambda _: FoundResult(now_ms=NOW_MS, time_ms=NOW_MS - 8 * 86_400_000, fields=RESULT)
    assert apply_result(plan_id="p", symbol="BTCUSDT", **RESULT_WHERE) == "refused"


def test_every_entry_id_that_a_stream_can_have_is_taken(services):
    """A producer that sets an id of more digits sets those of all later entries: no result would ever be recorded."""
    most = "18446744073709551615-18446744073709551615"
    assert apply_result(RESULT, stream=KEYS.results, entry_id=most) == "recorded"
    assert apply_result(RESULT, stream=KEYS.results, entry_id="18446744073709551616-0") == "refused"
    assert evaluate_permit(PLAN, stream=KEYS.plans, entry_id="1771305126000000-0") != "refused"


def test_an_unexpected_failure_of_a_producers_own_plan_is_a_deny(services):
    services.error = ValueError("a bug")
    assert evaluate_permit({**PLAN, "issued_ms": 1_771_305_126_000}) == "deny"
    ((_, _, reason, details),) = services.asked
    assert (reason, details) == (Reason.INTERNAL_ERROR, {"error": "ValueError"})


def test_an_unexpected_failure_of_an_entry_leaves_it_pending(services):
    """The name is only the message's word; the ingest denies what no task could judge."""
    services.error = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        evaluate_permit(plan_id="p", symbol="BTCUSDT", **WHERE)
    assert services.asked == []


def test_a_redis_that_is_away_leaves_the_entry_pending(services):
    services.error = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        evaluate_permit(PLAN, **WHERE)
    assert services.asked == []


@pytest.mark.parametrize("error", [CorruptStateError("n/a"), StoreError("a foreign type"), ValueError("a bug")])
def test_a_result_that_can_not_be_recorded_now_is_set_aside(services, error: Exception):
    services.error = error
    with pytest.raises(type(error)):
        apply_result(plan_id=RESULT["plan_id"], symbol=RESULT["symbol"], stream=KEYS.results, entry_id="1-0")
    assert services.aside == [StreamEntry(stream=KEYS.results, entry_id="1-0")]


@pytest.mark.parametrize("plan", [{}, {"plan_id": "p"}, None, "text", [1], {"plan_id": 7.5, "symbol": "BTCUSDT"}])
def test_a_message_that_names_nothing_is_refused(services, plan):
    assert evaluate_permit(plan, **WHERE) == "refused"
    assert apply_result(plan, **RESULT_WHERE) == "refused"
    assert evaluate_permit(plan) == "refused"
    assert services.asked == []


TOGETHER = {"symbols": ["BTCUSDT", "ETHUSDT"], "entry_ids": ["1-0", "2-0"], "stream": KEYS.plans, "prefix": "quantum"}


def test_a_task_of_several_plans_tells_how_each_ended(services):
    """And what is wrong with one leaves the others' verdicts alone."""
    outcomes: list[Any] = [Deny(reason=Reason.NO_POSITION), EntryMismatchError("the entry holds plan 'q'")]
    services.permits.judge_entries = lambda named: services.asked.append(named) or outcomes
    assert evaluate_permits(["p", "q"], **TOGETHER) == "deny 1, refused 1"
    (named,) = services.asked
    assert [(name.plan_id, name.symbol, entry.entry_id) for name, entry in named] == [
        ("p", "BTCUSDT", "1-0"),
        ("q", "ETHUSDT", "2-0"),
    ]
    outcomes[:] = [None, RuntimeError("a bug")]
    assert evaluate_permits(["p", "q"], **TOGETHER) == "decided 1, undecided 1"
    outcomes[:] = [None, StoreError("another type")]
    assert evaluate_permits(["p", "q"], **TOGETHER) == "decided 1, undecided 1"


@pytest.mark.parametrize(
    ("plan_ids", "changes"),
    [
        (["p"], {}),
        ([], {"symbols": [], "entry_ids": []}),
        ("pq", {}),
        (["p", "q"], {"entry_ids": "12"}),
        (["p", "q"], {"entry_ids": ["1-0", None]}),
        (["p", "q"], {"entry_ids": ["1-0", "x"]}),
        (["p", "q"], {"stream": None}),
        (["p", "q"], {"stream": KEYS.results}),
        (["p", {}], {}),
        (["p", "q"], {"symbols": ["BTCUSDT", {}]}),
        (["p", "q"], {"prefix": "other"}),
        (["p"] * 33, {"symbols": ["BTCUSDT"] * 33, "entry_ids": ["1-0"] * 33}),
    ],
)
def test_a_task_of_several_plans_that_is_not_ours_is_refused_as_a_whole(services, plan_ids, changes):
    assert evaluate_permits(plan_ids, **TOGETHER | changes) == "refused"
    assert services.asked == []


# --- resting orders ---------------------------------------------------------------------------------------------------


@pytest.fixture
def resting_services(monkeypatch, services) -> Services:
    services.resting = SimpleNamespace(read=lambda: services.asked.append("read") or "read")
    services.resting_store = SimpleNamespace(is_due=lambda: True)
    monkeypatch.setattr(resting, "runtime", lambda: services)
    return services


def test_open_orders_are_read_by_the_accounts_own_task_only(resting_services):
    assert read_resting(prefix="quantum") == "read"
    assert read_resting(prefix="another") == "refused"
    resting_services.resting = None
    assert read_resting(prefix="quantum") == "off"
    assert resting_services.asked == ["read"]


def test_a_reading_is_sent_when_it_is_due_and_a_broker_that_is_away_fails_no_refresh(monkeypatch, resting_services):
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(read_resting, "apply_async", lambda **options: sent.append(options))
    resting.send_resting(resting_services)
    resting_services.resting_store.is_due = lambda: False
    resting.send_resting(resting_services)
    assert [options["kwargs"] for options in sent] == [{"prefix": "quantum"}]

    def away() -> bool:
        raise StoreUnavailableError("away")

    resting_services.resting_store.is_due = away
    resting.send_resting(resting_services)


# --- notifications ----------------------------------------------------------------------------------------------------


def test_people_are_told_by_the_accounts_own_task_and_a_broker_that_is_away_fails_no_refresh(monkeypatch, services):
    services.notifier = SimpleNamespace(send=lambda: 2)
    monkeypatch.setattr(notify_module, "runtime", lambda: services)
    assert notify_task(prefix="quantum") == "sent 2"
    assert notify_task(prefix="another") == "refused"
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(notify_task, "apply_async", lambda **options: sent.append(options))
    notify_module.send_notifications(services)
    assert [options["kwargs"] for options in sent] == [{"prefix": "quantum"}]

    def away(**_: Any) -> None:
        raise OSError("away")

    monkeypatch.setattr(notify_task, "apply_async", away)
    notify_module.send_notifications(services)
    services.notifier = None
    assert notify_task(prefix="quantum") == "off"
