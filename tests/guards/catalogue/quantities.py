"""Exact decimals, one value per key, and the ledger's sums."""

from __future__ import annotations

from tests.guards.guard import Guard

QUANTITY_TESTS = "unit/domain/test_quantities.py"
LEDGER_TESTS = "unit/domain/test_ledger.py"


def _quantity(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(
        promise=promise,
        file="domain/quantities.py",
        old=old,
        new=new,
        tests=tuple(f"{QUANTITY_TESTS}::{t}" for t in tests),
    )


def _ledger(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{LEDGER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="domain/ledger.py", old=old, new=new, tests=named)


QUANTITIES = (
    # --- reading
    _quantity(
        "a float is not a quantity",
        '        raise TypeError(f"quantities are read from strings, not from {type(value).__name__}: {value!r:.80}")',
        "        number = Decimal(str(value))",
        "test_a_float_is_a_programming_error",
    ),
    _quantity(
        "a flag is not a quantity",
        "    elif isinstance(value, int) and not isinstance(value, bool):\n",
        "    elif isinstance(value, int):\n",
        "test_a_float_is_a_programming_error",
    ),
    _quantity(
        "only plain decimal text is a number",
        "        if len(text) > MAX_TEXT_LENGTH or not _NUMBER.fullmatch(text):\n",
        "        if len(text) > MAX_TEXT_LENGTH or not text:\n",
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "NaN and infinity are refused",
        "    if not number.is_finite():\n"
        '        raise InvalidQuantityError(f"not a finite number: {number}")\n'
        "    if number == 0:",
        "    if number == 0:",
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "1e400 doesn't become a 400-digit amount",
        "    if not isinstance(exponent, int) or number.adjusted() >= MAX_DIGITS:\n",
        "    if not isinstance(exponent, int):\n",
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "1e-400 is no amount",
        "    if exponent < -MAX_DIGITS:\n        raise InvalidQuantityError",
        "    if exponent < -999:\n        raise InvalidQuantityError",
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "a long text is refused before it is looked at",
        "        if len(text) > MAX_TEXT_LENGTH or not _NUMBER.fullmatch(text):\n",
        "        if not _NUMBER.fullmatch(text):\n",
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "an endless integer is refused",
        "        if value.bit_length() > MAX_DIGITS * 4:\n",
        "        if False:\n",
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    # --- calculating and writing
    _quantity(
        "sums and products are exact",
        "EXACT = Context(prec=4 * MAX_DIGITS + 10, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])",
        "EXACT = Context(prec=28, traps=[InvalidOperation, Overflow, DivisionByZero])",
        "test_sums_and_magnitudes_keep_every_digit",
    ),
    _quantity(
        "an absolute value is not rounded",
        "    return number.copy_abs()",
        "    return abs(number)",
        "test_sums_and_magnitudes_keep_every_digit",
    ),
    _quantity(
        "a negated value is not rounded",
        "    return number.copy_negate() if number else ZERO",
        "    return -number",
        "test_sums_and_magnitudes_keep_every_digit",
    ),
    _quantity(
        "floored is never above",
        "    return multiply(EXACT.divide_int(quantity, step_size), step_size)",
        "    return multiply((quantity / step_size).to_integral_value(), step_size)",
        "test_floor_never_takes_the_nearest",
    ),
    _quantity(
        "a negative quantity isn't floored, nor by a step of zero",
        "    if quantity < 0 or step_size <= 0:\n",
        "    if step_size == 0:\n",
        "test_a_negative_quantity_and_a_step_of_zero_are_programming_errors",
    ),
    _quantity(
        "a market order fits both step sizes",
        "    return Decimal(math.lcm(first_units, second_units)).scaleb(-scale, context=EXACT)",
        "    return Decimal(max(first_units, second_units)).scaleb(-scale, context=EXACT)",
        "test_the_common_step_is_a_multiple_of_both",
    ),
    _quantity(
        "a number is written without exponent and trailing zeros",
        '    text = format(number, "f")\n',
        "    text = str(number)\n",
        "test_numbers_are_read_exactly_and_written_canonically",
    ),
    _quantity(
        "a float is never written",
        "    if not isinstance(number, Decimal):\n"
        '        raise TypeError(f"only Decimal is written, not {type(number).__name__}")\n'
        "    if not number.is_finite():",
        '    if str(number) in {"nan", "inf"}:',
        "test_a_float_is_not_written_either",
    ),
    _quantity(
        "what isn't finite is never written",
        "    if not number.is_finite():\n"
        '        raise InvalidQuantityError(f"not a finite number: {number}")\n'
        "    text",
        "    text",
        "test_a_number_that_is_not_finite_is_never_written",
    ),
    # --- JSON of our own
    Guard(
        promise="a permit or verdict that names a key twice is refused",
        file="domain/exact_json.py",
        old="    if len(members) != len(pairs):\n",
        new="    if not members and pairs:\n",
        tests=("integration/store/test_consume.py::test_a_permit_that_says_two_things_is_refused",),
    ),
    Guard(
        promise="JSON of ours holds no NaN",
        file="domain/exact_json.py",
        old="            parse_constant=numbers or _refuse,\n",
        new="            parse_constant=numbers or Decimal,\n",
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="JSON of ours is read without floats",
        file="domain/exact_json.py",
        old="            parse_float=numbers or _exact,\n",
        new="            parse_float=numbers or float,\n",
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="JSON of ours is written without floats",
        file="domain/exact_json.py",
        old='    raise TypeError(f"{type(value).__name__} is not written to JSON: {value!r:.80}")',
        new="    return json.dumps(value)",
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="a number of 1e400 in JSON of ours is refused",
        file="domain/exact_json.py",
        old="    if len(text) > MAX_NUMBER_CHARS or abs(number.adjusted()) > MAX_NUMBER_CHARS:\n",
        new="    if len(text) > 10 * MAX_NUMBER_CHARS:\n",
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="JSON nested without end is refused, and no crash",
        file="domain/exact_json.py",
        old="    except (ValueError, RecursionError) as error:\n",
        new="    except ValueError as error:\n",
        tests=("unit/domain/test_exact_json.py",),
    ),
    # --- the ledger's sums
    _ledger(
        "only the increase of a cumulative quantity is applied",
        "    increase = max(q.subtract(executed, known), q.ZERO)\n",
        "    increase = executed\n",
        "test_the_same_report_again_changes_nothing",
        "test_only_the_increase_of_a_cumulative_quantity_is_applied",
    ),
    _ledger(
        "an earlier report that comes late takes nothing back",
        "    increase = max(q.subtract(executed, known), q.ZERO)\n",
        "    increase = q.subtract(executed, known)\n",
        "test_an_earlier_report_that_arrives_late_takes_nothing_back",
    ),
    _ledger(
        "what is remembered of an order never shrinks",
        "        remembered_qty=max(known, executed),\n",
        "        remembered_qty=executed,\n",
        "test_an_earlier_report_that_arrives_late_takes_nothing_back",
    ),
    _ledger(
        "selling subtracts",
        "        delta = increase if fill.side is OrderSide.BUY else q.negated(increase)\n",
        "        delta = q.negated(increase)\n",
        "test_buying_adds_and_selling_subtracts_with_signs_kept",
    ),
    _ledger(
        "a sum is never clamped at zero",
        "        after = q.add(amount, delta)\n",
        "        after = max(q.add(amount, delta), q.ZERO) if amount > 0 else q.add(amount, delta)\n",
        "test_a_sum_is_never_clamped_so_the_order_of_arrival_does_not_matter",
    ),
    _ledger(
        "an unknown amount stays unknown",
        "    if amount is not None and counts and increase > 0:\n",
        "    amount = after = q.ZERO if amount is None else amount\n    if counts and increase > 0:\n",
        "test_an_unknown_amount_stays_unknown_and_the_fill_is_remembered",
    ),
    _ledger(
        "a fill that the adopted snapshot shows isn't applied again",
        "    if amount is not None and counts and increase > 0:\n",
        "    if amount is not None and increase > 0:\n",
        "test_a_fill_that_an_adopted_snapshot_contains_is_remembered_and_not_applied",
    ),
    _ledger(
        "a fill without a side changes no amount",
        "    executed = fill.cumulative_qty if fill.side is not None else q.ZERO\n",
        "    executed = fill.cumulative_qty\n",
        "test_a_fill_without_a_side_changes_no_amount_and_is_not_remembered_as_applied",
    ),
    _ledger(
        "any new order is news, also one that filled nothing",
        "        is_news=remembered_qty is None or increase > 0,\n",
        "        is_news=increase > 0,\n",
        "test_an_unfilled_acknowledgement_is_news_of_an_order_and_no_quantity",
    ),
    _ledger(
        "a position that turns is noticed",
        "(amount > 0 > after or amount < 0 < after),\n",
        "(amount > 0 > after),\n",
        "test_a_position_that_changes_its_side_is_noticed",
    ),
)
