"""The documents lead to what is there: links, sections, test node ids, module paths, and the names on the wire."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from p33_tasks.cli.root import cli
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.domain.reasons import Reason
from p33_tasks.settings import Settings
from p33_tasks.venues.build import venue_specs

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("config/*.md"),
        *ROOT.glob("deployment/*.md"),
    )
    if path.name != "CHANGELOG.md"
)
CONTRACT = (ROOT / "docs/contract.md").read_text("utf-8")
FAILURES = (ROOT / "docs/failures.md").read_text("utf-8")

LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
NODE_ID = re.compile(r"`([\w/]+\.py(?:::\w+)+)`")
MODULE = re.compile(r"`(?:p33_tasks/)?((?:\w+/)+\w+\.(?:py|lua))`")
CITED_SECTION = re.compile(r"(?:CONTRACT|contract\.md),? sections? (\d+)(?:(?:, | and )(\d+))*")
CITED_FAILURE = re.compile(r"\b[Ff]ailures? (\d+)(?:(?:, | and )(\d+))*")
CITED_SEQUENCE = re.compile(r"\b[Ss]equences? ([A-Z])\b(?:(?:, | and )([A-Z])\b)*")
FENCED = re.compile(r"```.*?```", re.DOTALL)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def between(text: str, start: str, end: str) -> str:
    return text.partition(f"\n## {start}")[2].partition(f"\n## {end}")[0]


@cache
def names_in(path: Path) -> frozenset[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds))


@cache
def sources() -> tuple[Path, ...]:
    """Every tracked text of ours that may cite a section or a failure."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    kinds = {".py", ".lua", ".md", ".sh", ".toml", ".yml", ".conf"}
    found = (ROOT / name for name in listed.split("\0") if name)
    return tuple(path for path in found if path.suffix in kinds and path.is_file() and path != Path(__file__))


def all_numbers(pattern: re.Pattern[str], text: str) -> set[str]:
    return {part for match in pattern.finditer(text) for part in re.findall(r"\d+|\b[A-Z]\b", match.group(0))}


def venue_tables() -> list[list[str]]:
    """The venues of each table's rows."""
    text = (ROOT / "docs/venues.md").read_text("utf-8")
    return [re.findall(r"^\| `([a-z]\w+)` \|", part, re.MULTILINE) for part in text.split("\n|---")[1:]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, anchor in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page.name} links to {target}#{anchor}; there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_and_module_that_a_document_names_is_there(page: Path) -> None:
    text = FENCED.sub("", page.read_text("utf-8"))
    for node_id in NODE_ID.findall(text):
        path, *names = node_id.removeprefix("tests/").split("::")
        file = ROOT / "tests" / path
        assert file.is_file(), f"{page.name} names the test {node_id}; its file is not there"
        missing = set(names) - names_in(file)
        assert not missing, f"{page.name} names the test {node_id}; {missing} is not in that file"
    for module in MODULE.findall(text):
        places = (ROOT / "p33_tasks" / module, ROOT / module)
        assert any(place.is_file() for place in places), f"{page.name} names {module}, which is not there"


def test_every_section_that_code_cites_is_in_the_contract() -> None:
    sections = set(re.findall(r"^## (\d+)\. ", CONTRACT, re.MULTILINE))
    for path in sources():
        cited = all_numbers(CITED_SECTION, path.read_text("utf-8", errors="replace"))
        assert cited <= sections, f"{path.relative_to(ROOT)} cites section {cited - sections} of docs/contract.md"


def test_every_failure_and_sequence_that_code_cites_is_listed() -> None:
    rows = set(re.findall(r"^\| (\d+|[A-Z]) \|", FAILURES, re.MULTILINE))
    for path in sources():
        text = path.read_text("utf-8", errors="replace")
        cited = all_numbers(CITED_FAILURE, text)
        cited |= all_numbers(CITED_SEQUENCE, text) if path.suffix in {".py", ".lua"} else set()
        assert cited <= rows, f"{path.relative_to(ROOT)} cites {cited - rows}, which docs/failures.md does not list"


def test_every_failure_names_a_test_or_says_that_none_holds_it() -> None:
    rows = [line for line in FAILURES.splitlines() if re.match(r"\| (\d+|[A-Z]) \|", line)]
    assert len(rows) >= 69
    for row in rows:
        held = row.rstrip(" |").rpartition("|")[2]
        assert bool(NODE_ID.search(held)) != ("**not held yet**" in held), row[:60]


def test_no_text_cites_a_document_that_is_not_in_the_repository() -> None:
    foreign = re.compile(r"\b(?:FIELD-FAILURES|AMENDMENTS|DESIGN)(?:\.md)?\b|\bVENUES\.md\b")
    for path in sources():
        found = foreign.search(path.read_text("utf-8", errors="replace"))
        assert not found, f"{path.relative_to(ROOT)} cites {found.group(0)}, which is not here"


def test_the_contract_lists_every_setting_and_no_other() -> None:
    listed = re.findall(r"^\| `([A-Z0-9_]+)` \|", between(CONTRACT, "2. ", "3. "), re.MULTILINE)
    assert sorted(listed) == sorted(str(field.alias) for field in Settings.model_fields.values())


def test_the_contract_names_every_reason_and_no_other() -> None:
    verdicts = between(CONTRACT, "5. ", "6. ")
    listed = set(re.findall(r"deny `(\w+)`|denied `(\w+)`", verdicts))
    assert {one or other for one, other in listed} == {str(reason) for reason in Reason}


def test_the_contract_lists_every_command_and_no_other() -> None:
    listed = re.findall(r"`p33 ([a-z-]+)", between(CONTRACT, "9. ", "10. ").partition("`--json`")[0])
    assert set(listed) == set(cli.list_commands(None))  # type: ignore[arg-type] # click's context isn't used


def test_every_metric_of_the_contract_is_exported() -> None:
    exported = (ROOT / "p33_tasks/exporter/metrics.py").read_text("utf-8")
    metrics = re.findall(r"`(p33_[a-z_]+)", between(CONTRACT, "8. ", "9. "))
    assert len(metrics) > 10
    for metric in metrics:
        assert metric in exported, metric


@pytest.mark.parametrize("exchange", venue_specs())
def test_each_table_of_the_page_of_venues_has_a_row_of_a_venue_with_a_front(exchange: str) -> None:
    missing = [number for number, table in enumerate(venue_tables(), 1) if table.count(exchange) != 1]
    if missing and exchange not in FRONTS:
        pytest.skip(f"docs/venues.md says nothing of {exchange} yet: its tables {missing} have no row of it")
    assert missing == []


def test_the_page_of_venues_names_no_other_venue() -> None:
    text = (ROOT / "docs/venues.md").read_text("utf-8")
    assert len(venue_tables()) == 3
    named = {exchange for table in venue_tables() for exchange in table}
    assert named | set(re.findall(r"^### (\w+)$", text, re.MULTILINE)) <= set(venue_specs())
