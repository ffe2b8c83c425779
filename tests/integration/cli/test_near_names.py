"""A mistyped symbol: each command that takes one says which was meant, and none acts on the one that wasn't typed."""

from __future__ import annotations

import pytest

from tests.integration.cli.conftest import Call, document
from tests.support.gate import OTHER, SYMBOL, Gate

MEANT = f"Did you mean {SYMBOL}?"
COMMANDS = {
    ("status",): 1,
    ("hold", "set", "--why", "x"): 2,
    ("hold", "clear"): 1,
    ("limits", "show"): 1,
    ("limits", "set", "--cooldown-sec", "60"): 2,
    ("limits", "clear"): 1,
    ("reconcile", "status"): 1,
    ("reconcile", "release", "--why", "x"): 1,
    ("ledger", "show"): 1,
    ("ledger", "adopt", "--yes"): 1,
    ("ledger", "rebuild", "--yes"): 1,
    ("emergency-close", "--why", "x", "--yes"): 2,
    ("replay", "--symbol"): 0,
    ("watch", "--for", "0.1s", "--symbol"): 0,
}
NAMES = [" ".join(command[:2]) for command in COMMANDS]


@pytest.mark.parametrize(
    ("command", "exit_code"), COMMANDS.items(), ids=[" ".join(command[:2]) for command in COMMANDS]
)
def test_a_symbol_that_is_not_listed_is_named_with_the_near_one(
    gate: Gate, call: Call, command: tuple[str, ...], exit_code: int
) -> None:
    gate.make_ready()
    gate.operator.set_hold(SYMBOL, why="ticket", by="desk")
    before = gate.dump()
    result = call(*command, f"{SYMBOL[:-1]}", P33_RECONCILE_KEY="k" * 32)
    assert result.exit_code == exit_code, result.output
    words = " ".join(result.stderr.split())
    assert "of P33_ALLOWLIST here" in words
    assert MEANT in words
    assert gate.dump() == before


@pytest.mark.parametrize(
    ("command", "exit_code"), COMMANDS.items(), ids=[" ".join(command[:2]) for command in COMMANDS]
)
def test_nothing_near_is_no_hint(gate: Gate, call: Call, command: tuple[str, ...], exit_code: int) -> None:
    gate.make_ready()
    result = call(*command, "ZZZ", P33_RECONCILE_KEY="k" * 32)
    assert result.exit_code == exit_code, result.output
    assert "ZZZ is not among the 2 of P33_ALLOWLIST here" in " ".join(result.stderr.split())
    assert "Did you mean" not in result.stderr


def test_what_stands_on_a_symbol_that_left_the_list_can_still_be_ended(gate: Gate, call: Call) -> None:
    gate.operator.set_hold("GONEUSDT", why="ticket", by="desk")
    result = call("hold", "clear", "GONEUSDT")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_listed_symbol_is_no_matter(gate: Gate, call: Call) -> None:
    gate.make_ready()
    for command in (("hold", "clear"), ("limits", "clear"), ("reconcile", "release", "--why", "x")):
        assert "P33_ALLOWLIST" not in call(*command, OTHER).stderr


def test_a_symbol_outside_ascii_is_taken_as_it_is_listed(gate: Gate, call: Call) -> None:
    listed = {"P33_ALLOWLIST": "币安人生USDT"}
    assert call("hold", "set", "币安人生USDT", "--why", "x", **listed).exit_code == 0
    assert gate.redis.exists(gate.keys.hold("币安人生USDT"))


# --- plans ----------------------------------------------------------------------------------------------------------


def test_a_plan_id_with_a_slip_is_answered_with_the_near_ones(gate: Gate, call: Call) -> None:
    gate.make_ready().allow("abc5f1f59a4df545")
    result = call("explain", "abc5f1f59a4df544")
    assert result.exit_code == 1
    assert f"Did you mean the plan abc5f1f59a4df545 ({SYMBOL})?" in " ".join(result.stdout.split())
    assert document(call("explain", "abc5f1f59a4df54", "--json"))["did_you_mean"] == ["abc5f1f59a4df545"]
    assert "Did you mean" not in call("explain", "something-else").stdout


@pytest.mark.parametrize("typed", [SYMBOL, SYMBOL.lower(), SYMBOL[:-1]])
def test_a_symbol_in_place_of_a_plan_is_answered_with_its_latest_plans(gate: Gate, call: Call, typed: str) -> None:
    gate.make_ready().allow("p-one")
    gate.judge("p-two")
    assert document(call("explain", typed, "--json"))["did_you_mean"] == ["p-two", "p-one"]


# --- exit codes -----------------------------------------------------------------------------------------------------


def test_a_login_that_redis_refuses_is_a_matter_of_the_settings(gate: Gate, call: Call) -> None:
    gate.redis.config_set("requirepass", "the-password")
    try:
        for command in (("status",), ("hold", "clear", SYMBOL), ("explain", "x")):
            refused = call(*command, REDIS_PASSWORD="not-it")
            assert refused.exit_code == 2, refused.output
            assert "REDIS_PASSWORD" in refused.stderr
            assert "Start Redis" not in refused.stderr
    finally:
        gate.redis.config_set("requirepass", "")


def test_an_exchange_that_is_away_is_exit_3_of_adopting(gate: Gate, call: Call) -> None:
    gate.put_position("0.040")
    away = {
        "P33_EXCHANGE_BASE_URL": "http://127.0.0.1:1",
        "BINANCE_TESTNET_API_KEY": "k",
        "BINANCE_TESTNET_API_SECRET": "s",
    }
    source = gate.snapshot()["source"]
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "source", f"{source.split()[0]} 127.0.0.1:1")
    result = call("ledger", "adopt", SYMBOL, "--yes", **away)
    assert result.exit_code == 3, result.output
    assert "--without-trades" in result.stderr
    assert gate.ledger_amt() is None


def test_a_denied_plan_of_a_misspelt_symbol_is_explained_with_the_one_that_was_meant(gate: Gate, call: Call) -> None:
    gate.make_ready()
    gate.judge("typo", symbol=SYMBOL[:-1])
    gate.judge("other", symbol="ZZZ")
    shown = " ".join(call("explain", "typo").stdout.split())
    assert f"{MEANT} Then send a new plan for it. If {SYMBOL[:-1]} is correct: Add the symbol" in shown
    assert document(call("explain", "typo", "--json"))["remedy"].startswith(MEANT)
    assert "Did you mean" not in call("explain", "other").stdout


def test_a_plan_of_a_symbol_that_was_listed_since_is_explained_so(gate: Gate, call: Call) -> None:
    gate.judge("early", symbol="ADAUSDT")
    shown = call("explain", "early", P33_ALLOWLIST=f"{SYMBOL},ADAUSDT").stdout
    assert "ADAUSDT is in P33_ALLOWLIST here now" in shown
    assert "restart the workers" in shown
