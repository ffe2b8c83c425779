"""Renders the templates of this folder. Every value is made bounded and printable, and escaped, by default."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from p33_tasks.contract.timing import iso
from p33_tasks.domain.quantities import canonical, magnitude
from p33_tasks.exporter.page import text
from p33_tasks.views import denials, explanation, narrative

REFRESH_SEC = 10
STYLE = (files("p33_tasks.exporter.page") / "page.css").read_text(encoding="utf-8")


def _total(counters: Mapping[str, int], head: str) -> int:
    return sum(value for name, value in counters.items() if name.startswith(head))


def _bounded(value: object) -> object:
    return value if isinstance(value, (Markup, text.Shown)) else text.shown(value)


ENVIRONMENT = Environment(
    loader=PackageLoader("p33_tasks.exporter", "page"),
    autoescape=True,
    finalize=_bounded,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
ENVIRONMENT.filters |= {
    "up_to": text.shown,
    "magnitude": magnitude,
    "canonical": canonical,
    "seconds": text.seconds,
    "ago": text.ago,
    "time": iso,
    "total": _total,
    "plan_path": text.plan_path,
}
ENVIRONMENT.globals |= {
    "style": Markup(STYLE),  # noqa: S704 - a file of ours
    "address": text.address,
    "max_plan_id_chars": text.MAX_PLAN_ID_CHARS,
    "refresh_sec": 0,
    "focus": False,
    "denials": denials,
    "narrative": narrative,
    "explanation": explanation,
    "links": {},
}
for _name in ENVIRONMENT.list_templates(extensions=["html"]):  # compile at start, not at the first request
    ENVIRONMENT.get_template(_name)


def render(template: str, **values: object) -> str:
    """A page, from a template's name without its suffix."""
    return ENVIRONMENT.get_template(f"{template}.html").render(values)


def message(title: str, text: str) -> str:
    """A page with one message."""
    return render("message", title=title, text=text)
