"""Plans and the fields of every entry: read strictly, never guessed (CONTRACT section 4)."""

from __future__ import annotations

from tests.guards.guard import Guard

PLAN_TESTS = "unit/contract/test_plans.py"
RESULT_TESTS = "unit/contract/test_results.py"


def _plans(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{PLAN_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="contract/plans.py", old=old, new=new, tests=named)


def _fields(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="contract/fields.py", old=old, new=new, tests=tests)


MESSAGES = (
    # --- plans
    _plans(
        "only the decisions that ask for an order are judged",
        '    return _decision_of(fields) in {"EXECUTE", EMERGENCY}\n',
        "    return bool(_decision_of(fields))\n",
        "test_other_decisions_are_not_judged",
    ),
    _plans(
        "an action that is given and unknown isn't replaced by the steps",
        "        if action is None:\n",
        '        if close_factor(action or "") is None:\n',
        "test_an_action_that_is_given_and_unknown_is_not_replaced_by_the_steps",
    ),
    _plans(
        "an unknown closing step ends the search",
        '        if close_factor(name) is not None or "CLOSE" in name.upper() or "PARTIAL" in name.upper():\n',
        "        if close_factor(name) is not None:\n",
        "test_without_an_action_the_first_closing_step_decides",
    ),
    _plans(
        "steps that can't be read spoil the plan",
        '        problems.append(str(error))\n        return "", None\n',
        '        return text_of(fields, "action") or "", close_factor(text_of(fields, "action") or "")\n',
        "test_unreadable_steps_are_a_problem_also_beside_an_action",
    ),
    _plans(
        "one reduceOnly=false is a no, however it is spelled",
        '        if name.replace("_", "").lower() != "reduceonly":\n',
        '        if name != "reduceOnly":\n',
        "test_reduce_only_false_in_any_spelling",
    ),
    _plans(
        "a reduceOnly that is neither is a problem",
        "            answer = answer and flag_of(fields, name) is not False\n"
        "        except InvalidMessageError as error:\n"
        "            problems.append(str(error))\n",
        "            answer = answer and flag_of(fields, name) is not False\n"
        "        except InvalidMessageError:\n"
        "            pass\n",
        "test_a_reduce_only_that_is_neither_is_a_problem",
    ),
    _plans(
        "a task's plan must say when it was made",
        '        problems.append(str(error))\n    if fields.get("decision")',
        '        problems.clear()\n    if fields.get("decision")',
        "test_a_plan_sent_as_a_task_without_a_usable_time_is_a_problem",
    ),
    _plans(
        "a task's plan of another decision is a problem",
        '    if fields.get("decision") is not None and not is_executable(fields):\n',
        "    if False:\n",
        "test_a_plan_sent_as_a_task_with_another_decision_is_a_problem",
    ),
    # --- fields
    _fields(
        "a key named twice in JSON isn't understood",
        "    if len(members) != len(pairs):\n",
        "    if len(members) > len(pairs):\n",
        f"{RESULT_TESTS}::test_structures_that_can_not_be_read_are_a_problem",
        f"{PLAN_TESTS}::test_unreadable_steps_are_a_problem_also_beside_an_action",
    ),
    _fields(
        "no float touches a number in an entry",
        "            parse_float=NumberLiteral,\n",
        "            parse_float=float,\n",
        f"{RESULT_TESTS}::test_dialect_c_has_an_integer_order_id_and_a_quantity_that_no_float_touches",
    ),
    _fields(
        "an order id is exact, however long",
        "            parse_int=NumberLiteral,\n",
        "            parse_int=float,\n",
        f"{RESULT_TESTS}::test_an_order_id_is_exact_beyond_what_a_float_can_hold",
    ),
    _fields(
        "an order id that went through a float is refused",
        "    if isinstance(value, bool) or (isinstance(value, NumberLiteral) and not value.is_integer):\n",
        "    if isinstance(value, bool):\n",
        f"{RESULT_TESTS}::test_an_order_id_that_went_through_a_float_or_is_none_at_all_is_refused",
    ),
    _fields(
        "a quantity that can't be read isn't taken for none",
        '        raise InvalidMessageError(f"{name} is not a quantity: {shown(value)}") from error\n',
        "        return q.ZERO\n",
        f"{RESULT_TESTS}::test_a_quantity_that_can_not_be_read_is_not_taken_for_none",
    ),
    _fields(
        "a negative quantity isn't understood",
        "    if quantity < 0:\n",
        "    if quantity < -10**30:\n",
        f"{RESULT_TESTS}::test_a_quantity_that_can_not_be_read_is_not_taken_for_none",
    ),
    _fields(
        "a flag is a known word",
        '    raise InvalidMessageError(f"{name} must be true or false, found {shown(text)}")\n',
        "    return bool(word)\n",
        f"{RESULT_TESTS}::test_a_result_that_does_not_say_whether_it_was_executed_is_not_understood",
        f"{PLAN_TESTS}::test_a_reduce_only_that_is_neither_is_a_problem",
    ),
    _fields(
        "a plan_id that becomes a key is printable",
        "    if not text.isprintable():\n",
        "    if False:\n",
        f"{PLAN_TESTS}::test_without_a_usable_plan_id_there_is_nothing_to_deny",
    ),
    _fields(
        "a plan_id that becomes a key is bounded",
        "    if len(text) > max_chars:\n",
        "    if len(text) > 100 * max_chars:\n",
        f"{PLAN_TESTS}::test_without_a_usable_plan_id_there_is_nothing_to_deny",
    ),
    _fields(
        "no letter becomes another symbol's",
        "    return text.upper() if text.isascii() else text\n",
        "    return text.upper()\n",
        f"{PLAN_TESTS}::test_a_letter_that_unicode_upper_cases_to_another_symbols_stays_what_it_is",
    ),
    _fields(
        "JSON nested without end isn't understood, and no crash",
        "    except (ValueError, RecursionError) as error:\n        why",
        "    except ValueError as error:\n        why",
        f"{RESULT_TESTS}::test_structures_that_can_not_be_read_are_a_problem",
    ),
)
