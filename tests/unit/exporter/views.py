"""Overviews made by hand, for the exporter's tests."""

from __future__ import annotations

from typing import Any

from p33_tasks.domain.models import Leg
from p33_tasks.views.overview import Overview, RefreshView
from p33_tasks.views.positions import SymbolView
from p33_tasks.views.streams import StreamView
from tests.factories import NOW_MS, RUN_ID, make_facts


def make_view(symbol: str = "BTCUSDT", *, leg: Leg = Leg.BOTH, hold_why: str | None = None, **facts: Any) -> SymbolView:
    return SymbolView(symbol=symbol, leg=leg, facts=make_facts(**facts), hold_why=hold_why)


def make_stream(name: str = "plans", **changes: Any) -> StreamView:
    fields: dict[str, Any] = {
        "name": name,
        "key": f"quantum:stream:{name}",
        "length": 0,
        "has_group": True,
        "pending": 0,
        "unread": 0,
        "unread_at_least": False,
        "consumers": 1,
        "other_groups": (),
        "problem": None,
        "oldest_ms": None,
        "readers": 1,
    }
    return StreamView(**{**fields, **changes})


def make_refresh(**changes: Any) -> RefreshView:
    fields: dict[str, Any] = {
        "started_ms": NOW_MS - 1_000,
        "succeeded_ms": NOW_MS - 900,
        "in_flight": False,
        "error": "",
        "source": "binanceusdm test.example",
        "markets_ms": NOW_MS - 60_000,
        "used_weight": 5,
        "reported_weight": 40,
        "paused_ms": 0,
        "own_limit": 1_200,
        "venue_limit": 2_280,
    }
    return RefreshView(**{**fields, **changes})


def make_overview(*symbols: SymbolView, **changes: Any) -> Overview:
    fields: dict[str, Any] = {
        "now_ms": NOW_MS,
        "run_id": RUN_ID,
        "redis_version": "7.0.0",
        "symbols": symbols or (make_view(),),
        "refresh": make_refresh(),
        "streams": (make_stream("plans"), make_stream("results")),
        "counters": {},
        "problems": (),
    }
    return Overview(**{**fields, **changes})
