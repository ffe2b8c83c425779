"""``p33 limits``: set, shown and cleared, and what is refused (CONTRACT section 10)."""

from __future__ import annotations

import pytest

from tests.integration.cli.conftest import Call, document
from tests.support.gate import OTHER, SYMBOL, Gate


def test_a_tighter_limit_is_set_shown_and_cleared(gate: Gate, call: Call) -> None:
    gate.make_ready()
    done = call("limits", "set", SYMBOL.lower(), "--cooldown-sec", "30.50")
    assert done.exit_code == 0
    assert "cooldown 30.5 s (operator)" in done.stdout
    assert gate.redis.hgetall(gate.keys.limits(SYMBOL)) == {"cooldown_sec": "30.5"}
    assert "cooldown 30.5 s (operator)" in call("limits", "show").stdout
    shown = document(call("limits", "show", SYMBOL, OTHER, "--json"))["limits"]
    assert (shown[SYMBOL]["cooldown_by"], shown[OTHER]["cooldown_by"]) == ("operator", "config")
    assert "cooldown 30.5 s (operator)" in call("status").stdout
    assert call("limits", "clear", SYMBOL).exit_code == 0
    assert call("limits", "clear", SYMBOL).exit_code == 1
    assert gate.events() == ["limits_set", "limits_cleared"]


def test_an_unlisted_symbol_is_shown_with_a_note_and_a_no(call: Call) -> None:
    for command in (("limits", "show"), ("ledger", "show")):
        result = call(*command, "BTCUSD")
        assert result.exit_code == 1
        assert "BTCUSD" in result.stdout
        assert f"BTCUSD is not among the 2 of P33_ALLOWLIST here, so its plans are denied. Did you mean {SYMBOL}?" in (
            result.stderr
        )
        result = call(*command, "BTCUSD", "--json")
        assert (result.exit_code, len(document(result)) > 0) == (1, True)


def test_a_looser_limit_needs_a_time(gate: Gate, call: Call) -> None:
    refused = call("limits", "set", SYMBOL, "--cooldown-sec", "1", "--qty-tolerance-pct", "9")
    assert refused.exit_code == 2
    assert "cooldown_sec, qty_tolerance_pct: looser than configured" in refused.stderr
    found = document(call("limits", "set", SYMBOL, "--cooldown-sec", "1", "--for", "2h", "--json"))
    ends_ms = found["limits"]["looser_until_ms"]
    assert 7_190_000 < ends_ms - gate.now_ms() <= 7_200_000
    assert found["stored"] == {"cooldown_sec": "1", "expires_ms": str(ends_ms)}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name at least one limit"),
        (("--cooldown-sec", "soon"), "not a decimal number"),
        (("--cooldown-sec", "-1"), "not within 0 to 86400"),
        (("--cooldown-sec", "86401"), "not within 0 to 86400"),
        (("--cooldown-sec", "20.0001"), "at most 3 decimals"),
        (("--qty-tolerance-pct", "NaN"), "not a decimal number"),
        (("--qty-tolerance-pct", "10.1", "--for", "1h"), "not within 0 to 10"),
        (("--stale-threshold-sec", "5"), "must be above P33_POLL_SEC"),
        (("--stale-threshold-sec", "61", "--for", "1h"), "not within"),
        (("--cooldown-sec", "1", "--for", "25h"), "at most 24h"),
        (("--cooldown-sec", "30", "--for", "1h"), "remove --for"),
    ],
)
def test_what_is_no_limit_is_refused_and_nothing_changes(gate: Gate, call: Call, arguments, says: str) -> None:
    refused = call("limits", "set", SYMBOL, *arguments)
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert not gate.redis.exists(gate.keys.limits(SYMBOL))
    assert gate.events() == []


def test_check_lists_each_symbol_with_limits_of_its_own(gate: Gate, call: Call) -> None:
    gate.make_ready()
    gate.redis.hset(gate.keys.limits(SYMBOL), mapping={"cooldown_sec": "1", "expires_ms": gate.now_ms() + 60_000})
    gate.redis.hset(gate.keys.limits(OTHER), "cooldown_sec", "soon")
    rows = {
        finding["what"]: finding
        for finding in document(call("check", "--no-exchange", "--json"))["findings"]
        if finding["area"] == "limits"
    }
    assert (rows[SYMBOL]["grade"], rows[OTHER]["grade"]) == ("warn", "fail")
    gate.redis.hset(gate.keys.limits(SYMBOL), "expires_ms", gate.now_ms() - 1)
    (row,) = [
        finding
        for finding in document(call("check", "--no-exchange", "--json"))["findings"]
        if (finding["area"], finding["what"]) == ("limits", SYMBOL)
    ]
    assert "no longer counted" in row["found"]


def test_explain_tells_whose_limit_it_was(gate: Gate, call: Call) -> None:
    gate.make_ready()
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms() - 20_000)
    gate.put_position()
    gate.redis.hset(gate.keys.limits(SYMBOL), "cooldown_sec", "30")
    gate.judge()
    text = call("explain", "plan-1").stdout
    assert "cooldown 30 s (by operator)" in text
    assert "an operator set it for this symbol" in text
