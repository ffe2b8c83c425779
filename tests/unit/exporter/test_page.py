"""The page: what it says, and that nothing from outside is anything but text on it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.drifts import KnownDrift
from p33_tasks.domain.models import Leg, SymbolLimits
from p33_tasks.domain.resting import Resting
from p33_tasks.exporter.answers import is_own_name
from p33_tasks.exporter.cluster import Reading
from p33_tasks.exporter.health import readiness
from p33_tasks.exporter.history import History, Point
from p33_tasks.exporter.page import home, plan, plots, templates, text
from p33_tasks.settings import Settings
from p33_tasks.views.drifts import DriftingPosition
from p33_tasks.views.overview import Overview
from p33_tasks.views.recent import RecentVerdict
from p33_tasks.views.stories import Story, Trace
from tests.factories import NOW_MS, make_ledger, make_policy, make_snapshot
from tests.unit.contract.test_forecast_status import STATUS
from tests.unit.exporter.views import make_overview, make_refresh, make_stream, make_view

HOSTILE = "<script>alert(1)</script>\"'&\x00\x1b[31m\u202e\udcff"
VOID = {"meta", "link", "input", "br", "path"}
TAGS = VOID | {
    "html",
    "head",
    "title",
    "style",
    "body",
    "header",
    "a",
    "b",
    "form",
    "label",
    "button",
    "main",
    "footer",
}
TAGS |= {"section", "h1", "h2", "small", "p", "ul", "ol", "li", "span", "table", "thead", "tbody", "tr", "th", "td"}
TAGS |= {"dl", "dt", "dd", "div", "figure", "figcaption", "svg", "pre", "code", "nav"}
ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "rel", "href", "class", "role", "scope", "data-label"}
ATTRIBUTES |= {"action", "method", "for", "id", "placeholder", "maxlength", "required", "autocomplete", "autofocus"}
ATTRIBUTES |= {"aria-hidden", "aria-label", "viewbox", "preserveaspectratio", "d", "vector-effect"}


class Strict(HTMLParser):
    """Refuses any tag or attribute that no page of ours has, and tags that don't close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        self.links += [value or "" for name, value in attrs if name in {"href", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def read(page: str) -> Strict:
    page.encode("utf-8")
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert not parser.open
    for link in parser.links:
        assert link.startswith("/") or link == "data:,", link
    return parser


def mark(kind: str) -> str:
    parts: Any = templates.ENVIRONMENT.get_template("parts.html").module
    return str(parts.mark(kind))


def drawn(*figures: plots.Figure) -> str:
    module: Any = templates.ENVIRONMENT.get_template("plots.html").module
    return str(module.plots(figures, 10))


def shown(page: str) -> str:
    return " ".join("".join(read(page).words).split())


def home_page(
    overview: Overview | None = None,
    *recent: RecentVerdict,
    query: Any = None,
    history: History | None = None,
    **more: Any,
) -> str:
    overview = overview or make_overview()
    ready = readiness(Reading(overview=overview, problem="", took_sec=0), make_policy())
    symbols = ",".join(view.symbol for view in overview.symbols)
    return home.render(
        overview,
        recent,
        history=history or History(),
        ready=ready,
        settings=Settings(P33_ALLOWLIST=symbols, **more),
        choices=home.Choices.of(query or {}),
    )


def verdict(plan_id: str = "p-1", label: str = "BTCUSDT", /, **fields: Any) -> RecentVerdict:
    return RecentVerdict(plan_id=plan_id, symbol=label, ts_ms=NOW_MS - 1_500, verdict=fields)


def test_a_verdict_in_hedge_mode_is_listed_with_its_leg() -> None:
    told = shown(home_page(make_overview(), verdict(allow=True, position_side="SHORT"), verdict(allow=True)))
    assert told.index("BTCUSDT:SHORT") < told.rindex("BTCUSDT")
    story_page = shown(plan.render("p", story(position_side="LONG"))[0])
    assert "BTCUSDT:LONG" in story_page


def test_a_plan_of_a_misspelt_symbol_names_the_one_that_was_meant() -> None:
    denied = story(allow=False, reason="symbol_not_allowed", details={}, symbol="BTCUSD")
    assert "Did you mean BTCUSDT?" in shown(plan.render("p-1", denied, allowlist=("BTCUSDT", "ETHUSDT"))[0])
    assert "Did you mean" not in shown(plan.render("p-1", denied, allowlist=("SOLUSDT",))[0])


def story(plan_id: str = "p-1", **fields: Any) -> Story:
    return Story(
        plan_id=plan_id,
        now_ms=NOW_MS,
        verdict={"plan_id": plan_id, "symbol": "BTCUSDT", "ts_ms": NOW_MS - 2_000, **fields},
        inputs={},
        permit_ttl_ms=None,
        consumption=None,
        holds_reservation=False,
        results=(),
    )


# --- what it says ---------------------------------------------------------------------------------------------------


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
    told = shown(home_page(make_overview(view)))
    for part in ("BTCUSDT", "short 0.01", "short 0.009", "10.00 % !", "2.5 s", "10.0 s", "hold: asked the desk"):
        assert part in told
    assert "plan plan-9, 61.0 s" in told
    assert "reconcile_hold_active" in told


def test_a_symbol_shows_what_rests_at_the_venue_and_what_reconciliation_knows() -> None:
    resting = Resting(ts_ms=NOW_MS - 1_000, life="1" * 40, source="x", qty=Decimal("0.004"))
    known = KnownDrift(classes="external", why="somebody else traded", readings=2, next_ms=NOW_MS + 12_000)
    view = replace(make_view(ledger="0.020", resting=resting), reconciling=known)
    told = shown(home_page(make_overview(view)))
    assert "0.004 rests" in told
    assert "external: somebody else traded; read 2 times; next reading in 12 s" in told
    assert "rests" not in shown(home_page(make_overview(make_view())))


def test_a_plan_denied_for_a_drift_shows_what_reconciliation_knows_of_it_now() -> None:
    known = KnownDrift(classes="external", why="somebody <b>else</b> traded", readings=0, next_ms=None)
    drift = DriftingPosition(
        symbol="BTCUSDT", leg=Leg.BOTH, exchange_amt="0.04", ledger_amt="0.03", known=known, now_ms=NOW_MS
    )
    told = "BTCUSDT now: exchange 0.04, ledger 0.03: external: somebody <b>else</b> traded"
    for reason, is_told in (("reconcile_required_qty_mismatch", True), ("no_position", False)):
        found = replace(story(allow=False, reason=reason, details={}), drifts=(drift,))
        assert (told in shown(plan.render("p-1", found)[0])) is is_told


def test_symbols_that_need_somebody_stand_first_with_what_ends_it() -> None:
    views = (
        make_view("FLATUSDT", amount="0"),
        make_view("OPENUSDT"),
        make_view("DRIFTUSDT", ledger="0.020"),
    )
    told = shown(home_page(make_overview(*views)))
    assert "1 stopped, 1 would allow, 1 flat" in told
    assert told.index("DRIFTUSDT") < told.index("p33 ledger adopt --replace SYMBOL") < told.index("OPENUSDT")
    assert told.index("OPENUSDT") < told.index("FLATUSDT")


def test_a_symbol_that_only_waits_for_a_later_snapshot_needs_nobody() -> None:
    view = make_view(
        ledger=make_ledger("0.010", last_order_time_ms=NOW_MS - 4_000),
        snapshot=make_snapshot("0.010", age_ms=5_000),
    )
    told = shown(home_page(make_overview(view), P33_COOLDOWN_SEC="3"))
    assert "Ready: 1 waiting" in told
    assert "waits for a snapshot after the last order" in told
    assert "Needs an operator" not in told
    assert "if the age keeps growing" not in told


def test_what_the_forecaster_says_stands_on_the_page_and_nothing_where_none_runs() -> None:
    found = make_overview()
    assert "Forecasts" not in home_page(found)
    spoken = replace(STATUS, ts_ms=found.now_ms, warnings=(replace(STATUS.warnings[0], words="<b>less</b>"),))
    page = home_page(replace(found, forecast=spoken))
    text = shown(page)
    assert "Speaks: the Brier score is 0.70" in text
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
    ("settings", "told"),
    [
        ({"BINANCE_TESTNET": "false"}, "prefix quantum, binanceusdm LIVE"),
        ({"BINANCE_TESTNET": "true"}, "prefix quantum, binanceusdm test"),
        ({"P33_EXCHANGE_BASE_URL": "http://127.0.0.1:8088"}, "prefix quantum, binanceusdm at 127.0.0.1:8088"),
    ],
)
def test_the_header_says_whether_the_exchange_is_the_live_one(settings: dict[str, Any], told: str) -> None:
    page = home.redis_is_away("away", History(), Settings(**settings), home.Choices())
    assert told in shown(page)


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


def test_states_are_told_by_words_and_shapes_not_by_colour_alone() -> None:
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
    told = shown(home_page(make_overview(), deny, verdict(allow=True, order_side="SELL", safe_close_qty=28)))
    assert "deny cooldown_in_flight" in told
    assert "Needed 15 s since the last order; it was 3 s." in told
    assert "Wait for the cooldown, then send a new plan. Try again after 12 s" in told
    assert "allow sell 28" in told


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
    told = shown(home_page(make_overview(counters=counters)))
    assert "Executions without a permit2plans never allowed" in told
    assert "Dead letters34 deleted before they were read" in told


def test_an_allow_shows_every_rule_passed_and_a_deny_where_it_stopped() -> None:
    allowed, status = plan.render("p-1", story(allow=True, order_side="SELL", safe_close_qty=28))
    assert status == 200
    assert shown(allowed).count(": passed") == 22
    assert "not reached" not in shown(allowed)
    denied = shown(plan.render("p-1", story(allow=False, reason="no_position", details={}))[0])
    assert denied.count(": passed") == 10
    assert denied.count(": failed") == 1
    assert "There is nothing to close." in denied


def adapted(at_sec: int, **cooldowns_ms: int) -> Overview:
    views = [
        make_view(
            symbol, limits=SymbolLimits(adaptive_cooldown_ms=ms, adaptive_by="volatility") if ms else SymbolLimits()
        )
        for symbol, ms in cooldowns_ms.items()
    ]
    return replace(make_overview(*views), now_ms=NOW_MS + at_sec * 1000)


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
    told = replace(story(allow=True), inputs={"plan": {"prepared": True, "prepared_by": "a/task"}})
    page = plan.render("p-1", told, {"Flower": "https://flower.example/f/?a=1"})[0]
    assert '<a href="https://flower.example/f/task/a%2Ftask">Flower</a>' in page
    without = plan.render("p-1", told)[0]
    assert "promoted from a prepared verdict: task a/task" in shown(without)
    assert "/task/" not in without
    assert "promoted" not in plan.render("p-1", story(allow=True))[0]


def test_what_became_of_prepared_verdicts_is_shown_where_any_were_looked_for() -> None:
    assert "Prepared" not in shown(home_page())
    counters = {"p33_prepared_total|hit": 7, "p33_prepared_total|moved": 2, "p33_prepared_total|none": 3}
    told = shown(home_page(make_overview(counters=counters)))
    assert "Prepared verdicts issued72 had moved, 3 without one" in told
    told = shown(home_page(make_overview(), verdict(allow=True, order_side="SELL", safe_close_qty=28, prepared=True)))
    assert "allow sell 28, prepared" in told


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


# --- everything from outside is text --------------------------------------------------------------------------------


def test_hostile_values_are_text_wherever_they_come_from() -> None:
    view = make_view(
        snapshot=make_snapshot(), hold=True, hold_why=HOSTILE, reserved_by=HOSTILE, snapshot_problem=HOSTILE
    )
    overview = make_overview(
        view,
        refresh=make_refresh(error=HOSTILE, source=HOSTILE),
        streams=(make_stream(problem=HOSTILE, key=HOSTILE), make_stream("results")),
        problems=(HOSTILE,),
        counters={HOSTILE: 1},
    )
    recent = verdict(
        HOSTILE, HOSTILE, allow=False, reason=HOSTILE, details={"retry_after_sec": HOSTILE}, symbol=HOSTILE
    )
    told = shown(home_page(overview, recent))
    assert "<script>alert(1)</script>\"'&\\x00\\x1b[31m\\u202e\\udcff" in told


def test_a_hostile_story_is_text() -> None:
    hostile = {
        "plan": {"action": HOSTILE, "close_factor": HOSTILE, "issued_ms": HOSTILE},
        "policy": {"stale_threshold_ms": HOSTILE},
        "facts": {
            "snapshot": {"position_amt": HOSTILE, "ts_ms": HOSTILE, "source": HOSTILE},
            "ledger": {"last_known_amt": HOSTILE, "last_order_id": HOSTILE, "last_order_time_ms": HOSTILE},
            "reserved_by": HOSTILE,
            "market": {"step_size": HOSTILE, "max_market_qty": HOSTILE},
        },
    }
    told = Story(
        plan_id=HOSTILE,
        now_ms=NOW_MS,
        verdict={"symbol": HOSTILE, "allow": HOSTILE, "reason": HOSTILE, "details": HOSTILE, "ts_ms": HOSTILE},
        inputs=hostile,
        permit_ttl_ms=1,
        consumption=None,
        holds_reservation=True,
        results=(("1-0", {"error": HOSTILE, "executed": HOSTILE}),),
    )
    assert "<script>alert(1)</script>" in shown(plan.render(HOSTILE, told)[0])


def test_ten_megabytes_in_one_value_make_no_large_page() -> None:
    huge = "x" * 10_000_000
    recent = verdict(huge, huge, allow=False, reason=huge, details={"action": huge})
    assert len(home_page(make_overview(make_view(hold=True, hold_why=huge[:500])), recent)) < 40_000
    assert len(plan.render(huge, story(huge, allow=False, reason=huge))[0]) < 60_000


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
REASONS = st.sampled_from(
    ["stale_exchange_state", "reconcile_required_qty_mismatch", "qty_below_step_size", "cooldown_in_flight", "x"]
)
NUMBERS = ["snapshot_age_sec", "threshold_sec", "exchange_position_amt", "ledger_position_amt", "tolerance_pct"]
NUMBERS += ["diff_pct", "step_size", "min_qty", "close_factor", "wanted_qty", "retry_after_sec", "seconds_since_order"]
DETAILS = st.dictionaries(st.sampled_from(NUMBERS), json_values)


@given(plan_id=st.text(), symbol=st.text(), reason=REASONS | json_values, details=DETAILS | json_values)
def test_any_audit_entry_of_another_writer_makes_a_sound_page(
    plan_id: str, symbol: str, reason: Any, details: Any
) -> None:
    read(home_page(make_overview(), verdict(plan_id, symbol, allow=False, reason=reason, details=details)))


@given(
    inputs=st.fixed_dictionaries({}, optional=dict.fromkeys(("plan", "policy", "facts"), json_values)),
    fields=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("allow", "reason", "details", "ts_ms", "symbol"), json_values)
    ),
)
def test_any_record_of_another_writer_makes_a_sound_story(inputs: Any, fields: Any) -> None:
    told = Story(
        plan_id="p",
        now_ms=NOW_MS,
        verdict=fields,
        inputs=inputs,
        permit_ttl_ms=None,
        consumption=None,
        holds_reservation=False,
        results=(),
    )
    read(plan.render("p", told)[0])


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_a_link_to_a_plan_leads_back_to_the_same_id(plan_id: str) -> None:
    parts = urlsplit(text.plan_path(plan_id).replace("&amp;", "&"))
    found = parse_qs(parts.query)["id"][0] if parts.query else unquote(parts.path.removeprefix("/plan/"))
    assert found == plan_id
    assert ".." not in parts.path.split("/")


# --- trends ---------------------------------------------------------------------------------------------------------


def points(*values: float | None, every_ms: int = 10_000) -> list[Point]:
    return [Point(at_ms=NOW_MS + at * every_ms, value=value) for at, value in enumerate(values)]


def test_a_plot_leaves_gaps_where_nothing_is_known_and_keeps_outliers_on_it() -> None:
    values = points(1, 2, None, None, None, 900)
    told = drawn(plots.figure("Age", "s", {"x": values}, span_ms=50_000, limit=10, most=30))
    path = told.partition('class="a" vector-effect="non-scaling-stroke" d="')[2].partition('"')[0]
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert "nan" not in told
    assert not [number for number in path.replace("M", " ").replace("L", " ").split() if number.startswith("-")]
    assert "Age: x now 900 s; 0 to 50 s, limit 10 s" in told


def test_a_plot_that_has_seen_nothing_yet_has_an_axis_for_people_and_no_unit_of_nothing() -> None:
    for values in ((), (0,), (None,)):
        told = drawn(plots.figure("Entry to permit", "ms", {"median": points(*values)}, span_ms=10_000))
        assert "0 to 1 ms" in told
        assert "- ms" not in told


def test_an_empty_plot_and_one_of_zeros_are_drawn() -> None:
    for values in ((), (0, 0), (None, None)):
        read(drawn(plots.figure("Rate", "", {"x": points(*values)}, span_ms=10_000)))


def test_trends_say_when_they_begin() -> None:
    assert "Trends begin now" in drawn(*plots.trends(History(), make_policy()))


# --- whose name it answers to ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8045", "127.0.0.1:8045", "[::1]:8045", "10.0.0.7", "a.localhost"]
)
def test_addresses_and_localhost_are_own_names(host: str) -> None:
    assert is_own_name(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8045", "localhost.evil.example", "", "[::1", "127.0.0.1.x"]
)
def test_a_name_that_a_stranger_can_point_here_is_not(host: str) -> None:
    """DNS rebinding: a web site's own name, pointed to 127.0.0.1, would let it read the page."""
    assert not is_own_name(host)
