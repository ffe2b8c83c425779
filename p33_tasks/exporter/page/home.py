"""The overview: is it ready, every symbol, the trends, the latest verdicts."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from p33_tasks.contract.timing import iso
from p33_tasks.exporter.health import Readiness
from p33_tasks.exporter.history import History, totals
from p33_tasks.exporter.page import frame, plots, symbols, verdicts
from p33_tasks.exporter.page.text import ago, esc, mark
from p33_tasks.settings import Settings
from p33_tasks.views.overview import Overview
from p33_tasks.views.recent import RecentVerdict

RECENT = 20

Fact = tuple[str, str, str, str]  # name, value, what is beside it, class


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the reader asked for in the address; it stays through every refresh."""

    refresh: bool = True
    show_all: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choices:
        """From ``?refresh=off&all=1``."""
        return cls(refresh=query.get("refresh") != "off", show_all=query.get("all") == "1")

    def link(self, **changes: bool) -> str:
        """The address with other choices, as an HTML attribute."""
        refresh, show_all = changes.get("refresh", self.refresh), changes.get("show_all", self.show_all)
        query = ({} if refresh else {"refresh": "off"}) | ({"all": "1"} if show_all else {})
        return html.escape("/?" + urlencode(query)) if query else "/"


def render(
    overview: Overview,
    recent: Sequence[RecentVerdict],
    *,
    history: History,
    ready: Readiness,
    settings: Settings,
    choices: Choices,
) -> str:
    """The page, when Redis answered."""
    policy = settings.policy
    rows = symbols.rows_of(overview.symbols, policy)
    told = symbols.headline(rows)
    body = (
        _state(ready, told)
        + _facts(overview)
        + symbols.sections(rows, policy, show_all=choices.show_all, all_link=choices.link(show_all=True))
        + f"<section><h2>Trends</h2>{plots.trends(history, policy)}</section>"
        + f"<section><h2>Latest verdicts</h2>{verdicts.latest(recent, overview.now_ms)}</section>"
    )
    word = "ready" if ready.ready else "NOT READY"
    return _document(f"{word}: {told}", body, settings, choices, at=iso(overview.now_ms)[:19].replace("T", " "))


def redis_is_away(problem: str, history: History, settings: Settings, choices: Choices) -> str:
    """The page, when it didn't."""
    body = (
        f'<section class="state stop"><h1>{mark("stop")}Redis does not answer</h1><p>{esc(problem, 400)}</p>'
        "<p>Without it no plan is judged and no permit can be consumed, so no order of ours is sent. "
        "What the streams still hold is read when it is back.</p>"
        "<p>Look further with: <code>p33 check</code></p></section>"
    )
    if history.span_ms:
        body += f"<section><h2>Trends <small>until then</small></h2>{plots.trends(history, settings.policy)}</section>"
    return _document("NOT READY: Redis does not answer", body, settings, choices, at="")


def _document(title: str, body: str, settings: Settings, choices: Choices, *, at: str) -> str:
    switch = (
        f'every {frame.REFRESH_SEC} s, <a href="{choices.link(refresh=False)}">pause</a>'
        if choices.refresh
        else f'paused, <a href="{choices.link(refresh=True)}">go on</a>'
    )
    aside = f'<span class="soft">{esc(settings.key_prefix)} <span class="num">{at}</span> {switch}</span>'
    refresh_sec = frame.REFRESH_SEC if choices.refresh else None
    return frame.document(f"{title} ({settings.key_prefix})", body, refresh_sec=refresh_sec, aside=aside)


def _state(ready: Readiness, told: str) -> str:
    kind = "stop" if not ready.ready else "wait" if ready.warnings else "go"
    word = {"stop": "Not ready", "wait": "Ready, with warnings", "go": "Ready"}[kind]
    lines = "".join(f"<li>{esc(line, 500)}</li>" for line in (*ready.problems, *ready.warnings))
    return (
        f'<section class="state {kind}"><h1>{mark(kind)}{word}: {told}</h1>'
        f"{f'<ul>{lines}</ul>' if lines else ''}</section>"
    )


def _facts(overview: Overview) -> str:
    items = "".join(
        f'<div><dt>{name}</dt><dd class="v {kind}">{value}</dd><dd class="more">{more}</dd></div>'
        for name, value, more, kind in _each_fact(overview)
    )
    return f'<dl class="facts">{items}</dl>'


def _each_fact(overview: Overview) -> Iterator[Fact]:
    refresh, counters, now_ms = overview.refresh, overview.counters, overview.now_ms
    allowed, denied = totals(counters)
    last = "never" if refresh.succeeded_ms is None else ago(now_ms - refresh.succeeded_ms)
    yield "Exchange read", last, esc(refresh.source or "no request yet", 60), "stop" if refresh.error else ""
    for stream in overview.streams:
        if stream.name in {"plans", "results"}:
            more = "+" if stream.unread_at_least else ""
            readers = f"{stream.readers} reader{'' if stream.readers == 1 else 's'}"
            yield f"{stream.name.title()} waiting", f"{stream.lag}{more}", readers, "" if stream.readers else "stop"
    yield "Allowed", f"{allowed}", f"{denied} denied", ""
    paused = f"paused, {refresh.paused_ms // 1000} s left" if refresh.paused_ms else ""
    weight = f"venue counts {refresh.reported_weight}, this minute"
    yield (
        "Request weight",
        f"{refresh.used_weight} of {refresh.own_limit}" if refresh.own_limit else str(refresh.used_weight),
        paused or weight,
        "wait" if paused else "",
    )
    around = _total(counters, "p33_unpermitted_execution_total|")
    yield "Around the gate", f"{around}", "executions never allowed", "stop" if around else ""
    beyond = _total(counters, "p33_permit_breach_total|")
    yield "Beyond permits", f"{beyond}", "side, leg, quantity, reduce-only", "stop" if beyond else ""
    letters = _total(counters, "p33_deadletter_total|")
    trimmed = _total(counters, "p33_trimmed_total|")
    yield "Dead letters", f"{letters}", f"{trimmed} trimmed unread", "wait" if letters or trimmed else ""


def _total(counters: Mapping[str, int], head: str) -> int:
    return sum(value for name, value in counters.items() if name.startswith(head))
