"""Plans and the fields of every entry: read strictly, never guessed (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard, guard

PLAN_TESTS = "unit/contract/test_plans.py"
CONTRACT_TESTS = "unit/contract"


def _plans(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{PLAN_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


MESSAGES = (
    # --- plans
    _plans(
        "only the decisions that ask for an order are judged",
        "plans.is_executable",
        instead('return _decision_of(fields) in {"EXECUTE", EMERGENCY}', "return bool(_decision_of(fields))"),
        "test_other_decisions_are_not_judged",
    ),
    _plans(
        "an action that is given and unknown isn't replaced by the steps",
        "plans._read_action",
        instead("action is None", 'close_factor(action or "") is None'),
        "test_an_action_that_is_given_and_unknown_is_not_replaced_by_the_steps",
    ),
    _plans(
        "an unknown closing step ends the search",
        "plans._first_closing_step",
        without('or "CLOSE" in name.upper() or "PARTIAL" in name.upper()'),
        "test_without_an_action_the_first_closing_step_decides",
    ),
    _plans(
        "steps that can't be read spoil the plan",
        "plans._read_action",
        instead(
            'problems.append(str(error)) return "", None',
            'return text_of(fields, "action") or "", close_factor(text_of(fields, "action") or "")',
        ),
        "test_unreadable_steps_are_a_problem_also_beside_an_action",
    ),
    _plans(
        "one reduceOnly=false is a no, however it is spelled",
        "plans._read_reduce_only",
        instead('name.replace("_", "").lower() != "reduceonly"', 'name != "reduceOnly"'),
        "test_reduce_only_false_in_any_spelling",
    ),
    _plans(
        "a reduceOnly that is neither is a problem",
        "plans._read_reduce_only",
        instead(
            "except InvalidMessageError as error: problems.append(str(error))",
            ("except InvalidMessageError:\n    pass"),
        ),
        "test_a_reduce_only_that_is_neither_is_a_problem",
    ),
    _plans(
        "a task's plan must say when it was made",
        "plans.parse_task_plan",
        instead("problems.append(str(error))", "problems.clear()"),
        "test_a_plan_sent_as_a_task_without_a_usable_time_is_a_problem",
    ),
    _plans(
        "a task's plan of another decision is a problem",
        "plans.parse_task_plan",
        never('fields.get("decision") is not None and not is_executable(fields)'),
        "test_a_plan_sent_as_a_task_with_another_decision_is_a_problem",
    ),
    # --- fields
    guard(
        "a key named twice in JSON isn't understood",
        "fields._object",
        instead("(members) !=", "(members) >"),
        f"{CONTRACT_TESTS}/test_unreadable_results.py::test_structures_that_can_not_be_read_are_a_problem",
        f"{PLAN_TESTS}::test_unreadable_steps_are_a_problem_also_beside_an_action",
    ),
    guard(
        "no float touches a number in an entry",
        "fields.json_of",
        instead("parse_float=NumberLiteral,", "parse_float=float,"),
        f"{CONTRACT_TESTS}/test_results.py::test_dialect_c_has_an_integer_order_id_and_a_quantity_that_no_float_touches",
    ),
    guard(
        "an order id is exact, however long",
        "fields.json_of",
        instead("parse_int=NumberLiteral,", "parse_int=float,"),
        f"{CONTRACT_TESTS}/test_results.py::test_an_order_id_is_exact_beyond_what_a_float_can_hold",
    ),
    guard(
        "an order id that went through a float is refused",
        "fields.order_id_of",
        without("or (isinstance(value, NumberLiteral) and not value.is_integer)"),
        f"{CONTRACT_TESTS}/test_results.py::test_an_order_id_that_went_through_a_float_or_is_none_at_all_is_refused",
    ),
    guard(
        "a quantity that can't be read isn't taken for none",
        "fields.quantity_of",
        instead('raise InvalidMessageError(f"{name} is not a quantity: {shown(value)}") from error', "return q.ZERO"),
        f"{CONTRACT_TESTS}/test_results.py::test_a_quantity_that_can_not_be_read_is_not_taken_for_none",
    ),
    guard(
        "a negative quantity isn't understood",
        "fields.quantity_of",
        instead("quantity < 0", "quantity < -10**30"),
        f"{CONTRACT_TESTS}/test_results.py::test_a_quantity_that_can_not_be_read_is_not_taken_for_none",
    ),
    guard(
        "a flag is a known word",
        "fields.flag_of",
        instead('raise InvalidMessageError(f"{name} must be true or false, found {shown(text)}")', "return bool(word)"),
        f"{CONTRACT_TESTS}/test_results.py::test_a_result_that_does_not_say_whether_it_was_executed_is_not_understood",
        f"{PLAN_TESTS}::test_a_reduce_only_that_is_neither_is_a_problem",
    ),
    guard(
        "a plan_id that becomes a key is printable",
        "fields.id_of",
        never("not text.isprintable()"),
        f"{PLAN_TESTS}::test_without_a_usable_plan_id_there_is_nothing_to_deny",
    ),
    guard(
        "a plan_id that becomes a key is bounded",
        "fields.id_of",
        instead("if len(text) > max_chars:", "if len(text) > 100 * max_chars:"),
        f"{PLAN_TESTS}::test_without_a_usable_plan_id_there_is_nothing_to_deny",
    ),
    guard(
        "no letter becomes another symbol's",
        "fields.symbol_of",
        without("if text.isascii() else text"),
        f"{PLAN_TESTS}::test_a_letter_that_unicode_upper_cases_to_another_symbols_stays_what_it_is",
    ),
    guard(
        "JSON nested without end isn't understood, and no crash",
        "fields.json_of",
        instead("(ValueError, RecursionError)", "ValueError"),
        f"{CONTRACT_TESTS}/test_unreadable_results.py::test_structures_that_can_not_be_read_are_a_problem",
    ),
)
