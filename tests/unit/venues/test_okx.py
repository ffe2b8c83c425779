"""OKX: contracts, sides and margin modes; proven, proven flat, or unknown."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.domain.models import Leg
from p33_tasks.errors import ExchangeError, MalformedResponseError
from p33_tasks.venues.build import venue_source
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, failure_of, venue_code
from p33_tasks.venues.okx.account_rows import read_account, read_hedge_mode, read_key
from p33_tasks.venues.okx.instrument_rows import read_instruments
from p33_tasks.venues.okx.position_rows import read_positions
from p33_tasks.venues.okx.spec import CONFIG, INSTRUMENTS, POSITIONS
from p33_tasks.venues.okx.venue import VENUE

DATA = Path(__file__).parents[2] / "data" / "venues" / "okx"
LIVE, TEST = False, True
BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"


def recorded(name):
    return loads_exact((DATA / name).read_text())


def raw(name):
    return json.loads((DATA / name).read_text())


def row(**changes):
    plain = {"instId": BTC, "instType": "SWAP", "mgnMode": "cross", "posSide": "net", "pos": "1.5"}
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def answer(*rows, **changes):
    return {"code": "0", "msg": "", "data": list(rows)} | changes


def read(*rows, symbols=(BTC, ETH), hedge=False, **changes):
    instruments = read_instruments(recorded("instruments_swap.json"))
    body = loads_exact(json.dumps(answer(*rows, **changes)))
    return read_positions(body, symbols, instruments=instruments, hedge_mode=hedge)


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


class PlayedSession:
    """Answers each request by its endpoint."""

    def __init__(self):
        self.answers = {
            CONFIG: raw("account_config.json"),
            INSTRUMENTS: raw("instruments_swap.json"),
            POSITIONS: answer(),
        }
        self.asked = []

    def ask(self, endpoint, params=None):
        assert not params
        self.asked.append(endpoint)
        return loads_exact(json.dumps(self.answers[endpoint]))


# --- positions ------------------------------------------------------------------------------------------------------


def test_contracts_become_base_units_exactly():
    report = read(row(), row(instId=ETH, pos="-0.07"))
    assert amounts(report) == {BTC: Decimal("0.015"), ETH: Decimal("-0.007")}
    assert not any(position.hedge_mode for position in report.positions.values())


@given(st.decimals(min_value="-99999", max_value="99999", places=4).filter(lambda n: n != 0))
def test_every_amount_keeps_its_sign_and_digits(contracts):
    found = read(row(pos=f"{contracts:f}")).positions[BTC].position_amt
    assert found == contracts * Decimal("0.01")


def test_a_multiplier_counts_too():
    listed = raw("instruments_swap.json")
    listed["data"][2]["ctMult"] = "10"
    instruments = read_instruments(loads_exact(json.dumps(listed)))
    report = read_positions(answer(row()), [BTC], instruments=instruments, hedge_mode=False)
    assert report.positions[BTC].position_amt == Decimal("0.15")


def test_the_recorded_long_is_one_leg_and_the_other_is_flat():
    for recorded_row in (raw("positions_long_hedge.json"), raw("positions_longshort_mode_long.json")["data"][0]):
        position = read(recorded_row, hedge=True).positions[BTC]
        long, short = position.legs
        assert (long.leg, short.leg, short.position_amt) == (Leg.LONG, Leg.SHORT, 0)
        assert long.position_amt == Decimal(recorded_row["pos"]) * Decimal("0.01")


def test_a_flat_symbol_has_the_accounts_mode():
    assert [leg.position_amt for leg in read(hedge=True).positions[BTC].legs] == [0, 0]
    assert read(hedge=True).positions[BTC].hedge_mode
    assert not read().positions[BTC].hedge_mode


@pytest.mark.parametrize("contracts", ["2", "-2"])
def test_a_short_leg_is_short_whatever_its_sign(contracts):
    position = read(row(posSide="short", pos=contracts), hedge=True).positions[BTC]
    assert [leg.position_amt for leg in position.legs] == [0, Decimal("-0.02")]


def test_legs_of_different_margin_modes_are_both_read():
    rows = (row(posSide="long", mgnMode="cross"), row(posSide="short", mgnMode="isolated", pos="3"))
    assert [leg.position_amt for leg in read(*rows, hedge=True).positions[BTC].legs] == [
        Decimal("0.015"),
        Decimal("-0.03"),
    ]


@pytest.mark.parametrize("second", ["1.5", "-1.5", "3"])
def test_two_open_positions_of_one_symbol_are_not_one(second):
    """A sum, and above all a sum of 0, is no position that an order could close."""
    report = read(row(), row(mgnMode="isolated", pos=second))
    assert report.invalid.keys() == {BTC}
    assert amounts(report) == {ETH: 0}


@pytest.mark.parametrize("order", [1, -1])
def test_a_closed_position_beside_an_open_one_counts_for_nothing(order):
    rows = [row(mgnMode="isolated", pos="0"), row()][::order]
    assert read(*rows).positions[BTC].position_amt == Decimal("0.015")


def test_rows_of_zero_alone_are_flat():
    assert read(row(pos="0"), row(pos="0", mgnMode="isolated")).positions[BTC].position_amt == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"instType": "FUTURES"},
        {"instType": "MARGIN"},
        {"instType": ...},
        {"mgnMode": "cash"},
        {"mgnMode": ...},
        {"posSide": "long"},
        {"posSide": "short"},
        {"posSide": "NET"},
        {"posSide": ...},
        {"pos": ""},
        {"pos": None},
        {"pos": ...},
        {"pos": "1,5"},
        {"pos": "0." + "0" * 29 + "1"},  # has no exact base quantity of usual length
    ],
    ids=str,
)
def test_a_row_that_cannot_be_trusted_is_invalid_and_never_flat(changes):
    report = read(row(**changes), row(instId=ETH))
    assert BTC in report.invalid
    assert amounts(report) == {ETH: Decimal("0.15")}


def test_a_net_row_in_long_short_mode_is_invalid():
    assert BTC in read(row(), hedge=True).invalid


def test_a_long_leg_below_zero_is_invalid():
    assert BTC in read(row(posSide="long", pos="-1"), hedge=True).invalid


@pytest.mark.parametrize("symbol", ["BTC-USD-SWAP", "DOGE-USDT-SWAP"])
def test_an_open_symbol_without_a_contract_size_is_unknown(symbol):
    """Inverse, or not listed."""
    assert symbol in read(row(instId=symbol), symbols=[symbol]).invalid


def test_an_amount_below_the_step_is_its_own_digits_and_never_flat():
    assert read(row(pos="0.0001")).positions[BTC].position_amt == Decimal("0.000001")


# --- what absence proves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stranger", [row(instId="BTC-USD-240329", instType="FUTURES"), row(instId=...), row(instId=7), "x", None]
)
@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_another_instrument_type_leaves_absent_symbols_unknown(stranger, hedge):
    own = row(posSide="long") if hedge else row()
    report = read(own, stranger, hedge=hedge)
    assert ETH in report.invalid
    assert (BTC in report.invalid) is hedge  # its short leg is absent


@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown(hedge):
    """The account was switched between the two answers: which mode an absent symbol is of is unknown."""
    report = read(row() if hedge else row(posSide="long"), hedge=hedge)
    assert report.invalid.keys() == {BTC, ETH}
    assert read(hedge=hedge).positions.keys() == {BTC, ETH}


@pytest.mark.parametrize("changes", [{"code": "1"}, {"code": 0}, {"code": None}, {"data": None}, {"data": {}}])
def test_an_answer_that_does_not_say_it_succeeded_proves_nothing(changes):
    with pytest.raises(MalformedResponseError):
        read(**changes)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["0", "SWAP", BTC, "net"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["code", "data", "instId", "instType", "pos", "posSide", "mgnMode"]), inner
            )
        ),
        max_leaves=12,
    ),
    st.booleans(),
)
def test_no_answer_makes_anything_up(body, hedge):
    instruments = read_instruments(recorded("instruments_swap.json"))
    try:
        report = read_positions(body, [BTC, ETH], instruments=instruments, hedge_mode=hedge)
    except MalformedResponseError:
        return
    assert report.positions.keys() | report.invalid.keys() == {BTC, ETH}
    assert report.positions.keys().isdisjoint(report.invalid)


# --- requests -------------------------------------------------------------------------------------------------------


def test_contract_sizes_are_kept_for_one_period_and_the_mode_is_asked_each_time(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("p33_tasks.venues.contracts.time.monotonic", lambda: now[0])
    session = PlayedSession()
    venue = VENUE.reader(session, "source", LIVE)
    venue.fetch_positions([BTC])
    venue.fetch_positions([BTC])
    assert session.asked == [CONFIG, INSTRUMENTS, POSITIONS, CONFIG, POSITIONS]
    now[0] += 120
    venue.fetch_positions([BTC])
    assert session.asked[5:] == [CONFIG, INSTRUMENTS, POSITIONS]


def test_new_market_rules_bring_their_contract_sizes():
    session = PlayedSession()
    session.answers[POSITIONS] = answer(row(posSide="long"))
    venue = VENUE.reader(session, "source", LIVE)
    assert venue.fetch_positions([BTC]).positions[BTC].position_amt == Decimal("0.015")
    session.answers[INSTRUMENTS]["data"][2]["ctVal"] = "0.1"
    venue.fetch_markets([BTC])
    assert venue.fetch_positions([BTC]).positions[BTC].position_amt == Decimal("0.15")


def test_the_scope_is_sent_and_is_part_of_the_source():
    assert dict(POSITIONS.params) == dict(INSTRUMENTS.params) == {"instType": "SWAP"}
    assert venue_source("okx", LIVE, None) == "okx www.okx.com SWAP"
    assert venue_source("okx", TEST, None) == "okx www.okx.com SWAP demo"
    assert venue_source("okx", TEST, "http://127.0.0.1:8088") == "okx 127.0.0.1:8088 SWAP demo"


# --- market rules, account ------------------------------------------------------------------------------------------


def test_contract_steps_become_base_steps():
    report = read_instruments(recorded("instruments_swap.json")).rules([BTC, ETH, "BTC-USD-SWAP", "XRP-USDT-SWAP"])
    rules = report.markets[BTC]
    assert (rules.step_size, rules.min_qty, rules.max_market_qty) == (
        Decimal("0.0001"),
        Decimal("0.0001"),
        Decimal(120),
    )
    assert report.markets[ETH].step_size == Decimal("0.001")
    assert report.invalid.keys() == {"BTC-USD-SWAP", "XRP-USDT-SWAP"}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "suspend"},
        {"state": "preopen", "lotSz": "", "minSz": "", "ctVal": ""},
        {"state": "test"},
        {"state": None},
        {"instType": "FUTURES"},
        {"ctType": "inverse"},
        {"ctValCcy": "USD"},
        {"ctVal": "0"},
        {"ctVal": "-0.01"},
        {"ctMult": ""},
        {"lotSz": "0"},
        {"minSz": "-1"},
        {"maxMktSz": ""},
        {"maxMktSz": "0"},
    ],
    ids=str,
)
def test_a_symbol_that_is_not_live_or_not_readable_has_no_rules(changes):
    listed = raw("instruments_swap.json")
    listed["data"][2].update(changes)
    report = read_instruments(loads_exact(json.dumps(listed))).rules([BTC, ETH])
    assert (report.invalid.keys(), report.markets.keys()) == ({BTC}, {ETH})


def test_an_instrument_listed_twice_has_no_rules_and_no_contract_size():
    listed = raw("instruments_swap.json")
    listed["data"].append(listed["data"][2])
    instruments = read_instruments(loads_exact(json.dumps(listed)))
    assert BTC in instruments.rules([BTC]).invalid
    assert BTC in read_positions(answer(row()), [BTC], instruments=instruments, hedge_mode=False).invalid


def test_no_instrument_at_all_is_no_answer():
    with pytest.raises(MalformedResponseError):
        read_instruments(answer())


def test_the_account_its_mode_and_the_keys_rights():
    config = recorded("account_config.json")
    assert read_hedge_mode(config)
    assert read_account(config).kind == "Futures mode"
    key = read_key(config)
    assert (key.futures, key.withdrawals, key.ip_restricted) == (True, False, False)
    config["data"][0].update(acctLv="1", posMode="net_mode", perm="read_only,withdraw", ip="1.2.3.4")
    assert not read_hedge_mode(config)
    assert read_account(config).problem
    key = read_key(config)
    assert (key.futures, key.withdrawals, key.ip_restricted) == (False, True, True)


@pytest.mark.parametrize("mode", ["", None, "hedge", 1, ...])
def test_an_unknown_position_mode_is_an_error(mode):
    config = raw("account_config.json")
    config["data"][0]["posMode"] = mode
    if mode is ...:
        del config["data"][0]["posMode"]
    with pytest.raises(MalformedResponseError):
        read_hedge_mode(config)


# --- errors ---------------------------------------------------------------------------------------------------------


def test_every_recorded_error_is_an_error_and_a_rows_code_counts_before_the_answers():
    for sample in raw("errors.json"):
        answered = Answer(status=sample["http"], headers={}, text=json.dumps(sample["body"]))
        assert isinstance(
            failure_of(answered, VENUE.spec.errors, "x", str, 1, limit=VENUE.spec.requests), ExchangeError
        )
        rows = sample["body"]["data"]
        assert venue_code(answered, VENUE.spec.errors).code == (rows[0]["sCode"] if rows else sample["body"]["code"])


def test_an_order_that_was_accepted_is_no_error():
    text = (DATA / "order_place_ack.json").read_text()
    assert failure_of(Answer(status=200, headers={}, text=text), VENUE.spec.errors, "x", str, 1) is None


def test_a_refusal_lasts_one_window():
    answered = Answer(status=429, headers={}, text='{"code": "50011", "data": [], "msg": "Too Many Requests"}')
    assert failure_of(answered, VENUE.spec.errors, "x", str, 1, limit=VENUE.spec.requests).retry_after_sec == 2
