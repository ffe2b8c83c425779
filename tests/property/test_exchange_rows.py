"""Whatever JSON a venue sends: a report or a MalformedResponseError, and never a flat position that wasn't proven."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.market_rows import read_markets
from p33_tasks.venues.binance_usdm.order_rows import read_order
from p33_tasks.venues.binance_usdm.position_rows import read_positions
from p33_tasks.venues.exact_json import loads_exact

SYMBOLS = ("BTCUSDT", "ETHUSDT")
ZEROS = {"0", "0.000", "-0", "0.0", "0e3"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
amounts = st.sampled_from([*sorted(ZEROS), "0.036", "-0.012", "NaN", "1e400", "", "abc", "0x0", "1e-40", "+.5"])
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=12), inner))
sides = st.sampled_from(["BOTH", "LONG", "SHORT", "both", ""]) | scalars
position_rows = st.fixed_dictionaries(
    {},
    optional={
        "symbol": st.sampled_from(SYMBOLS) | scalars,
        "positionSide": st.just("BOTH") | sides,
        "positionAmt": amounts | anything,
        "entryPrice": amounts | scalars,
        "markPrice": amounts | scalars,
        "leverage": amounts | scalars,
        "unRealizedProfit": amounts | scalars,
    },
)
filters = st.fixed_dictionaries(
    {"filterType": st.sampled_from(["LOT_SIZE", "MARKET_LOT_SIZE", "PRICE_FILTER"]) | scalars},
    optional={name: amounts | st.decimals().map(str) | scalars for name in ("stepSize", "minQty", "maxQty")},
)
market_rows = st.fixed_dictionaries(
    {"symbol": st.sampled_from(SYMBOLS) | scalars},
    optional={"status": st.just("TRADING") | scalars, "filters": st.lists(filters, max_size=4) | anything},
)
orders = st.fixed_dictionaries(
    {"symbol": st.just("BTCUSDT"), "clientOrderId": st.just("id")},
    optional={
        "orderId": scalars,
        "status": scalars,
        "side": st.sampled_from(["BUY", "SELL"]) | anything,
        "origQty": amounts | scalars,
        "executedQty": amounts | scalars,
    },
)


def exact(value):
    return loads_exact(json.dumps(value))


@given(anything | st.lists(position_rows | anything, max_size=6))
def test_any_json_is_a_report_or_malformed_and_flat_only_when_every_row_says_so(value):
    try:
        report = read_positions(exact(value), SYMBOLS)
    except MalformedResponseError:
        assert not isinstance(value, list)
        return
    assert set(report.positions) | set(report.invalid) == set(SYMBOLS)
    assert not set(report.positions) & set(report.invalid)
    for symbol, position in report.positions.items():
        rows = [row for row in value if isinstance(row, dict) and row.get("symbol") == symbol]
        assert len({row["positionSide"] for row in rows}) == len(rows) > 0
        assert position.position_amt.is_finite()
        if position.position_amt == 0 and not position.hedge_mode:
            (row,) = rows
            assert (
                row["positionAmt"] in ZEROS
                or (row["positionAmt"] == 0 and not isinstance(row["positionAmt"], bool | str))
                or row["positionAmt"].strip("0.+-eE ") == ""
            )


@given(anything | st.fixed_dictionaries({"symbols": st.lists(market_rows | anything, max_size=4)}))
def test_any_json_is_market_rules_or_malformed(value):
    try:
        report = read_markets(exact(value), SYMBOLS)
    except MalformedResponseError:
        return
    assert set(report.markets) | set(report.invalid) == set(SYMBOLS)
    for rules in report.markets.values():
        assert rules.step_size > 0
        assert rules.min_qty >= 0
        assert rules.max_market_qty is None or rules.max_market_qty > 0


@given(anything | orders)
def test_any_json_is_an_order_or_malformed(value):
    try:
        report = read_order(exact(value), "BTCUSDT", "id")
    except MalformedResponseError:
        return
    assert 0 <= report.executed_qty <= report.quantity


@given(st.text() | st.binary().map(lambda data: data.decode(errors="replace")))
def test_any_text_is_json_or_malformed(text):
    try:
        loads_exact(text)
    except MalformedResponseError:
        return
