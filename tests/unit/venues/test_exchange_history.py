"""Own trades, forced orders and order states: read whole, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.history import LONGEST_SPAN_MS, MOST_PAGES, PAGE, BinanceHistory
from p33_tasks.venues.binance_usdm.trade_rows import read_forced_orders, read_order_state, read_trades

NOW_MS = 1_771_305_126_000


def trade(number: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": 8205830001,
        "side": "SELL",
        "qty": "0.0100",
        "positionSide": "BOTH",
        "time": NOW_MS + number,
    }
    return row | changes


def order(**changes: Any) -> dict[str, Any]:
    row = {
        "symbol": "BTCUSDT",
        "orderId": 8205830001,
        "clientOrderId": "autoclose-1",
        "status": "FILLED",
        "side": "SELL",
        "positionSide": "BOTH",
        "origQty": "0.010",
        "executedQty": "0.010",
        "time": NOW_MS,
    }
    return row | changes


@dataclass
class Session:
    """Answers trades from a list as the venue does: by time, or from an id on."""

    rows: list[dict[str, Any]]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, _endpoint: object, params: dict[str, Any]) -> object:
        self.asked.append(params)
        found = [row for row in self.rows if row["id"] >= params.get("fromId", 0)]
        if "startTime" in params:
            found = [row for row in found if params["startTime"] <= row["time"] <= params["endTime"]]
        return found[: params["limit"]]


def test_a_trade_is_read_exactly() -> None:
    (found,) = read_trades([trade()], "BTCUSDT")
    assert (found.trade_id, found.order_id, found.quantity) == ("1", "8205830001", Decimal("0.0100"))
    assert (found.side, found.leg, found.time_ms) == (OrderSide.SELL, Leg.BOTH, NOW_MS + 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETHUSDT"},
        {"id": None},
        {"id": True},
        {"id": ""},
        {"orderId": None},
        {"side": "sell"},
        {"side": None},
        {"qty": "0"},
        {"qty": "-0.01"},
        {"qty": "NaN"},
        {"qty": None},
        {"positionSide": ""},
        {"positionSide": None},
        {"time": 0},
        {"time": "1771305126000"},
    ],
)
def test_one_unreadable_trade_spoils_the_whole_list_since_a_sum_would_be_wrong(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedResponseError):
        read_trades([trade(1), trade(2, **changes)], "BTCUSDT")


@pytest.mark.parametrize("body", [None, {}, "", 0, [[]], ["flat"]])
def test_something_that_is_no_list_of_rows_is_malformed(body: object) -> None:
    with pytest.raises(MalformedResponseError):
        read_trades(body, "BTCUSDT")
    with pytest.raises(MalformedResponseError):
        read_forced_orders(body, "BTCUSDT")


@pytest.mark.parametrize(
    ("client_id", "kind"),
    [
        ("autoclose-1234", ForcedKind.LIQUIDATION),
        ("adl_autoclose", ForcedKind.ADL),
        ("settlement_autoclose-9", ForcedKind.SETTLEMENT),
    ],
)
def test_the_marker_tells_what_a_forced_order_was(client_id: str, kind: ForcedKind) -> None:
    (found,) = read_forced_orders([order(clientOrderId=client_id)], "BTCUSDT")
    assert (found.kind, found.executed_qty) == (kind, Decimal("0.010"))


@pytest.mark.parametrize(
    ("client_id", "may_be"),
    [("autoclose-1234", True), ("adl_autoclose", True), ("settlement_autoclose-9", True), ("web_autoclose", False)],
)
def test_an_order_that_bears_the_marker_may_be_a_forced_one(client_id: str, may_be: bool) -> None:  # noqa: FBT001 - a parameter
    assert read_order_state(order(clientOrderId=client_id), "BTCUSDT", "8205830001").may_be_forced is may_be


@pytest.mark.parametrize("changes", [{"clientOrderId": "x"}, {"clientOrderId": None}, {"executedQty": "0.011"}])
def test_a_forced_order_that_says_nothing_of_its_kind_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedResponseError):
        read_forced_orders([order(**changes)], "BTCUSDT")


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        ("FILLED", True),
        ("EXPIRED", True),
        ("CANCELED", True),
        ("NEW", False),
        ("PARTIALLY_FILLED", False),
        ("?", False),
    ],
)
def test_an_order_is_final_by_a_known_status_only(status: str, is_final: bool) -> None:  # noqa: FBT001 - a parameter
    assert read_order_state(order(status=status), "BTCUSDT", "8205830001").is_final is is_final


@pytest.mark.parametrize("changes", [{"orderId": 1}, {"symbol": "ETHUSDT"}, {"time": None}, {"executedQty": "1"}])
def test_another_order_than_the_one_asked_for_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedResponseError):
        read_order_state(order(**changes), "BTCUSDT", "8205830001")


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1])
def test_every_page_of_a_window_is_read_also_when_one_millisecond_holds_more_than_a_page(count: int) -> None:
    rows = [trade(number, time=NOW_MS) for number in range(1, count + 1)]
    later = trade(count + 1, time=NOW_MS + 10)
    session = Session([*rows, later])
    found = BinanceHistory(session).fetch_trades("BTCUSDT", since_ms=NOW_MS - 1, until_ms=NOW_MS + 1)  # type: ignore[arg-type]
    assert [one.trade_id for one in found] == [str(number) for number in range(1, count + 1)]
    assert not any("fromId" in params and "startTime" in params for params in session.asked)


def test_a_window_of_too_many_trades_is_an_error_and_never_a_part() -> None:
    session = Session([trade(number, time=NOW_MS) for number in range(1, MOST_PAGES * PAGE + 2)])
    with pytest.raises(MalformedResponseError, match="more than"):
        BinanceHistory(session).fetch_trades("BTCUSDT", since_ms=NOW_MS - 1, until_ms=NOW_MS + 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("span_ms", [0, -1, LONGEST_SPAN_MS + 1])
def test_a_window_beyond_the_venues_span_is_refused(span_ms: int) -> None:
    with pytest.raises(ValueError, match="window"):
        BinanceHistory(Session([])).fetch_trades("BTCUSDT", since_ms=NOW_MS, until_ms=NOW_MS + span_ms)  # type: ignore[arg-type]


def test_an_orders_own_trades_are_its_own() -> None:
    with pytest.raises(MalformedResponseError, match="another order"):
        BinanceHistory(Session([trade(1, orderId=5)])).fetch_order_trades("BTCUSDT", "8205830001")  # type: ignore[arg-type]
