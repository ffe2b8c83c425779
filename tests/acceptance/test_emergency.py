"""The emergency lane with the real programs: a position that every other plan is denied on is closed by the command."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

from p33_tasks.cli.root import cli
from tests.acceptance.system import System
from tests.support.waiting import wait_until

SYMBOL = "SIM003USDT"
pytestmark = pytest.mark.timeout(180)


def test_a_position_in_drift_and_on_hold_is_closed_by_the_command(system: System, environment: dict[str, str]) -> None:
    system.hold_position(SYMBOL, "0.04", ledger="0.01")
    system.client.set(f"quantum:position:hold:{SYMBOL}", '{"reason":"unexplained_drift","ends":"agreement"}')
    assert system.verdict(system.publish(SYMBOL))["reason"] == "reconcile_hold_active"

    result = CliRunner().invoke(
        cli, ["emergency-close", SYMBOL, "--why", "drift", "--yes", "--json"], env=dict(environment)
    )

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["verdict"]["emergency"] is True
    assert system.result(found["plan_id"], timeout_sec=30)["executed"].lower() == "true"
    wait_until(lambda: system.exchange.position(SYMBOL) == Decimal(0), "the position is closed")
    told = [event["event"] for _, event in system.client.xrange("quantum:stream:p33.reconcile")]
    if environment["P33_RECONCILE_MODE"] != "off":
        told = [event for event in told if event != "drift_seen"]  # of the very drift: the ledger was set by hand
    assert told == ["emergency"]
