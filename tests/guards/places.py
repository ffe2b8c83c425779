"""Where a name stands: a function, a class, a name that is bound once, a module, a script, a page."""

from __future__ import annotations

import ast
import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.guards.tokens import Token, tokens

PACKAGE = "p33_tasks"
LEAST_PARTS = 2
"""``check`` alone says too little: a name has its class, its module or its folder in front."""

_OPENERS, _CLOSERS = {"function", "if", "do", "repeat"}, {"end", "until"}  # while and for have their ``do``


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A named piece of a file."""

    name: str  # with all its parts, below the package
    path: str  # from the checkout's root
    start: int  # in characters
    end: int


class NoSuchPlaceError(ValueError):
    """A name that nothing has, or that several have."""


def place_of(name: str, root: Path) -> Place:
    """The one place with this name; parts in front may be left out as long as no other place is called the same.

    Args:
        name: e.g. ``VerdictStore.commit``, ``verdict_calls.DECISION_TTL_MS``, ``lua.commit_verdict``,
            ``lua._prelude.entry_time``, ``page.plan.html``.
        root: A checkout.

    Raises:
        NoSuchPlaceError: Nothing has this name, or several have; the message names the nearest.
    """
    known = _places(root)
    found = known.get(name, ())
    if len(found) == 1:
        return found[0]
    if not found:
        last = name.rpartition(".")[2]
        near = [each for each in known if each.rpartition(".")[2] == last and each.count(".") == name.count(".")]
        near = difflib.get_close_matches(name, near or known, n=2, cutoff=0.5)
        raise NoSuchPlaceError(f"nothing is called {name}; the nearest: {', '.join(near) or 'none'}")
    raise NoSuchPlaceError(f"{name} names several: {', '.join(place.name for place in found)}")


@cache
def _places(root: Path) -> Mapping[str, tuple[Place, ...]]:
    found: dict[str, list[Place]] = defaultdict(list)
    for path in sorted((root / PACKAGE).rglob("*")):
        if not path.is_file() or path.suffix not in {".py", ".lua", ".html", ".css"}:
            continue
        for place in _of_file(path, root):
            parts = place.name.split(".")
            for first in range(max(1, len(parts) - LEAST_PARTS + 1)):
                found[".".join(parts[first:])].append(place)
    return {name: tuple(places) for name, places in found.items()}


def _of_file(path: Path, root: Path) -> Iterator[Place]:
    below = path.relative_to(root / PACKAGE)
    parts = below.parts if path.suffix in {".html", ".css"} else below.with_suffix("").parts
    module = ".".join(part for part in parts if part != "__init__") or PACKAGE
    text = path.read_text("utf-8")
    where = f"{PACKAGE}/{below.as_posix()}"
    yield Place(name=module, path=where, start=0, end=len(text))
    named = _of_python(text) if path.suffix == ".py" else _of_lua(text) if path.suffix == ".lua" else ()
    for name, start, end in named:
        yield Place(name=f"{module}.{name}", path=where, start=start, end=end)


def _of_python(text: str) -> Iterator[tuple[str, int, int]]:
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))

    def within(body: list[ast.stmt], prefix: str, *, in_function: bool = False) -> Iterator[tuple[str, int, int]]:
        for node in body:
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
            start, end = lines[first - 1], lines[node.end_lineno or first]
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    yield f"{prefix}{node.name}", start, end
                    is_class = isinstance(node, ast.ClassDef)
                    yield from within(node.body, f"{prefix}{node.name}.", in_function=not is_class)
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if (
                    not in_function
                ):
                    yield f"{prefix}{name}", start, end

    yield from within(ast.parse(text).body, "")


def _of_lua(text: str) -> Iterator[tuple[str, int, int]]:
    """The named functions of a script that stand in no other function."""
    found = tokens(text, "lua")
    depth, begun = 0, None
    for at, token in enumerate(found):
        depth += (token.value in _OPENERS) - (token.value in _CLOSERS)
        if token.value == "function" and begun is None and _name(found, at):
            begun = (at, depth - 1)
        elif begun is not None and depth == begun[1]:
            yield _name(found, begun[0]), _line_start(text, found[begun[0]].start), token.end
            begun = None


def _name(found: tuple[Token, ...], function: int) -> str:
    following = found[function + 1].value
    if following != "(":
        return following
    before = [token.value for token in found[max(0, function - 2) : function]]
    return before[0] if before[-1:] == ["="] else ""


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1
