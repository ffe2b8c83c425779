"""The header of a Lua script: the names of its keys and arguments.

A header is the comment at the start of a script. Its blocks ``KEYS`` and ``ARGV`` declare one name per line, with its
meaning; the order is the order on the wire. The last name of a block may be a group, for any number of values:
``name[]``. If a group's values have parts, the next lines name them, each with a dot::

    -- KEYS
    --   ledger_key  HASH: the symbol's ledger
    -- ARGV
    --   plan_id     the plan
    --   orders[]    every order that the result names
    --     .id       the venue's order id
    --     .after    quantity to remember

The script reads ``ledger_key``, ``plan_id``, and ``orders``, a list of tables with ``id`` and ``after``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Value = str | int | bytes
Named = Mapping[str, Value | Sequence[Value] | Sequence[Mapping[str, Value]]]
"""A call's keys or arguments: a value per name; for a group a sequence of values, or of mappings of its parts."""

MAX_NAMES = 110
"""Most names of one script. Lua allows 200 locals in a function, and the prelude and the body need some."""

_BLOCK = re.compile(r"-- (KEYS|ARGV)(.*)")
_NAME = re.compile(r"--   ([a-z][a-z0-9_]*)(\[\])?  +\S")
_PART = re.compile(r"--     \.([a-z][a-z0-9_]*)  +\S")
_CONTINUED = re.compile(r"--        +[^\s.]")
RESERVED = frozenset(
    {
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not"),
        *("or", "repeat", "return", "then", "true", "until", "while"),
    }
)
"""Lua's reserved words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The names of one block, in the order on the wire."""

    script: str
    table: str  # KEYS or ARGV
    names: tuple[str, ...] = ()
    group: str | None = None
    parts: tuple[str, ...] = ()  # names of the parts of a group's values; empty for plain values
    size: int = field(init=False)
    part_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compute once what every call is compared with."""
        object.__setattr__(self, "size", len(self.names) + (self.group is not None))
        object.__setattr__(self, "part_names", frozenset(self.parts))

    @property
    def declared(self) -> tuple[str, ...]:
        """Every name that the script's body reads."""
        return (*self.names, *([self.group] if self.group is not None else []))

    def ordered(self, given: Named) -> list[Value]:
        """A call's values in the order on the wire.

        Raises:
            TypeError: A name is missing or unknown, here or among the parts of a group's value.
        """
        try:
            values: list[Any] = [given[name] for name in self.names]
            if self.group is not None:
                values += self._flat(given[self.group])
        except KeyError:
            raise _misfit(self.script, self.table, self.declared, given) from None
        if len(given) != self.size:
            raise _misfit(self.script, self.table, self.declared, given)
        return values

    def _flat(self, items: Value | Sequence[Value] | Sequence[Mapping[str, Value]]) -> Iterator[Value]:
        where = f"{self.table}.{self.group}"
        if isinstance(items, str | int | bytes):
            raise TypeError(f"{self.script}: {where} is {items!r:.40}, not a list")
        for item in items:
            if isinstance(item, Mapping) != bool(self.parts):
                raise TypeError(f"{self.script}: {where} holds {'plain values' if not self.parts else 'mappings'}")
            if not isinstance(item, Mapping):
                yield item
                continue
            if item.keys() != self.part_names:
                raise _misfit(self.script, where, self.parts, item)
            yield from map(item.__getitem__, self.parts)

    def without(self, names: Collection[str]) -> Block:
        """The block of a call that doesn't give these names."""
        return replace(self, names=tuple(name for name in self.names if name not in names))

    def lua(self) -> str:
        """The statements that give the script its locals."""
        places = ", ".join(f"{self.table}[{place}]" for place in range(1, len(self.names) + 1))
        text = f"local {', '.join(self.names)} = {places}\n" if self.names else ""
        if self.group is None:
            return text
        first = len(self.names) + 1
        if not self.parts:
            return f"{text}local {self.group} = values_from({self.table}, {first})\n"
        parts = ", ".join(f"'{part}'" for part in self.parts)
        return f"{text}local {self.group} = groups_from({self.table}, {first}, {{ {parts} }})\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a script declares."""

    keys: Block
    args: Block

    @property
    def declared(self) -> tuple[str, ...]:
        """Every name that the script's body reads."""
        return self.keys.declared + self.args.declared

    def without(self, names: Collection[str]) -> Header:
        """The header of a call that doesn't give these names.

        Raises:
            TypeError: A name isn't declared, or is a group.
        """
        if unknown := set(names) - {*self.keys.names, *self.args.names}:
            raise TypeError(f"{self.keys.script}: no such name to be fixed: {', '.join(sorted(unknown))}")
        return Header(keys=self.keys.without(names), args=self.args.without(names))


def read_header(script: str, text: str) -> Header:
    """Read a script's header.

    Args:
        script: Its name, for errors.
        text: The whole file.

    Raises:
        ValueError: A line of a block declares nothing, a name is declared twice or is a word of Lua, something follows
            a group, or there are too many names.
    """
    blocks: dict[str, list[str]] = {}
    table = ""
    for line in text.split("\n"):
        if not line.startswith("--"):
            break
        if begun := _BLOCK.fullmatch(line):
            table = begun[1]
            if begun[2] or table in blocks:
                raise ValueError(f"{script}: {line!r}: each block begins once, with its word alone in a line")
            blocks[table] = []
        elif not line.startswith("--  "):
            table = ""
        elif table and not _CONTINUED.match(line):
            blocks[table].append(line)
    header = Header(
        keys=_block(script, "KEYS", blocks.get("KEYS", [])), args=_block(script, "ARGV", blocks.get("ARGV", []))
    )
    _check(script, header)
    return header


def _block(script: str, table: str, lines: Sequence[str]) -> Block:
    names: list[str] = []
    parts: list[str] = []
    group: str | None = None
    for line in lines:
        if part := _PART.match(line):
            if group is None:
                raise ValueError(f"{script}: {line!r}: a part belongs to a group, such as orders[]")
            parts.append(part[1])
            continue
        name = _NAME.match(line)
        if name is None:
            raise ValueError(f"{script}: {line!r} is not a name, two spaces and what it means; see lua_header.py")
        if group is not None:
            raise ValueError(f"{script}: {name[1]} follows the group {group}[], which must be the last of {table}")
        if name[2]:
            group = name[1]
        else:
            names.append(name[1])
    return Block(script=script, table=table, names=tuple(names), group=group, parts=tuple(parts))


def _check(script: str, header: Header) -> None:
    for names in (header.declared, header.keys.parts, header.args.parts):
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{script}: {name} is declared twice")
            if name in RESERVED:
                raise ValueError(f"{script}: {name} is a word of Lua")
    if len(header.declared) > MAX_NAMES:
        raise ValueError(f"{script}: {len(header.declared)} names; at most {MAX_NAMES}, for Lua's limit of 200 locals")


def _misfit(script: str, where: str, declared: Sequence[str], given: Mapping[str, object]) -> TypeError:
    missing = [name for name in declared if name not in given]
    unknown = [name for name in given if name not in declared]
    found = [f"{word} {', '.join(names)}" for word, names in (("missing", missing), ("unknown", unknown)) if names]
    return TypeError(f"{script}: {where}: {'; '.join(found)}")
