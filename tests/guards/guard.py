"""A guard: a few lines of the product that keep a promise, and the tests that must fail without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One promise, and what it would look like if a careless colleague took its guard away."""

    promise: str  # what holds as long as the guard stands; unique
    file: str  # below p33_tasks/
    old: str  # the guard, letter by letter; once in the file
    new: str  # without it, or inverted; must still be sound code
    tests: tuple[str, ...]  # node ids below tests/; at least one of them must fail

    @property
    def path(self) -> str:
        """The file, from the checkout's root."""
        return f"p33_tasks/{self.file}"

    @property
    def node_ids(self) -> tuple[str, ...]:
        """The tests as pytest takes them, from the checkout's root."""
        return tuple(f"tests/{test}" for test in self.tests)

    def mutated(self, text: str) -> str:
        """The file's text without the guard.

        Raises:
            GuardGoneError: The guard's text isn't in the file exactly once.
        """
        found = text.count(self.old)
        if found != 1:
            raise GuardGoneError(f"its text is {found} times in {self.path}, not once")
        return text.replace(self.old, self.new)

    def mutated_file(self, root: Path) -> str:
        """As ``mutated``, of the file in a checkout."""
        path = root / self.path
        if not path.is_file():
            raise GuardGoneError(f"{self.path} is gone")
        return self.mutated(path.read_text("utf-8"))


class GuardGoneError(ValueError):
    """The guard was moved or rewritten: find it, and bring the catalogue up to date."""


def chosen(guards: Iterable[Guard], words: str) -> list[Guard]:
    """The guards whose promise, file or tests hold all of the words; ``or`` begins an alternative. Any case."""
    alternatives = [part.split() for part in words.lower().split(" or ")]

    def fits(guard: Guard) -> bool:
        text = " ".join((guard.promise, guard.file, *guard.tests)).lower()
        return any(all(word in text for word in part) for part in alternatives)

    return [guard for guard in guards if fits(guard)]
