"""Makes docs/log-events.md from p33_tasks/log_events.py and the levels found in the code: ``make docs``."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "p33_tasks" / "log_events.py"
PAGE = ROOT / "docs" / "log-events.md"

LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "error": "ERROR", "exception": "ERROR"}
LOGGERS = {"log", "_log", "logger", "_logger"}

HEAD = """# Log events

Every log line of this service begins with one of these words (with `P33_LOG_FORMAT=json` it is the field `event`).
Lines of libraries begin otherwise and name their `logger`. This page is made from
[log_events.py](../p33_tasks/log_events.py) by `make docs`; do not edit it.
"""


def log_calls(path: Path) -> Iterator[ast.Call]:
    """Every call of a logger in a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner = node.func.value
        if node.func.attr in LEVELS and isinstance(owner, ast.Name) and owner.id in LOGGERS:
            yield node


def levels() -> dict[str, set[str]]:
    """Event to the levels that it is logged at; the ingest passes some on."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "p33_tasks").rglob("*.py")):
        for call in log_calls(path):
            if call.args and isinstance(call.args[0], ast.Attribute):
                found[call.args[0].attr].add(LEVELS[call.func.attr])  # type: ignore[attr-defined] # see log_calls
        for event in re.findall(r"self\._say\(LogEvent\.(\w+)", path.read_text("utf-8")):  # the ingest's, at ERROR
            found[event].add("ERROR")
    return found


def sections() -> list[tuple[str, list[tuple[str, str]]]]:
    """Each section's events with their sentences, in the order of the source."""
    text = SOURCE.read_text("utf-8")
    body = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)).body
    lines = enumerate(text.splitlines(), 1)
    headings = [
        (number, found.group(1)) for number, line in lines if (found := re.fullmatch(r"    # --- (.*) ---", line))
    ]
    found: list[tuple[str, list[tuple[str, str]]]] = [(title, []) for _, title in headings]
    for member, doc in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
            assert isinstance(doc, ast.Expr), f"{member.targets[0].id} has no sentence"
            sentence = " ".join(str(ast.literal_eval(doc.value)).split())
            at = max(i for i, (number, _) in enumerate(headings) if number < member.lineno)
            found[at][1].append((member.targets[0].id, sentence))
    return found


def page() -> str:
    """The document."""
    known = levels()
    parts = [HEAD]
    for title, events in sections():
        rows = [
            f"| `{name}` | {', '.join(sorted(known.get(name, {'INFO'})))} | {sentence.replace('``', '`')} |"
            for name, sentence in events
        ]
        parts.append(f"\n## {title}\n\n| event | level | what happened, and what to do |\n|---|---|---|\n")
        parts.append("\n".join(rows) + "\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
