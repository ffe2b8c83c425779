"""What others wrote stays text, on the terminal and on the page; what grows is bounded."""

from __future__ import annotations

from tests.guards.guard import Guard

SHOW_TESTS = "unit/cli/test_show.py"
PAGE_TESTS = "unit/exporter/test_page.py"
EVENT_TESTS = "unit/cli/test_events.py"
LINE_TESTS = "unit/cli/test_verdict_lines.py"
METRIC_TESTS = "unit/exporter/test_metrics.py"
TRIMMING_TESTS = "integration/store/test_trimming.py"
STATUS = "integration/cli/test_status.py::test_what_others_wrote_reaches_no_terminal_unescaped"
HTTP_TESTS = "integration/exporter/test_http.py"


def _show(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{SHOW_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="cli/show.py", old=old, new=new, tests=named)


def _page(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{PAGE_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=f"exporter/page/{file}", old=old, new=new, tests=named)


def _trimmed(promise: str, script: str, old: str, new: str) -> Guard:
    return Guard(promise=promise, file=f"store/lua/{script}.lua", old=old, new=new, tests=(TRIMMING_TESTS,))


TEXTS = (
    # --- the terminal
    _show(
        "what others wrote can't move the terminal's cursor",
        '    if text.isprintable():\n        return text\n    return "".join(c if c.isprintable() else c.encode(',
        '    if text:\n        return text\n    return "".join(c if c.isprintable() else c.encode(',
        "test_control_characters_are_shown_as_escapes",
    ),
    _show(
        "ten megabytes in a value are a short line",
        "    if len(text) > limit:\n",
        "    if False:\n",
        "test_ten_megabytes_become_a_line_that_says_so",
    ),
    _show(
        "markup in a cell is text",
        "    return Text(escaped(value, limit=limit), style=style)\n",
        "    return Text.from_markup(escaped(value, limit=limit), style=style)\n",
        "test_markup_and_emoji_codes_in_a_cell_are_text",
    ),
    _show(
        "JSON holds nothing that a terminal acts on",
        "    if not text.isprintable():\n"
        '        text = "".join(c if c.isprintable() else _json_escape(c) for c in text)\n',
        "",
        "test_json_holds_no_character_that_a_terminal_acts_on",
    ),
    Guard(
        promise="a hold's foreign reason is escaped",
        file="cli/tables.py",
        old='    yield cell(view.hold_why if view.hold_why is not None else "-",',
        new='    yield (lambda text, *_, **__: str(text))(view.hold_why if view.hold_why is not None else "-",',
        tests=(STATUS,),
    ),
    Guard(
        promise="the view of the demo shows foreign plan_ids escaped",
        file="cli/events.py",
        old='    return f"{position:<13} {escaped(plan_id, limit=MAX_PLAN_ID):<22}"\n',
        new='    return f"{position:<13} {plan_id[:24]:<22}"\n',
        tests=(f"{EVENT_TESTS}::test_whatever_it_holds_a_line_is_one_printable_short_line",),
    ),
    Guard(
        promise="the view of the demo shows foreign errors escaped",
        file="cli/events.py",
        old='    why = f"{escaped(error, limit=80)} {escaped(reason, limit=60)}".strip()\n',
        new='    why = f"{error} {reason}".strip()\n',
        tests=(f"{EVENT_TESTS}::test_whatever_it_holds_a_line_is_one_printable_short_line",),
    ),
    Guard(
        promise="an audit entry that contradicts itself isn't shown as a verdict",
        file="cli/verdict_lines.py",
        old='    return verdict.get("allow") is seen.allowed and names == (seen.plan_id, seen.symbol, seen.reason)\n',
        new="    return bool(names)\n",
        tests=(f"{LINE_TESTS}::test_an_entry_that_contradicts_itself_is_neither_an_allow_nor_a_deny",),
    ),
    Guard(
        promise="another writer's details can't pass for the line's own words",
        file="cli/verdict_lines.py",
        old=" and _NAME.fullmatch(name) and name not in _TAKEN:\n",
        new=":\n",
        tests=(f"{LINE_TESTS}::test_another_writers_details_cannot_pass_for_the_lines_own_words",),
    ),
    # --- the page
    _page(
        "hostile text in the page is text",
        "templates.py",
        "    autoescape=True,\n",
        "    autoescape=False,\n",
        "test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "hostile text in the page can't turn the text around it",
        "text.py",
        "    if text.isprintable():\n        return text\n",
        "    if text:\n        return text\n",
        "test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "ten megabytes make no large page",
        "text.py",
        "    if len(text) > limit:\n",
        "    if False:\n",
        "test_ten_megabytes_in_one_value_make_no_large_page",
    ),
    _page(
        "a foreign plan_id in the page is escaped",
        "parts.html",
        '{{ plan_id|up_to(limit) or "(empty)" }}</a>',
        '{{ plan_id[:limit]|safe or "(empty)" }}</a>',
        "test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign plan_id can't leave its link",
        "text.py",
        '    return Shown("/plan/" + quote(plan_id, safe="", errors="surrogateescape"))\n',
        '    return Shown("/plan/" + plan_id)\n',
        "test_a_link_to_a_plan_leads_back_to_the_same_id",
    ),
    _page(
        "a foreign reason in the page is escaped",
        "parts.html",
        "deny {{ verdict.reason }}</span>",
        "deny {{ verdict.reason|safe }}</span>",
        "test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign symbol in the page is escaped",
        "parts.html",
        '<span class="num">{{ verdict.position|up_to(50) }}</span>',
        '<span class="num">{{ verdict.position[:50]|safe }}</span>',
        "test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign hold's reason in the page is escaped",
        "symbols.html",
        'hold: {{ (view.hold_why or "no reason given")|up_to(100) }}</span>',
        "hold: {{ view.hold_why|safe }}</span>",
        "test_hostile_values_are_text_wherever_they_come_from",
    ),
    _page(
        "a foreign record in a plan's story is escaped",
        "plan.html",
        "<pre>{{ record }}</pre>",
        "<pre>{{ record|safe }}</pre>",
        "test_a_hostile_story_is_text",
    ),
    _page(
        "a foreign verdict in a plan's story is escaped",
        "plan.html",
        "Denied: {{ reason }}{% endif %}",
        "Denied: {{ reason|string|safe }}{% endif %}",
        "test_a_hostile_story_is_text",
    ),
    _page(
        "a template bounds what it shows without being asked",
        "templates.py",
        "    finalize=_bounded,\n",
        "",
        "test_ten_megabytes_in_one_value_make_no_large_page",
    ),
    _page(
        "a page that loads itself again has no box to type in",
        "frame.html",
        "{% if not refresh_sec %}\n{{ find_plan(focus) }}",
        "{% if true %}\n{{ find_plan(focus) }}",
        "test_a_page_that_loads_itself_again_has_no_box_to_type_in",
    ),
    Guard(
        promise="an order's own effect isn't shown as drift",
        file="views/positions.py",
        old=" or self.snapshot_precedes_last_order:\n",
        new=":\n",
        tests=(f"{PAGE_TESTS}::test_no_drift_is_shown_while_the_snapshot_is_older_than_the_last_order",),
    ),
    Guard(
        promise="the page runs nothing and loads nothing",
        file="exporter/answers.py",
        old="        f\"default-src 'none'; img-src",
        new='        f"img-src',
        tests=(f"{HTTP_TESTS}::test_every_answer_forbids_scripts_and_framing",),
    ),
    Guard(
        promise="a stranger's name for the page's address is refused",
        file="exporter/answers.py",
        old="        if loopback and not is_own_name(request.host):\n",
        new="        if loopback and not request.host:\n",
        tests=(f"{HTTP_TESTS}::test_a_strangers_name_for_this_address_is_refused",),
    ),
    # exporter/answers.py, no_traceback: without it aiohttp shows no traceback either. It is there for a page of ours
    # and a line in our log, and is no guard.
    # --- metrics
    Guard(
        promise="a stranger's symbol or reason doesn't grow the metrics",
        file="exporter/counters.py",
        old="            if symbol in symbols and value in values:\n",
        new="            if value in values:\n",
        tests=(f"{METRIC_TESTS}::test_a_strangers_field_in_the_counters_neither_grows_the_metrics_nor_forges_a_line",),
    ),
    Guard(
        promise="a reason that is none of ours is no label",
        file="exporter/counters.py",
        old="            if symbol in symbols and value in values:\n",
        new="            if symbol in symbols:\n",
        tests=(f"{METRIC_TESTS}::test_a_strangers_field_in_the_counters_neither_grows_the_metrics_nor_forges_a_line",),
    ),
    Guard(
        promise="a result of a stranger's symbol is counted under one label",
        file="store/results.py",
        old="        is_known = result.symbol in self._allowlist\n",
        new="        is_known = True\n",
        tests=("integration/store/test_results.py::test_results_of_strangers_symbols_share_one_label",),
    ),
    Guard(
        promise="a dead letter's error and reason are bounded",
        file="store/dead_letters.py",
        old='    return text[:1_000].encode("utf-8", "backslashreplace").decode()\n',
        new='    return text.encode("utf-8", "backslashreplace").decode()\n',
        tests=(f"{TRIMMING_TESTS}::test_a_dead_letters_error_is_bounded",),
    ),
    # --- streams
    _trimmed(
        "the audit stream is trimmed by verdicts",
        "commit_verdict",
        "redis.call('XADD', decisions_key, 'MAXLEN', '~', decisions_maxlen, '*'",
        "redis.call('XADD', decisions_key, '*'",
    ),
    _trimmed(
        "the audit stream is trimmed by abandoned plans too",
        "record_result",
        "'XADD', decisions_key, 'MAXLEN', '~', decisions_maxlen, '*'",
        "'XADD', decisions_key, '*'",
    ),
    _trimmed(
        "the dead letters are trimmed",
        "dead_letter",
        "redis.call('XADD', dead_letters_key, 'MAXLEN', '~', dead_letters_maxlen, '*'",
        "redis.call('XADD', dead_letters_key, '*'",
    ),
    _trimmed(
        "the events of ledgers are trimmed",
        "_prelude",
        "redis.call('XADD', audit_key, 'MAXLEN', '~', maxlen, '*'",
        "redis.call('XADD', audit_key, '*'",
    ),
    _trimmed(
        "the events of holds are trimmed",
        "change_hold",
        "redis.call('XADD', audit_key, 'MAXLEN', '~', audit_maxlen, '*'",
        "redis.call('XADD', audit_key, '*'",
    ),
    Guard(
        promise="the audit stream keeps about 100 000 verdicts",
        file="store/verdict_calls.py",
        old="AUDIT_MAXLEN = 100_000",
        new="AUDIT_MAXLEN = 1_000",
        tests=(f"{TRIMMING_TESTS}::test_as_many_are_kept_as_the_contract_says",),
    ),
)
