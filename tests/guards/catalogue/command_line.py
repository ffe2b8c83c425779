"""What an operator types: a time has its unit, a symbol is the one that was meant, exit codes tell the kinds of no."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

DURATIONS = "unit/cli/test_durations.py"
NEAR = "integration/cli/test_near_names.py"
CLI_TESTS = "integration/cli"
ROOT = "unit/cli/test_root.py"


def _guard(promise: str, within: str, change: Change, test: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=(test,))


COMMAND_LINE = (
    _guard(
        "the time of a hold has its unit",
        "Duration.convert",
        never('found["unit"] is None'),
        f"{DURATIONS}::test_a_span_without_a_unit_is_refused_and_each_unit_is_named",
    ),
    _guard(
        "clearing a mistyped symbol says which one is still on hold",
        "hold.clear",
        without("say_if_unlisted(names, session)"),
        f"{NEAR}::test_a_symbol_that_is_not_listed_is_named_with_the_near_one",
    ),
    _guard(
        "a Redis that is away is no answer",
        "failures.failure_of",
        instead("refused else Unreachable", "refused else Failure"),
        f"{ROOT}::test_redis_away_is_exit_3_and_says_where_it_was_sought_and_what_to_do",
    ),
    _guard(
        "a broker that is away is no answer of the check",
        "check.check",
        instead("UNREACHABLE if any(finding.unreachable for finding in found) else NO", "NO"),
        f"{CLI_TESTS}/test_check.py::test_a_broker_that_is_away_fails_without_its_password",
    ),
    _guard(
        "the check compares the key of emergency closes with the workers'",
        "fingerprints.marks_of",
        instead('_mark(reconcile_key, f"p33 reconcile key\\n{prefix}")', "NONE"),
        f"{CLI_TESTS}/test_check_exchange.py::test_a_setting_other_than_the_workers_is_noticed",
    ),
    _guard(
        "two demos at once take no port of each other",
        "ports.claim_port",
        without("and _claim(usual)"),
        "unit/demo/test_up.py::test_two_demos_at_once_take_no_port_of_each_other",
    ),
    _guard(
        "a worker prints nothing that is not JSON where JSON is asked for",
        "print_json_alone.on_worker",
        without("instance.quiet = True"),
        "integration/engine/test_json_lines.py::test_a_worker",
    ),
)
