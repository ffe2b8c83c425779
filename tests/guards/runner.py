"""Takes one guard away at a time, and looks whether a test notices.

1. Unmutated, every named test passes; otherwise its failing would say nothing.
2. Noticed is a test that fails in its own body. What can't be imported, collected or set up, a name that doesn't
   exist and a script that doesn't compile are mistakes of the catalogue.
3. The copy is the same before each guard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tests.guards.guard import Guard, GuardGoneError
from tests.guards.workplace import Run, Workplace

GUARD_TIMEOUT_SEC = 150
BASELINE_TIMEOUT_SEC = 1_800

_NOT_VALID = re.compile(
    r"\b(SyntaxError|IndentationError|NameError|UnboundLocalError|ImportError|ModuleNotFoundError)\b"
    r"|Error compiling script|nonexistent global variable"
)


class Outcome(StrEnum):
    """What became of a promise without its guard."""

    NOTICED = "noticed"
    UNNOTICED = "UNNOTICED"  # every named test passed
    GONE = "GONE"  # its place or its text is no longer there
    BROKEN = "BROKEN"  # the change isn't valid code, or the tests couldn't run


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome for one guard."""

    guard: Guard
    outcome: Outcome
    detail: str = ""  # the test that failed, or what is wrong
    seconds: float = 0.0
    path: str = ""  # of the file that was changed


def unfit(place: Workplace, guards: Iterable[Guard]) -> list[str]:
    """Run every named test once with all guards in place; what is wrong with them, empty when nothing is."""
    wanted = list(dict.fromkeys(node_id for guard in guards for node_id in guard.node_ids))
    if not wanted:
        return []
    run = place.pytest(wanted, timeout_sec=BASELINE_TIMEOUT_SEC, stop_at_first=False)
    if run.problem:
        return [run.problem]
    failed = [f"{ran.node_id}: {_short(ran.error)}" for ran in run.tests if ran.outcome == "failed"]
    passed = [ran.node_id for ran in run.tests if ran.when == "call" and ran.outcome == "passed"]
    silent = [node_id for node_id in wanted if not any(_is_part(ran, node_id) for ran in passed)]
    return failed or [f"{node_id}: none of it ran" for node_id in silent]


def take_away(place: Workplace, guards: Sequence[Guard]) -> Iterator[Finding]:
    """Take each guard away in turn."""
    for guard in guards:
        try:
            path, mutated = guard.mutated(place.root)
            if path.endswith(".py"):
                compile(mutated, path, "exec")
        except GuardGoneError as error:
            yield Finding(guard=guard, outcome=Outcome.GONE, detail=str(error))
            continue
        except SyntaxError as error:
            yield Finding(guard=guard, outcome=Outcome.BROKEN, detail=str(error))
            continue
        original = (place.root / path).read_text("utf-8")
        place.put(path, mutated)
        try:
            run = place.pytest(guard.node_ids, timeout_sec=GUARD_TIMEOUT_SEC, stop_at_first=True)
        finally:
            place.put(path, original)
        yield replace(judged(guard, run), path=path)


def judged(guard: Guard, run: Run) -> Finding:
    """What a run with the guard taken away says about it."""

    def finding(outcome: Outcome, detail: str) -> Finding:
        return Finding(guard=guard, outcome=outcome, detail=detail, seconds=run.seconds)

    if run.problem:
        return finding(Outcome.BROKEN, run.problem)
    for ran in run.tests:
        if ran.outcome != "failed":
            continue
        if ran.when != "call" or _NOT_VALID.search(ran.error):
            return finding(Outcome.BROKEN, f"{ran.node_id} ({ran.when}): {_short(ran.error)}")
        return finding(Outcome.NOTICED, ran.node_id)
    return finding(Outcome.UNNOTICED, f"{len(run.tests)} tests passed")


def _is_part(node_id: str, wanted: str) -> bool:
    return node_id == wanted or node_id.startswith((f"{wanted}[", f"{wanted}::"))


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
