"""What a fault is, and the list of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.deployment.alert_world import World

Again = Callable[[], object] | None
Done = Callable[[World], AbstractContextManager[Again]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, and what its alert has to say."""

    alert: str
    says: str  # what is done
    summary: str  # a part of the alert's summary, labels filled in
    done: Done
    also: tuple[str, ...] = ()  # alerts that fire beside it: the runbook tells the cause by them

    @property
    def name(self) -> str:
        """For the test's id."""
        return f"{self.alert}-{self.done.__name__}"  # type: ignore[attr-defined]  # a function's


FAULTS: list[Fault] = []


def fault(alert: str, says: str, summary: str, *also: str) -> Callable[[Callable[[World], Iterator[Again]]], Done]:
    """Register what a function does, up to its ``yield``, as the fault of an alert."""

    def register(function: Callable[[World], Iterator[Again]]) -> Done:
        done = contextmanager(function)
        FAULTS.append(Fault(alert=alert, says=says, summary=summary, done=done, also=also))
        return done

    return register
