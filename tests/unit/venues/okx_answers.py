"""What OKX answers in these tests, and a client over a played session."""

from __future__ import annotations

import json
from pathlib import Path

from p33_tasks.venues.okx.orders import OkxOrders
from p33_tasks.venues.okx.spec import ALGO_PENDING, FILLS, FILLS_HISTORY, INSTRUMENTS, ORDER, PENDING, PLACE, POSITIONS
from p33_tasks.venues.okx.venue import VENUE
from tests.support.played_session import NOW_MS, PlayedSession, place_order

DATA = Path(__file__).parents[2] / "data" / "venues" / "okx"


BTC = "BTC-USDT-SWAP"


ID = "p330f0f0f0f"


def raw(name):
    return json.loads((DATA / name).read_text())


def answer(*rows, code="0"):
    return {"code": code, "msg": "", "data": list(rows)}


ACK = answer({"clOrdId": ID, "ordId": "o1", "sCode": "0", "sMsg": ""})


MISSING = {"code": "51603", "msg": "Order does not exist", "data": []}


def position(**changes):
    return {"instId": BTC, "instType": "SWAP", "mgnMode": "cross", "posSide": "net", "pos": "5"} | changes


def order(**changes):
    plain = {
        "ordId": "o1",
        "clOrdId": ID,
        "instId": BTC,
        "instType": "SWAP",
        "side": "sell",
        "posSide": "net",
        "sz": "3",
        "accFillSz": "3",
        "state": "filled",
        "reduceOnly": "true",
        "cTime": str(NOW_MS),
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def session_with(**answers):
    named = {
        "place": PLACE,
        "order": ORDER,
        "positions": POSITIONS,
        "fills": FILLS,
        "history": FILLS_HISTORY,
        "pending": PENDING,
        "algo": ALGO_PENDING,
        "instruments": INSTRUMENTS,
    }
    plain = {
        PLACE: ACK,
        ORDER: MISSING,
        POSITIONS: answer(position()),
        INSTRUMENTS: raw("instruments_swap.json"),
        **dict.fromkeys((FILLS, FILLS_HISTORY, PENDING, ALGO_PENDING), answer()),
    }
    return PlayedSession(VENUE.spec, plain | {named[name]: value for name, value in answers.items()})


def place(session, **changes):
    order = {"symbol": BTC, "quantity": "0.03", "client_order_id": ID}
    return place_order(OkxOrders(session), **(order | changes))
