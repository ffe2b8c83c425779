"""Snapshots and permits of one account never serve for another of the same venue."""

from __future__ import annotations

import pytest

from p33_tasks.contract.timing import PLACE_WINDOW_MS
from p33_tasks.ports import Claim
from p33_tasks.store.snapshots import ACCOUNT_QUIET_MS
from p33_tasks.venues.rows import UNKNOWN_ACCOUNT
from tests.support.gate import SOURCE, Gate

REFUSED = "missing_or_denied_p33_permit"


def refreshed(gate: Gate, account: str) -> bool:
    """A refresh as the service makes it; whether the account was another one."""
    claim = gate.snapshots.claim_refresh(SOURCE)
    changed = gate.snapshots.note_account(account)
    gate.snapshots.finish_refresh(claim)
    return changed


def test_another_account_begins_a_new_life_in_which_nothing_of_before_counts(gate: Gate) -> None:
    gate.make_ready()
    assert not refreshed(gate, "1"), "the first one in a store of its own"
    life = gate.life
    assert not refreshed(gate, "1")
    gate.allow()
    gate.grant()
    assert refreshed(gate, "2")
    assert gate.life != life
    assert gate.why_not("p-2") == "no_exchange_snapshot"
    assert gate.refusal() == (REFUSED, "other_redis_life")
    assert gate.put_position() == "ok", "a snapshot that was requested in the new life"
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.PAUSED, "an order of before may still be sent"
    gate.redis.hset(gate.keys.refresh, "new_life_ms", gate.now_ms() - PLACE_WINDOW_MS - 1)
    assert gate.snapshots.claim_refresh(SOURCE).claim is Claim.MINE


def test_what_was_fetched_before_the_account_was_asked_for_counts_no_more(gate: Gate) -> None:
    """A Redis of an earlier version: it is read, and waits for a new snapshot."""
    gate.make_ready()
    gate.snapshots.finish_refresh(gate.snapshots.claim_refresh(SOURCE))
    assert gate.redis.hget(gate.keys.refresh, "account") is None
    assert refreshed(gate, "1")
    assert gate.why_not("p-1") == "no_exchange_snapshot"
    assert not refreshed(gate, "1")


def test_keys_of_two_accounts_in_one_store_never_allow_anything(gate: Gate) -> None:
    gate.make_ready()
    refreshed(gate, "1")
    for at, account in enumerate("221122121"):
        assert refreshed(gate, account), "also where one of them comes twice in a row"
        assert gate.why_not(f"p-{at}") == "no_exchange_snapshot"


def test_an_account_that_nobody_else_s_followed_is_written_in_the_end(gate: Gate) -> None:
    gate.make_ready()
    refreshed(gate, "1")
    assert refreshed(gate, "2")
    life = gate.life
    assert refreshed(gate, "2")
    assert gate.life == life, "it began once"
    gate.redis.hset(gate.keys.refresh, "other_account_ms", gate.now_ms() + 3_600_000)
    assert refreshed(gate, "2"), "noted before the clock stepped back"
    assert int(gate.redis.hget(gate.keys.refresh, "other_account_ms") or 0) <= gate.now_ms()
    gate.redis.hset(gate.keys.refresh, "other_account_ms", gate.now_ms() - ACCOUNT_QUIET_MS)
    assert not refreshed(gate, "2")


@pytest.mark.parametrize("accounts", [("1", UNKNOWN_ACCOUNT), (UNKNOWN_ACCOUNT, "1")])
def test_one_that_isnt_told_may_be_the_same_and_stops_nothing_for_long(gate: Gate, accounts: tuple[str, str]) -> None:
    gate.make_ready()
    first, second = accounts
    refreshed(gate, first)
    assert refreshed(gate, second)
    assert not refreshed(gate, second)
