"""What Gate answers in these tests, and a client over a played session."""

from __future__ import annotations

import json
from pathlib import Path

from p33_tasks.venues.gate.orders import GateOrders
from p33_tasks.venues.gate.spec import (
    ACCOUNT,
    CONTRACTS,
    ORDER,
    ORDER_TRADES,
    ORDERS,
    PLACE,
    POSITIONS,
    PRICE_ORDERS,
    TRADES,
)
from p33_tasks.venues.gate.venue import VENUE
from tests.support.played_session import NOW_MS, PlayedSession, place_order

DATA = Path(__file__).parents[2] / "data" / "venues" / "gate"


LIVE, TEST = False, True


BTC, ETH, ZG = "BTC_USDT", "ETH_USDT", "0G_USDT"


ID = "t-p33-0f0f0f0f"


def raw(name):
    return json.loads((DATA / name).read_text())


def without(fields):
    return {name: value for name, value in fields.items() if value is not ...}


def contract(name, multiplier, **changes):
    plain = {"name": name, "type": "direct", "quanto_multiplier": multiplier, "order_size_min": 1}
    limits = {"order_size_max": 1_000_000, "market_order_size_max": "300000", "enable_decimal": False}
    return without(plain | limits | {"in_delisting": False, "status": "trading"} | changes)


CONTRACT_LIST = [contract(BTC, "0.0001"), contract(ETH, "0.01")]


def order(**changes):
    plain = {"id": 14_381_470_939, "contract": BTC, "text": ID, "size": -3, "left": 0, "status": "finished"}
    more = {"finish_as": "filled", "is_reduce_only": True, "is_close": False, "create_time": NOW_MS / 1000}
    return without(plain | more | changes)


def refusal(label):
    return {"label": label, "message": "no"}


def session_with(**answers):
    named = {
        "place": PLACE,
        "order": ORDER,
        "orders": ORDERS,
        "account": ACCOUNT,
        "positions": POSITIONS,
        "contracts": CONTRACTS,
        "trades": TRADES,
        "order_trades": ORDER_TRADES,
        "triggers": PRICE_ORDERS,
    }
    plain = {
        PLACE: order(),
        ORDER: refusal("ORDER_NOT_FOUND"),
        ACCOUNT: {"in_dual_mode": False},
        CONTRACTS: CONTRACT_LIST,
        **{each: [] for each in (ORDERS, POSITIONS, TRADES, ORDER_TRADES, PRICE_ORDERS)},
    }
    return PlayedSession(VENUE.spec, plain | {named[name]: value for name, value in answers.items()})


def place(session, **changes):
    order = {"symbol": BTC, "quantity": "0.0003", "client_order_id": ID}
    return place_order(GateOrders(session), **(order | changes))


def reader(session):
    return VENUE.reader(session, "source", LIVE)


def trades(session, since=NOW_MS - 2000, until=NOW_MS):
    return reader(session).fetch_trades(BTC, since_ms=since, until_ms=until)


def paged(rows):
    def page(params):
        start = int(params.get("offset", 0))
        return rows[start : start + 100]

    return page
