"""The tables and lines of ``p33 status`` and ``p33 up``, and their JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from p33_tasks.cli.findings import counted
from p33_tasks.cli.show import amount, cell, escaped, seconds
from p33_tasks.contract.snapshots import SNAPSHOT_PRICE_FIELDS
from p33_tasks.domain.models import Allow, Policy
from p33_tasks.domain.quantities import canonical, magnitude, sec
from p33_tasks.views.holds import hold_sentence
from p33_tasks.views.overview import Overview
from p33_tasks.views.positions import SymbolView
from p33_tasks.views.streams import StreamView

_COLUMNS = ("symbol", "exchange", "ledger", "drift", "snapshot age", "cooldown", "reserved by", "hold", "gate now")
_NUMBERS = frozenset({"exchange", "ledger", "drift", "snapshot age", "cooldown"})
_NARROW = 118
"""Below this terminal width the table omits columns whose data is also in "gate now"."""
_LEFT_OUT_WHEN_NARROW = frozenset({"cooldown", "reserved by", "hold"})


def gate_text(view: SymbolView, policy: Policy) -> str:
    """``open``, or the reason for which a plan to close everything would be denied right now."""
    verdict = view.gate(policy)
    return "open" if isinstance(verdict, Allow) else str(verdict.reason)


def symbols_table(overview: Overview, policy: Policy, *, width: int) -> Any:
    """One row per symbol, for a screen of this many columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = [name for name in _COLUMNS if width >= _NARROW or name not in _LEFT_OUT_WHEN_NARROW]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in shown:
        title = "age" if name == "snapshot age" and width < _NARROW else name
        table.add_column(
            title, justify="right" if name in _NUMBERS else "left", no_wrap=name not in {"hold", "gate now"}
        )
    for view in overview.symbols:
        cells = dict(zip(_COLUMNS, _cells(view, policy), strict=True))
        table.add_row(*(cells[name] for name in shown))
    return table


def _cells(view: SymbolView, policy: Policy) -> Iterator[Any]:
    facts, age, policy = view.facts, view.snapshot_age_ms, view.policy_in_force(policy)
    fresh = age is not None and 0 <= age <= policy.stale_threshold_ms
    drift, left, gate = view.drift_pct, view.cooldown_left_ms(policy), gate_text(view, policy)
    yield cell(view.position, "bold")
    yield cell(_side(view.position_amt))
    yield cell(amount(view.ledger_amt))
    yield cell(drift_text(drift), "red" if drift is None or drift > policy.qty_tolerance_pct else "")
    yield cell(seconds(age), "" if fresh else "red")
    yield cell(seconds(left) if left else "-", "yellow" if left else "")
    yield cell(_reservation(view), "yellow" if facts.reserved_by else "")
    yield cell(view.hold_why if view.hold_why is not None else "-", "red" if facts.hold else "", limit=60)
    yield cell("would allow" if gate == "open" else gate, "green" if gate == "open" else "red")


def _side(position_amt: Decimal | None) -> str:
    if position_amt is None:
        return "unknown"
    if position_amt == 0:
        return "flat"
    return f"{'long' if position_amt > 0 else 'short'} {canonical(magnitude(position_amt))}"


def drift_text(drift_pct: Decimal | None) -> str:
    """A drift in percent, as text."""
    return "-" if drift_pct is None else f"{drift_pct:.2f} %"


def _reservation(view: SymbolView) -> str:
    if view.facts.reserved_by is None:
        return "-"
    left = view.facts.reservation_ttl_ms
    return escaped(view.facts.reserved_by, limit=24) + (f" ({seconds(left)})" if left is not None else "")


def service_lines(overview: Overview, place: str, policy: Policy) -> Iterator[Any]:
    """The lines below the table: refreshes, notes on symbols, streams, counters."""
    refresh, now = overview.refresh, overview.now_ms
    ago = "never" if refresh.succeeded_ms is None else f"{seconds(now - refresh.succeeded_ms)} ago"
    weight = f"request weight {refresh.used_weight} (the venue's count {refresh.reported_weight}) this minute"
    late = refresh.succeeded_ms is None or now - refresh.succeeded_ms > policy.stale_threshold_ms
    yield cell(f"refresh   {ago}, every {seconds(policy.poll_ms)}; {weight}", "red" if late else "", limit=400)
    if refresh.paused_ms:
        yield cell(f"          the exchange asked for a pause: {seconds(refresh.paused_ms)} left", "red", limit=400)
    if refresh.error:
        yield cell(f"          the last refresh failed: {escaped(refresh.error, limit=300)}", "red", limit=600)
    yield from _noted_lines(overview, policy)
    for stream in overview.streams:
        if stream.name in {"plans", "results"}:
            yield cell(f"{stream.name:<10}{stream_text(stream)}", "red" if stream.problem else "", limit=600)
    yield cell(f"verdicts  {counters_text(overview)}", limit=2_000)
    yield cell(f"redis     {place}, version {overview.redis_version}", limit=400)
    for problem in overview.problems:
        yield cell(f"problem   {problem}", "red", limit=400)


def _noted_lines(overview: Overview, policy: Policy) -> Iterator[Any]:
    """Further lines per symbol: limits, holds, and the state of a drift's reconciliation."""
    for view in overview.symbols:
        if text := limits_text(view, policy):
            yield cell(f"limits    {escaped(view.position)}: {text}", limit=600)
    for view in overview.symbols:
        for hold in view.facts.holds:
            yield cell(
                f"hold      {escaped(view.position)}: {escaped(hold_sentence(hold), limit=400)}", "red", limit=600
            )
    for view in overview.symbols:
        if view.reconciling is not None:
            text = view.reconciling.sentence(view.facts.now_ms)
            yield cell(f"drift     {escaped(view.position)}: {escaped(text, limit=500)}", limit=600)


def limits_text(view: SymbolView, policy: Policy) -> str:
    """The limits of a symbol that differ from the configured ones, and who set them; empty if none differs."""
    if view.facts.limits_problem:
        return f"unreadable, every plan is denied: {escaped(view.facts.limits_problem, limit=300)}"
    mine = view.policy_in_force(policy)
    parts = [
        f"{name} {value} ({who}{_times(view, who)})"
        for name, value, who in (
            ("cooldown", seconds(mine.cooldown_ms), mine.cooldown_by),
            ("tolerance", f"{canonical(mine.qty_tolerance_pct)} %", mine.tolerance_by),
            ("stale threshold", seconds(mine.stale_threshold_ms), mine.threshold_by),
        )
        if who != "config"
    ]
    if mine.limits_until_ms is not None:
        parts.append(f"what is looser than configured ends in {seconds(mine.limits_until_ms - view.facts.now_ms)}")
    return ", ".join(parts)


def _times(view: SymbolView, who: str) -> str:
    return f", {view.volatility_ratio:.2f} times the day's" if who == "volatility" and view.volatility_ratio else ""


def limits_json(view: SymbolView, policy: Policy) -> dict[str, Any]:
    """The limits in force for a symbol, as JSON."""
    mine = view.policy_in_force(policy)
    return {
        "cooldown_sec": sec(mine.cooldown_ms),
        "cooldown_by": mine.cooldown_by,
        "volatility_ratio": None if view.volatility_ratio is None else Decimal(f"{view.volatility_ratio:.3f}"),
        "qty_tolerance_pct": mine.qty_tolerance_pct,
        "qty_tolerance_by": mine.tolerance_by,
        "stale_threshold_sec": sec(mine.stale_threshold_ms),
        "stale_threshold_by": mine.threshold_by,
        "looser_until_ms": mine.limits_until_ms,
        "problem": view.facts.limits_problem,
    }


def stream_text(stream: StreamView) -> str:
    """Length and lag of a stream."""
    if stream.problem:
        return f"{escaped(stream.key)}: {stream.problem}"
    more = "+" if stream.unread_at_least else ""
    return f"{stream.lag}{more} waiting ({stream.pending} in work, {stream.unread}{more} unread), {stream.length} kept"


def counters_text(overview: Overview) -> str:
    """The numbers of allows and denies by reason, and of events that should never occur."""
    totals = totals_of(overview)
    reasons = ", ".join(f"{escaped(name, limit=60)} {number}" for name, number in totals["denied"].items())
    text = f"{totals['allowed']} allowed, {sum(totals['denied'].values())} denied" + (
        f" ({reasons})" if reasons else ""
    )
    for name in ("unpermitted_executions", "breached_permits", "unreadable_results", "dead_letters"):
        if totals[name]:
            one = name.replace("_", " ").removesuffix("s")
            text += f"; {counted(totals[name], one)}"
    prepared = totals["prepared"]
    if any(prepared.values()):
        text += f"; prepared: {prepared['hit']} issued, {prepared['moved']} had moved, {prepared['none']} without one"
    return text


def totals_of(overview: Overview) -> dict[str, Any]:
    """The counters over all symbols; denials by reason, most frequent first."""
    counters = overview.counters
    denied: dict[str, int] = {}
    for name, value in counters.items():
        if name.startswith("p33_denial_total|"):
            reason = name.rpartition("|")[2]
            denied[reason] = denied.get(reason, 0) + value
    return {
        "allowed": _total(counters, "p33_permit_total|", "|allow"),
        "denied": dict(sorted(denied.items(), key=lambda item: -item[1])),
        "ledger_updates": _total(counters, "p33_ledger_update_total|"),
        "unpermitted_executions": _total(counters, "p33_unpermitted_execution_total|"),
        "breached_permits": _total(counters, "p33_permit_breach_total|"),
        "unreadable_results": _total(counters, "p33_unreadable_result_total|"),
        "dead_letters": _total(counters, "p33_deadletter_total|"),
        "snapshots_ok": _total(counters, "p33_snapshot_total|", "|ok"),
        "snapshot_errors": _total(counters, "p33_snapshot_total|", "|error"),
        "prepared": {
            outcome: _total(counters, f"p33_prepared_total|{outcome}") for outcome in ("hit", "moved", "none")
        },
    }


def _total(counters: Any, head: str, tail: str = "") -> int:
    return sum(value for name, value in counters.items() if name.startswith(head) and name.endswith(tail))


def overview_json(overview: Overview, policy: Policy) -> dict[str, Any]:
    """All data of the tables, as JSON with exact numbers."""
    refresh = overview.refresh
    return {
        "now_ms": overview.now_ms,
        "redis_version": overview.redis_version,
        "symbols": [symbol_json(view, policy) for view in overview.symbols],
        "refresh": {
            "succeeded_ms": refresh.succeeded_ms,
            "error": refresh.error,
            "source": refresh.source,
            "used_weight": refresh.used_weight,
            "reported_weight": refresh.reported_weight,
            "paused_ms": refresh.paused_ms,
        },
        "streams": {
            stream.name: {
                "length": stream.length,
                "pending": stream.pending,
                "unread": stream.unread,
                "unread_at_least": stream.unread_at_least,
                "problem": stream.problem,
            }
            for stream in overview.streams
        },
        "totals": totals_of(overview),
        "problems": list(overview.problems),
    }


def symbol_json(view: SymbolView, policy: Policy) -> dict[str, Any]:
    """One symbol's row, as JSON with exact numbers."""
    facts = view.facts
    return {
        "symbol": view.symbol,
        "position_side": str(view.leg),
        "exchange_position_amt": view.position_amt,
        "ledger_position_amt": view.ledger_amt,
        "diff_pct": view.drift_pct,
        "snapshot_age_ms": view.snapshot_age_ms,
        "cooldown_left_ms": view.cooldown_left_ms(policy),
        "limits": limits_json(view, policy),
        "in_flight_plan_id": facts.reserved_by,
        "in_flight_ttl_ms": facts.reservation_ttl_ms,
        "hold": view.hold_why,
        "reconciling": view.reconciling and asdict(view.reconciling),
        "gate": gate_text(view, policy),
        **{name: view.price(name) for name in SNAPSHOT_PRICE_FIELDS},
        "problems": [
            p for p in (facts.snapshot_problem, facts.ledger_problem, facts.market_problem, facts.limits_problem) if p
        ],
    }
