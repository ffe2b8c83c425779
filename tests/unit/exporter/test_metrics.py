"""Metric families, from overviews made by hand."""

from __future__ import annotations

import math
from typing import Any

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from p33_tasks.contract.reconciliation import OUTCOMES
from p33_tasks.domain.holds import HeldBy, Hold
from p33_tasks.domain.models import Leg, Policy
from p33_tasks.exporter.metrics import ClusterMetrics
from tests.factories import NOW_MS, make_ledger, make_policy, make_snapshot
from tests.unit.exporter.views import make_overview, make_refresh, make_stream, make_view


def samples(overview: Any, policy: Policy | None = None) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values, as a scraper would parse it."""
    text = generate_latest(ClusterMetrics(overview, policy or make_policy(), read_sec=0.01)).decode()
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_without_redis_only_the_exporters_own_metrics_are_told() -> None:
    found = samples(None)
    assert found["p33_up",] == 0
    assert {name for name, *_ in found} == {"p33_up", "p33_build_info", "p33_read_seconds"}


def test_counters_of_an_allowlisted_symbol_are_there_at_zero_before_anything_happened() -> None:
    found = samples(make_overview(make_view()))
    for name in ("ledger_update", "ledger_crossed_zero", "unpermitted_execution", "unreadable_result"):
        assert found[f"p33_{name}_total", "BTCUSDT"] == 0
        assert found[f"p33_{name}_total", "_other"] == 0
    assert found["p33_permit_total", "allow", "BTCUSDT"] == 0
    assert found["p33_permit_total", "deny", "_other"] == 0
    assert found["p33_snapshot_total", "error", "BTCUSDT"] == 0
    for kind in ("side", "leg", "quantity", "not_reduce_only"):
        assert found["p33_permit_breach_total", kind, "BTCUSDT"] == 0
    assert found["p33_deadletter_total", "plan"] == 0
    assert found["p33_trimmed_total", "result"] == 0


def test_in_hedge_mode_the_label_symbol_holds_the_position() -> None:
    views = [
        make_view(leg=leg, position_side=leg, reserved_by=holder)
        for leg, holder in ((Leg.LONG, "p"), (Leg.SHORT, None))
    ]
    found = samples(make_overview(*views, counters={"p33_denial_total|BTCUSDT:SHORT|no_position": 3}))
    assert (found["p33_reservation_active", "BTCUSDT:LONG"], found["p33_reservation_active", "BTCUSDT:SHORT"]) == (1, 0)
    assert ("p33_position_amt", "BTCUSDT") not in found
    assert found["p33_denial_total", "no_position", "BTCUSDT:SHORT"] == 3
    # Snapshots are the symbol's, and so are plans that name no leg.
    assert found["p33_snapshot_total", "ok", "BTCUSDT"] == 0
    assert ("p33_snapshot_total", "ok", "BTCUSDT:LONG") not in found
    assert {key[2] for key in found if key[0] == "p33_permit_total"} == {
        "BTCUSDT",
        "BTCUSDT:LONG",
        "BTCUSDT:SHORT",
        "_other",
    }


def test_a_legs_counters_stay_after_the_mode_was_switched() -> None:
    found = samples(make_overview(make_view(), counters={"p33_permit_total|BTCUSDT:LONG|allow": 2}))
    assert found["p33_permit_total", "allow", "BTCUSDT:LONG"] == 2
    assert ("p33_permit_total", "allow", "BTCUSDT:SHORT") not in found


def test_a_denial_reason_appears_once_it_was_given() -> None:
    assert not [key for key in samples(make_overview()) if key[0] == "p33_denial_total"]
    found = samples(make_overview(counters={"p33_denial_total|BTCUSDT|no_position": 3}))
    assert [key for key in found if key[0] == "p33_denial_total"] == [("p33_denial_total", "no_position", "BTCUSDT")]


def test_an_outcome_of_reconciliation_appears_once_it_was_counted() -> None:
    assert not [key for key in samples(make_overview()) if key[0] == "p33_reconcile_total"]
    found = samples(make_overview(counters={f"p33_reconcile_total|BTCUSDT|{one}": 1 for one in (*OUTCOMES, "x")}))
    assert [key[1] for key in found if key[0] == "p33_reconcile_total"] == list(OUTCOMES)


def test_the_services_own_hold_is_told_in_seconds() -> None:
    held = {
        "external_trades": Hold(held_by=HeldBy.SERVICE, reason="external_trades", since_ms=NOW_MS - 90_000),
        "unknown time": Hold(held_by=HeldBy.SERVICE, reason="somebody's"),
        "an operator's": Hold(held_by=HeldBy.OPERATOR, reason="x", since_ms=1),
    }
    told = {
        name: samples(make_overview(make_view(hold=True, holds=(hold,))))["p33_service_hold_seconds", "BTCUSDT"]
        for name, hold in held.items()
    }
    assert told == {"external_trades": 90, "unknown time": 0.001, "an operator's": 0}


def test_a_strangers_field_in_the_counters_neither_grows_the_metrics_nor_forges_a_line() -> None:
    """Labels are bounded: our symbols, our reasons, our streams."""
    evil = 'X"} 1\np33_up 0\n#'
    counters = {
        f"p33_denial_total|{evil}|no_position": 1,
        f"p33_denial_total|BTCUSDT|{evil}": 1,
        f"p33_permit_total|{evil}|allow": 1,
        f"p33_snapshot_total|{evil}|ok": 1,
        f"p33_deadletter_total|{evil}": 1,
        "|||": 1,
        "p33_denial_total": 1,
        **{f"p33_denial_total|S{i}|no_position": 1 for i in range(1_000)},
    }
    assert samples(make_overview(counters=counters)) == samples(make_overview())


def test_histograms_are_in_seconds_and_cumulative() -> None:
    counters = {
        "p33_permit_latency_seconds|bucket|1": 2,
        "p33_permit_latency_seconds|bucket|5": 3,
        "p33_permit_latency_seconds|bucket|+Inf": 1,
        "p33_permit_latency_seconds|sum": 90_017,
        "p33_evaluation_duration_seconds|bucket|100": 4,
        "p33_evaluation_duration_seconds|sum": 360,
    }
    found = samples(make_overview(counters=counters))
    latency = "p33_permit_latency_seconds_bucket"
    assert [found[latency, le] for le in ("0.001", "0.002", "0.005", "60", "+Inf")] == [2, 2, 5, 5, 6]
    assert found["p33_permit_latency_seconds_count",] == 6
    assert found["p33_permit_latency_seconds_sum",] == 90.017
    assert found["p33_evaluation_duration_seconds_bucket", "5e-05"] == 0
    assert found["p33_evaluation_duration_seconds_bucket", "0.0001"] == 4
    assert found["p33_evaluation_duration_seconds_sum",] == 0.00036


def test_a_symbols_gauges_tell_the_facts_of_a_verdict() -> None:
    view = make_view(
        amount="-0.010",
        ledger=make_ledger("-0.0099", last_order_time_ms=NOW_MS - 5_000),
        reserved_by="plan-9",
        hold=True,
        holds=(Hold(held_by=HeldBy.SERVICE, reason="breach"),),
        snapshot=make_snapshot("-0.010", age_ms=2_500),
    )
    found = samples(make_overview(view))
    expected = {
        "p33_last_snapshot_ts": (NOW_MS - 2_500) / 1000,
        "p33_snapshot_age_sec": 2.5,
        "p33_snapshot_usable": 1,
        "p33_position_amt": -0.010,
        "p33_ledger_amt": -0.0099,
        "p33_ledger_known": 1,
        "p33_drift_pct": 1.0,
        "p33_cooldown_remaining_seconds": 10,
        "p33_reservation_active": 1,
    }
    assert {name: found[name, "BTCUSDT"] for name in expected} == expected
    assert (found["p33_hold_active", "operator", "BTCUSDT"], found["p33_hold_active", "service", "BTCUSDT"]) == (0, 1)


def test_what_is_unknown_has_no_amount_and_an_age_that_is_above_every_limit() -> None:
    """An alert on the age fires also for a symbol that never had a snapshot; 0 would read as flat."""
    found = samples(make_overview(make_view(snapshot=None, ledger=None)))
    assert found["p33_snapshot_age_sec", "BTCUSDT"] == math.inf
    assert found["p33_last_snapshot_ts", "BTCUSDT"] == 0
    assert found["p33_snapshot_usable", "BTCUSDT"] == 0
    assert found["p33_ledger_known", "BTCUSDT"] == 0
    for name in ("p33_position_amt", "p33_ledger_amt", "p33_drift_pct", "p33_drift_amt"):
        assert (name, "BTCUSDT") not in found


def test_a_snapshot_that_a_verdict_refuses_is_not_usable_however_young() -> None:
    refused = (
        make_snapshot(run_id="b" * 40),
        make_snapshot(source="binanceusdm elsewhere"),
        make_snapshot(age_ms=10_001),
        make_snapshot(age_ms=-1),
    )
    for snapshot in refused:
        assert samples(make_overview(make_view(snapshot=snapshot)))["p33_snapshot_usable", "BTCUSDT"] == 0
    for snapshot in (make_snapshot(age_ms=10_000), make_snapshot(hedge_mode=True)):
        assert samples(make_overview(make_view(snapshot=snapshot)))["p33_snapshot_usable", "BTCUSDT"] == 1


def test_stream_gauges_tell_lag_oldest_entry_and_readers() -> None:
    plans = make_stream("plans", pending=3, unread=4, oldest_ms=NOW_MS - 7_250, readers=2)
    results = make_stream("results", readers=0)
    found = samples(make_overview(streams=(plans, results, make_stream("decisions", length=9))))
    assert found["p33_stream_lag", "plan"] == 7
    assert found["p33_stream_pending", "plan"] == 3
    assert found["p33_stream_oldest_seconds", "plan"] == 7.25
    assert found["p33_consumers", "plan"] == 2
    assert found["p33_consumers", "result"] == 0
    assert found["p33_stream_oldest_seconds", "result"] == 0
    assert len([key for key in found if key[0] == "p33_stream_lag"]) == 2


def test_refresh_and_exchange_gauges_tell_a_dead_beat_and_a_pause() -> None:
    refresh = make_refresh(succeeded_ms=None, error="429", paused_ms=61_500, used_weight=7, reported_weight=2_300)
    found = samples(make_overview(refresh=refresh))
    assert found["p33_refresh_started_ts",] == (NOW_MS - 1_000) / 1000
    assert found["p33_refresh_last_success_ts",] == 0
    assert found["p33_refresh_failing",] == 1
    assert found["p33_exchange_pause_seconds",] == 61.5
    assert found["p33_exchange_weight_used", "own"] == 7
    assert found["p33_exchange_weight_used", "venue"] == 2_300


def test_the_configured_limits_are_told_so_that_alerts_need_not_repeat_them() -> None:
    found = samples(make_overview(), make_policy(stale_threshold_ms=12_500, poll_ms=500))
    assert found["p33_stale_threshold_seconds",] == 12.5
    assert found["p33_poll_period_seconds",] == 0.5
    assert found["p33_tolerance_pct",] == 1


def test_keys_that_hold_something_else_are_counted() -> None:
    view = make_view(snapshot=None, snapshot_problem="no number", ledger_problem="another type")
    streams = (make_stream("plans", problem="another type"), make_stream("results"))
    found = samples(make_overview(view, streams=streams, problems=("quantum:p33:counters: WRONGTYPE",)))
    assert found["p33_unreadable_keys",] == 4
