"""The catalogue stays true while the code moves: a guard that was rewritten is brought up to date at once."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.guards.catalogue import GUARDS
from tests.guards.guard import Guard

ROOT = Path(__file__).resolve().parents[2]


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.promise)
def test_a_guard_is_where_the_catalogue_says_and_its_tests_are_there(guard: Guard):
    path, mutated = guard.mutated(ROOT)
    assert mutated != (ROOT / path).read_text("utf-8")
    if path.endswith(".py"):
        compile(mutated, path, "exec")
    assert guard.tests
    for node_id in guard.node_ids:
        path, _, name = node_id.partition("::")
        assert (ROOT / path).is_file(), node_id
        assert not name or name.partition("[")[0] in names_in(ROOT / path), node_id


def test_every_promise_is_named_once():
    assert [promise for promise, times in Counter(guard.promise for guard in GUARDS).items() if times > 1] == []


def test_a_guard_in_a_venues_folder_names_the_folder():
    """A new venue may name its classes and functions as another one does."""
    places = ((guard.within, guard.place(ROOT).path.split("/")) for guard in GUARDS)
    in_a_folder = ((name, parts[2]) for name, parts in places if parts[1] == "venues" and len(parts) > 3)
    assert [name for name, folder in in_a_folder if folder not in name.split(".")] == []
