"""The symbols: those that need somebody first, then those with a position, then the flat ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from p33_tasks.domain.models import Deny, Policy
from p33_tasks.domain.reasons import Reason
from p33_tasks.exporter.page.text import amount, esc, mark, plan_link, seconds
from p33_tasks.views.overview import SymbolView

SHOWN = 40
"""Rows of a group, unless all are asked for."""
_PASSING = frozenset({Reason.COOLDOWN_IN_FLIGHT, Reason.PERMIT_IN_FLIGHT})
_HEAD = ("Symbol", "A full close now", "Exchange", "Ledger", "Drift", "Snapshot", "Cooldown", "Held by")
_NUMBERS = frozenset({"Exchange", "Ledger", "Drift", "Snapshot", "Cooldown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One symbol, and what the rules say of it right now."""

    view: SymbolView
    reason: Reason | None  # of the deny that a plan to close all of it would get; None: it would be allowed

    @property
    def kind(self) -> str:
        """go, wait (ends by itself), none (flat) or stop (somebody has to act)."""
        if self.reason is None:
            return "go"
        if self.reason in _PASSING:
            return "wait"
        return "none" if self.reason is Reason.NO_POSITION else "stop"


def rows_of(views: Sequence[SymbolView], policy: Policy) -> list[Row]:
    """Ask the rules about every symbol."""
    found = []
    for view in views:
        verdict = view.gate(policy)
        found.append(Row(view=view, reason=verdict.reason if isinstance(verdict, Deny) else None))
    return found


def headline(rows: Sequence[Row]) -> str:
    """How many of each kind, as text."""
    names = (("stop", "stopped"), ("go", "open"), ("wait", "waiting"), ("none", "flat"))
    counts = {kind: sum(1 for row in rows if row.kind == kind) for kind, _ in names}
    return ", ".join(f"{counts[kind]} {name}" for kind, name in names if counts[kind])


def sections(rows: Sequence[Row], policy: Policy, *, show_all: bool, all_link: str) -> str:
    """All groups that have a symbol, each with its table, and what ends the denials."""
    groups = (
        ("Needs somebody", [row for row in rows if row.kind == "stop"]),
        ("With a position", [row for row in rows if row.kind in {"go", "wait"}]),
        ("Flat", [row for row in rows if row.kind == "none"]),
    )
    return "".join(
        _section(title, members, policy, show_all=show_all, all_link=all_link) for title, members in groups if members
    )


def _section(title: str, rows: Sequence[Row], policy: Policy, *, show_all: bool, all_link: str) -> str:
    shown = rows if show_all else rows[:SHOWN]
    more = len(rows) - len(shown)
    rest = f'<p><a href="{all_link}">Show {more} more</a></p>' if more else ""
    head = "".join(f'<th scope="col"{_right(name)}>{name}</th>' for name in _HEAD)
    body = "".join(_row(row, policy) for row in shown)
    return (
        f"<section><h2>{title} <small>{len(rows)}</small></h2>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}{_cures(rows)}</section>"
    )


def _cures(rows: Sequence[Row]) -> str:
    reasons = dict.fromkeys(row.reason for row in rows if row.reason and row.reason is not Reason.NO_POSITION)
    if not reasons:
        return ""
    pairs = "".join(f"<dt>{esc(reason)}</dt><dd>{esc(reason.remedy, 300)}</dd>" for reason in reasons)
    return f'<dl class="remedies">{pairs}</dl>'


def _row(row: Row, policy: Policy) -> str:
    cells = zip(_HEAD, _cells(row, policy), strict=True)
    return f'<tr class="row-{row.kind}">' + "".join(_cell(name, *cell) for name, cell in cells) + "</tr>"


def _cell(name: str, content: str, extra: str) -> str:
    classes = " ".join(filter(None, (extra, "r" if name in _NUMBERS else "")))
    attribute = f' class="{classes}"' if classes else ""
    return f'<td{attribute} data-label="{name}">{content}</td>'


def _cells(row: Row, policy: Policy) -> Iterator[tuple[str, str]]:
    """Each column's HTML and class; ``empty`` cells are left out on a phone."""
    view, facts = row.view, row.view.facts
    word = "open" if row.reason is None else esc(row.reason)
    policy = view.policy_in_force(policy)
    left_ms = view.cooldown_left_ms(policy)
    yield esc(view.symbol), "name"
    yield f"{mark(row.kind)}{word}", f"gate {row.kind}"
    yield amount(view.position_amt, "unknown"), ""
    yield amount(view.ledger_amt, "none"), ""
    yield _drift(view, policy), ""
    yield _age(view, policy), ""
    yield _cooldown(policy, left_ms)
    yield (_holders(view), "wide") if facts.hold or facts.reserved_by is not None else ("-", "empty")


def _cooldown(policy: Policy, left_ms: int) -> tuple[str, str]:
    """What is left of it, and how long it is where that isn't the configured time."""
    own = "" if policy.cooldown_by == "config" else f"of {seconds(policy.cooldown_ms)} ({esc(policy.cooldown_by)})"
    if left_ms:
        return f"{seconds(left_ms)} {own}".strip(), "wait"
    return (f'<span class="soft">{own.removeprefix("of ")}</span>', "") if own else ("-", "empty")


def _holders(view: SymbolView) -> str:
    """The hold and the reservation: each stops the symbol, and they have nothing to do with each other."""
    facts, held = view.facts, []
    if facts.hold:
        held.append(f'<span class="stop">hold: {esc(view.hold_why or "no reason given", 100)}</span>')
    if facts.reserved_by is not None:
        left_ms = facts.reservation_ttl_ms
        rest = "" if left_ms is None else f", {seconds(left_ms)}"
        held.append(f'<span class="wait">plan {plan_link(facts.reserved_by, 24)}{rest}</span>')
    return "<br>".join(held)


def _drift(view: SymbolView, policy: Policy) -> str:
    drift = view.drift_pct
    if drift is None:
        return '<span class="soft">-</span>'
    text = f"{drift:.2f} %"
    return f'<span class="stop">{text} !</span>' if drift > policy.qty_tolerance_pct else text


def _age(view: SymbolView, policy: Policy) -> str:
    age_ms = view.snapshot_age_ms
    if age_ms is None:
        return '<span class="stop">none !</span>'
    fresh = 0 <= age_ms <= policy.stale_threshold_ms
    return seconds(age_ms) if fresh else f'<span class="stop">{seconds(age_ms)} !</span>'


def _right(name: str) -> str:
    return ' class="r"' if name in _NUMBERS else ""
