"""What a careless colleague does to a function: small changes of its words, wherever its lines break.

A change names a fragment that must be in its place exactly once. Layout, comments, trailing commas and the kind of
quotes don't count, so a fragment may be written on one line although the code has it on three.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from tests.guards.tokens import Token, find, tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fragment, and what stands in its place afterwards."""

    old: str
    new: str | None = None  # None: nothing
    constant: bool | None = None  # in place of a condition


def without(old: str) -> Change:
    """A statement, an argument, or a part of a condition with its operator is forgotten."""
    return Change(old=old)


def never(condition: str) -> Change:
    """A condition is never met."""
    return Change(old=condition, constant=False)


def always(condition: str) -> Change:
    """A condition is met whatever is true."""
    return Change(old=condition, constant=True)


def instead(old: str, new: str) -> Change:
    """Something else is done."""
    return Change(old=old, new=new)


class FragmentError(ValueError):
    """A fragment isn't in its place exactly once."""


def changed(text: str, start: int, end: int, changes: tuple[Change, ...], language: str) -> str:
    """A file's text with changes made between two of its characters.

    Raises:
        FragmentError: The fragment of a change isn't there exactly once.
    """
    whole = tokens(text, language)
    inside = [token for token in whole if start <= token.start and token.end <= end]
    edits: list[tuple[int, int, str]] = []
    for change in changes:
        fragment = tokens(change.old, language)
        found = find(fragment, inside)
        if len(found) != 1:
            raise FragmentError(f"{' '.join(change.old.split())!r} is {len(found)} times there, not once")
        first, last = inside[found[0]], inside[found[0] + len(fragment) - 1]
        edits.append((first.start, last.end, _replacement(change, text, first, last, whole, language)))
    for first_char, end_char, new in sorted(edits, reverse=True):
        text = text[:first_char] + new + text[end_char:]
    return text


def _replacement(change: Change, text: str, first: Token, last: Token, whole: tuple[Token, ...], language: str) -> str:
    if change.constant is not None:
        return str(change.constant) if language == "py" else str(change.constant).lower()
    line = text.rfind("\n", 0, first.start) + 1
    before = text[line : first.start]
    if change.new is not None:
        indent = before[: len(before) - len(before.lstrip())]
        return textwrap.indent(textwrap.dedent(change.new), indent).strip()
    is_statement = not before.strip() and _ends_a_line(text, last.end) and not _is_in_brackets(whole, first)
    return "pass" if language == "py" and is_statement else ""


def _ends_a_line(text: str, at: int) -> bool:
    return not text[at:].partition("\n")[0].partition("#")[0].strip()


def _is_in_brackets(whole: tuple[Token, ...], at: Token) -> bool:
    before = [token.value for token in whole if token.start < at.start]
    return sum(value in {*"([{"} for value in before) > sum(value in {*")]}"} for value in before)
