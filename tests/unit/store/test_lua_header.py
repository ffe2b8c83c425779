"""A script's header: names in the order on the wire, and what is wrong with one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.store.lua_header import MAX_NAMES, Header, Value, read_header

TEXT = """-- Does something.
--
-- KEYS
--   ledger_key     HASH: the symbol's ledger
--   symbol_keys[]  the keys of each symbol
--     .snapshot    HASH: its snapshot
--     .origin      STRING: its origin
-- ARGV
--   plan_id        the plan, explained
--                  in two lines
--   ttl_ms         time to live
--   order_ids[]    the venue's order ids
-- Returns {'done'}

return { 'done' }
"""
KEYS = {"ledger_key": "l", "symbol_keys": [{"origin": "o1", "snapshot": "s1"}, {"snapshot": "s2", "origin": "o2"}]}
ARGS = {"order_ids": ["7", "8"], "ttl_ms": 5, "plan_id": "p"}


def header_of(*lines: str) -> Header:
    return read_header("act", "\n".join(["-- Does something.", *lines, "return {}"]))


def test_values_are_sent_in_the_order_of_the_header() -> None:
    header = read_header("act", TEXT)
    assert header.keys.ordered(KEYS) == ["l", "s1", "o1", "s2", "o2"]
    assert header.args.ordered(ARGS) == ["p", 5, "7", "8"]
    assert header.args.ordered({**ARGS, "order_ids": []}) == ["p", 5]


def test_the_script_gets_its_names_as_locals() -> None:
    header = read_header("act", TEXT)
    assert header.keys.lua() == (
        "local ledger_key = KEYS[1]\nlocal symbol_keys = groups_from(KEYS, 2, { 'snapshot', 'origin' })\n"
    )
    assert header.args.lua() == "local plan_id, ttl_ms = ARGV[1], ARGV[2]\nlocal order_ids = values_from(ARGV, 3)\n"
    assert header.declared == ("ledger_key", "symbol_keys", "plan_id", "ttl_ms", "order_ids")


def test_a_script_may_take_nothing() -> None:
    header = header_of()
    assert (header.keys.ordered({}), header.args.ordered({}), header.args.lua()) == ([], [], "")


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[str], dict[str, Value]]:
    names = draw(st.lists(st.from_regex(r"x_[a-z0-9_]{1,8}", fullmatch=True), min_size=1, max_size=20, unique=True))
    return names, {name: draw(st.text() | st.integers()) for name in draw(st.permutations(names))}


@given(call=calls())
def test_any_order_of_a_call_is_the_headers_order(call: tuple[list[str], dict[str, Value]]) -> None:
    names, values = call
    header = header_of("-- ARGV", *(f"--   {name}  what it means" for name in names))
    assert header.args.ordered(values) == [values[name] for name in names]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"ttl_ms": 5, "order_ids": []}, r"^act: ARGV: missing plan_id$"),
        ({"plan_id": "p", "ttl_ms": 5}, r"^act: ARGV: missing order_ids$"),
        ({**ARGS, "ttl_sec": 5}, r"^act: ARGV: unknown ttl_sec$"),
        ({"plan_id": "p", "ttl_sec": 5, "order_ids": []}, r"^act: ARGV: missing ttl_ms; unknown ttl_sec$"),
        ({**ARGS, "order_ids": "78"}, r"^act: ARGV\.order_ids is '78', not a list$"),
        ({**ARGS, "order_ids": [{"id": "7"}]}, r"^act: ARGV\.order_ids holds plain values$"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(call: dict[str, object], error: str) -> None:
    with pytest.raises(TypeError, match=error):
        read_header("act", TEXT).args.ordered(call)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("group", "error"),
    [
        ([{"snapshot": "s"}], r"^act: KEYS\.symbol_keys: missing origin$"),
        ([{"snapshot": "s", "origin": "o", "ledger": "l"}], r"^act: KEYS\.symbol_keys: unknown ledger$"),
        (["s", "o"], r"^act: KEYS\.symbol_keys holds mappings$"),
    ],
)
def test_a_group_that_does_not_fit_is_refused(group: list[object], error: str) -> None:
    with pytest.raises(TypeError, match=error):
        read_header("act", TEXT).keys.ordered({"ledger_key": "l", "symbol_keys": group})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["-- ARGV", "--   a  x", "--   a  y"], "a is declared twice"),
        (["-- KEYS", "--   a  x", "-- ARGV", "--   a  y"], "a is declared twice"),
        (["-- ARGV", "--   a[]  x", "--     .b  y", "--     .b  z"], "b is declared twice"),
        (["-- ARGV", "--   a  x", "-- ARGV", "--   b  y"], "each block begins once"),
        (["-- ARGV 1 a  2 b"], "each block begins once"),
        (["-- ARGV", "--   a[]  x", "--   b  y"], r"b follows the group a\[\], which must be the last of ARGV"),
        (["-- ARGV", "--   a  x", "--     .b  y"], "a part belongs to a group"),
        (["-- ARGV", "--   a"], "is not a name, two spaces and what it means"),
        (["-- ARGV", "--   1 a"], "is not a name, two spaces and what it means"),
        (["-- ARGV", "--   end  x"], "end is a word of Lua"),
        (["-- ARGV", *(f"--   a{n}  x" for n in range(MAX_NAMES + 1))], f"{MAX_NAMES + 1} names; at most {MAX_NAMES}"),
    ],
)
def test_a_wrong_header_is_refused(lines: list[str], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        header_of(*lines)
