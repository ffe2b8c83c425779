"""Bybit: positions, pages and market rules; proven, proven flat, or unknown."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.domain.models import Leg
from p33_tasks.errors import ExchangeError, ExchangeUnavailableError, MalformedResponseError
from p33_tasks.venues.bybit.account_rows import read_account, read_key
from p33_tasks.venues.bybit.market_rows import read_markets
from p33_tasks.venues.bybit.position_rows import read_positions
from p33_tasks.venues.bybit.spec import INSTRUMENTS, KEY, POSITIONS
from p33_tasks.venues.bybit.venue import VENUE
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, failure_of

DATA = Path(__file__).parents[2] / "data" / "venues" / "bybit"
LIVE = False
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


def recorded(name):
    return loads_exact((DATA / name).read_text())


def row(**changes):
    plain = {"symbol": "BTCUSDT", "positionIdx": 0, "side": "Buy", "size": "0.5", "positionStatus": "Normal"}
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def page(*rows, cursor="", **changes):
    result = {"category": "linear", "list": list(rows), "nextPageCursor": cursor} | changes
    return {"retCode": 0, "retMsg": "OK", "result": result}


def read(*rows, symbols=SYMBOLS):
    return read_positions([loads_exact(json.dumps(page(*rows)))], symbols)


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


class PlayedPages:
    """Answers each request of one endpoint with the next page, beside the one about the key; an error is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    def ask(self, endpoint, params=None):
        if endpoint is KEY:
            return {"retCode": 0, "result": {"userID": 24617703}}
        self.sent.append((endpoint, dict(params or {})))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return loads_exact(json.dumps(answer))


def fetch(*answers, symbols=SYMBOLS):
    session = PlayedPages(*answers)
    return VENUE.reader(session, "source", LIVE).fetch_positions(symbols), session


# --- rows -----------------------------------------------------------------------------------------------------------


def test_the_side_has_the_sign_and_an_omitted_symbol_is_flat():
    report = read_positions([recorded("positions_oneway_long_short_flat.json")], SYMBOLS)
    assert amounts(report) == {
        "BTCUSDT": Decimal("0.5"),
        "ETHUSDT": Decimal("-5.0"),
        "SOLUSDT": Decimal(0),
        "XRPUSDT": Decimal(0),
    }
    assert report.positions["BTCUSDT"].mark_price == Decimal("50500.00")
    modes = {symbol: position.hedge_mode for symbol, position in report.positions.items()}
    assert modes == {"BTCUSDT": False, "ETHUSDT": False, "SOLUSDT": False, "XRPUSDT": None}, (
        "no row tells the last one's"
    )
    assert not report.invalid


def test_both_legs_of_hedge_mode_are_read_by_their_index():
    position = read_positions([recorded("positions_hedge_both_legs.json")], SYMBOLS).positions["ETHUSDT"]
    assert [(leg.leg, leg.position_amt) for leg in position.legs] == [
        (Leg.LONG, Decimal("1.00")),
        (Leg.SHORT, Decimal("-2.00")),
    ]
    assert position.hedge_mode
    assert position.position_amt == Decimal("-1.00")


@pytest.mark.parametrize(("index", "side", "legs"), [(1, "Buy", ("0.5", "0")), (2, "Sell", ("0", "-0.5"))])
def test_an_omitted_leg_is_flat(index, side, legs):
    position = read(row(positionIdx=index, side=side)).positions["BTCUSDT"]
    assert [leg.position_amt for leg in position.legs] == [Decimal(amount) for amount in legs]


def test_listed_flat_legs_are_flat():
    rows = (row(positionIdx=1, side="", size="0"), row(positionIdx=2, side="", size="0"))
    assert [leg.position_amt for leg in read(*rows).positions["BTCUSDT"].legs] == [0, 0]


@pytest.mark.parametrize(
    "rows",
    [
        (row(side=""),),
        (row(side="None"),),
        (row(side="buy"),),
        (row(side=None),),
        (row(side=...),),
        (row(size="-0.5"),),
        (row(size=...),),
        (row(size=""),),
        (row(size=0.5),),
        (row(positionIdx=3),),
        (row(positionIdx="0"),),
        (row(positionIdx=True),),
        (row(positionIdx=...),),
        (row(positionStatus="Liq"),),
        (row(positionStatus="Adl"),),
        (row(positionStatus="Other"),),
        (row(positionStatus=...),),
        (row(), row()),
        (row(), row(side="Sell")),
        (row(), row(size="0")),
        (row(positionIdx=1), row(positionIdx=1)),
        (row(positionIdx=1, side="Sell"),),
        (row(positionIdx=2, side="Buy"),),
        (row(), row(positionIdx=1)),
        (row(size="0", side=""), row(positionIdx=2, side="Sell")),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only(rows):
    exact = [
        {name: value if not isinstance(value, float) else Decimal("NaN") for name, value in r.items()} for r in rows
    ]
    report = read_positions([page(*exact, row(symbol="ETHUSDT"))], SYMBOLS)
    assert report.invalid.keys() == {"BTCUSDT"}
    assert amounts(report) == {"ETHUSDT": Decimal("0.5"), "SOLUSDT": 0, "XRPUSDT": 0}


def test_an_amount_below_the_step_is_its_own_digits_and_never_flat():
    assert read(row(size="0.00000001")).positions["BTCUSDT"].position_amt == Decimal("0.00000001")


# --- what absence proves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stranger", [row(symbol="BTCPERP"), row(symbol="BTCUSD"), row(symbol=...), row(symbol=7), "x"])
def test_a_row_that_belongs_elsewhere_leaves_absent_symbols_unknown(stranger):
    report = read(row(), stranger)
    assert amounts(report) == {"BTCUSDT": Decimal("0.5")}
    assert report.invalid.keys() == {"ETHUSDT", "SOLUSDT", "XRPUSDT"}


def test_a_row_that_belongs_elsewhere_leaves_an_absent_leg_unknown():
    report = read(row(positionIdx=1), row(symbol="BTCPERP"))
    assert "BTCUSDT" in report.invalid
    both = read(row(positionIdx=1), row(positionIdx=2, side="Sell"), row(symbol="BTCPERP"))
    assert "BTCUSDT" in both.positions


@pytest.mark.parametrize("symbol", ["BTCPERP", "BTC-27DEC24", "BTCUSD", "BTC/USDT", "BTC-USDT-SWAP", "USDT"])
def test_a_symbol_of_another_settle_coin_is_unknown_and_never_flat(symbol):
    assert symbol in read(symbols=[symbol]).invalid
    assert symbol in read(row(symbol=symbol), symbols=[symbol]).invalid


def test_a_dated_contract_settled_in_usdt_is_read():
    assert read(row(symbol="BTCUSDT-26JUN26"), symbols=["BTCUSDT-26JUN26"]).positions["BTCUSDT-26JUN26"].position_amt


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["linear", "Buy", "BTCUSDT"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["retCode", "result", "list", "category", "symbol", "size", "side", "positionIdx"]),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_no_answer_makes_anything_up(answer):
    """Every symbol is proven or invalid, or the whole answer is an error."""
    try:
        report = read_positions([answer], SYMBOLS)
    except MalformedResponseError:
        return
    assert report.positions.keys() | report.invalid.keys() == set(SYMBOLS)
    assert report.positions.keys().isdisjoint(report.invalid)


# --- pages ----------------------------------------------------------------------------------------------------------


def test_the_scope_of_the_answer_is_sent_with_every_page():
    assert dict(POSITIONS.params) == {"category": "linear", "settleCoin": "USDT", "limit": "200"}
    _, session = fetch(page(row(), cursor="c1"), page())
    assert session.sent == [(POSITIONS, {}), (POSITIONS, {"cursor": "c1"})]


def test_a_cursor_on_the_last_page_ends_at_the_empty_page_behind_it():
    report, session = fetch(page(row(), cursor="c1"), page(cursor="c2"))
    assert amounts(report)["BTCUSDT"] == Decimal("0.5")
    assert len(session.sent) == 2


def test_more_than_one_page_is_read_twice():
    pages = (page(row(), cursor="c1"), page(row(symbol="ETHUSDT", side="Sell"), cursor=""))
    report, session = fetch(*pages, *pages)
    assert amounts(report) == {"BTCUSDT": Decimal("0.5"), "ETHUSDT": Decimal("-0.5"), "SOLUSDT": 0, "XRPUSDT": 0}
    assert len(session.sent) == 4


def test_a_row_that_moved_between_pages_is_unknown_and_not_flat():
    """ETHUSDT slipped from the second page to the first while the first was read."""
    missed = (page(row(), cursor="c1"), page(row(symbol="SOLUSDT")))
    again = (page(row(), row(symbol="ETHUSDT"), cursor="c1"), page(row(symbol="SOLUSDT")))
    for first, second in ((missed, again), (again, missed)):
        report, _ = fetch(*first, *second)
        assert report.invalid.keys() == {"ETHUSDT"}
        assert amounts(report) == {"BTCUSDT": Decimal("0.5"), "SOLUSDT": Decimal("0.5"), "XRPUSDT": 0}


def test_a_leg_that_moved_between_pages_is_unknown():
    both = (page(row(positionIdx=1), cursor="c1"), page(row(positionIdx=2, side="Sell")))
    one = (page(row(positionIdx=1), cursor="c1"), page(row(symbol="SOLUSDT")))
    report, _ = fetch(*both, *one)
    assert {"BTCUSDT"} <= report.invalid.keys()


def test_a_symbol_on_two_pages_is_invalid():
    pages = (page(row(), cursor="c1"), page(row(), row(symbol="ETHUSDT")))
    report, _ = fetch(*pages, *pages)
    assert report.invalid.keys() == {"BTCUSDT"}


@pytest.mark.parametrize(
    "second",
    [
        page(category="inverse"),
        page(row(), category=None),
        {"retCode": 0, "result": {"category": "linear"}},
        {"retCode": 10016, "result": {"category": "linear", "list": []}},
        {},
        [],
        None,
        page(row(symbol="ETHUSDT"), cursor="c1"),  # the same cursor again
        page(row(symbol="ETHUSDT"), cursor=7),
        ExchangeUnavailableError("the page didn't come"),
    ],
    ids=str,
)
def test_an_answer_without_its_last_page_proves_nothing(second):
    with pytest.raises(ExchangeError):
        fetch(page(row(), cursor="c1"), second)


def test_pages_without_end_are_an_error():
    with pytest.raises(MalformedResponseError, match="more than 20 pages"):
        fetch(*(page(row(), cursor=f"c{n}") for n in range(25)))


# --- market rules, account ------------------------------------------------------------------------------------------


def test_market_orders_have_their_own_maximum():
    report = read_markets([recorded("instruments_linear.json")], ["BTCUSDT", "ETHUSDT", "XRPUSDT"])
    rules = report.markets["ETHUSDT"]
    assert (rules.step_size, rules.min_qty, rules.max_market_qty) == (
        Decimal("0.01"),
        Decimal("0.01"),
        Decimal("500.0"),
    )
    assert report.invalid.keys() == {"XRPUSDT"}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "PreLaunch"},
        {"status": "Delivering"},
        {"status": "Closed"},
        {"status": None},
        {"settleCoin": "USDC"},
        {"lotSizeFilter": None},
        {"lotSizeFilter": {"qtyStep": "0", "minOrderQty": "1", "maxMktOrderQty": "1"}},
        {"lotSizeFilter": {"qtyStep": "1", "minOrderQty": "-1", "maxMktOrderQty": "1"}},
        {"lotSizeFilter": {"qtyStep": "1", "minOrderQty": "1", "maxMktOrderQty": "0"}},
        {"lotSizeFilter": {"qtyStep": "1", "minOrderQty": "1"}},
    ],
    ids=str,
)
def test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules(changes):
    listed = json.loads((DATA / "instruments_linear.json").read_text())
    listed["result"]["list"][0].update(changes)
    report = read_markets([loads_exact(json.dumps(listed))], ["BTCUSDT", "ETHUSDT"])
    assert (report.invalid.keys(), report.markets.keys()) == ({"BTCUSDT"}, {"ETHUSDT"})


def test_instruments_are_read_to_their_last_page():
    listed = json.loads((DATA / "instruments_linear.json").read_text())["result"]["list"]
    session = PlayedPages(page(listed[0], cursor="c1"), page(listed[1]))
    report = VENUE.reader(session, "source", LIVE).fetch_markets(["BTCUSDT", "ETHUSDT"])
    assert report.markets.keys() == {"BTCUSDT", "ETHUSDT"}
    assert session.sent == [(INSTRUMENTS, {}), (INSTRUMENTS, {"cursor": "c1"})]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, False, False)),
        ({"ips": ["1.2.3.4"]}, (True, False, True)),
        ({"permissions": {"ContractTrade": ["Order"], "Wallet": ["AccountTransfer", "Withdraw"]}}, (True, True, False)),
        ({"readOnly": 1}, (False, False, False)),
        ({"permissions": {"ContractTrade": []}}, (False, False, False)),
    ],
)
def test_the_rights_of_a_key(changes, expected):
    result = {"readOnly": 0, "permissions": {"ContractTrade": ["Order", "Position"], "Wallet": []}, "ips": ["*"]}
    found = read_key({"retCode": 0, "result": result | changes})
    assert (found.futures, found.withdrawals, found.ip_restricted) == expected
    with pytest.raises(MalformedResponseError):
        read_key({"retCode": 0, "result": {"readOnly": 0}})


def test_the_kind_of_account():
    assert read_account(recorded("account_info.json")).kind == "unified account 1.0 Pro, REGULAR_MARGIN"
    unknown = read_account({"retCode": 0, "result": {"unifiedMarginStatus": 9}})
    assert unknown.problem


# --- errors ---------------------------------------------------------------------------------------------------------


def test_every_recorded_error_is_an_error_behind_any_status():
    for sample in json.loads((DATA / "errors.json").read_text()):
        text = sample.get("body_text") or json.dumps(sample["body"])
        headers = {name.lower(): value for name, value in sample.get("headers", {}).items()}
        answer = Answer(status=sample["http"], headers=headers, text=text)
        found = failure_of(answer, VENUE.spec.errors, "x", str, 1_672_738_134_000, limit=VENUE.spec.requests)
        assert isinstance(found, ExchangeError), sample


@pytest.mark.parametrize(
    ("moment", "pause"), [("1672738134824", 1), ("1672738136500", 3), ("1", 1), ("9" * 13, 60), ("", 5)]
)
def test_a_refusal_lasts_until_the_moment_in_its_header(moment, pause):
    answer = Answer(
        status=200,
        headers={"x-bapi-limit-reset-timestamp": moment},
        text='{"retCode": 10006, "retMsg": "Too many visits!", "result": {}}',
    )
    found = failure_of(answer, VENUE.spec.errors, "x", str, 1_672_738_134_000, limit=VENUE.spec.requests)
    assert found.retry_after_sec == pause


def test_an_address_that_asked_too_often_waits_ten_minutes():
    answer = Answer(status=403, headers={}, text="403, access too frequent")
    found = failure_of(answer, VENUE.spec.errors, "x", str, 1_672_738_134_000, limit=VENUE.spec.requests)
    assert found.retry_after_sec == 600
