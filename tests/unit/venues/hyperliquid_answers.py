"""What Hyperliquid answers in these tests, and a client over a played session."""

from __future__ import annotations

import json
from pathlib import Path

from p33_tasks.venues.hyperliquid.spec import (
    DEXES,
    FILLS,
    META,
    ORDER,
    PLACE,
    POSITIONS,
    PRICES,
    RESTING,
    ROLE,
)
from p33_tasks.venues.hyperliquid.venue import VENUE
from tests.support.played_session import NOW_MS, PlayedSession

DATA = Path(__file__).parents[2] / "data" / "venues" / "hyperliquid"


ACCOUNT, AGENT, OTHER = (f"0x{'0' * 38}{tail}" for tail in ("a1", "a9", "b2"))


LIVE = False


def raw(name):
    return json.loads((DATA / f"{name}.json").read_text())


def state(*rows, **changes):
    return {"assetPositions": list(rows), "time": NOW_MS} | changes


def fill(tid=1, **changes):
    plain = {"coin": "BTC", "side": "A", "sz": "0.03", "tid": tid, "oid": 7, "time": NOW_MS - 1000, "dir": "Close Long"}
    return plain | changes


def order(status="filled", **changes):
    plain = {"coin": "BTC", "side": "A", "oid": 7, "origSz": "0.05", "sz": "0.02", "timestamp": NOW_MS, "cloid": None}
    return {"status": "order", "order": {"order": plain | changes, "status": status, "statusTimestamp": NOW_MS}}


def session_with(**answers):
    named = {"role": ROLE, "positions": POSITIONS, "meta": META, "order": ORDER, "fills": FILLS, "resting": RESTING}
    named |= {"place": PLACE, "prices": PRICES, "dexes": DEXES}
    plain = {ROLE: {"role": "user"}, POSITIONS: state(), META: raw("meta"), ORDER: order(), FILLS: [], RESTING: []}
    return PlayedSession(VENUE.spec, plain | {named[name]: answer for name, answer in answers.items()})


def reader(session):
    return VENUE.reader(session, "source", LIVE)
