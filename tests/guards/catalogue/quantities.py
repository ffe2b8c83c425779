"""Exact decimals, one value per key, and the ledger's sums."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

QUANTITY_TESTS = "unit/domain/test_quantities.py"
LEDGER_TESTS = "unit/domain/test_ledger.py"


def _quantity(promise: str, within: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within=within, change=change, tests=tuple(f"{QUANTITY_TESTS}::{t}" for t in tests))


def _ledger(promise: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{LEDGER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within="ledger.apply_fill", change=change, tests=named)


QUANTITIES = (
    # --- reading
    _quantity(
        "a float is not a quantity",
        "quantities._parsed",
        instead(
            'raise TypeError(f"quantities are read from strings, not from {type(value).__name__}: {value!r:.80}")',
            "number = Decimal(str(value))",
        ),
        "test_a_float_is_a_programming_error",
    ),
    _quantity(
        "a flag is not a quantity",
        "quantities._parsed",
        without("and not isinstance(value, bool)"),
        "test_a_float_is_a_programming_error",
    ),
    _quantity(
        "only plain decimal text is a number",
        "quantities._parsed",
        instead("not _NUMBER.fullmatch(text)", "not text"),
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "NaN and infinity are refused",
        "quantities._parsed",
        without('if not number.is_finite(): raise InvalidQuantityError(f"not a finite number: {number}")'),
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "1e400 doesn't become a 400-digit amount",
        "quantities._parsed",
        without("or number.adjusted() >= MAX_DIGITS"),
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "1e-400 is no amount",
        "quantities._without_trailing_zeros",
        instead("MAX_DIGITS", "999"),
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "a long text is refused before it is looked at",
        "quantities._parsed",
        without("len(text) > MAX_TEXT_LENGTH or"),
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    _quantity(
        "an endless integer is refused",
        "quantities._parsed",
        never("value.bit_length() > MAX_DIGITS * 4"),
        "test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words",
    ),
    # --- calculating and writing
    _quantity(
        "sums and products are exact",
        "quantities.EXACT",
        instead(
            "4 * MAX_DIGITS + 10, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero]",
            "28, traps=[InvalidOperation, Overflow, DivisionByZero]",
        ),
        "test_sums_and_magnitudes_keep_every_digit",
    ),
    _quantity(
        "an absolute value is not rounded",
        "quantities.magnitude",
        instead("return number.copy_abs()", "return abs(number)"),
        "test_sums_and_magnitudes_keep_every_digit",
    ),
    _quantity(
        "a negated value is not rounded",
        "quantities.negated",
        instead("return number.copy_negate() if number else ZERO", "return -number"),
        "test_sums_and_magnitudes_keep_every_digit",
    ),
    _quantity(
        "floored is never above",
        "quantities.floor_to_step",
        instead("EXACT.divide_int(quantity, step_size)", "(quantity / step_size).to_integral_value()"),
        "test_floor_never_takes_the_nearest",
    ),
    _quantity(
        "a negative quantity isn't floored, nor by a step of zero",
        "quantities.floor_to_step",
        instead("quantity < 0 or step_size <=", "step_size =="),
        "test_a_negative_quantity_and_a_step_of_zero_are_programming_errors",
    ),
    _quantity(
        "a market order fits both step sizes",
        "quantities.common_step",
        instead("math.lcm", "max"),
        "test_the_common_step_is_a_multiple_of_both",
    ),
    _quantity(
        "a number is written without exponent and trailing zeros",
        "quantities.canonical",
        instead('format(number, "f")', "str(number)"),
        "test_numbers_are_read_exactly_and_written_canonically",
    ),
    _quantity(
        "a float is never written",
        "quantities.canonical",
        instead(
            (
                'if not isinstance(number, Decimal): raise TypeError(f"only Decimal is written, not'
                ' {type(number).__name__}") if not number.is_finite():'
            ),
            'if str(number) in {"nan", "inf"}:',
        ),
        "test_a_float_is_not_written_either",
    ),
    _quantity(
        "what isn't finite is never written",
        "quantities.canonical",
        without('if not number.is_finite(): raise InvalidQuantityError(f"not a finite number: {number}")'),
        "test_a_number_that_is_not_finite_is_never_written",
    ),
    # --- JSON of our own
    Guard(
        promise="a permit or verdict that names a key twice is refused",
        within="domain.exact_json._object",
        change=instead("len(members) != len(pairs)", "not members and pairs"),
        tests=("integration/store/test_consume_conditions.py::test_a_permit_that_says_two_things_is_refused",),
    ),
    Guard(
        promise="JSON of ours holds no NaN",
        within="exact_json.loads_object",
        change=instead("numbers or _refuse", "numbers or Decimal"),
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="JSON of ours is read without floats",
        within="exact_json.loads_object",
        change=instead("numbers or _exact", "numbers or float"),
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="what is signed is written in one order",
        within="exact_json._write",
        change=(
            instead("_write(member, put, sort_keys)", "_write(member, put, False)"),
            instead("_write(item, put, sort_keys)", "_write(item, put, False)"),
        ),
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="JSON of ours is written without floats",
        within="exact_json._write_subclass",
        change=instead(
            'raise TypeError(f"{type(value).__name__} is not written to JSON: {value!r:.80}")',
            "put(json.dumps(value))",
        ),
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="a number of 1e400 in JSON of ours is refused",
        within="exact_json._exact",
        change=instead("MAX_NUMBER_CHARS or abs(number.adjusted()) > MAX_NUMBER_CHARS", "10 * MAX_NUMBER_CHARS"),
        tests=("unit/domain/test_exact_json.py",),
    ),
    Guard(
        promise="JSON nested without end is refused, and no crash",
        within="exact_json.loads_object",
        change=instead("(ValueError, RecursionError)", "ValueError"),
        tests=("unit/domain/test_exact_json.py",),
    ),
    # --- the ledger's sums
    _ledger(
        "only the increase of a cumulative quantity is applied",
        instead("max(q.subtract(executed, known), q.ZERO)", "executed"),
        "test_the_same_report_again_changes_nothing",
        "test_only_the_increase_of_a_cumulative_quantity_is_applied",
    ),
    _ledger(
        "an earlier report that comes late takes nothing back",
        instead("max(q.subtract(executed, known), q.ZERO)", "q.subtract(executed, known)"),
        "test_an_earlier_report_that_arrives_late_takes_nothing_back",
    ),
    _ledger(
        "what is remembered of an order never shrinks",
        instead("max(known, executed)", "executed"),
        "test_an_earlier_report_that_arrives_late_takes_nothing_back",
    ),
    _ledger(
        "selling subtracts",
        instead("delta = increase if fill.side is OrderSide.BUY else", "delta ="),
        "test_buying_adds_and_selling_subtracts_with_signs_kept",
    ),
    _ledger(
        "a sum is never clamped at zero",
        instead(
            "after = q.add(amount, delta)",
            "after = max(q.add(amount, delta), q.ZERO) if amount > 0 else q.add(amount, delta)",
        ),
        "test_a_sum_is_never_clamped_so_the_order_of_arrival_does_not_matter",
    ),
    _ledger(
        "an unknown amount stays unknown",
        instead("if amount is not None and", ("amount = after = q.ZERO if amount is None else amount\nif")),
        "test_an_unknown_amount_stays_unknown_and_the_fill_is_remembered",
    ),
    _ledger(
        "a fill that the adopted snapshot shows isn't applied again",
        instead("counts and increase", "increase"),
        "test_a_fill_that_an_adopted_snapshot_contains_is_remembered_and_not_applied",
    ),
    _ledger(
        "a fill without a side changes no amount",
        without("if fill.side is not None else q.ZERO"),
        "test_a_fill_without_a_side_changes_no_amount_and_is_not_remembered_as_applied",
    ),
    _ledger(
        "any new order is news, also one that filled nothing",
        instead("remembered_qty is None or increase", "increase"),
        "test_an_unfilled_acknowledgement_is_news_of_an_order_and_no_quantity",
    ),
    _ledger(
        "a position that turns is noticed",
        without("or amount < 0 < after"),
        "test_a_position_that_changes_its_side_is_noticed",
    ),
)
