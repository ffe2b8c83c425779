"""The venue and the order client against the simulated exchange."""

from __future__ import annotations

import multiprocessing
from decimal import Decimal

import pytest

from p33_tasks.domain.models import MarketRules, OrderSide
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from tests.support.simulator import running_simulator

POSITION_RISK = "GET /fapi/v2/positionRisk"
KEYS = {"api_key": "demo", "api_secret": "demo"}


@pytest.fixture(scope="module")
def simulator():
    with running_simulator(symbols={"BTCUSDT": "0.036", "ETHUSDT": "-1.25"}) as running:
        yield running


@pytest.fixture
def sim(simulator):
    simulator.clear_faults()
    simulator.set_position("BTCUSDT", "0.036")
    simulator.forget_requests()
    yield simulator
    simulator.clear_faults()


@pytest.fixture
def venue(sim, make_venue):
    return make_venue(sim.base_url, **KEYS)


@pytest.fixture
def orders(sim, make_orders):
    return make_orders(sim.base_url, **KEYS)


# --- reading --------------------------------------------------------------------------------------------------------


def test_one_request_reads_long_short_and_flat(venue, sim, budget):
    report = venue.fetch_positions(["BTCUSDT", "ETHUSDT", "SOLUSDT"])
    amounts = {symbol: position.position_amt for symbol, position in report.positions.items()}
    assert amounts == {"BTCUSDT": Decimal("0.036"), "ETHUSDT": Decimal("-1.25"), "SOLUSDT": Decimal(0)}
    assert report.positions["BTCUSDT"].leverage == 20
    assert sim.requests().total == 1
    assert budget.acquired == [5]
    assert budget.reported


def test_no_request_leaves_the_futures_api(venue, sim):
    venue.fetch_positions(["BTCUSDT"])
    venue.fetch_markets(["BTCUSDT"])
    seen = sim.requests()
    assert seen.paths_outside("/fapi/") == []
    assert {name: use.count for name, use in seen.endpoints.items()} == {
        POSITION_RISK: 1,
        "GET /fapi/v1/exchangeInfo": 1,
    }


def test_market_rules_come_with_one_request(venue, sim):
    report = venue.fetch_markets(["BTCUSDT", "NOSUCHUSDT"])
    assert report.markets["BTCUSDT"] == MarketRules(
        symbol="BTCUSDT", step_size=Decimal("0.001"), min_qty=Decimal("0.001"), max_market_qty=Decimal(120)
    )
    assert report.invalid.keys() == {"NOSUCHUSDT"}
    assert sim.requests().total == 1


@pytest.mark.parametrize(
    "fault",
    [
        "missing",
        "duplicate",
        "conflict",
        "no_amount",
        "null_amount",
        "text_amount",
        "empty_amount",
        "nan_amount",
        "huge_amount",
        "not_object",
    ],
)
def test_a_bad_row_spoils_its_symbol_only(venue, sim, fault):
    sim.fault(rows={"BTCUSDT": fault})
    report = venue.fetch_positions(["BTCUSDT", "ETHUSDT"])
    assert report.positions.keys() == {"ETHUSDT"}
    assert report.invalid.keys() == {"BTCUSDT"}


def test_a_delisted_symbol_spoils_itself_only(venue, sim):
    sim.fault(delisted=["BTCUSDT"])
    assert venue.fetch_positions(["BTCUSDT", "ETHUSDT"]).positions.keys() == {"ETHUSDT"}
    assert venue.fetch_markets(["BTCUSDT", "ETHUSDT"]).markets.keys() == {"ETHUSDT"}


@pytest.mark.parametrize("body", ["empty", "null", "object", "html", "truncated"])
def test_a_broken_200_is_malformed(venue, sim, body):
    sim.fault(body=body)
    with pytest.raises(MalformedResponseError):
        venue.fetch_positions(["BTCUSDT"])


@pytest.mark.parametrize("body", ["cut", "drop", "hang"])
def test_a_broken_connection_is_unavailable(sim, make_venue, body):
    sim.fault(body=body)
    with pytest.raises(ExchangeUnavailableError):
        make_venue(sim.base_url, **KEYS, timeout_ms=500).fetch_positions(["BTCUSDT"])


def test_hedge_mode_is_recognised(venue, sim):
    assert not venue.is_hedge_mode()
    sim.fault(hedge_mode=True)
    try:
        assert venue.is_hedge_mode()
        assert venue.fetch_positions(["ETHUSDT"]).positions["ETHUSDT"].hedge_mode
    finally:
        sim.fault(hedge_mode=False)


def test_a_clock_that_is_off_heals_with_one_extra_request(venue, sim):
    sim.fault(clock_skew_ms=-60_000)
    with pytest.raises(ExchangeClockError):
        venue.fetch_positions(["BTCUSDT"])
    assert venue.fetch_positions(["BTCUSDT"]).positions
    assert sim.requests().count("GET /fapi/v1/time") == 1


def test_the_venues_pause_is_honoured(venue, sim, budget):
    sim.fault(status=429, retry_after_sec=9)
    with pytest.raises(ExchangeRateLimitedError):
        venue.fetch_positions(["BTCUSDT"])
    with pytest.raises(ExchangeRateLimitedError):
        venue.fetch_positions(["BTCUSDT"])
    assert budget.pauses == [9]
    assert sim.requests().total == 1


def test_a_wrong_key_is_a_credentials_error(sim, make_venue):
    with pytest.raises(ExchangeCredentialsError, match=r"-2015|-2014"):
        make_venue(sim.base_url, api_key="another", api_secret="demo").fetch_positions(["BTCUSDT"])
    with pytest.raises(ExchangeCredentialsError, match="-1022"):
        make_venue(sim.base_url, api_key="demo", api_secret="another").fetch_positions(["BTCUSDT"])


def test_key_permissions_are_told_and_the_demo_environment_has_none(venue, sim, make_venue):
    sim.fault(withdrawals_enabled=True)
    permissions = venue.fetch_key_permissions()
    assert (permissions.reading, permissions.futures, permissions.withdrawals) == (True, True, True)
    assert make_venue(None, testnet=True).fetch_key_permissions() is None


# --- row 9: fork ----------------------------------------------------------------------------------------------------


def _fetch_in_child(venue, expected, rounds, results):
    wrong = sum(
        venue.fetch_positions(["BTCUSDT", "ETHUSDT"]).positions["BTCUSDT"].position_amt != expected
        for _ in range(rounds)
    )
    results.put((wrong, id(venue._session._recorder().client)))


def test_a_venue_used_before_a_fork_makes_a_new_client_in_each_child(venue):
    venue.fetch_positions(["BTCUSDT"])
    parents = venue._session._recorder()
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    children = [fork.Process(target=_fetch_in_child, args=(venue, Decimal("0.036"), 40, results)) for _ in range(3)]
    for child in children:
        child.start()
    for _ in range(40):
        assert venue.fetch_positions(["BTCUSDT"]).positions["BTCUSDT"].position_amt == Decimal("0.036")
    reports = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join(10)
    assert [wrong for wrong, _ in reports] == [0, 0, 0]
    assert id(parents.client) not in {client for _, client in reports}
    assert venue._session._recorder() is parents


# --- orders ---------------------------------------------------------------------------------------------------------


def place(orders, client_order_id, *, quantity="0.028", side=OrderSide.SELL, recv_window_ms=5000, **changes):
    return orders.place_reduce_only_market(
        symbol="BTCUSDT",
        side=side,
        quantity=Decimal(quantity),
        client_order_id=client_order_id,
        recv_window_ms=recv_window_ms,
        **changes,
    )


def test_a_reduce_only_market_order_is_executed_once(orders, sim):
    report = place(orders, "order-1", quantity="0.0280")
    assert (report.status, report.executed_qty, report.quantity) == ("FILLED", Decimal("0.028"), Decimal("0.028"))
    assert (report.client_order_id, report.side) == ("order-1", OrderSide.SELL)
    assert sim.position("BTCUSDT") == Decimal("0.008")
    assert sim.orders()[-1]["reduceOnly"] is True
    assert orders.fetch_order("BTCUSDT", "order-1") == report


def test_an_order_that_is_not_known_is_none(orders):
    assert orders.fetch_order("BTCUSDT", "never-sent") is None


@pytest.mark.parametrize(
    ("client_order_id", "changes", "code"),
    [
        ("wrong-side", {"side": OrderSide.BUY}, -2022),
        ("off-step", {"quantity": "0.0285"}, -1111),
        ("too-much", {"quantity": "121"}, -4005),
    ],
)
def test_a_refused_order_is_a_certain_rejection_with_the_venues_code(orders, sim, client_order_id, changes, code):
    with pytest.raises(OrderRejectedError) as caught:
        place(orders, client_order_id, **changes)
    assert caught.value.code == str(code)
    assert sim.position("BTCUSDT") == Decimal("0.036")


def test_a_client_order_id_used_before_is_no_rejection_but_a_question(orders, sim):
    first = place(orders, "same-id", quantity="0.010")
    with pytest.raises(OrderOutcomeUnknownError, match="-4116"):
        place(orders, "same-id", quantity="0.010")
    assert orders.fetch_order("BTCUSDT", "same-id") == first
    assert sim.position("BTCUSDT") == Decimal("0.026")


@pytest.mark.parametrize(("order", "executed"), [("timeout_executed", "0.028"), ("timeout_lost", None)])
def test_a_minus_1007_is_unknown_until_it_is_asked_for(orders, sim, order, executed):
    sim.fault(order=order)
    with pytest.raises(OrderOutcomeUnknownError, match=f"-1007.*{order}"):
        place(orders, order)
    found = orders.fetch_order("BTCUSDT", order)
    assert (None if found is None else str(found.executed_qty)) == executed


@pytest.mark.parametrize("fault", [{"status": 502}, {"body": "drop"}, {"body": "truncated"}, {"body": "empty"}])
def test_an_order_behind_a_broken_answer_is_unknown_and_found_afterwards(orders, sim, fault):
    client_order_id = f"broken-{'-'.join(map(str, fault.values()))}"
    sim.fault(**fault, takes_effect=True, paths=["/fapi/v1/order"], times=1)
    with pytest.raises(OrderOutcomeUnknownError, match=client_order_id):
        place(orders, client_order_id)
    sim.clear_faults()
    assert orders.fetch_order("BTCUSDT", client_order_id).executed_qty == Decimal("0.028")
    assert sim.position("BTCUSDT") == Decimal("0.008")


def test_an_order_whose_window_is_over_is_refused_by_the_venue(orders, sim):
    window_start_ms = orders.clock_ms() - 6000
    with pytest.raises(ExchangeClockError):
        place(orders, "too-late", window_start_ms=window_start_ms)
    assert sim.position("BTCUSDT") == Decimal("0.036")


def test_a_limit_of_orders_is_a_pause_and_nothing_was_executed(orders, sim, budget):
    sim.fault(order_error=-1015)
    with pytest.raises(ExchangeOrderLimitedError):
        place(orders, "one-too-many")
    assert budget.order_pauses
    assert not budget.pauses, "reading goes on"
    sim.clear_faults()
    assert orders.fetch_order("BTCUSDT", "one-too-many") is None
    with pytest.raises(ExchangeOrderLimitedError):
        place(orders, "too-early")
    assert sim.position("BTCUSDT") == Decimal("0.036")
