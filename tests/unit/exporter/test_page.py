"""The page: what it says, and that nothing from outside is anything but text on it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.drifts import KnownDrift
from p33_tasks.domain.models import Leg, SymbolLimits
from p33_tasks.domain.resting import Resting
from p33_tasks.exporter.history import History
from p33_tasks.exporter.page import home, plan
from p33_tasks.settings import Settings
from p33_tasks.views.drifts import DriftingPosition
from p33_tasks.views.overview import Overview
from p33_tasks.views.stories import Trace
from tests.factories import NOW_MS, make_ledger, make_snapshot
from tests.unit.contract.test_forecast_status import STATUS
from tests.unit.exporter.page_of import home_page, mark, read, shown, story, verdict
from tests.unit.exporter.views import make_overview, make_view


def adapted(at_sec: int, **cooldowns_ms: int) -> Overview:
    views = [
        make_view(
            symbol, limits=SymbolLimits(adaptive_cooldown_ms=ms, adaptive_by="volatility") if ms else SymbolLimits()
        )
        for symbol, ms in cooldowns_ms.items()
    ]
    return replace(make_overview(*views), now_ms=NOW_MS + at_sec * 1000)


def test_a_verdict_in_hedge_mode_is_listed_with_its_leg() -> None:
    text = shown(home_page(make_overview(), verdict(allow=True, position_side="SHORT"), verdict(allow=True)))
    assert text.index("BTCUSDT:SHORT") < text.rindex("BTCUSDT")
    story_page = shown(plan.render("p", story(position_side="LONG"))[0])
    assert "BTCUSDT:LONG" in story_page


def test_a_plan_of_a_misspelt_symbol_names_the_one_that_was_meant() -> None:
    denied = story(allow=False, reason="symbol_not_allowed", details={}, symbol="BTCUSD")
    assert "Did you mean BTCUSDT?" in shown(plan.render("p-1", denied, allowlist=("BTCUSDT", "ETHUSDT"))[0])
    assert "Did you mean" not in shown(plan.render("p-1", denied, allowlist=("SOLUSDT",))[0])


def test_a_symbol_shows_both_amounts_drift_age_cooldown_and_who_holds_it() -> None:
    view = make_view(
        amount="-0.010",
        ledger=make_ledger("-0.009", last_order_time_ms=NOW_MS - 5_000),
        snapshot=make_snapshot("-0.010", age_ms=2_500),
        hold=True,
        hold_why="asked the desk",
        reserved_by="plan-9",
        reservation_ttl_ms=61_000,
    )
    text = shown(home_page(make_overview(view)))
    for part in ("BTCUSDT", "short 0.01", "short 0.009", "10.00 % !", "2.5 s", "10.0 s", "hold: asked the desk"):
        assert part in text
    assert "plan plan-9, 61.0 s" in text
    assert "reconcile_hold_active" in text


def test_a_symbol_shows_what_rests_at_the_venue_and_what_reconciliation_knows() -> None:
    resting = Resting(ts_ms=NOW_MS - 1_000, life="1" * 40, source="x", qty=Decimal("0.004"))
    known = KnownDrift(classes="external", why="somebody else traded", readings=2, next_ms=NOW_MS + 12_000)
    view = replace(make_view(ledger="0.020", resting=resting), reconciling=known)
    text = shown(home_page(make_overview(view)))
    assert "0.004 resting" in text
    assert "external: somebody else traded; read 2 times; next reading in 12 s" in text
    assert "resting" not in shown(home_page(make_overview(make_view())))


def test_a_plan_denied_for_a_drift_shows_what_reconciliation_knows_of_it_now() -> None:
    known = KnownDrift(classes="external", why="somebody <b>else</b> traded", readings=0, next_ms=None)
    drift = DriftingPosition(
        symbol="BTCUSDT", leg=Leg.BOTH, exchange_amt="0.04", ledger_amt="0.03", known=known, now_ms=NOW_MS
    )
    text = "BTCUSDT now: exchange 0.04, ledger 0.03: external: somebody <b>else</b> traded"
    for reason, is_shown in (("reconcile_required_qty_mismatch", True), ("no_position", False)):
        found = replace(story(allow=False, reason=reason, details={}), drifts=(drift,))
        assert (text in shown(plan.render("p-1", found)[0])) is is_shown


def test_symbols_that_need_somebody_stand_first_with_what_ends_it() -> None:
    views = (
        make_view("FLATUSDT", amount="0"),
        make_view("OPENUSDT"),
        make_view("DRIFTUSDT", ledger="0.020"),
    )
    text = shown(home_page(make_overview(*views)))
    assert "1 stopped, 1 would allow, 1 flat" in text
    assert text.index("DRIFTUSDT") < text.index("p33 ledger adopt --replace SYMBOL") < text.index("OPENUSDT")
    assert text.index("OPENUSDT") < text.index("FLATUSDT")


def test_a_symbol_that_only_waits_for_a_later_snapshot_needs_nobody() -> None:
    view = make_view(
        ledger=make_ledger("0.010", last_order_time_ms=NOW_MS - 4_000),
        snapshot=make_snapshot("0.010", age_ms=5_000),
    )
    text = shown(home_page(make_overview(view), P33_COOLDOWN_SEC="3"))
    assert "Ready: 1 waiting" in text
    assert "waits for a snapshot after the last order" in text
    assert "Needs an operator" not in text
    assert "if the age keeps growing" not in text


def test_what_the_forecaster_says_stands_on_the_page_and_nothing_where_none_runs() -> None:
    found = make_overview()
    assert "Forecasts" not in home_page(found)
    spoken = replace(STATUS, ts_ms=found.now_ms, warnings=(replace(STATUS.warnings[0], words="<b>less</b>"),))
    page = home_page(replace(found, forecast=spoken))
    text = shown(page)
    assert "Publishes: the Brier score is 0.70" in text
    assert "0.0500" in text
    assert "SOLUSDT:LONG: a plan (CLOSE_FULL) is likely within 30 s" in text
    assert "<b>less" not in page
    old = shown(home_page(replace(found, forecast=replace(spoken, ts_ms=found.now_ms - 60_000))))
    assert "ended or hangs" in old
    assert "likely within" not in old


def test_nothing_is_green_while_a_symbol_is_stopped() -> None:
    page = home_page(make_overview(make_view("OPENUSDT"), make_view("DRIFTUSDT", ledger="0.020")))
    assert "Ready: 1 stopped" in shown(page)
    assert '<section class="state wait">' in page
    assert '<section class="state go">' in home_page(make_overview(make_view("OPENUSDT")))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"BINANCE_TESTNET": "false"}, "prefix quantum, binanceusdm LIVE"),
        ({"BINANCE_TESTNET": "true"}, "prefix quantum, binanceusdm test"),
        ({"P33_EXCHANGE_BASE_URL": "http://127.0.0.1:8088"}, "prefix quantum, binanceusdm at 127.0.0.1:8088"),
    ],
)
def test_the_header_says_whether_the_exchange_is_the_live_one(settings: dict[str, Any], text: str) -> None:
    page = home.redis_is_away("away", History(), Settings(**settings), home.Choices())
    assert text in shown(page)


def test_no_drift_is_shown_while_the_snapshot_is_older_than_the_last_order() -> None:
    def drift(ordered_ms: int) -> str:
        view = make_view(
            amount="0.038",
            ledger=make_ledger("0.010", last_order_time_ms=ordered_ms),
            snapshot=make_snapshot("0.038", age_ms=2_000),
        )
        return shown(home_page(make_overview(view)))

    assert "73.68 % !" in drift(NOW_MS - 2_000)
    assert "%" not in drift(NOW_MS - 1_999)


def test_a_page_that_loads_itself_again_has_no_box_to_type_in() -> None:
    assert "<input" not in home_page()
    assert "/plan" in read(home_page()).links
    assert "<input" in home_page(query={"refresh": "off"})


def test_the_header_names_the_time_zone_and_where_else_to_look() -> None:
    assert "UTC" in shown(home_page()).partition("Needs")[0]
    named = Settings(P33_FLOWER_URL="https://flower.example/?a=1&b=2", P33_RUNBOOK_URL="https://wiki.example/p33")
    assert home.links(named) == {"Flower": "https://flower.example/?a=1&b=2", "Runbook": "https://wiki.example/p33"}
    page = plan.render("p-1", story(allow=True), home.links(named))[0]
    assert '<a href="https://flower.example/?a=1&amp;b=2">Flower</a>' in page
    assert "Flower" not in home_page()


def test_states_are_text_by_words_and_shapes_not_by_colour_alone() -> None:
    page = home_page(make_overview(make_view(snapshot=make_snapshot(age_ms=50_000))))
    assert "Not ready: 1 stopped" in shown(page)
    assert "50.0 s !" in shown(page)
    assert len({mark(kind).partition(">")[2] for kind in ("go", "stop", "wait", "none")}) == 4


def test_a_verdict_tells_reason_numbers_and_what_ends_the_denial() -> None:
    deny = verdict(
        allow=False,
        symbol="BTCUSDT",
        reason="cooldown_in_flight",
        details={"seconds_since_order": 3, "cooldown_sec": 15, "retry_after_sec": 12},
    )
    text = shown(home_page(make_overview(), deny, verdict(allow=True, order_side="SELL", safe_close_qty=28)))
    assert "deny cooldown_in_flight" in text
    assert "Needed 15 s since the last order; it was 3 s." in text
    assert "Wait for the cooldown, then send a new plan. Try again after 12 s" in text
    assert "allow sell 28" in text


def test_many_symbols_are_cut_short_until_all_are_asked_for() -> None:
    views = [make_view(f"S{i}USDT", amount="0", ledger="0") for i in range(600)]
    short, whole = home_page(make_overview(*views)), home_page(make_overview(*views), query={"all": "1"})
    assert "Show 560 more" in shown(short)
    assert "/?all=1" in read(short).links
    assert "S599USDT" not in short
    assert "S599USDT" in whole


def test_choices_stay_in_the_address_through_a_refresh() -> None:
    assert 'http-equiv="refresh"' in home_page()
    paused = home_page(query={"refresh": "off", "all": "1"})
    assert 'http-equiv="refresh"' not in paused
    assert "/?all=1" in read(paused).links


def test_what_should_never_be_is_shown_as_soon_as_it_is() -> None:
    counters = {
        "p33_unpermitted_execution_total|BTCUSDT": 2,
        "p33_deadletter_total|plan": 3,
        "p33_trimmed_total|plan": 4,
    }
    text = shown(home_page(make_overview(counters=counters)))
    assert "Executions without a permit2plans never allowed" in text
    assert "Dead letters34 deleted before they were read" in text


def test_an_allow_shows_every_rule_passed_and_a_deny_where_it_stopped() -> None:
    allowed, status = plan.render("p-1", story(allow=True, order_side="SELL", safe_close_qty=28))
    assert status == 200
    assert shown(allowed).count(": passed") == 22
    assert "not reached" not in shown(allowed)
    denied = shown(plan.render("p-1", story(allow=False, reason="no_position", details={}))[0])
    assert denied.count(": passed") == 10
    assert denied.count(": failed") == 1
    assert "There is nothing to close." in denied


def test_a_symbol_whose_cooldown_was_adapted_has_a_small_plot_and_no_other() -> None:
    history = History()
    for at in range(90):
        history.add(latest := adapted(10 * at, BTCUSDT=15_000 + 100 * at, ETHUSDT=0))
    page = home_page(latest, history=history)
    assert page.count('class="small"') == 1
    assert "Cooldown of BTCUSDT: 15.1 to 23.9 s now 23.9 s; 0 to 23.9 s, limit 15 s" in page
    (path,) = re.findall(r'<svg class="small".*?class="a"[^>]*? d="([^"]*)"', page, re.DOTALL)
    assert len(path.split("L")) <= 60
    assert path.count("M") == 1, "one line without gaps"
    assert 'class="small"' not in home_page(latest)


def test_the_plot_of_an_outage_has_a_gap_in_time_and_nothing_else() -> None:
    history = History()
    for at_sec in (0, 10, 500, 510):
        history.add(latest := adapted(at_sec, BTCUSDT=20_000))
    assert 'class="small"' in home_page(latest, history=history)


def test_a_promoted_plan_links_to_the_task_that_prepared_it() -> None:
    text = replace(story(allow=True), inputs={"plan": {"prepared": True, "prepared_by": "a/task"}})
    page = plan.render("p-1", text, {"Flower": "https://flower.example/f/?a=1"})[0]
    assert '<a href="https://flower.example/f/task/a%2Ftask">Flower</a>' in page
    without = plan.render("p-1", text)[0]
    assert "promoted from a prepared verdict: task a/task" in shown(without)
    assert "/task/" not in without
    assert "promoted" not in plan.render("p-1", story(allow=True))[0]


def test_what_became_of_prepared_verdicts_is_shown_where_any_were_looked_for() -> None:
    assert "Prepared" not in shown(home_page())
    counters = {"p33_prepared_total|hit": 7, "p33_prepared_total|moved": 2, "p33_prepared_total|none": 3}
    text = shown(home_page(make_overview(counters=counters)))
    assert "Prepared verdicts issued72 had moved, 3 without one" in text
    text = shown(home_page(make_overview(), verdict(allow=True, order_side="SELL", safe_close_qty=28, prepared=True)))
    assert "allow sell 28, prepared" in text


def test_a_plan_without_a_verdict_says_where_it_is() -> None:
    trace = Trace(
        entry_id="1-0",
        fields={"plan_id": "p-1", "decision": "EXECUTE"},
        state="unread",
        consumer=None,
        deliveries=0,
        dead_letter=None,
        verdict=None,
        looked_at=10,
    )
    page, status = plan.render("p-1", trace)
    assert status == 404
    assert "Its entry 1-0 was not read yet" in shown(page)
