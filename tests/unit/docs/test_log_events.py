"""Every log line's event is a member of one enum, and docs/log-events.md says what each means."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from p33_tasks.apply.result import Outcome
from p33_tasks.log_events import LogEvent
from tests.unit.docs.log_events import PAGE, ROOT, SOURCE, log_calls, page, sections

PACKAGE = ROOT / "p33_tasks"


def is_event(argument: ast.expr, function: ast.AST | None) -> bool:
    """``LogEvent.X``, ``LogEvent[...]``, or a parameter that is annotated as one."""
    if isinstance(argument, ast.Attribute | ast.Subscript):
        return isinstance(argument.value, ast.Name) and argument.value.id == "LogEvent"
    if isinstance(argument, ast.Name) and isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        annotations = {a.arg: a.annotation for a in (*function.args.args, *function.args.kwonlyargs)}
        annotation = annotations.get(argument.id)
        return isinstance(annotation, ast.Name) and annotation.id == "LogEvent"
    return False


def function_around(path: Path, call: ast.Call) -> ast.AST | None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= call.lineno <= (node.end_lineno or node.lineno)
    ]
    return max(functions, key=lambda node: node.lineno, default=None)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_log_line_has_an_event_of_the_enum(path: Path) -> None:
    for call in log_calls(path):
        assert call.args, f"{path.name}:{call.lineno} logs no event"
        assert len(call.args) == 1, f"{path.name}:{call.lineno}: give values by name, as key=value"
        assert is_event(call.args[0], function_around(path, call)), (
            f"{path.name}:{call.lineno} logs {ast.unparse(call.args[0])}; use a member of LogEvent, or add one with "
            "its sentence to p33_tasks/log_events.py, then: make docs"
        )


def test_every_event_is_logged_somewhere() -> None:
    used = {
        node.attr
        for path in PACKAGE.rglob("*.py")
        if path != SOURCE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "LogEvent"
    }
    assert {str(event) for event in LogEvent} - used == {outcome.name for outcome in Outcome}


def test_every_event_has_a_sentence_of_its_own() -> None:
    told = [entry for _, events in sections() for entry in events]
    assert [name for name, _ in told] == [event.value for event in LogEvent] == [event.name for event in LogEvent]
    assert all(sentence.endswith(".") and len(sentence) > 30 for _, sentence in told)
    assert len({sentence for _, sentence in told}) == len(told)


def test_the_document_is_made_from_the_code() -> None:
    assert PAGE.read_text("utf-8") == page(), "docs/log-events.md is not up to date; run: make docs"


def test_on_a_line_an_event_is_its_name() -> None:
    assert f"{LogEvent.ALLOW}" == "ALLOW"
