"""``p33 replay`` on verdicts that the real services made."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.domain.models import Allow
from p33_tasks.domain.reasons import Reason
from tests.integration.cli.conftest import Call, document
from tests.integration.cli.running import P33
from tests.integration.store.test_audit import SITUATIONS
from tests.support.gate import OTHER, SYMBOL, Gate

DATA = Path(__file__).parents[2] / "data"


def make_every_verdict(gate: Gate) -> None:
    """A verdict of every reason, by the real services; each under a world of its own."""
    kept = {gate.keys.decisions, gate.keys.plans, gate.keys.results, gate.keys.epoch, gate.keys.refresh}
    for act in SITUATIONS.values():
        for key in set(gate.redis.scan_iter()) - kept:
            gate.redis.delete(key)
        gate.make_ready()
        act(gate)
    gate.report("given-up", executed=False)
    for name, reason in (("moving", Reason.CONTENTION), ("capped", Reason.INTERNAL_ERROR)):
        plan, entry = gate.publish(name)
        gate.permits.deny(plan, entry, reason, {"tries": 3})


def drifting(gate: Gate, number: int) -> None:
    """Allows of 0.03 with a drift of 0.75 %."""
    gate.make_ready("0.040")
    gate.put_ledger("0.0397")
    for at in range(number):
        gate.redis.delete(gate.keys.reservation(SYMBOL))
        assert isinstance(gate.judge(f"drift-{at}"), Allow)


def latest(gate: Gate) -> dict[str, str]:
    return gate.redis.xrevrange(gate.keys.decisions, count=1)[0][1]


# --- as it was ------------------------------------------------------------------------------------------------------


def test_verdicts_of_every_reason_come_out_the_same(gate: Gate, call: Call) -> None:
    make_every_verdict(gate)
    result = call("replay", "--json")
    found = document(result)
    assert result.exit_code == 0
    assert found["ok"] is True
    assert (found["same"], found["different"], found["unreadable"]) == (len(SITUATIONS), 0, 0)
    assert found["not_replayable"] == {"internal_error": 1, "contention": 1, "plan_abandoned": 2}
    given = {"allow", *map(str, Reason)} - {str(Reason.HEDGE_MODE_UNSUPPORTED)}  # version 0.1 gave that one
    assert {*found["outcomes"], *found["not_replayable"]} == given
    text = call("replay").stdout
    assert f"{len(SITUATIONS)} come out the same" in text
    assert "2 not replayable, plan_abandoned: the executor gave up" in text


def test_what_version_0_1_recorded_comes_out_the_same(gate: Gate, call: Call) -> None:
    """Recorded by that version: no leg, no life, and hedge mode denied as unsupported."""
    recorded = json.loads((DATA / "decisions_v0_1.json").read_text())
    for entry_id, fields in recorded:
        gate.redis.xadd(gate.keys.decisions, fields, id=entry_id)
    found = document(call("replay", "--json"))
    assert (found["different"], found["unreadable"]) == (0, 0)
    assert found["not_replayable"] == {"internal_error": 1, "contention": 1, "plan_abandoned": 1}
    assert found["same"] == len(recorded) - 3
    assert {"allow", "hedge_mode_unsupported", "stale_exchange_state"} <= set(found["outcomes"])


def test_it_changes_nothing(gate: Gate, call: Call) -> None:
    make_every_verdict(gate)
    before = gate.dump()
    call("replay", "--cooldown-sec", "0")
    assert gate.dump() == before


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_an_allow_flipped_in_the_record_is_a_difference_and_exit_1(gate: Gate, call: Call, form: str) -> None:
    make_every_verdict(gate)
    drifting(gate, 1)
    fields = latest(gate)
    denied = fields["verdict"].replace('"allow":true', '"allow":false,"reason":"no_position","details":{}')
    gate.redis.xadd(gate.keys.decisions, {**fields, "allow": "false", "reason": "no_position", "verdict": denied})
    result = call("replay", "--format", form)
    assert result.exit_code == 1
    assert "drift-0" in result.stdout
    assert "no_position" in result.stdout
    assert "the outcome" in result.stdout


def test_a_deny_forged_into_an_allow_is_a_difference(gate: Gate, call: Call) -> None:
    gate.make_ready().allow("good")
    good = latest(gate)
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.put_position("-0.04")
    gate.judge("bad")
    bad = latest(gate)
    forged = good["verdict"].replace('"good"', '"bad"')
    gate.redis.xadd(gate.keys.decisions, {**bad, "allow": "true", "reason": "", "verdict": forged})
    found = document(call("replay", "--json"))
    (difference,) = found["differences"]
    assert (difference["plan_id"], difference["recorded"]) == ("bad", "allow")
    assert difference["again"] == "reconcile_required_side_mismatch"
    assert json.loads(difference["again_text"])["allow"] is False
    assert found["same"] == 2


def test_entries_of_other_writers_are_counted_and_shown_escaped(gate: Gate, call: Call) -> None:
    drifting(gate, 1)
    fields = latest(gate)
    for foreign in (
        {"foo": "\x1b[31m[red]"},
        {**fields, "inputs": '{"plan":{"action":5}}'},
        {**fields, "verdict": "\x1b[2J", "plan_id": "[bold]"},
        {b"\xff": b"\xff" * 100_000},
    ):
        gate.redis.xadd(gate.keys.decisions, foreign)
    for form in ("table", "csv", "json"):
        result = call("replay", "--format", form)
        assert result.exit_code == 0
        assert all(line.isprintable() for line in result.output.splitlines())
        assert len(result.output) < 20_000
    found = document(call("replay", "--json"))
    assert (found["same"], found["unreadable"]) == (1, 4)
    assert "4 not written by this service" in call("replay").stdout


def test_a_hostile_plan_id_is_escaped_everywhere(gate: Gate, call: Call) -> None:
    drifting(gate, 1)
    gate.redis.xadd(gate.keys.decisions, {**latest(gate), "plan_id": "=cmd|[red]\x1b[31m\u202e"})
    for form in ("table", "csv", "json"):
        result = call("replay", "--format", form)
        assert result.exit_code == 1
        assert all(line.isprintable() for line in result.output.splitlines())
    (row,) = csv.DictReader(io.StringIO(call("replay", "--format", "csv").stdout))
    assert row["plan_id"].startswith("'=cmd")


# --- with other limits ----------------------------------------------------------------------------------------------


def test_a_tighter_tolerance_tells_what_and_how_much_would_no_longer_be_allowed(gate: Gate, call: Call) -> None:
    drifting(gate, 7)
    result = call("replay", "--qty-tolerance-pct", "0.5", "--json")
    found = document(result)
    assert result.exit_code == 0
    (change,) = found["changes"]
    assert (change["from"], change["to"]) == ("allow", "reconcile_required_qty_mismatch")
    assert change["count"] == found["changed"] == 7
    assert change["plan_ids"] == [f"drift-{at}" for at in (6, 5, 4, 3, 2)]
    assert change["allowed_besides_qty"] == {SYMBOL: Decimal("-0.21")}
    assert found["limits"] == {"qty_tolerance_pct": Decimal("0.5")}
    assert "alone" in found["note"]
    text = call("replay", "--qty-tolerance-pct", "0.5").stdout
    assert "-0.21 BTCUSDT" in text
    assert "drift-6, drift-5" in text
    assert "What-if on each recorded verdict alone" in text


def test_a_looser_limit_tells_what_would_have_been_allowed_besides(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    gate.put_ledger("0.0384")  # 4 %
    gate.judge("p1")
    found = document(call("replay", "--qty-tolerance-pct", "5", "--json"))
    (change,) = found["changes"]
    assert (change["from"], change["to"]) == ("reconcile_required_qty_mismatch", "allow")
    assert change["allowed_besides_qty"] == {SYMBOL: Decimal("0.03")}


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--qty-tolerance-pct", "0.5", "reconcile_required_qty_mismatch"),
        ("--cooldown-sec", "86400", "cooldown_in_flight"),
        ("--stale-threshold-sec", "8", "stale_exchange_state"),
        ("--plan-max-age-sec", "0.5", "plan_expired"),
    ],
)
def test_each_limit_has_its_option(gate: Gate, call: Call, option: str, value: str, reason: str) -> None:
    gate.make_ready()
    gate.put_position(ts_ms=gate.now_ms() - 9_000)
    then_ms = gate.now_ms() - 20_000
    gate.put_ledger("0.0397", last_order_time_ms=str(then_ms))
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "ts_ms", str(gate.now_ms() - 9_000))
    gate.allow("p1", issued_ms=gate.now_ms() - 1_000)
    (change,) = document(call("replay", option, value, "--json"))["changes"]
    assert (change["from"], change["to"]) == ("allow", reason)


def test_an_epsilon_hides_what_is_less_than_the_symbols_least_quantity(gate: Gate, call: Call) -> None:
    gate.make_ready("0.0005")
    assert gate.why_not("p1") == "qty_below_step_size"
    (change,) = document(call("replay", "--position-epsilon", "1", "--json"))["changes"]
    assert (change["from"], change["to"]) == ("qty_below_step_size", "no_position")


def test_csv_has_a_line_for_each_and_its_summary_is_not_among_them(gate: Gate, call: Call) -> None:
    drifting(gate, 7)
    result = call("replay", "--qty-tolerance-pct", "0.5", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["plan_id"] for row in rows] == [f"drift-{at}" for at in range(6, -1, -1)]
    assert {(row["finding"], row["recorded"], row["recorded_qty"], row["now_qty"]) for row in rows} == {
        ("changed", "allow", "0.03", "0")
    }
    assert "7 of 7 (100.00 %)" in result.stderr
    assert "alone" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--stale-threshold-sec", "300"), "P33_STALE_THRESHOLD_SEC"),
        (("--stale-threshold-sec", "2"), "P33_POLL_SEC"),
        (("--qty-tolerance-pct", "nan"), "P33_QTY_TOLERANCE_PCT"),
        (("--qty-tolerance-pct", "-1"), "P33_QTY_TOLERANCE_PCT"),
        (("--cooldown-sec", ""), "--cooldown-sec"),
        (("--cooldown-sec", "\x1b[31m"), "P33_COOLDOWN_SEC"),
        (("--since", "1h", "--last", "5"), "exclude"),
        (("--json", "--format", "csv"), "exclude"),
        (("--last", "0"), "--last"),
        (("--since", "yesterday"), "10m"),
    ],
)
def test_limits_that_could_not_be_set_and_wrong_usage_are_exit_2(
    call: Call, arguments: tuple[str, ...], word: str
) -> None:
    result = call("replay", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert "\x1b" not in result.output


# --- which ----------------------------------------------------------------------------------------------------------


def test_last_and_symbol_choose(gate: Gate, call: Call) -> None:
    drifting(gate, 5)
    gate.judge("other", symbol=OTHER)
    assert document(call("replay", "--last", "3", "--json"))["looked_at"] == 3
    assert document(call("replay", "--symbol", "ethusdt", "--json"))["looked_at"] == 1
    assert document(call("replay", "--since", "1h", "--json"))["looked_at"] == 6


def test_a_span_without_verdicts_is_said_to_be_one(gate: Gate, call: Call) -> None:
    for arguments in ((), ("--symbol", "XRPUSDT"), ("--cooldown-sec", "1"), ("--format", "csv")):
        result = call("replay", *arguments)
        assert result.exit_code == 0
        assert "no verdicts to replay" in result.output


@pytest.mark.parametrize("arguments", [(), ("--since", "1h"), ("--last", "2")], ids=str)
def test_a_progress_bar_is_shown_in_a_terminal_only(gate: Gate, call: Call, arguments: tuple[str, ...]) -> None:
    drifting(gate, 3)
    assert call("replay", *arguments).stderr == ""
    main, side = pty.openpty()
    try:
        done = subprocess.run(
            [P33, "replay", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=side,
            env={**os.environ, **gate.server.environment, "TERM": "xterm-256color", "COLUMNS": "120"},
            timeout=60,
            check=True,
        )
    finally:
        os.close(side)
    with os.fdopen(main, "rb") as screen, contextlib.suppress(OSError):  # a pty whose other side is closed
        shown = screen.read1()
    assert b"replaying" in shown
    assert b"100%" in shown
    assert json.loads(done.stdout)["ok"] is True


def test_a_cooldown_mode_tells_what_it_would_have_changed(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "mark_price", "30000.5")
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms() - 20_000)
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "ts_ms", gate.now_ms() - 10)
    adaptive = {"cooldown_sec": "30", "cooldown_by": "volatility", "base_sec": "15", "measured": "2"}
    gate.redis.hset(gate.keys.adaptive_limits(SYMBOL), mapping=adaptive)
    assert gate.why_not("adapted") == Reason.COOLDOWN_IN_FLIGHT
    assert '"mark_price":30000.5' in latest(gate)["inputs"]
    found = document(call("replay", "--cooldown-mode", "fixed", "--json"))
    assert found["cooldown_mode"] == {"mode": "fixed", "seen": 1, "other": 1, "too_little_data": 0}
    assert [(change["from"], change["to"]) for change in found["changes"]] == [("cooldown_in_flight", "allow")]
    found = document(call("replay", "--cooldown-mode", "adaptive", "--json"))
    assert (found["changed"], found["cooldown_mode"]["other"]) == (0, 0)
    text = " ".join(call("replay", "--cooldown-mode", "fixed").stdout.split())
    assert "With cooldown_mode fixed: 1 of 1" in text
    assert "the cooldown would have been another one at 1 of 1 verdicts with facts" in text
