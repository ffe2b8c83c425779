"""The runner sees what a removed guard does, and is not fooled by what only looks like it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.guards.changes import instead, without
from tests.guards.guard import Guard, chosen
from tests.guards.runner import Outcome, take_away, unfit
from tests.guards.workplace import Workplace, workplace

ROOT = Path(__file__).resolve().parents[2]
FILE, PLACE = "p33_tasks/domain/close_factors.py", "domain.close_factors"
LOOKUP = "CLOSE_FACTORS.get(action.strip().upper())"
TEST = "unit/domain/test_close_factors.py::test_everything_else_closes_nothing"


def guard(new: str, *, old: str = LOOKUP, within: str = f"{PLACE}.close_factor") -> Guard:
    return Guard(promise="an unknown action closes nothing", within=within, change=instead(old, new), tests=(TEST,))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one: a module, its tests, and what the runner brings; nothing else is imported."""
    root = tmp_path_factory.mktemp("checkout")
    copied = (FILE, f"tests/{TEST.partition('::')[0]}", "tests/guards/recorder.py")
    packages = {package for path in copied for package in Path(path).parents if package.name}
    for path in (*copied, *(f"{package}/__init__.py" for package in packages)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text((ROOT / path).read_text("utf-8") if path in copied else "", "utf-8")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def place(checkout: Path) -> Iterator[Workplace]:
    with workplace(checkout) as found:
        yield found


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (guard("CLOSE_FACTORS.get(action.strip().upper(), Decimal(1))"), Outcome.NOTICED),
        (guard("CLOSE_FACTORS.get(action.upper().strip())"), Outcome.UNNOTICED),
        (guard("x", old="a line that was rewritten"), Outcome.GONE),
        (guard("x", within="close_factors.renamed"), Outcome.GONE),
        (guard("x", old="action"), Outcome.GONE),
        (guard("CLOSE_FACTORS.get("), Outcome.BROKEN),
        (guard("CLOSE_FACTORS.got(action.strip().upper()) if nowhere else None"), Outcome.BROKEN),
        (guard("x", old="from decimal import Decimal", within=PLACE), Outcome.BROKEN),
    ],
    ids=["removed", "harmless", "gone", "renamed", "ambiguous", "no Python", "an unknown name", "an import error"],
)
def test_only_a_failing_test_of_valid_code_counts(
    checkout: Path, place: Workplace, change: Guard, outcome: Outcome
) -> None:
    before = (place.root / FILE).read_text("utf-8")
    (finding,) = take_away(place, [change])
    assert finding.outcome is outcome, finding.detail
    assert (place.root / FILE).read_text("utf-8") == before, "the next guard begins with the whole code"
    assert (checkout / FILE).read_text("utf-8") == before, "the checkout is never touched"


def test_a_test_that_is_not_there_or_fails_anyway_proves_nothing(place: Workplace):
    assert unfit(place, [guard("")]) == []
    assert unfit(place, [replace(guard(""), tests=("unit/domain/test_close_factors.py::test_that_was_renamed",))])


def test_guards_are_chosen_by_words_of_their_promise_place_or_tests():
    guards = [guard("a"), Guard(promise="Rule 6", within="decision.evaluate", change=without("a"), tests=("x.py",))]
    assert chosen(guards, "") == guards
    assert chosen(guards, "rule decision") == chosen(guards, "RULE 6") == guards[1:]
    assert chosen(guards, "unknown or rule") == guards
    assert chosen(guards, "rule unknown") == []
