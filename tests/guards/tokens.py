"""Source text as its words: without layout, comments and trailing commas, and with one way to quote a text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MARKS = r"""
    (?P<word>\w+)
  | (?P<mark>\.\.\.|\*\*=|//=|==|~=|!=|<=|>=|->|:=|\.\.|::|\*\*|//|<<|>>|[-+*/%&|^]=|[^\w\s])
"""
_QUOTED = r"""
    "(?:\\.|[^"\\\n])*"
  | '(?:\\.|[^'\\\n])*'
"""
_PYTHON = rf"""
    (?P<skip>\s+|\\\n|\#[^\n]*)
  | (?P<text>[rbfuRBFU]{{0,2}}(?:\"{{3}}(?:\\.|[^\\])*?\"{{3}} | '{{3}}(?:\\.|[^\\])*?'{{3}} | {_QUOTED}))
  | {_MARKS}
"""
_LUA = rf"""
    (?P<skip>\s+|--\[\[.*?\]\]|--[^\n]*)
  | (?P<text>{_QUOTED})
  | {_MARKS}
"""
_OTHER = rf"(?P<skip>\s+) | (?P<text>(?!)) | {_MARKS}"
_SYNTAX = {name: re.compile(text, re.VERBOSE | re.DOTALL) for name, text in (("py", _PYTHON), ("lua", _LUA))}
_PLAIN = re.compile(_OTHER, re.VERBOSE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word, mark or quoted text, with its place in the text that it was read from."""

    value: str
    start: int
    end: int


def tokens(text: str, language: str) -> tuple[Token, ...]:
    """The words of a text, in order; ``language`` is the file's suffix, without its dot."""
    found = list(_read(text, _SYNTAX.get(language, _PLAIN)))
    after = [*(token.value for token in found[1:]), ""][: len(found)]
    return tuple(t for t, following in zip(found, after, strict=True) if t.value != "," or following not in {*")]}"})


def find(wanted: Sequence[Token], among: Sequence[Token]) -> list[int]:
    """Where a sequence of words begins among others, each time."""
    if not wanted:
        return []
    words, width = [token.value for token in wanted], len(wanted)
    values = [token.value for token in among]
    return [at for at in range(len(values) - width + 1) if values[at] == words[0] and values[at : at + width] == words]


def _read(text: str, syntax: re.Pattern[str]) -> Iterator[Token]:
    for match in syntax.finditer(text):
        if match.lastgroup != "skip":
            value = _unquoted(match.group()) if match.lastgroup == "text" else match.group()
            yield Token(value=value, start=match.start(), end=match.end())


def _unquoted(text: str) -> str:
    """A plain text the same, however it is quoted; a formatted one as it is."""
    try:
        return repr(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        return text
