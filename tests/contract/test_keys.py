"""CONTRACT section 1 and 3: clock, keys, types, fields and TTLs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.contract.system import COOLDOWN_SEC, PERMIT_TTL_SEC, System, exact
from tests.support.waiting import wait_until

SNAPSHOT_FIELDS = {
    *("position_amt", "side", "entry_price", "mark_price", "leverage", "unrealized_pnl"),
    *("ts_epoch", "ts_ms", "ts_iso", "source", "run_id"),
}


@pytest.mark.parametrize(
    ("amt", "shown", "side"), [("0.030", "0.03", "LONG"), ("-1.200", "-1.2", "SHORT"), ("0", "0", "FLAT")]
)
def test_a_snapshot_has_every_field_canonical_amounts_and_an_hour_to_live(
    system: System, amt: str, shown: str, side: str
) -> None:
    symbol = system.symbol("5", ledger=None)
    system.exchange.set_position(symbol, amt)
    before_ms = system.now_ms()
    system.await_snapshot(symbol, shown)

    snapshot = system.snapshot(symbol)

    assert set(snapshot) >= SNAPSHOT_FIELDS
    assert snapshot["side"] == side
    assert snapshot["ts_epoch"] == snapshot["ts_ms"][:-3]
    assert before_ms - 1_000 < int(snapshot["ts_ms"]) <= system.now_ms()
    assert snapshot["ts_iso"].endswith("Z")
    assert snapshot["source"] == "binanceusdm " + system.exchange.base_url.removeprefix("http://")
    assert snapshot["run_id"] == system.client.info("server")["run_id"]
    for field in ("position_amt", "entry_price", "mark_price", "leverage", "unrealized_pnl"):
        value = snapshot[field]
        assert "e" not in value.lower(), field
        assert "." not in value or value[-1] not in "0.", field
    assert 3_590 <= system.client.ttl(f"quantum:position:snapshot:{symbol}") <= 3_600


def test_a_snapshot_never_goes_backwards_but_one_from_the_future_is_replaceable(system: System) -> None:
    symbol = system.symbol("5")
    key = f"quantum:position:snapshot:{symbol}"

    system.client.hset(key, mapping={"ts_ms": system.now_ms() + 3_600_000, "ts_epoch": 0})

    wait_until(lambda: int(system.snapshot(symbol)["ts_ms"]) <= system.now_ms(), "the next refresh replaced it")


def test_a_bad_row_spoils_its_symbol_only_and_never_reads_as_flat(system: System) -> None:
    rows = ("missing", "duplicate", "conflict", "nan_amount", "huge_amount", "empty_amount", "not_object")
    bad, good = {system.symbol("5"): row for row in rows}, system.symbol("7")
    system.exchange.fault(rows=bad)
    try:
        start_ms = system.now_ms()
        wait_until(lambda: int(system.snapshot(good)["ts_ms"]) > start_ms + 1_000, "two refreshes of the good one")
        snapshots = {row: system.snapshot(symbol) for symbol, row in bad.items()}
    finally:
        system.exchange.clear_faults()
    assert {row for row, snapshot in snapshots.items() if int(snapshot["ts_ms"]) > start_ms + 500} == set()
    assert {snapshot["position_amt"] for snapshot in snapshots.values()} == {"5"}


def test_a_snapshot_that_proves_a_symbol_flat_creates_a_ledger_of_zero(system: System) -> None:
    symbol = system.symbol()

    ledger = wait_until(lambda: system.ledger(symbol), "a ledger")

    assert (ledger["last_known_amt"], ledger["last_known_side"]) == ("0", "FLAT")
    assert int(ledger.get("last_order_time_epoch", "0")) == 0
    assert abs(int(ledger["last_update_ts"]) - system.now_ms() // 1_000) < 300


def test_a_successful_snapshot_renews_the_ledger_also_in_drift(system: System) -> None:
    symbol = system.symbol("5", ledger="9")
    key = f"quantum:position:ledger:{symbol}"
    system.client.expire(key, 100)

    wait_until(lambda: system.client.ttl(key) > 86_300, "the ledger's TTL is renewed")

    assert system.client.ttl(key) <= 86_400
    assert system.ledger(symbol)["last_known_amt"] == "9"


def test_a_fill_writes_every_field_of_the_ledger_and_remembers_the_order_for_a_week(system: System) -> None:
    symbol = system.symbol("0.04")

    system.filled(symbol, "4711", "0.03")

    ledger = system.ledger(symbol)
    assert (ledger["last_known_amt"], ledger["last_known_side"], ledger["last_order_id"]) == ("0.01", "LONG", "4711")
    assert ledger["last_order_time_epoch"] == ledger["last_order_time_ms"][:-3]
    assert abs(int(ledger["last_order_time_ms"]) - system.now_ms()) < 5_000
    assert ledger["last_update_ts"].isdigit()
    assert system.client.ttl(f"quantum:position:ledger:{symbol}") > 86_300
    assert system.client.ttl(f"quantum:p33:fills:{symbol}") > 7 * 86_400 - 100


def test_a_verdict_leaves_permit_tombstone_and_reservation_with_their_times_to_live(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    client = system.client

    assert PERMIT_TTL_SEC - 3 <= client.ttl(f"quantum:permit:p33:{plan_id}") <= PERMIT_TTL_SEC
    assert 86_390 <= client.ttl(f"quantum:p33:decision:{plan_id}") <= 86_400
    assert system.reservation(symbol) == plan_id
    reserved_sec = PERMIT_TTL_SEC + COOLDOWN_SEC
    assert reserved_sec - 3 <= client.ttl(f"quantum:position:inflight:{symbol}") <= reserved_sec
    permit = system.permit(plan_id) or {}
    assert system.verdict(plan_id) == {name: value for name, value in permit.items() if name != "sig"}


def test_an_expired_permit_is_not_issued_again(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    first = system.verdict_text(plan_id)
    system.client.delete(f"quantum:permit:p33:{plan_id}", f"quantum:position:inflight:{symbol}")

    system.plan(symbol, plan_id=plan_id)
    system.await_read("quantum:stream:apply.plan")

    assert system.verdict_text(plan_id) == first
    assert system.permit(plan_id) is None
    assert len(system.audit(plan_id)) == 1


@pytest.mark.parametrize("value", ["", "1", "no", b"\xff\x00"])
def test_any_value_of_the_hold_key_denies(system: System, value: str | bytes) -> None:
    symbol = system.symbol("0.04")
    system.client.set(f"quantum:reconcile:hold:{symbol}", value)

    assert system.judge(symbol)["reason"] == "reconcile_hold_active"

    system.client.delete(f"quantum:reconcile:hold:{symbol}")
    assert system.judge(symbol)["allow"] is True


def test_without_twins_in_milliseconds_whole_seconds_are_used(system: System) -> None:
    """What a shell script writes: ``last_order_time_epoch`` by ``date +%s``."""
    symbol = system.symbol("0.04")
    key = f"quantum:position:ledger:{symbol}"
    system.client.hset(key, mapping={"last_order_time_epoch": system.now_ms() // 1_000})

    denied = system.judge(symbol)

    assert denied["reason"] == "cooldown_in_flight"
    system.client.hset(key, mapping={"last_order_time_epoch": "0"})
    assert system.judge(symbol)["allow"] is True


def test_a_millisecond_twin_is_preferred_and_an_order_time_in_the_future_counts_as_now(system: System) -> None:
    symbol = system.symbol("0.04")
    key = f"quantum:position:ledger:{symbol}"
    written_ms = system.now_ms()
    times = {"last_order_time_epoch": "1", "last_order_time_ms": str(written_ms + 3_600_000)}
    system.client.hset(key, mapping=times)

    plan_id = system.plan(symbol)
    details = system.verdict(plan_id)["details"]

    # A refresh in between has written "now" into the ledger; the verdict's record says what it was judged by.
    (record,) = system.audit(plan_id)
    facts = exact(record["inputs"])["facts"]
    now_ms, ordered_ms = facts["now_ms"], facts["ledger"]["last_order_time_ms"]
    assert ordered_ms == written_ms + 3_600_000 or written_ms <= ordered_ms <= now_ms
    assert details["seconds_since_order"] == Decimal(max(0, now_ms - ordered_ms)).scaleb(-3)
    assert details["cooldown_sec"] == COOLDOWN_SEC
    assert 0 < details["retry_after_sec"] <= COOLDOWN_SEC
