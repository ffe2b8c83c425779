"""Parts of the page, parsed strictly, and what is shown of a verdict."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from p33_tasks.exporter.cluster import Reading
from p33_tasks.exporter.health import readiness
from p33_tasks.exporter.history import History
from p33_tasks.exporter.page import home, templates
from p33_tasks.settings import Settings
from p33_tasks.views.overview import Overview
from p33_tasks.views.recent import RecentVerdict
from p33_tasks.views.stories import Story
from tests.factories import NOW_MS, make_policy
from tests.unit.exporter.views import make_overview

VOID = {"meta", "link", "input", "br", "path"}


TAGS = VOID | {
    "html",
    "head",
    "title",
    "style",
    "body",
    "header",
    "a",
    "b",
    "form",
    "label",
    "button",
    "main",
    "footer",
}


TAGS |= {"section", "h1", "h2", "small", "p", "ul", "ol", "li", "span", "table", "thead", "tbody", "tr", "th", "td"}


TAGS |= {"dl", "dt", "dd", "div", "figure", "figcaption", "svg", "pre", "code", "nav"}


ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "rel", "href", "class", "role", "scope", "data-label"}


ATTRIBUTES |= {"action", "method", "for", "id", "placeholder", "maxlength", "required", "autocomplete", "autofocus"}


ATTRIBUTES |= {"aria-hidden", "aria-label", "viewbox", "preserveaspectratio", "d", "vector-effect"}


class Strict(HTMLParser):
    """Refuses any tag or attribute that no page of ours has, and tags that don't close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        self.links += [value or "" for name, value in attrs if name in {"href", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def read(page: str) -> Strict:
    page.encode("utf-8")
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert not parser.open
    for link in parser.links:
        assert link.startswith("/") or link == "data:,", link
    return parser


def mark(kind: str) -> str:
    parts: Any = templates.ENVIRONMENT.get_template("parts.html").module
    return str(parts.mark(kind))


def shown(page: str) -> str:
    return " ".join("".join(read(page).words).split())


def home_page(
    overview: Overview | None = None,
    *recent: RecentVerdict,
    query: Any = None,
    history: History | None = None,
    **more: Any,
) -> str:
    overview = overview or make_overview()
    ready = readiness(Reading(overview=overview, problem="", took_sec=0), make_policy())
    symbols = ",".join(view.symbol for view in overview.symbols)
    return home.render(
        overview,
        recent,
        history=history or History(),
        ready=ready,
        settings=Settings(P33_ALLOWLIST=symbols, **more),
        choices=home.Choices.of(query or {}),
    )


def verdict(plan_id: str = "p-1", label: str = "BTCUSDT", /, **fields: Any) -> RecentVerdict:
    return RecentVerdict(plan_id=plan_id, symbol=label, ts_ms=NOW_MS - 1_500, verdict=fields)


def story(plan_id: str = "p-1", **fields: Any) -> Story:
    return Story(
        plan_id=plan_id,
        now_ms=NOW_MS,
        verdict={"plan_id": plan_id, "symbol": "BTCUSDT", "ts_ms": NOW_MS - 2_000, **fields},
        inputs={},
        permit_ttl_ms=None,
        consumption=None,
        holds_reservation=False,
        results=(),
    )
