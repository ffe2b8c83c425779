"""What an operator types: a time has its unit, a symbol is the one that was meant, exit codes tell the kinds of no."""

from __future__ import annotations

from tests.guards.guard import Guard

DURATIONS = "unit/cli/test_durations.py"
NEAR = "integration/cli/test_near_names.py"
CHECK = "integration/cli/test_check.py"
ROOT = "unit/cli/test_root.py"


def _guard(promise: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(promise=promise, file=file, old=old, new=new, tests=(test,))


COMMAND_LINE = (
    _guard(
        "the time of a hold has its unit",
        "cli/durations.py",
        '        if found["unit"] is None:\n',
        "        if False:\n",
        f"{DURATIONS}::test_a_span_without_a_unit_is_refused_and_each_unit_is_named",
    ),
    _guard(
        "clearing a mistyped symbol says which one is still on hold",
        "cli/hold.py",
        "        say_if_unlisted(names, session)\n",
        "",
        f"{NEAR}::test_a_symbol_that_is_not_listed_is_named_with_the_near_one",
    ),
    _guard(
        "a Redis that is away is no answer",
        "cli/failures.py",
        "(Misconfigured if refused else Unreachable)(",
        "(Misconfigured if refused else Failure)(",
        f"{ROOT}::test_redis_away_is_exit_3_and_says_where_it_was_sought_and_what_to_do",
    ),
    _guard(
        "a broker that is away is no answer of the check",
        "cli/check.py",
        "UNREACHABLE if any(finding.unreachable for finding in found) else NO",
        "NO",
        f"{CHECK}::test_a_broker_that_is_away_fails_without_its_password",
    ),
    _guard(
        "the check compares the key of emergency closes with the workers'",
        "contract/fingerprints.py",
        '        "reconcile": _mark(reconcile_key, f"p33 reconcile key\\n{prefix}"),\n',
        '        "reconcile": NONE,\n',
        f"{CHECK}::test_a_setting_other_than_the_workers_is_noticed",
    ),
    _guard(
        "two demos at once take no port of each other",
        "demo/up/ports.py",
        " and _claim(usual)",
        "",
        "unit/demo/test_up.py::test_two_demos_at_once_take_no_port_of_each_other",
    ),
    _guard(
        "a worker prints nothing that is not JSON where JSON is asked for",
        "celery/patches/json_lines.py",
        "        instance.quiet = True\n",
        "",
        "integration/engine/test_json_lines.py::test_a_worker",
    ),
)
