"""Every venue of ``VENUES``, and the template, against the same promises; a new venue adds a ``sample`` and no test."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from p33_tasks import venues
from p33_tasks.contract.timing import MAX_READ_LAG_MS, READ_LAG_MS
from p33_tasks.domain.models import Leg
from p33_tasks.errors import ExchangeUnavailableError, MalformedResponseError
from p33_tasks.settings import Settings
from p33_tasks.settings.venue_variables import OWN_VARIABLES
from p33_tasks.venues.build import venue_source, venue_specs
from p33_tasks.venues.entry import VenueEntry
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, failure_of
from p33_tasks.venues.sample import VenueSample
from p33_tasks.venues.spec import Endpoint, FlatEvidence, VenueSpec

PACKAGE = Path(venues.__file__).parents[1]
FOLDERS = (*venues.VENUES, "_template")
NOW_MS = 1_771_305_126_000
OTHER_WORDS = {("cli/tables.py", "gate")}  # a column, of whether plans pass


_CORE = "the simulator's core has the first venue's words, which fronts translate; its source"
TEXTS = {
    "demo/exchange/core/__init__.py": _CORE,
    "demo/exchange/core/codes.py": _CORE,
    "demo/exchange/limits.py": _CORE,
    "demo/exchange/order_rows.py": _CORE,
    "demo/exchange/signing.py": _CORE,
    "demo/exchange/faults.py": "switches that only one front has",
    "demo/executor/lost_orders.py": "the weight of a look where requests have weights",
    "demo/executor/reports.py": "the source of an order's states in results",
    "demo/up/command.py": "an example of the command line",
    "store/lua/_prelude.lua": "the source of a bound for every venue",
    "venues/__init__.py": "the line of each venue, and the table of folders",
    "venues/build.py": "an example of a text",
    "venues/http_errors.py": "the source of bounds for every venue",
}
"""Modules outside venues' folders and fronts that name one in a text, and why; fewer is better."""


@dataclass
class PlayedSession:
    """Answers each declared request with a text, decoded as the real session does."""

    answers: Mapping[Endpoint, str]
    asked: list[Endpoint] = field(default_factory=list)
    account: str = "0x00000000000000000000000000000000000000a1"
    sent: list[Mapping[str, Any]] = field(default_factory=list)  # beside an endpoint's own parameters

    def ask(self, endpoint: Endpoint, params: Mapping[str, Any] | None = None) -> object:
        self.asked.append(endpoint)
        self.sent.append(params or {})
        if endpoint not in self.answers:
            raise ExchangeUnavailableError(f"{endpoint.shown} is not played")
        return loads_exact(self.answers[endpoint])


@dataclass(frozen=True)
class Case:
    """One venue."""

    entry: VenueEntry
    sample: VenueSample

    @property
    def spec(self) -> VenueSpec:
        return self.entry.spec

    def venue(self, *, positions: str = "", markets: str = "", hedge: bool = False) -> tuple[Any, PlayedSession]:
        answers = dict.fromkeys(self.spec.positions, positions or self.sample.positions_answer)
        answers |= dict.fromkeys(self.spec.markets, markets or self.sample.markets_answer)
        others = {**self.sample.other_answers, **(self.sample.hedge_other_answers if hedge else {})}
        answers |= {endpoint: others[endpoint.shown] for endpoint in self.spec.endpoints if endpoint.shown in others}
        session = PlayedSession(answers)
        return self.entry.reader(session, "source", False), session  # type: ignore[arg-type]  # noqa: FBT003 - played

    def read(self, text: str = "", *more: str) -> Any:
        return self.venue(positions=text)[0].fetch_positions([*self.sample.positions, *more])


@pytest.fixture(params=FOLDERS)
def case(request: pytest.FixtureRequest) -> Case:
    module = import_module(f"p33_tasks.venues.{request.param}.venue")
    return Case(module.VENUE, import_module(f"p33_tasks.venues.{request.param}.sample").SAMPLE)


# --- positions ------------------------------------------------------------------------------------------------------


def test_every_digit_of_a_position_is_kept(case: Case) -> None:
    expected = {symbol: Decimal(text) for symbol, text in case.sample.positions.items()}
    assert {symbol: p.position_amt for symbol, p in case.read().positions.items()} == expected
    as_number = case.sample.positions_answer.replace(case.sample.amount_literal, case.sample.amount_literal.strip('"'))
    assert {symbol: p.position_amt for symbol, p in case.read(as_number).positions.items()} == expected


def test_a_position_is_proven_proven_flat_or_unknown(case: Case) -> None:
    """Absence proves flat only where the spec says so."""
    absent = case.sample.absent_symbol
    for text in (case.sample.positions_answer, case.sample.empty_answer):
        report = case.read(text, absent)
        if case.spec.symbol_is_flat_by is FlatEvidence.ABSENCE:
            assert report.positions[absent].position_amt == 0
        else:
            assert absent in report.invalid
        assert report.positions.keys().isdisjoint(report.invalid)
        assert report.positions.keys() | report.invalid.keys() == {*case.sample.positions, absent}


def test_an_answer_about_something_else_is_an_error_and_never_flat(case: Case) -> None:
    for text in (*case.sample.unreadable_answers, "null", "7", '"x"', "{}"):
        with pytest.raises(MalformedResponseError):
            case.read(text)


@pytest.mark.parametrize("literal", ["null", '""', '"x"', "NaN", '"NaN"', "1e400", '"1e400"', "{}", "[]", "true"])
def test_an_invalid_row_affects_its_symbol_only_and_is_never_flat(case: Case, literal: str) -> None:
    assert case.sample.positions_answer.count(case.sample.amount_literal) == 1
    report = case.read(case.sample.positions_answer.replace(case.sample.amount_literal, literal))
    (symbol,) = report.invalid
    assert Decimal(case.sample.positions[symbol]) == Decimal(case.sample.amount_literal.strip('"'))
    assert report.positions.keys() == case.sample.positions.keys() - {symbol}


def test_both_legs_are_reported_and_one_on_the_other_side_is_invalid(case: Case) -> None:
    sample = case.sample
    assert bool(sample.hedge_answer) is case.spec.has_hedge_mode, "a venue with hedge mode has a sample of it"
    if not sample.hedge_answer:
        return
    reader = case.venue(positions=sample.hedge_answer, hedge=True)[0]
    position = reader.fetch_positions([sample.hedge_symbol]).positions[sample.hedge_symbol]
    assert position.hedge_mode
    expected = {side: Decimal(amount) for side, amount in sample.hedge_legs.items()}
    assert {leg.leg: leg.position_amt for leg in position.legs} == expected
    assert [leg.leg for leg in position.legs] == [Leg.LONG, Leg.SHORT]
    for turned in sample.hedge_turned or [
        sample.hedge_answer.replace(f'"{amount}"', f'"{-Decimal(amount)}"') for amount in sample.hedge_legs.values()
    ]:
        assert turned != sample.hedge_answer
        report = case.venue(positions=turned, hedge=True)[0].fetch_positions([sample.hedge_symbol])
        assert report.invalid.keys() == {sample.hedge_symbol}


# --- market rules ---------------------------------------------------------------------------------------------------


def test_market_rules_are_in_base_units_and_a_symbol_that_is_not_trading_has_none(case: Case) -> None:
    reader = case.venue()[0]
    report = reader.fetch_markets([*case.sample.steps, *case.sample.not_trading])
    found = {symbol: (rules.step_size, rules.min_qty) for symbol, rules in report.markets.items()}
    assert found == {s: (Decimal(step), Decimal(least)) for s, (step, least) in case.sample.steps.items()}
    assert report.invalid.keys() == set(case.sample.not_trading)


# --- requests -------------------------------------------------------------------------------------------------------


def test_a_refresh_sends_the_declared_requests_and_no_other(case: Case) -> None:
    reader, session = case.venue()
    reader.fetch_positions(case.sample.positions)
    assert session.asked == list(case.spec.positions)
    reader.fetch_markets(case.sample.steps)
    assert session.asked == [*case.spec.positions, *case.spec.markets]
    declared = {*case.spec.positions, *case.spec.markets, case.spec.clock.endpoint}
    assert declared <= set(case.spec.endpoints)


def test_refreshes_at_the_default_period_stay_within_our_share_of_the_budget(case: Case) -> None:
    spec, default_ms = case.spec, int(Settings.model_fields["poll_sec"].default * 1000)
    own = spec.requests.own_weight_per_minute
    assert spec.weight_per_minute(default_ms) <= own
    assert spec.weight_per_minute(spec.least_poll_ms) <= own < spec.weight_per_minute(spec.least_poll_ms - 1)
    assert own < spec.requests.stop_at_weight < spec.requests.weight_per_minute


def test_limits_of_time_are_sound(case: Case) -> None:
    spec = case.spec
    assert READ_LAG_MS <= spec.read_lag_ms <= MAX_READ_LAG_MS
    assert spec.markets_max_age_ms >= 2 * spec.markets_period_ms, "one failed request denies nothing"
    assert spec.clock.max_offset_ms > 0
    assert all(limit.orders > 0 and limit.window_sec > 0 for limit in spec.order_limits)


# --- errors ---------------------------------------------------------------------------------------------------------


def test_an_error_is_read_from_status_and_code(case: Case) -> None:
    for sample in case.sample.errors:
        answer = Answer(status=sample.status, headers={}, text=sample.body)
        found = failure_of(answer, case.spec.errors, "the request", lambda text: text, NOW_MS)
        assert type(found) is sample.error, sample.body


def test_an_answer_is_not_taken_for_an_error(case: Case) -> None:
    for text in (case.sample.positions_answer, case.sample.empty_answer, case.sample.markets_answer):
        answer = Answer(status=200, headers={}, text=text)
        assert failure_of(answer, case.spec.errors, "the request", lambda text: text, NOW_MS) is None


def test_a_code_stands_for_one_thing(case: Case) -> None:
    errors = case.spec.errors
    groups = (errors.credentials, errors.clock, errors.rate_limited, errors.order_limited, errors.unavailable)
    assert len(frozenset().union(*groups)) == sum(map(len, groups))
    assert all(errors.is_error.fullmatch(code) for code in frozenset().union(*groups, errors.market_refused))


# --- scope and names ------------------------------------------------------------------------------------------------


def test_the_source_tells_live_and_test_apart() -> None:
    for exchange_id, spec in venue_specs().items():
        live = venue_source(exchange_id, testnet=False, base_url=None)
        assert live.startswith(f"{exchange_id} ")
        if spec.test_host is not None:
            test = venue_source(exchange_id, testnet=True, base_url=None)
            assert test.startswith(f"{exchange_id} ")
            assert live != test
        else:
            assert spec.testnet_variable in OWN_VARIABLES, "settings refuse the test environment by this switch"


def test_the_settings_have_every_variable_that_a_venue_names(case: Case) -> None:
    known = {str(field.alias) for field in Settings.model_fields.values()}
    for pair in case.spec.credentials:
        assert {pair.key, pair.secret} <= known
    assert case.spec.testnet_variable in known or case.spec not in venue_specs().values()
    assert case.spec.test_host is not None or case.spec.testnet_variable == "P33_TESTNET"


def test_a_client_order_id_fits_the_venues_alphabet(case: Case) -> None:
    ids = case.spec.client_order_ids
    longest = (ids.own_prefix + "0f" * ids.max_chars)[: ids.max_chars]
    assert ids.pattern.fullmatch(longest)
    assert not ids.pattern.fullmatch(f"{longest}0")
    assert not ids.pattern.fullmatch("a b")


def is_of_one_venue(room: tuple[str, ...]) -> bool:
    """A module of a venue's folder, or of the simulator's front of one."""
    fronts = {folder.partition("_")[0] for folder in venues.VENUES}
    if room[:3] == ("demo", "exchange", "fronts"):
        return room[3:] == ("registry.py",) or room[3] in fronts
    return room[0] == "venues" and len(room) > 2


def test_nothing_outside_a_venues_folder_and_its_front_names_it() -> None:
    """Docstrings may give an example; code may not."""
    specs = list(venue_specs().values())
    own = {spec.exchange_id for spec in specs} | {spec.testnet_variable for spec in specs}
    own |= {name for spec in specs for pair in spec.credentials for name in (pair.key, pair.secret)}
    own -= OWN_VARIABLES
    packages = tuple(f"p33_tasks.venues.{folder}" for folder in venues.VENUES)
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts
        if is_of_one_venue(room):
            continue
        folders = set(venues.VENUES) if room == ("venues", "__init__.py") else set()  # the one line
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith(packages), f"{path} imports {node.module}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in folders:
                named = ("/".join(room), node.value)
                assert node.value not in own or named in OTHER_WORDS, f"{named[0]} names {node.value}"


def test_texts_that_name_a_venue_outside_its_folder_are_known_each_with_its_reason() -> None:
    """Comments, docstrings and messages, in Python and Lua."""
    names = re.compile(r"(?i:binance|bybit|okx|bitget|hyperliquid|gate\.io)|\bGate\b")
    found = {
        "/".join(room)
        for path in PACKAGE.rglob("*.*")
        if path.suffix in {".py", ".lua", ".html"}
        if not is_of_one_venue(room := path.relative_to(PACKAGE).parts)
        if names.search(path.read_text("utf-8"))
    }
    assert found == TEXTS.keys()
