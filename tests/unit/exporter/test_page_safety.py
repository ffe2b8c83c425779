"""The page shows everything from outside as text, and answers to its own name only; trends are drawn from numbers."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.exporter.answers import is_own_name
from p33_tasks.exporter.history import History, Point
from p33_tasks.exporter.page import plan, plots, templates, text
from p33_tasks.views.stories import Story
from tests.factories import NOW_MS, make_policy, make_snapshot
from tests.unit.exporter.page_of import home_page, read, shown, story, verdict
from tests.unit.exporter.views import make_overview, make_refresh, make_stream, make_view

HOSTILE = "<script>alert(1)</script>\"'&\x00\x1b[31m\u202e\udcff"


def drawn(*figures: plots.Figure) -> str:
    module: Any = templates.ENVIRONMENT.get_template("plots.html").module
    return str(module.plots(figures, 10))


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


def points(*values: float | None, every_ms: int = 10_000) -> list[Point]:
    return [Point(at_ms=NOW_MS + at * every_ms, value=value) for at, value in enumerate(values)]


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
