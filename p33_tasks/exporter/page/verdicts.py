"""The latest verdicts: what, for whom, the numbers, and what ends a denial."""

from __future__ import annotations

from collections.abc import Sequence

from p33_tasks.exporter.page.text import ago, esc, mark, plan_link
from p33_tasks.views import narrative
from p33_tasks.views.recent import RecentVerdict


def latest(verdicts: Sequence[RecentVerdict], now_ms: int) -> str:
    """A list, newest first."""
    if not verdicts:
        return '<p class="soft">No verdict yet. Plans are read from the stream apply.plan.</p>'
    return f'<ol class="verdicts">{"".join(_item(verdict, now_ms) for verdict in verdicts)}</ol>'


def said(verdict: RecentVerdict) -> str:
    """The verdict in a few words, as HTML."""
    if not verdict.verdict:
        return f'<span class="what stop">{mark("stop")}unreadable entry</span>'
    if verdict.allowed:
        side, quantity = verdict.verdict.get("order_side"), narrative.number(verdict.verdict.get("safe_close_qty"))
        return f'<span class="what go">{mark("go")}allow {esc(str(side).lower(), 20)} {esc(quantity, 70)}</span>'
    return f'<span class="what stop">{mark("stop")}deny {esc(verdict.verdict.get("reason"))}</span>'


def _item(verdict: RecentVerdict, now_ms: int) -> str:
    why = ""
    if verdict.verdict and not verdict.allowed:
        needed = narrative.needed(verdict.verdict)
        lines = [f"Needed {needed}." if needed else "", narrative.remedy(verdict.verdict)]
        why = f'<span class="why">{esc(" ".join(filter(None, lines)), 600)}</span>'
    return (
        f'<li>{said(verdict)}<span class="num">{esc(verdict.symbol, 40)}</span>'
        f'<span class="plan">{plan_link(verdict.plan_id)}</span>'
        f'<span class="when">{ago(now_ms - verdict.ts_ms)}</span>{why}</li>'
    )
