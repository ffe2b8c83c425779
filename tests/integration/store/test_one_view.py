"""Python evaluates, Lua compares: both must see the same fact in whatever text lies under a key."""

from __future__ import annotations

import pytest

from p33_tasks.contract.timing import decode_time
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.lua_source import with_prelude
from tests.support.gate import SYMBOL, Gate

TEXTS = [
    *("", "0", "00", "1", "007", "1771305126123", "99999999999999", "100000000000000", "9" * 40),
    *("1e3", "1e400", "-1", "+1", "1.0", "1.5", ".5", "0x10", "0b1", " 5 ", "5\n", "5\x00", "nan", "NaN", "inf"),
    *("-inf", "soon", "١٢٣", "1_000", b"\xff".decode(errors="surrogateescape"), "1" * 14, "1" * 15),
]


def by_python(ms: str | None, epoch: str | None) -> object:
    try:
        return decode_time(ms, epoch)
    except CorruptStateError:
        return "unreadable"


def by_lua(gate: Gate, ms: str | None, epoch: str | None) -> object:
    """As the scripts see it, from a HASH as they read it."""
    gate.redis.delete("h")
    for name, value in (("ms", ms), ("epoch", epoch)):
        if value is not None:
            gate.redis.hset("h", name, value.encode(errors="surrogateescape"))
    script = with_prelude(
        "local h = redis.call('HMGET', KEYS[1], 'ms', 'epoch') local t, bad = twin_time(h[1], h[2]) "
        "return bad and 'unreadable' or t and text(t) or false"
    )
    answer = gate.redis.eval(script, 1, "h")
    return int(answer) if answer not in {None, "unreadable"} else answer


@pytest.mark.parametrize("text", TEXTS)
def test_a_time_is_the_same_time_for_both(gate: Gate, text: str) -> None:
    for ms, epoch in ((text, None), (None, text), (text, "7"), ("", text), ("0", text)):
        assert by_lua(gate, ms, epoch) == by_python(ms, epoch), (ms, epoch)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("field", ["ts_ms", "ts_epoch"])
def test_whatever_a_snapshots_time_says_the_plan_gets_a_verdict(gate: Gate, field: str, text: str) -> None:
    gate.make_ready()
    gate.redis.hdel(gate.keys.snapshot(SYMBOL), "ts_ms", "ts_epoch")
    gate.redis.hset(gate.keys.snapshot(SYMBOL), field, text.encode(errors="surrogateescape"))
    assert gate.why_not() in {"no_exchange_snapshot", "stale_exchange_state"}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("field", ["last_order_time_ms", "last_order_time_epoch"])
def test_whatever_an_order_time_says_an_allow_means_that_it_is_known_and_past(
    gate: Gate, field: str, text: str
) -> None:
    gate.make_ready()
    gate.redis.hset(gate.keys.ledger(SYMBOL), field, text.encode(errors="surrogateescape"))
    reason = gate.why_not()
    readable = by_python(*((text, None) if field.endswith("ms") else (None, text)))
    if readable == "unreadable":
        assert reason == "reconcile_required_missing_ledger"
    elif isinstance(readable, int) and readable > gate.now_ms() - 15_000:
        assert reason == "cooldown_in_flight"
    else:
        assert reason == "allow"
        assert gate.consume()


FOREIGN = [
    *(b"", b"\xff\xfe", b"\x00", b"nan", b"Infinity", b"1e400", b"1e-400", b"0x1", b"0.04.0", b"1,5", b"x" * 1_000_000),
    *("\u0660.\u0664".encode(), b"9" * 64, b"9" * 65),
]


@pytest.mark.parametrize("value", FOREIGN, ids=lambda value: repr(value[:12]))
def test_foreign_bytes_in_any_field_end_in_a_deny_and_the_next_plan_is_fine(gate: Gate, value: bytes) -> None:
    """Non-UTF-8 bytes, huge numbers, a megabyte of text: a verdict each, and never an allow."""
    names = {
        "snapshot": ("position_amt", "source", "run_id"),
        "ledger": ("last_known_amt",),
        "market": ("step_size", "min_qty", "source"),
    }
    for key_of, fields in names.items():
        for field in fields:
            gate.redis.flushall()
            fresh = Gate(gate.server).make_ready()
            key = getattr(fresh.keys, key_of)(SYMBOL)
            fresh.redis.hset(key, field, value)
            assert fresh.why_not("p-1") != "allow", (key_of, field)
            assert fresh.pending(fresh.keys.plans) == 0
            (entry,) = fresh.audit()
            assert len(entry["inputs"]) + len(entry["verdict"]) < 10_000, "nothing is kept at whatever length"
            fresh.redis.hdel(key, field)
            fresh.make_ready()
            assert fresh.why_not("p-2") == "allow", (key_of, field)


@pytest.mark.parametrize("value", FOREIGN, ids=lambda value: repr(value[:12]))
def test_foreign_bytes_in_a_reservation_deny_and_are_shown_in_part(gate: Gate, value: bytes) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.reservation(SYMBOL), value, ex=60)
    assert gate.why_not() == "permit_in_flight"
    assert len((gate.decision() or {})["details"]["in_flight_plan_id"]) <= 200


def test_extra_fields_do_not_matter(gate: Gate) -> None:
    gate.make_ready()
    for key in (gate.keys.snapshot(SYMBOL), gate.keys.ledger(SYMBOL), gate.keys.market(SYMBOL)):
        gate.redis.hset(key, b"\xff", b"\xff")
    assert gate.why_not() == "allow"


@pytest.mark.parametrize(
    "plan_id",
    ["p33:x", "governor:x", "a:b:c", "x" * 200, "{prefix}", "{plan_id}", "decision:plan-1", "*", "?[a]", "ü€", " "],
)
def test_a_plan_id_of_any_characters_has_keys_of_its_own(gate: Gate, plan_id: str) -> None:
    """Colons and braces in a plan_id lead to no other plan's key."""
    gate.make_ready()
    gate.allow("plan-1")
    before = gate.redis.get(gate.keys.permit("plan-1"))
    gate.judge(plan_id)
    assert gate.redis.get(gate.keys.permit("plan-1")) == before
    assert (gate.permit(plan_id) or {})["plan_id"] == plan_id
    for template in ("{prefix}:permit:governor:{plan_id}", "{prefix}:permit:{plan_id}"):
        assert gate.keys.governor_permit(plan_id, template).endswith(f":{plan_id}")


def test_a_plan_named_after_another_plans_permit_gets_nothing_from_it(gate: Gate) -> None:
    """With ``{prefix}:permit:{plan_id}`` the governor's key of plan ``p33:X`` is our permit's key of plan ``X``."""
    gate.make_ready()
    gate.allow("X")
    template = "{prefix}:permit:{plan_id}"
    assert gate.keys.governor_permit("p33:X", template) == gate.keys.permit("X")
    error, reason = gate.refusal("p33:X", governor_key=template)
    assert (error, reason) == ("missing_permit_or_redis", "the governor's permit is not granted")
    gate.redis.set(gate.keys.permit("X"), '{"granted":true}')
    assert gate.refusal("X")[0] == "missing_or_denied_p33_permit", "a grant is no permit of ours"
