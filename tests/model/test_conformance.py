"""The model does what the scripts do, on a real Redis.

Random ways through the model are played on the real scripts; and so is every shortest way in which a guard is missed
once it is left out (``mutants``). After every move the two must agree on what was answered and on everything the model
knows of Redis: verdict, permit, reservation and how long it lasts, ledger, order time, fills, consumption, hold,
snapshot, pending entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from p33_tasks.apply import consuming
from p33_tasks.store import results, scripts, snapshots
from tests.model.clockwork import consumed_ms, place_window_ms, unknown_ms
from tests.model.executors import Move
from tests.model.explorer import ANSWERED, Step, followed, violation_of, walk
from tests.model.mutants import BROKEN_BY, Mutant
from tests.model.replay import Replay
from tests.model.scenario import Scenario
from tests.model.scenarios import LARGE, SMALL
from tests.model.told import view_of
from tests.support.redis_server import RedisServer, running_redis

LENGTH = 30
CASES = {case.name: case for case in (*SMALL, *LARGE) if case not in LARGE or case.name == "everything at once"}
SEEDS = {name: range(6 if case.crashes else 28) for name, case in CASES.items()}

MUTANTS = {mutant.without[0]: mutant for mutant in reversed(BROKEN_BY)}
BREAKS = {
    "commit.decision": ("commit_verdict", "redis.call('EXISTS', decision_key) == 1", "false"),
    "commit.reservation": ("commit_verdict", "redis.call('EXISTS', reservation_key) == 1", "false"),
    "commit.hold": ("commit_verdict", "redis.call('EXISTS', hold_key) == 1", "false"),
    "commit.service_hold": ("commit_verdict", "redis.call('EXISTS', service_hold_key) == 1", "false"),
    "commit.run_id": ("commit_verdict", "run_id() ~= evaluated_run_id", "false"),
    "commit.snapshot": (
        "commit_verdict",
        "s[1] ~= evaluated_position_amt or not fetched or fetched ~= tonumber(evaluated_ts_ms)",
        "false",
    ),
    "commit.snapshot_age": ("commit_verdict", "now - fetched > tonumber(stale_threshold_ms)", "false"),
    "commit.ledger": ("commit_verdict", "(ordered and text(ordered) or '') ~= evaluated_order_ms", "false"),
    "commit.barrier": ("commit_verdict", "before_barrier(fetched, l[4], read_lag_ms)", "false"),
    "commit.plan_age": ("commit_verdict", "now - tonumber(plan_issued_ms) > tonumber(plan_max_age_ms)", "false"),
    "consume.delete": (
        "consume_permits",
        "redis.call('DEL', governor_permit_key, permit_key)",
        "redis.call('DEL', governor_permit_key)",
    ),
    "consume.run_id": ("consume_permits", "run_id() ~= permit_run_id", "false"),
    "consume.hold": ("consume_permits", "redis.call('EXISTS', hold_key) == 1", "false"),
    "hold.withdraw": ("add_service_hold", "redis.call('EXISTS', h.permit_prefix .. plan_id) == 1", "false"),
    "hold.consumed_stays": ("add_service_hold", "redis.call('EXISTS', h.permit_prefix .. plan_id) == 1", "true"),
    "consume.order_since": ("consume_permits", "ordered >= issued", "false"),
    "consume.snapshot_age": ("consume_permits", "now - fetched > tonumber(max_snapshot_age_ms)", "false"),
    "consume.position": ("consume_permits", "s[1] ~= permit_position_amt", "false"),
    "consume.renew": ("consume_permits", "redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms)", ""),
    "result.ledger": ("record_result", "(redis.call('HGET', ledger_key, 'last_known_amt') or '') ~= base_amt", "false"),
    "result.remembered": (
        "record_result",
        "(redis.call('HGET', fills_key, order.id) or '') ~= order.before",
        "false",
        "(redis.call('GET', executed_key) or '') ~= base_executed",
        "false",
        "(redis.call('HGET', orders_key, order.id) or '') ~= order.record_before",
        "false",
    ),
    "result.abandoned": ("record_result", "elseif not decision then", "elseif false then"),
    "result.own_reservation": (
        "record_result",
        "  if reserved_by == plan_id then free() end",
        "  if reserved_by then free() end",
    ),
    "result.permit_there": (
        "record_result",
        "reserved_by == plan_id and permit_there then",
        "reserved_by == plan_id then",
    ),
    "result.consume_id": ("record_result", "outcome == 'rejected' and proven", "outcome == 'rejected'"),
    "result.barrier": ("record_result", "settles and set_barrier(ledger_key)", "settles"),
    "result.delete": (
        "record_result",
        "redis.call('DEL', reservation_key, permit_key)",
        "redis.call('DEL', reservation_key)",
    ),
    "commit.unknown": ("commit_verdict", "emergency ~= '1' and l[5] and l[5] ~= ''", "false"),
    "doubt.renew": ("record_result", "redis.call('SET', h.reservation, plan_id, 'PX', text(left))", ""),
    "doubt.limit": (
        "record_result",
        "math.min((twin_time(consumed_ms) or 0) + tonumber(unknown_ms) - now, tonumber(unknown_ms))",
        "tonumber(unknown_ms)",
    ),
    "doubt.late": ("record_result", "return reserved_by and 'renewed' or 'taken'", "return 'renewed'"),
    "doubt.other": ("record_result", "(reserved_by or plan_id) ~= plan_id", "false"),
    "result.settled": (
        "record_result",
        "if settled == 'repaired' or is_before(said, settled) then return true end",
        "",
    ),
    "put.hold": ("put_snapshots", "  hold_unanswered(symbol, at)\n", ""),
    "put.cut_permit": ("put_snapshots", "then redis.call('PEXPIRE', permit, permit_ttl_ms) end", "then end"),
    "refresh.new_run": ("claim_refresh", "now - since <= tonumber(new_life_pause_ms)", "false"),
    "put.older": ("put_snapshots", "stored_ms > ts_ms", "false"),
}
"""The line of a script that a guard of the model stands for, and what leaves it out."""

WORDS = {
    *("judge allow", "judge decided", "judge reconcile_hold_active", "judge stale_exchange_state", "judge no_position"),
    *("judge cooldown_in_flight", "judge permit_in_flight", "judge plan_expired", "judge no_exchange_snapshot"),
    *("judge reconcile_required_qty_mismatch", "judge reconcile_required_missing_ledger"),
    *("commit committed", "commit exists", "commit moved hold", "commit moved reservation", "commit moved snapshot"),
    *("commit moved snapshot_age", "deny committed", "fetch paused", "put ok", "put older", "put other_run"),
    *("consume consumed", "consume reconcile_hold_active", "consume stale_exchange_state", "consume position_changed"),
    *("hold_position set", "hold_position set plan-0"),
    *("prepare allow", "promote committed", "promote moved snapshot"),
    *("consume missing", "record recorded none", "record recorded released", "record moved"),
    *("told recorded released", "told recorded kept", "told recorded none"),
    "told recorded renewed",
}
"""What the walks must have met."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


def parted(case: Scenario, steps: Iterable[Step], server: RedisServer) -> str | None:
    """Where model and scripts part on a way, as a story; None when they don't."""
    replay, told = Replay(server, case), [f"{case.name}:"]
    for before, move, after in steps:
        told.append(" ".join(map(str, move)))
        word = replay.step(before, move)
        if word != expected_word(move):
            return "\n".join([*told, f"but the script says: {word}"])
        seen, expected = replay.clock.view(case, replay.plan_entries), view_of(case, after.redis)
        if seen != expected:
            return "\n".join([*told, f"Redis: {seen}", f"model: {expected}"])
    return None


def expected_word(move: Move) -> str:
    """What the script says to a move; moves that ask no script say nothing."""
    return str(move[-1]) if move[0] in ANSWERED else ""


def with_real_limits(case: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "PLACE_WINDOW_MS", place_window_ms(case.limits))
    monkeypatch.setattr(consuming, "consumed_ms", lambda _: consumed_ms(case.limits))
    for store in (results, snapshots):
        monkeypatch.setattr(store, "UNKNOWN_MS", unknown_ms(case.limits))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_the_scripts_do_what_the_model_does(name: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    # What merges states is not for one that is compared with reality.
    case = replace(CASES[name], limits=CASES[name].limits._replace(remember=LENGTH))
    with_real_limits(case, monkeypatch)
    for seed in SEEDS[name]:
        story = parted(case, walk(case, seed, LENGTH), server)
        assert story is None, f"seed {seed}, {story}"


@pytest.mark.parametrize("mutant", BROKEN_BY, ids=str)
def test_where_a_guard_is_needed_the_scripts_have_it(
    mutant: Mutant, server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    with_real_limits(mutant.case, monkeypatch)
    story = parted(mutant.case, way_to(mutant), server)
    assert story is None, story


@pytest.mark.parametrize("guard", BREAKS)
def test_a_script_without_a_guard_is_noticed(guard: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    mutant, (script, *lines), original = MUTANTS[guard], BREAKS[guard], scripts.source
    with_real_limits(mutant.case, monkeypatch)

    def broken(name: str, room: str) -> str:
        text = original(name, room)
        for line, instead in zip(lines[::2], lines[1::2], strict=True):
            assert name != script or text.count(line) == 1
            text = text.replace(line, instead) if name == script else text
        return text

    monkeypatch.setattr(scripts, "source", broken)
    assert parted(mutant.case, way_to(mutant), server) is not None


def way_to(mutant: Mutant) -> list[Step]:
    """The way on which a guard was missed, gone with it, as far as it goes then."""
    violation = violation_of(mutant.mutated, mutant.breaks)
    assert violation is not None
    return followed(mutant.case, violation.trace)


def test_the_walks_meet_what_can_happen():
    met = set()
    for name, case in CASES.items():
        for seed in SEEDS[name]:
            met |= {f"{move[0]} {expected_word(move)}" for _, move, _ in walk(case, seed, LENGTH)}
    assert set() == WORDS - met
