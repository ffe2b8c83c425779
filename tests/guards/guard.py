"""A guard: a few lines of the product that keep a promise, and the tests that must fail without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.guards.changes import Change, FragmentError, changed
from tests.guards.places import NoSuchPlaceError, Place, place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One promise, and what it would look like if a careless colleague took its guard away."""

    promise: str  # what holds as long as the guard stands; unique
    tests: tuple[str, ...]  # node ids below tests/; at least one of them must fail
    within: str  # the function, class, bound name, script or page that holds the guard
    change: Change | tuple[Change, ...]  # the guard removed or inverted; must still be valid code

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The tests as pytest takes them, from the checkout's root."""
        return tuple(f"tests/{test}" for test in self.tests)

    def place(self, root: Path) -> Place:
        """Where the guard stands in a checkout.

        Raises:
            GuardGoneError: No one place has its name.
        """
        try:
            return place_of(self.within, root)
        except NoSuchPlaceError as error:
            raise GuardGoneError(str(error)) from error

    def mutated(self, root: Path) -> tuple[str, str]:
        """The path of the guard's file, from the checkout's root, and the file's text without the guard.

        Raises:
            GuardGoneError: No one place has its name, or what it changes isn't there exactly once.
        """
        place = self.place(root)
        text = (root / place.path).read_text("utf-8")
        changes = self.change if isinstance(self.change, tuple) else (self.change,)
        try:
            return place.path, changed(text, place.start, place.end, changes, place.path.rpartition(".")[2])
        except FragmentError as error:
            raise GuardGoneError(f"{place.name} in {place.path}: {error}") from error


def guard(promise: str, within: str, change: Change | tuple[Change, ...], *tests: str) -> Guard:
    """A guard in one line."""
    return Guard(promise=promise, within=within, change=change, tests=tests)


class GuardGoneError(ValueError):
    """The guard was moved or rewritten: find it, and bring the catalogue up to date."""


def chosen(guards: Iterable[Guard], words: str) -> list[Guard]:
    """The guards whose promise, place or tests hold all of the words; ``or`` begins an alternative. Any case."""
    alternatives = [part.split() for part in words.lower().split(" or ")]

    def fits(guard: Guard) -> bool:
        text = " ".join((guard.promise, guard.within, *guard.tests)).lower()
        return any(all(word in text for word in part) for part in alternatives)

    return [guard for guard in guards if fits(guard)]
