"""What others wrote stays text, on the terminal and on the page; what grows is bounded."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

SHOW_TESTS = "unit/cli/test_show.py"
PAGE_TESTS = "unit/exporter"
EVENT_TESTS = "unit/cli/test_events.py"
LINE_TESTS = "unit/cli/test_verdict_lines.py"
METRIC_TESTS = "unit/exporter/test_metrics.py"
TRIMMING_TESTS = "integration/store/test_trimming.py"
STATUS = "integration/cli/test_status.py::test_what_others_wrote_reaches_no_terminal_unescaped"
HTTP_TESTS = "integration/exporter/test_http.py"


def _show(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{SHOW_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _page(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{PAGE_TESTS}/{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _trimmed(promise: str, within: str, change: Change) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(TRIMMING_TESTS,))


TEXTS = (
    # --- the terminal
    _show(
        "what others wrote can't move the terminal's cursor",
        "show.escaped",
        instead("text.isprintable()", "text"),
        "test_control_characters_are_shown_as_escapes",
    ),
    _show(
        "ten megabytes in a value are a short line",
        "show.escaped",
        never("len(text) > limit"),
        "test_ten_megabytes_become_a_line_that_says_so",
    ),
    _show(
        "markup in a cell is text",
        "show.cell",
        instead("return Text", "return Text.from_markup"),
        "test_markup_and_emoji_codes_in_a_cell_are_text",
    ),
    _show(
        "JSON holds nothing that a terminal acts on",
        "show.print_json",
        without('if not text.isprintable(): text = "".join(c if c.isprintable() else _json_escape(c) for c in text)'),
        "test_json_holds_no_character_that_a_terminal_acts_on",
    ),
    Guard(
        promise="a hold's foreign reason is escaped",
        within="tables._cells",
        change=instead("cell(view.hold_why", "(lambda text, *_, **__: str(text))(view.hold_why"),
        tests=(STATUS,),
    ),
    Guard(
        promise="the view of the demo shows foreign plan_ids escaped",
        within="events._who",
        change=instead(
            'f"{position:<13} {escaped(plan_id, limit=MAX_PLAN_ID):<22}"', 'f"{position:<13} {plan_id[:24]:<22}"'
        ),
        tests=(f"{EVENT_TESTS}::test_whatever_it_holds_a_line_is_one_printable_short_line",),
    ),
    Guard(
        promise="the view of the demo shows foreign errors escaped",
        within="events._result_line",
        change=instead('f"{escaped(error, limit=80)} {escaped(reason, limit=60)}"', 'f"{error} {reason}"'),
        tests=(f"{EVENT_TESTS}::test_whatever_it_holds_a_line_is_one_printable_short_line",),
    ),
    Guard(
        promise="an audit entry that contradicts itself isn't shown as a verdict",
        within="verdict_lines.is_sound",
        change=instead(
            'return verdict.get("allow") is seen.allowed and names == (seen.plan_id, seen.symbol, seen.reason)',
            "return bool(names)",
        ),
        tests=(f"{LINE_TESTS}::test_an_entry_that_contradicts_itself_is_neither_an_allow_nor_a_deny",),
    ),
    Guard(
        promise="another writer's details can't pass for the line's own words",
        within="verdict_lines._details",
        change=without("and _NAME.fullmatch(name) and name not in _TAKEN"),
        tests=(f"{LINE_TESTS}::test_another_writers_details_cannot_pass_for_the_lines_own_words",),
    ),
    # --- the page
    _page(
        "hostile text in the page is text",
        "templates.ENVIRONMENT",
        instead("autoescape=True,", "autoescape=False,"),
        "test_page_safety.py::test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "hostile text in the page can't turn the text around it",
        "text.printable",
        instead("text.isprintable()", "text"),
        "test_page_safety.py::test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "ten megabytes make no large page",
        "text.printable",
        never("len(text) > limit"),
        "test_page_safety.py::test_ten_megabytes_in_one_value_make_no_large_page",
    ),
    _page(
        "a foreign plan_id in the page is escaped",
        "parts.html",
        instead("|up_to(limit) or", "[:limit]|safe or"),
        "test_page_safety.py::test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign plan_id can't leave its link",
        "text.plan_path",
        instead('quote(plan_id, safe="", errors="surrogateescape")', "plan_id"),
        "test_page_safety.py::test_a_link_to_a_plan_leads_back_to_the_same_id",
    ),
    _page(
        "a foreign reason in the page is escaped",
        "parts.html",
        instead("verdict.reason", "verdict.reason|safe"),
        "test_page_safety.py::test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign symbol in the page is escaped",
        "parts.html",
        instead("|up_to(50)", "[:50]|safe"),
        "test_page_safety.py::test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign hold's reason in the page is escaped",
        "symbols.html",
        instead('(view.hold_why or "no reason given")|up_to(100)', "view.hold_why|safe"),
        "test_page_safety.py::test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign record in a plan's story is escaped",
        "plan.html",
        instead("{ record }", "{ record|safe }"),
        "test_page_safety.py::test_a_hostile_story_is_text",
    ),
    _page(
        "a foreign verdict in a plan's story is escaped",
        "plan.html",
        instead("{ reason }", "{ reason|string|safe }"),
        "test_page_safety.py::test_a_hostile_story_is_text",
    ),
    _page(
        "a template bounds what it shows without being asked",
        "templates.ENVIRONMENT",
        without("finalize=_bounded,"),
        "test_page_safety.py::test_ten_megabytes_in_one_value_make_no_large_page",
    ),
    _page(
        "a page that loads itself again has no box to type in",
        "frame.html",
        instead("not refresh_sec %", "true %"),
        "test_page.py::test_a_page_that_loads_itself_again_has_no_box_to_type_in",
    ),
    Guard(
        promise="an order's own effect isn't shown as drift",
        within="SymbolView.drift_amt",
        change=without("or self.snapshot_precedes_last_order"),
        tests=(f"{PAGE_TESTS}/test_page.py::test_no_drift_is_shown_while_the_snapshot_is_older_than_the_last_order",),
    ),
    Guard(
        promise="the page runs nothing and loads nothing",
        within="answers.HEADERS",
        change=instead(
            "f\"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; \"",
            "f\"img-src data:; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; \"",
        ),
        tests=(f"{HTTP_TESTS}::test_every_answer_forbids_scripts_and_framing",),
    ),
    Guard(
        promise="a stranger's name for the page's address is refused",
        within="own_names_only.check",
        change=instead("not is_own_name(request.host)", "not request.host"),
        tests=(f"{HTTP_TESTS}::test_a_strangers_name_for_this_address_is_refused",),
    ),
    # exporter/answers.py, no_traceback: without it aiohttp shows no traceback either. It is there for a page of ours
    # and a line in our log, and is no guard.
    # --- metrics
    Guard(
        promise="a stranger's symbol or reason doesn't grow the metrics",
        within="counters._once_counted",
        change=without("symbol in symbols and"),
        tests=(f"{METRIC_TESTS}::test_a_strangers_field_in_the_counters_neither_grows_the_metrics_nor_forges_a_line",),
    ),
    Guard(
        promise="a reason that is none of ours is no label",
        within="counters._once_counted",
        change=without("and value in values"),
        tests=(f"{METRIC_TESTS}::test_a_strangers_field_in_the_counters_neither_grows_the_metrics_nor_forges_a_line",),
    ),
    Guard(
        promise="a result of a stranger's symbol is counted under one label",
        within="RedisResultStore._arguments",
        change=always("result.symbol in self._allowlist"),
        tests=("integration/store/test_result_replays.py::test_results_of_strangers_symbols_share_one_label",),
    ),
    Guard(
        promise="a dead letter's error and reason are bounded",
        within="dead_letters.clean",
        change=instead("return text[:1_000]", "return text"),
        tests=(f"{TRIMMING_TESTS}::test_a_dead_letters_error_is_bounded",),
    ),
    # --- streams
    _trimmed(
        "the audit stream is trimmed by verdicts",
        "lua.commit_verdict",
        instead("decisions_key, 'MAXLEN', '~', decisions_maxlen", "decisions_key"),
    ),
    _trimmed(
        "the audit stream is trimmed by abandoned plans too",
        "record_result.deny",
        without("'MAXLEN', '~', decisions_maxlen,"),
    ),
    _trimmed("the dead letters are trimmed", "lua.dead_letter", without("'MAXLEN', '~', dead_letters_maxlen,")),
    _trimmed("the events of ledgers are trimmed", "_prelude.audit_event", without("'MAXLEN', '~', maxlen,")),
    _trimmed("the events of holds are trimmed", "change_hold.audit", without("'MAXLEN', '~', audit_maxlen,")),
    Guard(
        promise="the audit stream keeps about 100 000 verdicts",
        within="verdict_calls.AUDIT_MAXLEN",
        change=instead("AUDIT_MAXLEN = 100_000", "AUDIT_MAXLEN = 1_000"),
        tests=(f"{TRIMMING_TESTS}::test_as_many_are_kept_as_the_contract_says",),
    ),
)
