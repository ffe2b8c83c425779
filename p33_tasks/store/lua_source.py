"""The text of Lua scripts as sent to Redis: the prelude, the header's locals, and the script's text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from itertools import pairwise

from p33_tasks.contract.ledgers import LEDGER_FIELDS
from p33_tasks.contract.limits import ADAPTIVE_FIELDS, LIMITS_FIELDS
from p33_tasks.contract.markets import MARKET_FIELDS
from p33_tasks.contract.resting import RESTING_FIELDS
from p33_tasks.contract.snapshots import SNAPSHOT_FIELDS
from p33_tasks.store.lua_header import RESERVED, Header, read_header

HERE = "p33_tasks.store"
PRELUDE = ("_prelude", "_fills", "_holds", "_outcomes")
"""The files put before each script, in this order."""

FIELD_LISTS = {
    "SNAPSHOT_FIELDS": SNAPSHOT_FIELDS,
    "LEDGER_FIELDS": LEDGER_FIELDS,
    "MARKET_FIELDS": MARKET_FIELDS,
    "LIMITS_FIELDS": LIMITS_FIELDS,
    "ADAPTIVE_FIELDS": ADAPTIVE_FIELDS,
    "RESTING_FIELDS": RESTING_FIELDS,
}
"""Lists of HASH fields that scripts use by name, so that HMGET reads the fields that ``contract`` decodes."""

_COMMENT_OR_TEXT = re.compile(r"--[^\n]*|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"")
_PRELUDE_NAME = re.compile(r"^local (?:function )?(\w+)", re.MULTILINE)
_PRELUDE_PART = re.compile(r"^(?:--.*\n)*local ", re.MULTILINE)
_LOCALS = re.compile(r"\blocal\s+(?!function\b)(\w+(?:\s*,\s*\w+)*)|\bfor\s+(\w+(?:\s*,\s*\w+)*)\s*(?:=|\bin\b)")
_FUNCTION = re.compile(r"\bfunction\b\s*(\w*)\s*\(([^)]*)\)")
_READ = re.compile(r"(?<![\w.:])(?<!\d)([A-Za-z_]\w*)(?!\w)")
_TABLE_FIELD = re.compile(r"(?<=[{,])\s*\w+\s*=(?!=)")
_PLAIN = re.compile(r"[\w .:,/-]*", re.ASCII)
_LUA = RESERVED | {
    *("redis", "string", "math", "table", "cjson", "bit"),
    *("ipairs", "pairs", "next", "select", "tonumber", "tostring", "type", "unpack", "pcall", "error"),
}


@cache
def header(name: str, room: str = HERE) -> Header:
    """A script's header, checked against its body.

    Raises:
        ValueError: The header can't be read, or the body doesn't match it: it reads KEYS or ARGV by position, declares
            a name of the header or the prelude again, or reads an undeclared name.
    """
    text = _text(name, room)
    found = read_header(name, text)
    check_body(name, text, found)
    return found


@cache
def source(name: str, room: str = HERE) -> str:
    """A script's text as sent to Redis.

    Raises:
        ValueError: As ``header``.
    """
    declared, text = header(name, room), _text(name, room)
    lists = [f"local {word} = {_lua_list(fields)}\n" for word, fields in FIELD_LISTS.items() if word in text]
    return with_prelude("".join(lists) + declared.keys.lua() + declared.args.lua() + text)


def with_fixed(text: str, declared: Header, fixed: Mapping[str, str]) -> tuple[str, Header]:
    """Write values that are the same in every call into a script's text, so that calls don't send them.

    Args:
        text: The script, as from ``source``.
        declared: Its header.
        fixed: Values by name.

    Returns:
        The text, and the header of the remaining keys and arguments.

    Raises:
        TypeError: As ``Header.without``.
        ValueError: A value can't be written in a script.
    """
    left = declared.without(fixed)
    for value in fixed.values():
        if not _PLAIN.fullmatch(value):
            raise ValueError(f"{declared.keys.script}: {value!r:.40} can't be written into a script")
    given = declared.keys.lua() + declared.args.lua()
    if text.count(given) != 1:
        raise ValueError(f"{declared.keys.script}: the text doesn't have the names of its header")
    values = ", ".join(f"'{value}'" for value in fixed.values())
    return text.replace(given, f"local {', '.join(fixed)} = {values}\n{left.keys.lua()}{left.args.lua()}"), left


def with_prelude(own: str) -> str:
    """A text with the parts of the prelude that it needs, also indirectly: Redis runs all of them at each call."""
    needed: list[str] = []
    read = set(_READ.findall(_COMMENT_OR_TEXT.sub("''", own)))
    for part in reversed(_prelude_parts()):  # each reads only parts above it
        code = _COMMENT_OR_TEXT.sub("''", part)
        if read & set(_PRELUDE_NAME.findall(code)):
            read |= set(_READ.findall(code))
            needed.append(part)
    return "".join(needed[::-1]) + own


@cache
def _prelude_parts() -> list[str]:
    """The prelude's functions and values, each with the comment above it."""
    starts = [found.start() for found in _PRELUDE_PART.finditer(_prelude())]
    return [_prelude()[start:end] for start, end in pairwise([*starts, None])]


def _text(name: str, room: str) -> str:
    return (resources.files(room) / "lua" / f"{name}.lua").read_text("utf-8")


def _prelude() -> str:
    return "".join(_text(name, HERE) for name in PRELUDE)


def _lua_list(values: tuple[str, ...]) -> str:
    return "{ " + ", ".join(f"'{value}'" for value in values) + " }"


def check_body(name: str, text: str, found: Header) -> None:
    """Check a script's body against its header.

    Raises:
        ValueError: As ``header``.
    """
    code = _COMMENT_OR_TEXT.sub("''", text)
    declared, shared, local = set(found.declared), {*_PRELUDE_NAME.findall(_prelude()), *FIELD_LISTS}, declared_in(code)
    read = set(_READ.findall(_TABLE_FIELD.sub("", code)))
    if positional := read & {"KEYS", "ARGV"}:
        raise ValueError(
            f"{name}: the body reads {_listed(positional)} by position; declare names in the header instead"
        )
    if twice := declared & (local | shared) or local & shared:
        raise ValueError(f"{name}: {_listed(twice)}: declared twice, by the header, the prelude or the body")
    if unknown := read - local - declared - shared - _LUA:
        raise ValueError(f"{name}: the body reads {_listed(unknown)}, which neither its header nor itself declares")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def declared_in(code: str) -> set[str]:
    """The names of all locals, functions and parameters in a piece of Lua without comments and texts."""
    lists = [names for match in _LOCALS.findall(code) for names in match]
    for function, parameters in _FUNCTION.findall(code):
        lists += [function, parameters]
    return {name.strip() for names in lists for name in names.split(",")} - {"", "..."}
