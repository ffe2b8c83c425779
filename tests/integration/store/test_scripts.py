"""Scripts that are called by name, on a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from p33_tasks.store.lua_header import MAX_NAMES
from p33_tasks.store.scripts import Scripts
from tests.support.gate import Gate

Write = Callable[[str, str], Scripts]


@pytest.fixture
def write(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a script and returns the scripts it is among."""
    folder = tmp_path / f"scripts_of_{tmp_path.name}" / "lua"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    def written(name: str, text: str) -> Scripts:
        (folder / f"{name}.lua").write_text(text)
        return Scripts(gate.redis, folder.parent.name)

    return written


def test_names_arrive_where_they_belong(write: Write) -> None:
    scripts = write(
        "act",
        "-- KEYS\n--   a_key  x\n--   pairs_of_keys[]  x\n--     .left  x\n--     .right  x\n"
        "-- ARGV\n--   a  x\n--   b  x\n--   rest[]  x\n"
        "local reply = { a_key, a, b, #pairs_of_keys, #rest }\n"
        "for _, keys in ipairs(pairs_of_keys) do reply[#reply + 1] = keys.left .. '<' .. keys.right end\n"
        "for _, value in ipairs(rest) do reply[#reply + 1] = value end\n"
        "return reply\n",
    )
    pairs = [{"right": "r1", "left": "l1"}, {"left": "l2", "right": "r2"}]
    keys, args = {"pairs_of_keys": pairs, "a_key": "k"}, {"rest": ["x", 2], "b": "B", "a": 1}
    expected = ["k", "1", "B", 2, 2, "l1<r1", "l2<r2", "x", "2"]
    assert scripts.run("act", keys, args) == expected
    assert scripts.run_each("act", [(keys, args), (keys, {**args, "rest": []})]) == [
        expected,
        ["k", "1", "B", 2, 0, "l1<r1", "l2<r2"],
    ]


def test_a_call_that_does_not_fit_runs_nothing(gate: Gate, write: Write) -> None:
    scripts = write(
        "act", "-- KEYS\n--   a_key  x\n-- ARGV\n--   a  x\nredis.call('SET', a_key, a or '')\nreturn { 'ok' }\n"
    )
    with pytest.raises(TypeError, match="act: ARGV: missing a"):
        scripts.run("act", {"a_key": "k"}, {})
    with pytest.raises(TypeError, match="act: KEYS: unknown b_key"):
        scripts.run("act", {"a_key": "k", "b_key": "k"}, {"a": 1})
    with pytest.raises(TypeError, match="act: ARGV: missing a; unknown b"):
        scripts.run_each("act", [({"a_key": "k"}, {"a": 1}), ({"a_key": "k"}, {"b": 1})])
    assert not gate.redis.exists("k")


def test_lua_takes_as_many_names_as_a_header_may_declare(write: Write) -> None:
    names = [f"a{number}" for number in range(MAX_NAMES)]
    lines = "".join(f"--   {name}  x\n" for name in names)
    # What the longest body of ours needs beside them.
    locals_of_the_body = "".join(f"local b{number} = {number}\n" for number in range(50))
    scripts = write("act", f"-- ARGV\n{lines}{locals_of_the_body}return {{ {names[0]}, {names[-1]}, b49 }}\n")
    assert scripts.run("act", {}, {name: name for name in names}) == [names[0], names[-1], 49]


FIXED = (
    "-- KEYS\n--   a_key  x\n--   b_key  x\n-- ARGV\n--   a  x\n--   b  x\n--   rest[]  x\n"
    "return { a_key, b_key, a, b, #rest }\n"
)


def test_what_is_fixed_does_not_travel_and_the_rest_arrives_where_it_belongs(write: Write) -> None:
    scripts = write("act", FIXED)
    scripts.fix("act", "act as usual", {"a_key": "", "b": "1.5, 2"})
    assert scripts.run("act as usual", {"b_key": "k"}, {"a": "A", "rest": ["x"]}) == ["", "k", "A", "1.5, 2", 1]
    with pytest.raises(TypeError, match="act: ARGV: unknown b"):
        scripts.run("act as usual", {"b_key": "k"}, {"a": "A", "b": "2", "rest": []})
    both = {"a_key": "k1", "b_key": "k2"}, {"a": "A", "b": "B", "rest": []}
    assert scripts.run("act", *both) == ["k1", "k2", "A", "B", 0]


@pytest.mark.parametrize("value", ["'", "\\", "\n", "a' .. redis.call('FLUSHALL') .. '", "ü", "x]]"])
def test_a_value_that_could_be_read_as_lua_is_never_written_into_a_script(write: Write, value: str) -> None:
    scripts = write("act", FIXED)
    with pytest.raises(ValueError, match="can't be written into a script"):
        scripts.fix("act", "act as usual", {"a": value})


def test_only_what_the_header_declares_can_be_fixed(write: Write) -> None:
    scripts = write("act", FIXED)
    with pytest.raises(TypeError, match="act: no such name to be fixed: c, rest"):
        scripts.fix("act", "act as usual", {"c": "1", "rest": "1", "a": "1"})
