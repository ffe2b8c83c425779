"""What Bitget answers in these tests, and a client over a played session."""

from __future__ import annotations

import json
from pathlib import Path

from p33_tasks.venues.bitget.orders import BitgetOrders
from p33_tasks.venues.bitget.spec import (
    ACCOUNT,
    FILL_HISTORY,
    KEY,
    ORDER,
    ORDER_FILLS,
    PENDING,
    PLACE,
    PLAN_PENDING,
    POSITION,
    POSITIONS,
)
from p33_tasks.venues.bitget.venue import VENUE
from tests.support.played_session import NOW_MS, PlayedSession, place_order

DATA = Path(__file__).parents[2] / "data" / "venues" / "bitget"


LIVE, TEST = False, True


BTC, ETH = "BTCUSDT", "ETHUSDT"


ID = "p33-0f0f0f0f"


def raw(name):
    return json.loads((DATA / name).read_text())


def answer(data, code="00000"):
    return {"code": code, "msg": "success", "requestTime": 1, "data": data}


def without(fields):
    return {name: value for name, value in fields.items() if value is not ...}


def row(**changes):
    plain = {"symbol": BTC, "marginCoin": "USDT", "holdSide": "long", "total": "1.5", "marginMode": "crossed"}
    return without(plain | {"posMode": "one_way_mode"} | changes)


def leg(side, **changes):
    return row(holdSide=side, posMode="hedge_mode", **changes)


def order(**changes):
    plain = {
        "orderId": "o1",
        "clientOid": ID,
        "symbol": BTC,
        "side": "sell",
        "posSide": "net",
        "posMode": "one_way_mode",
        "tradeSide": "sell_single",
        "size": "0.03",
        "baseVolume": "0.03",
        "state": "filled",
        "reduceOnly": "YES",
        "cTime": str(NOW_MS),
    }
    return without(plain | changes)


def listed(name, *rows, end=None):
    return answer({name: list(rows) or None, "endId": end})


ACK = answer({"orderId": "o1", "clientOid": ID})


MISSING = answer(None, "40109")


def refusal(code):
    return answer(None, str(code))


def session_with(**answers):
    named = {
        "place": PLACE,
        "order": ORDER,
        "position": POSITION,
        "positions": POSITIONS,
        "account": ACCOUNT,
        "key": KEY,
        "fills": FILL_HISTORY,
        "order_fills": ORDER_FILLS,
        "pending": PENDING,
        "plans": PLAN_PENDING,
    }
    plain = {
        PLACE: ACK,
        ORDER: MISSING,
        POSITION: answer([row(total="0.05")]),
        POSITIONS: answer([]),
        ACCOUNT: answer({"marginCoin": "USDT", "posMode": "one_way_mode"}),
        KEY: answer({"userId": "714229403"}),
        **dict.fromkeys((FILL_HISTORY, ORDER_FILLS), listed("fillList")),
        **dict.fromkeys((PENDING, PLAN_PENDING), listed("entrustedList")),
    }
    return PlayedSession(VENUE.spec, plain | {named[name]: value for name, value in answers.items()})


def place(session, **changes):
    order = {"symbol": BTC, "quantity": "0.03", "client_order_id": ID}
    return place_order(BitgetOrders(session), **(order | changes))


def reader(session):
    return VENUE.reader(session, "source", LIVE)
