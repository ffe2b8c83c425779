"""CONTRACT section 6: permits, their literals and signature, consuming, and the audit stream."""

from __future__ import annotations

import json
import re
import time
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.apply import Consumed, PermitClient, PermitRefused
from tests.contract.system import PERMIT_TTL_SEC, SIGNING_KEY, VERDICTS, System, signature

ALLOW = {
    *("plan_id", "symbol", "allow", "safe_close_qty", "exchange_position_amt", "ledger_position_amt"),
    *("snapshot_age_sec", "ts_epoch", "ts_ms", "expires_ms", "order_side", "run_id", "sig"),
}
NO_GOVERNOR, NO_P33 = "missing_permit_or_redis", "missing_or_denied_p33_permit"


@pytest.fixture(scope="module")
def client(system: System) -> PermitClient:
    return PermitClient(system.redis.url(), signing_keys=[SIGNING_KEY])


def refused(client: PermitClient, plan_id: str, symbol: str) -> str:
    with pytest.raises(PermitRefused) as caught:
        client.consume(plan_id, symbol)
    assert caught.value.reason
    return caught.value.error


@pytest.mark.parametrize(
    ("amt", "quantity", "side"), [("0.038", "0.028", "SELL"), ("-0.038", "0.028", "BUY"), ("0.008", "0.006", "SELL")]
)
def test_an_allow_has_every_field_exact_literals_and_a_valid_signature(
    system: System, amt: str, quantity: str, side: str
) -> None:
    symbol = system.symbol(amt)
    plan_id = system.allow(symbol)
    text = str(system.client.get(f"quantum:permit:p33:{plan_id}"))

    permit = system.permit(plan_id) or {}

    assert set(permit) >= ALLOW
    assert (permit["plan_id"], permit["symbol"], permit["allow"], permit["order_side"]) == (plan_id, symbol, True, side)
    for name, literal in (("safe_close_qty", quantity), ("exchange_position_amt", amt), ("ledger_position_amt", amt)):
        assert re.search(rf'"{name}":{re.escape(literal)}[,}}]', text), text
    assert permit["expires_ms"] - permit["ts_ms"] == PERMIT_TTL_SEC * 1_000
    assert permit["ts_epoch"] == permit["ts_ms"] // 1_000
    assert 0 <= permit["snapshot_age_sec"] < 2
    assert permit["run_id"] == system.client.info("server")["run_id"]
    assert permit["sig"] == signature(text, SIGNING_KEY, "quantum")


def test_the_signature_is_over_utf_8(system: System) -> None:
    plan_id = "plän-日本-\U0001f512-\"'\\ "
    system.verdict(system.plan(system.symbol("0.04"), plan_id=plan_id))
    text = str(system.client.get(f"quantum:permit:p33:{plan_id}") or "{}")
    permit = json.loads(text)
    if permit:  # otherwise such a plan_id was refused
        assert permit["sig"] == signature(text, SIGNING_KEY, "quantum")


def test_a_deny_has_reason_details_and_time(system: System) -> None:
    plan_id = system.plan(system.symbol("0.04"), "HOLD")
    system.verdict(plan_id)
    permit = system.permit(plan_id) or {}
    assert set(permit) >= {"plan_id", "symbol", "allow", "reason", "details", "ts_epoch"}
    assert permit["allow"] is False
    assert isinstance(permit["details"], dict)
    assert "sig" not in permit
    assert 0 < system.client.ttl(f"quantum:permit:p33:{plan_id}") <= PERMIT_TTL_SEC


def test_consuming_takes_both_permits_and_renews_the_reservation(system: System, client: PermitClient) -> None:
    symbol = system.symbol("-0.04")
    plan_id = system.allow(symbol)
    assert refused(client, plan_id, symbol) == NO_GOVERNOR
    system.grant(plan_id, granted=False)
    assert refused(client, plan_id, symbol) == NO_GOVERNOR
    system.grant(plan_id)
    assert refused(client, plan_id, "SIM003USDT") == NO_P33

    before_ms = system.now_ms()
    consumed = client.consume(plan_id, symbol)

    assert isinstance(consumed, Consumed)
    assert (consumed.safe_close_qty, consumed.order_side) == (Decimal("0.03"), "BUY")
    assert 4_000 < consumed.place_before_ms - before_ms < 7_000
    assert not system.client.exists(f"quantum:permit:p33:{plan_id}", f"quantum:permit:governor:{plan_id}")
    assert system.reservation(symbol) == plan_id
    # The permit's lifetime, or the placing window, the stale ceiling and the read lag: whichever is longer.
    longest_sec = max(PERMIT_TTL_SEC, 5 + 60 + 2)
    assert longest_sec - 2 <= system.client.ttl(f"quantum:position:inflight:{symbol}") <= longest_sec
    system.grant(plan_id)
    assert refused(client, plan_id, symbol) == NO_P33


def test_everything_about_our_permit_is_checked_at_use_and_a_refusal_changes_nothing(
    system: System, client: PermitClient
) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    system.grant(plan_id)
    r = system.client
    permit, hold, inflight, ledger = (
        f"quantum:{name}"
        for name in (
            f"permit:p33:{plan_id}",
            f"reconcile:hold:{symbol}",
            f"position:inflight:{symbol}",
            f"position:ledger:{symbol}",
        )
    )
    text = str(r.get(permit))
    forged = [
        text.replace('"safe_close_qty":0.03', '"safe_close_qty":0.04'),
        re.sub(r',?"sig":"[0-9a-f]+"', "", text),
        text.replace('"allow":true', '"allow":false'),
        "",
        "null",
        "[]",
        "{",
        "NaN",
        text[:-1],
        text + " x",
    ]
    for wrong in forged:
        r.set(permit, wrong, ex=30)
        assert refused(client, plan_id, symbol) == NO_P33, wrong[:80]
    r.set(permit, text, ex=30)

    for key, value in ((hold, ""), (inflight, "another-plan")):
        before = r.get(key)
        r.set(key, value)
        assert refused(client, plan_id, symbol) == NO_P33, key
        r.delete(key) if before is None else r.set(key, before)
    r.hset(ledger, "last_order_time_ms", system.now_ms())
    assert refused(client, plan_id, symbol) == NO_P33
    r.hdel(ledger, "last_order_time_ms")
    assert r.exists(permit, f"quantum:permit:governor:{plan_id}") == 2

    assert client.consume(plan_id, symbol).safe_close_qty == Decimal("0.03")


def test_a_position_that_moved_since_the_permit_is_refused(system: System, client: PermitClient) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    system.grant(plan_id)
    system.exchange.set_position(symbol, "0.03")
    system.await_snapshot(symbol, "0.03")
    assert refused(client, plan_id, symbol) == NO_P33


@pytest.mark.parametrize("granted", [None, "true", 1, 0, [], {}])
def test_only_granted_true_is_a_grant(system: System, client: PermitClient, granted: Any) -> None:
    symbol = "SIM000USDT"
    system.grant("no-grant", granted=granted)
    assert refused(client, "no-grant", symbol) == NO_GOVERNOR


def test_waiting_returns_as_soon_as_both_are_there_and_a_no_at_once(system: System, client: PermitClient) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.plan(symbol)
    system.grant(plan_id)
    assert client.wait_and_consume(plan_id, symbol, timeout_sec=10).order_side == "SELL"
    denied = system.plan(symbol, "HOLD")
    system.grant(denied)
    with pytest.raises(PermitRefused) as caught:
        client.wait_and_consume(denied, symbol, timeout_sec=10)
    assert caught.value.error == NO_P33


def test_the_governors_key_is_a_template(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    other = PermitClient(system.redis.url(), governor_key="{prefix}:permit:{plan_id}", signing_keys=[SIGNING_KEY])
    system.client.set(f"quantum:permit:{plan_id}", '{"granted": true}')
    assert other.consume(plan_id, symbol).consume_id
    other.close()


def test_a_prefix_of_its_own_sees_nothing_of_another_account(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    system.grant(plan_id)
    other = PermitClient(system.redis.url(), prefix="other", signing_keys=[SIGNING_KEY])
    assert refused(other, plan_id, symbol) == NO_GOVERNOR
    for key in (f"permit:p33:{plan_id}", f"permit:governor:{plan_id}"):
        system.client.set(f"other:{key}", str(system.client.get(f"quantum:{key}")))
    assert refused(other, plan_id, symbol) == NO_P33, "the signature holds the prefix"
    other.close()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "sentinel://127.0.0.1:1;127.0.0.1:2/master"])
def test_an_unreachable_redis_is_a_refusal_in_time_and_in_a_sentence(url: str) -> None:
    nowhere, started = PermitClient(url), time.monotonic()
    with pytest.raises(PermitRefused) as caught:
        nowhere.consume("p", "BTCUSDT")
    assert caught.value.error == NO_GOVERNOR
    assert len(caught.value.reason) < 200
    assert time.monotonic() - started < 5


def test_a_consumer_that_only_gets_and_deletes_still_works(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    key = f"quantum:permit:p33:{plan_id}"
    permit = json.loads(str(system.client.get(key)))
    assert (permit["allow"], permit["safe_close_qty"]) == (True, 0.03)
    assert system.client.delete(key) == 1
    system.filled(symbol, "plain", "0.03", plan_id=plan_id)
    assert system.ledger(symbol)["last_known_amt"] == "0.01"
    assert system.reservation(symbol) is None


def test_every_verdict_is_on_the_audit_stream_with_the_inputs_it_was_made_from(system: System) -> None:
    symbol = system.symbol("0.04", ledger="0.05")
    plan_id = system.plan(symbol)
    verdict = system.verdict(plan_id)

    (entry,) = system.audit(plan_id)

    whole = json.dumps(entry)
    for known in (symbol, verdict["reason"], "0.04", "0.05", "CLOSE_PARTIAL_75", "run_id"):
        assert known in whole, known
    assert system.client.type(VERDICTS) == "stream"
