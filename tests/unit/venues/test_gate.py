"""Gate: contracts and pages; proven, proven flat or unknown; orders and their outcome; trades and resting orders."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.build import venue_source
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.gate.account_rows import read_account, read_contracts, read_hedge_mode, read_key
from p33_tasks.venues.gate.orders import GateOrders
from p33_tasks.venues.gate.position_rows import read_positions
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
from p33_tasks.venues.http_errors import Answer, failure_of
from tests.support.played_session import NOW_MS, PlayedSession

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


def row(**changes):
    return without({"contract": BTC, "mode": "single", "size": "15"} | changes)


def read(*rows, symbols=(BTC, ETH), hedge=False):
    contracts = read_contracts(CONTRACT_LIST)
    return read_positions(loads_exact(json.dumps(rows)), symbols, contracts=contracts, hedge_mode=hedge)


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


def legs(report):
    return [each.position_amt for each in report.positions[BTC].legs]


def order(**changes):
    plain = {"id": 14_381_470_939, "contract": BTC, "text": ID, "size": -3, "left": 0, "status": "finished"}
    more = {"finish_as": "filled", "is_reduce_only": True, "is_close": False, "create_time": NOW_MS / 1000}
    return without(plain | more | changes)


def trade(**changes):
    plain = {"trade_id": "7", "order_id": "14381470939", "contract": BTC, "size": "-3", "close_size": "0", "text": ID}
    return without(plain | {"create_time": (NOW_MS - 1000) / 1000} | changes)


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
    arguments = {
        "symbol": BTC,
        "side": OrderSide.SELL,
        "quantity": Decimal("0.0003"),
        "client_order_id": ID,
        "recv_window_ms": 900,
        "window_start_ms": NOW_MS - 40,
    }
    return GateOrders(session).place_reduce_only_market(**(arguments | changes))


def reader(session):
    return VENUE.reader(session, "source", LIVE)


def trades(session, since=NOW_MS - 2000, until=NOW_MS):
    return reader(session).fetch_trades(BTC, since_ms=since, until_ms=until)


DUAL = {"in_dual_mode": True}


# --- positions ------------------------------------------------------------------------------------------------------


def test_the_recorded_position_is_contracts_times_the_multiplier():
    assert amounts(read(*raw("positions_single_long.json"))) == {BTC: Decimal("0.0001"), ETH: 0}


def test_both_legs_are_read_from_string_sizes():
    rows = [each for each in raw("positions_dual_both_legs_string_sizes.json") if each["contract"] == BTC]
    assert legs(read(*rows, hedge=True)) == [Decimal("0.001"), Decimal("-0.0002")]


@given(st.decimals(min_value="-99999", max_value="99999", places=3))
def test_every_amount_keeps_its_sign_and_digits(contracts):
    assert read(row(size=f"{contracts:f}")).positions[BTC].position_amt == contracts * Decimal("0.0001")


@pytest.mark.parametrize("size", ["2", "-2"])
def test_a_short_leg_is_short_whatever_its_sign(size):
    assert legs(read(row(mode="dual_short", size=size), hedge=True)) == [0, Decimal("-0.0002")]


def test_half_a_contract_is_never_flat():
    assert read(row(size="0.5")).positions[BTC].position_amt == Decimal("0.00005")


def test_a_flat_symbol_has_the_accounts_mode():
    assert legs(read(hedge=True)) == [0, 0]
    assert not read().positions[BTC].hedge_mode


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "dual_long"},
        {"mode": "odd"},
        {"mode": ...},
        {"size": ""},
        {"size": None},
        {"size": ...},
        {"size": "1,5"},
        {"size": True},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only(changes):
    report = read(row(**changes), row(contract=ETH, size=2))
    assert (report.invalid.keys(), amounts(report)) == ({BTC}, {ETH: Decimal("0.02")})


@pytest.mark.parametrize(
    ("rows", "hedge"),
    [
        ([row(), row()], False),
        ([row(mode="dual_long"), row(mode="dual_long")], True),
        ([row(), row(mode="dual_short")], True),
        ([row(mode="dual_long", size="-1")], True),
    ],
    ids=str,
)
def test_rows_that_contradict_are_no_position(rows, hedge):
    assert BTC in read(*rows, hedge=hedge).invalid


@pytest.mark.parametrize("stranger", [row(contract="BTC_USD"), row(contract=...), row(contract=7), "x", None])
@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_something_else_leaves_absent_symbols_unknown(stranger, hedge):
    report = read(row(mode="dual_long") if hedge else row(), stranger, hedge=hedge)
    assert ETH in report.invalid
    assert (BTC in report.invalid) is hedge  # its short leg is absent


@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown(hedge):
    """The account was switched between the two answers: which mode an absent symbol is of is unknown."""
    report = read(row() if hedge else row(mode="dual_long"), hedge=hedge)
    assert report.invalid.keys() == {BTC, ETH}
    assert read(hedge=hedge).positions.keys() == {BTC, ETH}


def test_an_open_symbol_without_a_contract_size_is_unknown():
    assert "SOL_USDT" in read(row(contract="SOL_USDT"), symbols=["SOL_USDT"]).invalid
    inverse = read_contracts([contract(BTC, "0.0001", type="inverse")])
    assert BTC in read_positions([row()], [BTC], contracts=inverse, hedge_mode=False).invalid


def numbered(count, size="1"):
    return [row(contract=f"C{number:03d}_USDT", size=size) for number in range(count)]


def paged(rows):
    def page(params):
        start = int(params.get("offset", 0))
        return rows[start : start + 100]

    return page


def test_pages_are_read_to_one_that_is_not_full_and_twice():
    session = session_with(positions=paged([*numbered(100), row()]))
    assert reader(session).fetch_positions([BTC]).positions[BTC].position_amt == Decimal("0.0015")
    assert [params.get("offset") for params in session.params_of(POSITIONS)] == [None, 100, None, 100]
    session = session_with(positions=paged([row()]))
    assert reader(session).fetch_positions([ETH]).positions[ETH].position_amt == 0
    assert len(session.params_of(POSITIONS)) == 1


def test_a_row_that_moved_between_pages_is_unknown_and_not_flat():
    readings = iter(([*numbered(100)], [], [*numbered(100)], [row()]))
    session = session_with(positions=lambda _params: next(readings))
    assert BTC in reader(session).fetch_positions([BTC]).invalid


def test_a_page_larger_than_asked_for_and_pages_without_end_prove_nothing():
    for answer in (numbered(101), lambda _params: numbered(100)):
        with pytest.raises(MalformedResponseError):
            reader(session_with(positions=answer)).fetch_positions([BTC])


@pytest.mark.parametrize("body", [{}, {"data": []}, "null", 7])
def test_an_answer_that_is_no_list_proves_nothing(body):
    with pytest.raises(MalformedResponseError):
        reader(session_with(positions=body)).fetch_positions([BTC])


@given(
    st.lists(
        st.none()
        | st.sampled_from(["x", BTC])
        | st.dictionaries(
            st.sampled_from(["contract", "mode", "size"]),
            st.none() | st.booleans() | st.integers() | st.sampled_from([BTC, "single", "dual_long", "1.5", "0"]),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_no_answer_makes_anything_up(rows, hedge):
    report = read_positions(rows, [BTC, ETH], contracts=read_contracts(CONTRACT_LIST), hedge_mode=hedge)
    assert report.positions.keys() | report.invalid.keys() == {BTC, ETH}
    assert report.positions.keys().isdisjoint(report.invalid)


def test_the_scope_is_sent_and_is_part_of_the_source():
    assert dict(POSITIONS.params) == {"settle": "usdt", "limit": "100", "holding": "true"}
    assert venue_source("gate", LIVE, None) == "gate api.gateio.ws usdt"
    assert venue_source("gate", TEST, None) == "gate api-testnet.gateapi.io usdt"


# --- market rules, account ------------------------------------------------------------------------------------------


def test_the_recorded_contract_has_its_rules():
    rules = read_contracts([raw("contracts.json")]).rules([ZG]).markets[ZG]
    assert (rules.step_size, rules.min_qty, rules.max_market_qty) == (Decimal(1), Decimal(1), Decimal(300_000))


def test_contract_steps_become_base_steps():
    listed = [contract(BTC, "0.0001"), contract(ETH, "0.01", enable_decimal=True, order_size_min="0.1")]
    report = read_contracts(listed).rules([BTC, ETH])
    assert (report.markets[BTC].step_size, report.markets[BTC].max_market_qty) == (Decimal("0.0001"), Decimal(30))
    assert report.markets[ETH].step_size == Decimal("0.001")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "prelaunch"},
        {"status": "delisted"},
        {"status": None},
        {"status": ...},
        {"in_delisting": True},
        {"in_delisting": ...},
        {"type": "inverse"},
        {"quanto_multiplier": "0"},
        {"quanto_multiplier": ""},
        {"order_size_min": 0},
        {"order_size_max": "0", "market_order_size_max": "0"},
    ],
    ids=str,
)
def test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules(changes):
    report = read_contracts([without(contract(BTC, "0.0001") | changes)]).rules([BTC])
    assert report.invalid.keys() == {BTC}


def test_a_contract_listed_twice_has_no_rules_and_no_list_is_no_answer():
    assert BTC in read_contracts([contract(BTC, "1"), contract(BTC, "1")]).rules([BTC]).invalid
    for answer in ([], {}, None):
        with pytest.raises(MalformedResponseError):
            read_contracts(answer)


@pytest.mark.parametrize(
    ("account", "mode"),
    [
        ({"in_dual_mode": True}, True),
        ({"in_dual_mode": False, "position_mode": "single"}, False),
        ({"in_dual_mode": True, "position_mode": "dual"}, True),
        ({"in_dual_mode": True, "position_mode": "single"}, None),
        ({"in_dual_mode": True, "position_mode": "dual_plus"}, None),
        ({"in_dual_mode": "true"}, None),
        ({}, None),
        ([], None),
    ],
    ids=str,
)
def test_the_position_mode_is_known_or_an_error(account, mode):
    if mode is None:
        with pytest.raises(MalformedResponseError):
            read_hedge_mode(account)
    else:
        assert read_hedge_mode(account) is mode


def test_the_account_and_the_keys_rights():
    detail = {"user_id": 1, "ip_whitelist": ["127.0.0.1"], "key": {"mode": 1}}
    assert (read_account(detail).kind, read_account(detail).problem) == ("classic account", None)
    assert read_account({"key": {"mode": 9}}).problem
    futures = [{"name": "futures", "read_only": False}]
    key = read_key(detail, [{"perms": futures}])
    assert (key.futures, key.withdrawals, key.ip_restricted) == (True, False, True)
    key = read_key({"ip_whitelist": []}, {"perms": [{"name": "wallet", "read_only": False}]})
    assert (key.futures, key.withdrawals, key.ip_restricted) == (False, True, False)
    with pytest.raises(MalformedResponseError, match="2 keys"):
        read_key(detail, [{"perms": futures}] * 2)


def test_every_recorded_error_is_an_error():
    for sample in raw("errors.json"):
        answered = Answer(status=sample["http"], headers={}, text=json.dumps(sample["body"]))
        assert isinstance(failure_of(answered, VENUE.spec.errors, "x", str, 1), ExchangeError)


# --- orders ---------------------------------------------------------------------------------------------------------


def test_an_order_is_signed_contracts_that_only_reduce_and_expires():
    session = session_with()
    report = place(session)
    assert session.params_of(PLACE) == [
        {"contract": BTC, "size": -3, "price": "0", "tif": "ioc", "reduce_only": True, "text": ID}
    ]
    (stamp,) = session.stamps
    assert (stamp.time_ms, stamp.headers) == (NOW_MS - 40, {"X-Gate-Exptime": str(NOW_MS + 860)})
    assert (report.order_id, report.executed_qty, report.is_final) == ("14381470939", Decimal("0.0003"), True)


@pytest.mark.parametrize(
    ("side", "quantity", "sent"),
    [("BUY", "0.0003", 3), ("SELL", "0.00005", "-0.5"), ("BUY", "0.00015", "1.5")],
)
def test_a_buy_is_above_zero_and_half_a_contract_a_text(side, quantity, sent):
    session = session_with(place=order(size=sent, text=ID))
    place(session, side=OrderSide(side), quantity=Decimal(quantity))
    (params,) = session.params_of(PLACE)
    assert params["size"] == sent
    assert type(params["size"]) is type(sent)


@pytest.mark.parametrize(("side", "leg"), [("SELL", Leg.LONG), ("BUY", Leg.SHORT)])
def test_in_dual_mode_the_side_that_only_reduces_is_the_legs(side, leg):
    session = session_with(account=DUAL, place=order(size=-3 if side == "SELL" else 3))
    assert place(session, side=OrderSide(side), leg=leg).is_final
    assert [params["reduce_only"] for params in session.params_of(PLACE)] == [True]


@pytest.mark.parametrize(
    ("side", "leg", "account"),
    [
        ("SELL", Leg.BOTH, DUAL),
        ("SELL", Leg.LONG, {"in_dual_mode": False}),
        ("SELL", Leg.BOTH, {}),
        ("SELL", Leg.BOTH, ExchangeUnavailableError("away")),
    ],
    ids=str,
)
def test_the_other_leg_is_never_closed(side, leg, account):
    session = session_with(account=account)
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        place(session, side=OrderSide(side), leg=leg)
    assert session.params_of(PLACE) == []


def test_a_quantity_that_is_no_exact_number_of_contracts_is_not_sent():
    session = session_with(contracts=[contract(BTC, "0.03")])
    with pytest.raises(OrderRejectedError, match="exact number of contracts"):
        place(session, quantity=Decimal("0.01"))
    assert session.params_of(PLACE) == []


def test_what_is_left_of_an_order_was_not_executed():
    report = place(session_with(place=order(left=-1, finish_as="ioc")))
    assert (report.executed_qty, report.is_final, report.status) == (Decimal("0.0002"), True, "ioc")
    report = place(session_with(place=order(left=-3, status="open", finish_as=...)))
    assert (report.executed_qty, report.is_final, report.status) == (0, False, "open")


@pytest.mark.parametrize("label", ["POSITION_EMPTY", "INCREASE_POSITION", "INSUFFICIENT_AVAILABLE", "SIZE_TOO_SMALL"])
def test_a_refusal_for_certain_is_a_rejection(label):
    with pytest.raises(OrderRejectedError) as caught:
        place(session_with(place=refusal(label)))
    assert caught.value.code == label


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (refusal("INVALID_PARAM_VALUE"), OrderOutcomeUnknownError),  # could be of a text that was used before
        (refusal("REPEATED_CREATION"), OrderOutcomeUnknownError),
        (refusal("SERVER_ERROR"), OrderOutcomeUnknownError),
        (refusal("NEVER_HEARD_OF"), OrderOutcomeUnknownError),
        (order(text="t-another"), OrderOutcomeUnknownError),
        (order(size=3), OrderOutcomeUnknownError),
        (order(size=0), OrderOutcomeUnknownError),
        (order(left=-4), OrderOutcomeUnknownError),
        (order(status="odd"), OrderOutcomeUnknownError),
        ([], OrderOutcomeUnknownError),
        ("<html>", OrderOutcomeUnknownError),
        (ExchangeUnavailableError("no answer"), OrderOutcomeUnknownError),
        (refusal("REQUEST_EXPIRED"), ExchangeClockError),
        (refusal("INVALID_SIGNATURE"), ExchangeCredentialsError),
        (refusal("TOO_MANY_REQUESTS"), ExchangeRateLimitedError),
    ],
    ids=str,
)
def test_whatever_leaves_doubt_is_unknown_and_never_rejected(sent, error):
    with pytest.raises(error):
        place(session_with(place=sent))


@pytest.mark.parametrize("client_id", ["p33-0f", "t-", "t-" + "x" * 29, "t-a b"])
def test_a_client_order_id_begins_with_t(client_id):
    session = session_with()
    with pytest.raises(ValueError, match="client order id"):
        place(session, client_order_id=client_id)
    assert session.sent == []


def test_an_order_is_looked_for_by_its_text_and_then_among_the_finished():
    session = session_with(order=order())
    assert GateOrders(session).fetch_order(BTC, ID).executed_qty == Decimal("0.0003")
    assert (session.params_of(ORDER), session.params_of(ORDERS)) == ([{"order_id": ID}], [])
    for label in ("ORDER_NOT_FOUND", "CLIENT_ID_NOT_FOUND"):
        session = session_with(order=refusal(label), orders=[order(text="web"), order()])
        assert GateOrders(session).fetch_order(BTC, ID).executed_qty == Decimal("0.0003")
        assert session.params_of(ORDERS) == [{"contract": BTC, "status": "finished"}]
        assert GateOrders(session_with(order=refusal(label))).fetch_order(BTC, ID) is None
    with pytest.raises(MalformedResponseError, match="2 orders"):
        GateOrders(session_with(orders=[order(), order()])).fetch_order(BTC, ID)


@pytest.mark.parametrize(
    "bad", [{"contract": ETH}, {"text": "t-x"}, {"id": ...}, {"left": ""}, {"status": ...}], ids=str
)
def test_an_order_that_cannot_be_read_is_an_error_and_never_not_found(bad):
    with pytest.raises(MalformedResponseError):
        GateOrders(session_with(order=order(**bad))).fetch_order(BTC, ID)


# --- what happened --------------------------------------------------------------------------------------------------


def test_the_recorded_trade_and_order_are_read():
    (listed,) = raw("orders_finished.json")
    session = session_with(order=listed)
    assert reader(session).fetch_order_state(BTC, "14381470939").executed_qty == Decimal("0.0001")
    doge = [contract("DOGE_USDT", "10")]
    session = session_with(contracts=doge, trades=[raw("fills.json")])
    window = {"since_ms": 1_645_465_199_000, "until_ms": 1_645_465_200_000}
    (found,) = reader(session).fetch_trades("DOGE_USDT", **window)
    assert (found.trade_id, found.side, found.quantity, found.time_ms) == (
        "20835133",
        OrderSide.SELL,
        Decimal(50),
        1_645_465_199_547,
    )
    assert session.params_of(TRADES) == [{"contract": "DOGE_USDT", "from": 1_645_465_199, "to": 1_645_465_200}]


@pytest.mark.parametrize(
    ("size", "close", "leg"), [("3", "0", "LONG"), ("-3", "-3", "LONG"), ("-3", "0", "SHORT"), ("3", "3", "SHORT")]
)
def test_a_trade_in_dual_mode_has_its_leg(size, close, leg):
    session = session_with(account=DUAL, trades=[trade(size=size, close_size=close)])
    assert [each.leg for each in trades(session)] == [Leg(leg)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("liquidation", ForcedKind.LIQUIDATION),
        ("liq-12345", ForcedKind.LIQUIDATION),
        ("hedge-liq-12345", ForcedKind.LIQUIDATION),
        ("pm_liquidate", ForcedKind.LIQUIDATION),
        ("comb_margin_liquidate", ForcedKind.LIQUIDATION),
        ("scm_liquidate", ForcedKind.LIQUIDATION),
        ("insurance", ForcedKind.LIQUIDATION),
        ("auto_deleveraging", ForcedKind.ADL),
    ],
)
def test_the_venues_own_orders_have_its_mark(text, kind):
    rows = [trade(text=text), trade(trade_id="8", text="web", order_id="9")]
    (forced,) = reader(session_with(trades=rows)).fetch_forced_orders(BTC, since_ms=NOW_MS - 2000, until_ms=NOW_MS)
    assert (forced.kind, forced.order_id) == (kind, "14381470939")


def test_trades_of_every_page_oldest_first():
    rows = [trade(trade_id=str(n), create_time=(NOW_MS - 1000 + n) / 1000) for n in range(249, 0, -1)]
    session = session_with(trades=paged(rows))
    assert [each.trade_id for each in trades(session)] == [str(n) for n in range(1, 250)]
    assert [params.get("offset") for params in session.params_of(TRADES)] == [None, 100, 200]


@pytest.mark.parametrize(
    "bad",
    [
        trade(contract=ETH),
        trade(size="0"),
        trade(size=""),
        trade(trade_id=...),
        trade(create_time=...),
        trade(create_time="x"),
        trade(text=7),
        "x",
    ],
    ids=str,
)
def test_a_list_with_a_trade_that_cannot_be_read_is_an_error(bad):
    with pytest.raises(MalformedResponseError):
        trades(session_with(trades=[trade(trade_id="0"), bad]))


@pytest.mark.parametrize("close", ["-2", "-4", ...])
def test_a_trade_in_dual_mode_opens_or_closes_and_never_both(close):
    with pytest.raises(MalformedResponseError):
        trades(session_with(account=DUAL, trades=[trade(close_size=close)]))


def test_an_orders_trades_close_with_what_the_order_says():
    session = session_with(order_trades=[trade()], order=order())
    assert reader(session).fetch_order_trades(BTC, "14381470939")[0].quantity == Decimal("0.0003")
    with pytest.raises(MalformedResponseError, match="may be cut"):
        reader(session_with(order=order())).fetch_order_trades(BTC, "14381470939")
    with pytest.raises(MalformedResponseError, match="another order"):
        reader(session_with(order=order())).fetch_order_state(BTC, "1")


def test_resting_orders_price_triggered_ones_too():
    trigger = {"id": 5, "initial": {"contract": BTC, "size": -2, "text": "web", "is_reduce_only": True}}
    session = session_with(account=DUAL, orders=[order(status="open", left=-2, finish_as=...)], triggers=[trigger])
    found = reader(session).fetch_resting_orders(BTC)
    assert [(o.order_id, o.open_qty, o.is_conditional, o.reduce_only, o.leg) for o in found] == [
        ("14381470939", Decimal("0.0002"), False, True, Leg.LONG),
        ("5", Decimal("0.0002"), True, True, Leg.LONG),
    ]
    trigger["initial"]["size"] = 0  # it closes whatever there is
    with pytest.raises(MalformedResponseError):
        reader(session_with(triggers=[trigger])).fetch_resting_orders(BTC)
