"""The forecaster over a real Redis: what it reads, what it writes, and that it is one per account."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.contract.forecast_status import ForecastStatus, decode_status
from p33_tasks.contract.forecasts import parse_forecast
from p33_tasks.domain.models import Leg
from p33_tasks.forecaster.publishing import ForecastStore
from p33_tasks.forecaster.service import Forecaster
from p33_tasks.forecaster.state import Learned, beginning, decode_state, encode_state
from p33_tasks.settings import Settings
from tests.factories import plan_entry
from tests.support.forecasting import taught
from tests.support.gate import OTHER, SYMBOL, Gate


def runtime(gate: Gate, **settings: str) -> Runtime:
    given = {"P33_REDIS_URL": gate.url, "P33_ALLOWLIST": f"{SYMBOL},{OTHER}", "P33_FORECAST": "on", **settings}
    here = Runtime(Settings(**given))  # type: ignore[arg-type]  # by alias
    here.__dict__["source"] = gate.source
    return here


def ready(gate: Gate, learned: Learned | None = None, **settings: str) -> Forecaster:
    """A position with a price, a refresh that ended well, and what was learned before."""
    show(gate)
    store = ForecastStore(gate.redis, gate.keys, poll_ms=5_000)
    store.save(learned or taught(gate.now_ms()))
    return Forecaster(runtime(gate, **settings), threading.Event(), show_life=lambda: None)


def show(gate: Gate, *symbols: str) -> None:
    for symbol in symbols or (SYMBOL,):
        gate.make_ready(symbol=symbol)
        gate.redis.hset(gate.keys.snapshot(symbol), mapping={"mark_price": "101", "entry_price": "100"})
    began = gate.now_ms() - 2_000
    gate.redis.hset(gate.keys.refresh, mapping={"started_ms": began, "succeeded_ms": gate.now_ms()})


def once(gate: Gate) -> Forecaster:
    """One that runs for a single round."""
    stop = threading.Event()
    return Forecaster(runtime(gate), stop, show_life=stop.set)


def look(forecaster: Forecaster) -> None:
    """One round, whatever time it is."""
    forecaster._looked_ms = 0
    forecaster._round()


def status(gate: Gate) -> ForecastStatus:
    found = decode_status(gate.redis.get(gate.keys.forecast_status))
    assert found is not None
    return found


def forecasts(gate: Gate) -> list[dict[str, str]]:
    return [fields for _, fields in gate.redis.xrange(gate.keys.forecasts)]


def test_what_is_likely_is_published_in_the_contract_s_form_and_wished_for(gate: Gate) -> None:
    look(ready(gate))
    [(entry_id, fields)] = gate.redis.xrange(gate.keys.forecasts)
    now_ms = gate.now_ms()
    found = parse_forecast(fields, added_ms=int(entry_id.partition("-")[0]), now_ms=now_ms)
    assert (found.symbol, found.leg, str(found.close_factor), found.horizon_ms) == (SYMBOL, Leg.BOTH, "1", 30_000)
    assert 0.5 < found.probability <= 1
    assert 0 <= now_ms - int(gate.redis.get(gate.keys.refresh_wish) or 0) < 5_000
    assert 0 < gate.redis.pttl(gate.keys.refresh_wish) <= 5_000
    shown = status(gate)
    assert (shown.speaks, shown.positions, shown.totals["published"], shown.totals["wishes"]) == (True, 1, 1, 1)
    assert shown.warnings == ()


def test_in_hedge_mode_the_leg_is_named(gate: Gate) -> None:
    forecaster = ready(gate)
    gate.make_hedged()
    for leg in (Leg.LONG, Leg.SHORT):
        gate.redis.hset(gate.keys.snapshot(SYMBOL, leg), mapping={"mark_price": "101", "entry_price": "100"})
    look(forecaster)
    assert {fields["positionSide"] for fields in forecasts(gate)} == {"LONG", "SHORT"}


def test_while_silent_it_learns_and_says_nothing(gate: Gate) -> None:
    learned = taught(gate.now_ms(), speaks=False)
    learned.learner.scores.brier = learned.learner.scores.base_brier
    gate.redis.set(gate.keys.hold(SYMBOL), "stop")
    look(ready(gate, learned))
    assert forecasts(gate) == []
    assert gate.redis.xlen(gate.keys.warnings) == 0
    assert not gate.redis.exists(gate.keys.refresh_wish)
    assert status(gate).positions == 1


def test_a_likely_plan_that_would_be_denied_is_warned_of_once_and_until_it_would_not(gate: Gate) -> None:
    forecaster = ready(gate)
    gate.put_ledger("0.050")
    look(forecaster)
    [ahead] = status(gate).warnings
    assert (ahead.position, ahead.action, ahead.reason) == (SYMBOL, "CLOSE_FULL", "reconcile_required_qty_mismatch")
    assert "25 %" in ahead.words
    look(forecaster)
    assert len(status(gate).warnings) == 1
    [(_, event)] = gate.redis.xrange(gate.keys.warnings)
    assert event["reason"] == "reconcile_required_qty_mismatch"
    gate.put_ledger("0.040")
    look(forecaster)
    assert status(gate).warnings == ()
    assert status(gate).totals["warnings"] == 1


def test_a_deny_that_ends_by_itself_is_no_warning(gate: Gate) -> None:
    forecaster = ready(gate)
    gate.put_ledger(last_order_time_ms=str(gate.now_ms() - 1_000))  # cooldown
    look(forecaster)
    assert status(gate).warnings == ()


def add(gate: Gate, **fields: str) -> None:
    entry: Any = plan_entry(**fields)
    gate.redis.xadd(gate.keys.plans, entry)


def test_plans_are_counted_once_and_everything_else_in_the_stream_is_ignored_and_counted(gate: Gate) -> None:
    forecaster = ready(gate)
    look(forecaster)
    look(forecaster)  # behind a refresh that could prepare what was forecast
    add(gate, plan_id="a", symbol=SYMBOL, action="CLOSE_FULL")
    add(gate, plan_id="a", symbol=SYMBOL, action="CLOSE_FULL")  # a used plan_id
    add(gate, plan_id="b", symbol=SYMBOL, action="HOLD")
    add(gate, plan_id="c", symbol="NOSUCH", action="CLOSE_FULL")  # no such position: no plan of ours
    add(gate, plan_id="d", symbol=SYMBOL, action="CLOSE_FULL", decision="RECONCILE_CLOSE")  # follows no rule
    add(gate, plan_id="e", symbol=SYMBOL, action="CLOSE_FULL", decision="SKIP")
    gate.redis.xadd(gate.keys.plans, {"what": "NaN"})
    gate.redis.xadd(gate.keys.position_changes, {"position": SYMBOL, "before": "", "after": "1", "ts_ms": "NaN"})
    gate.redis.xadd(gate.keys.decisions, {"verdict": "{", "plan_id": "x" * 10_000})
    look(forecaster)
    totals = status(gate).totals
    assert (totals["plans"], totals["foreseen"]) == (1, 1)
    assert totals["ignored"] == 4


def test_streams_of_another_type_stop_nothing_but_this_process(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    ready(gate)
    gate.redis.delete(gate.keys.plans)
    gate.redis.set(gate.keys.plans, "x")
    once(gate).run()
    assert "FORECASTER_AWAY" in capsys.readouterr().out
    assert gate.redis.get(gate.keys.plans) == "x"


def test_what_was_learned_survives_a_restart(gate: Gate) -> None:
    first = ready(gate)
    look(first)
    add(gate, plan_id="a", symbol=SYMBOL, action="CLOSE_FULL")
    look(first)
    first._end()
    again = Forecaster(runtime(gate), threading.Event(), show_life=lambda: None)
    look(again)
    assert status(gate).totals["plans"] == 1, "the plan was read before"
    assert again._learned is not None
    assert SYMBOL in again._learned.learner.tracks


@pytest.mark.parametrize("damage", ["{", "a list"])
def test_a_damaged_state_is_set_aside_and_said_and_it_begins_anew(
    gate: Gate, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forecaster, keys = ready(gate), gate.keys
    gate.redis.delete(keys.forecast_state)
    if damage == "{":
        gate.redis.set(keys.forecast_state, damage)
    else:
        gate.redis.rpush(keys.forecast_state, "x")
    look(forecaster)
    assert gate.redis.exists(keys.forecast_state_damaged)
    assert gate.redis.pttl(keys.forecast_state_damaged) > 0
    assert "FORECAST_STATE_DAMAGED" in capsys.readouterr().out
    assert not status(gate).speaks
    assert decode_state(gate.redis.get(keys.forecast_state) or "")


def test_one_per_account_and_the_next_one_goes_on_from_its_state(gate: Gate) -> None:
    keys = gate.keys
    store = ForecastStore(gate.redis, keys, poll_ms=5_000)
    assert store.keep_lease("first")
    assert store.keep_lease("first")
    assert not store.keep_lease("second")
    gate.redis.set(keys.forecast_state, encode_state(beginning()))
    once(gate).run()
    assert not gate.redis.exists(keys.forecast_status), "the second one did nothing"
    store.give_back("second")
    assert not store.keep_lease("second"), "nobody gives another's back"
    store.give_back("first")
    once(gate).run()
    assert gate.redis.exists(keys.forecast_status)
    assert store.keep_lease("second")
