"""The scripts as Redis gets them: every one loads, and one whose body doesn't fit its header is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import p33_tasks
from p33_tasks.contract.ledgers import LEDGER_FIELDS
from p33_tasks.store import lua_source
from p33_tasks.store.lua_header import read_header
from p33_tasks.store.lua_source import PRELUDE, check_body, header, source

SCRIPTS = [path for path in sorted(Path(p33_tasks.__file__).parent.glob("*/lua/*.lua")) if path.stem not in PRELUDE]
HEADER = "-- KEYS\n--   hold_key  STRING: x\n-- ARGV\n--   why  x\n--   orders[]  x\n--     .id  x\n"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_fits_its_header_and_reads_all_that_it_declares(path: Path) -> None:
    declared = header(path.stem, f"p33_tasks.{path.parents[1].name}")
    body = re.sub(r"--[^\n]*", "", path.read_text("utf-8"))
    unread = [name for name in declared.declared if not re.search(rf"\b{name}\b", body)]
    unread += [part for part in declared.keys.parts + declared.args.parts if f".{part}" not in body]
    assert unread == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("redis.call('SET', KEYS[1], why)", "the body reads KEYS by position; declare names in the header instead"),
        ("redis.call('SET', hold_key, ARGV[1])", "the body reads ARGV by position"),
        ("redis.call('SET', hold_kye, why)", "the body reads hold_kye, which neither its header nor itself declares"),
        ("local why = 'x'", "why: declared twice, by the header, the prelude or the body"),
        ("for _, why in ipairs(orders) do return why end", "why: declared twice"),
        ("local function f(hold_key) return hold_key end", "hold_key: declared twice"),
        ("local text = 'x'", "text: declared twice"),
    ],
)
def test_a_body_that_does_not_fit_its_header_is_refused(body: str, error: str) -> None:
    with pytest.raises(ValueError, match=f"^act: {error}"):
        check_body("act", HEADER + body, read_header("act", HEADER))


@pytest.mark.parametrize(
    "body",
    [
        "local n = #orders -- hold_kye in a comment\nreturn { why, 'hold_kye', n }",
        "for i, order in ipairs(orders) do redis.call('HSET', hold_key, order.id, i) end",
        "local t = { id = why, other = 1e3 }\nlocal function f(a, ...) return a == t.other, ... end\nreturn f(0x1F)",
        "if not expect(hold_key, 'hash') then return { text(now_ms()), unpack(LEDGER_FIELDS) } end",
    ],
)
def test_a_body_that_fits_is_taken(body: str) -> None:
    check_body("act", HEADER + body, read_header("act", HEADER))


def test_a_name_of_the_prelude_is_no_argument() -> None:
    text = "-- ARGV\n--   run_id  x\nreturn run_id"
    with pytest.raises(ValueError, match="run_id: declared twice"):
        check_body("act", text, read_header("act", text))


def test_a_wrong_script_is_refused_when_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "room_of_a_test" / "lua"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "wrong.lua").write_text("-- KEYS\n--   a  x\nreturn KEYS[1]\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="wrong: the body reads KEYS by position"):
        source("wrong", "room_of_a_test")


def test_the_lists_of_fields_are_those_that_are_decoded() -> None:
    fields = ", ".join(f"'{name}'" for name in LEDGER_FIELDS)
    assert f"local LEDGER_FIELDS = {{ {fields} }}\n" in source("load_facts")
    assert "LEDGER_FIELDS" not in source("commit_verdict")
    assert all(isinstance(fields, tuple) for fields in lua_source.FIELD_LISTS.values())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_brings_what_it_reads_of_the_prelude_and_no_more(path: Path) -> None:
    """Redis runs the whole text at each call: a part that nothing reads costs every verdict."""
    text = re.sub(r"--[^\n]*", "", source(path.stem, f"p33_tasks.{path.parents[1].name}"))
    folder = Path(p33_tasks.__file__).parent / "store" / "lua"
    prelude = "".join((folder / f"{name}.lua").read_text("utf-8") for name in PRELUDE)
    shared = re.findall(r"^local (?:function )?(\w+)", prelude, re.MULTILINE)
    brought = [name for name in shared if re.search(rf"^local (?:function )?{name}\b", text, re.MULTILINE)]
    read = [name for name in shared if len(re.findall(rf"(?<![\w.:]){name}\b", text)) > (name in brought)]
    assert brought == read
