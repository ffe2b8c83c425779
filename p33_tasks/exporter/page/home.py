"""The overview: readiness, every symbol, the trends, the latest verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from p33_tasks.contract.timing import iso
from p33_tasks.exporter.health import Readiness
from p33_tasks.exporter.history import PERIOD_SEC, History, totals
from p33_tasks.exporter.page import plots, symbols, templates
from p33_tasks.exporter.page.text import Shown, address
from p33_tasks.settings import Settings
from p33_tasks.views.overview import Overview
from p33_tasks.views.recent import RecentVerdict

RECENT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The options in the address; they stay at every refresh."""

    refresh: bool = True
    show_all: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choices:
        """The choices of a query, e.g. ``?refresh=off&all=1``."""
        return cls(refresh=query.get("refresh") != "off", show_all=query.get("all") == "1")

    def link(self, **changes: bool) -> Shown:
        """The address with some choices changed."""
        chosen = replace(self, **changes)
        return address("/", refresh="" if chosen.refresh else "off", all="1" if chosen.show_all else "")


def render(
    overview: Overview,
    recent: Sequence[RecentVerdict],
    *,
    history: History,
    ready: Readiness,
    settings: Settings,
    choices: Choices,
) -> str:
    """The page if Redis answered."""
    rows = [symbols.row_of(view, settings.policy) for view in overview.symbols]
    return templates.render(
        "home",
        ready=ready,
        headline=symbols.headline(rows),
        overview=overview,
        counted=totals(overview.counters),
        rows=rows,
        most=symbols.SHOWN,
        recent=recent,
        at=iso(overview.now_ms)[:19].replace("T", " "),
        prepares=settings.prepares,
        plot_of=lambda view: plots.cooldowns(history, view, settings.policy),
        **_frame(history, settings, choices),
    )


def redis_is_away(problem: str, history: History, settings: Settings, choices: Choices) -> str:
    """The page if Redis didn't answer."""
    return templates.render("away", problem=problem, at="", **_frame(history, settings, choices))


def _frame(history: History, settings: Settings, choices: Choices) -> dict[str, object]:
    return {
        "account": settings.key_prefix,
        "venue": _venue(settings),
        "choices": choices,
        "refresh_sec": templates.REFRESH_SEC if choices.refresh else 0,
        "figures": plots.trends(history, settings.policy),
        "period_sec": PERIOD_SEC,
        "links": links(settings),
    }


def _venue(settings: Settings) -> str:
    """The exchange, and live or test; with another base URL that is unknown, so its address is shown."""
    if settings.exchange_base_url is not None:
        return f"{settings.exchange} at {settings.exchange_base_url.partition('://')[2]}"
    return f"{settings.exchange} {'test' if settings.testnet else 'LIVE'}"


def links(settings: Settings) -> dict[str, str]:
    """The links to other tools of the operator that are configured: name and URL."""
    return {name: url for name, url in (("Flower", settings.flower_url), ("Runbook", settings.runbook_url)) if url}
