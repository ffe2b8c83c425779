"""Permits as an executor must read them: strict types, this plan and symbol, signed (CONTRACT section 6)."""

from __future__ import annotations

from tests.guards.changes import instead, without
from tests.guards.guard import Guard, guard

STORE_TESTS = "integration/store"
SIGNED_TESTS = "integration/store/test_signed_permits.py"
FORGED = f"{STORE_TESTS}/test_consume_conditions.py::test_a_forged_permit_is_refused_and_both_stay"


PERMITS = (
    # --- the governor's word
    guard(
        "granted means true, nothing that looks like it",
        "permit.require_granted",
        instead("granted is not True", "not granted"),
        f"{STORE_TESTS}/test_consume.py::test_only_granted_true_is_granted",
    ),
    guard(
        "without the governor's permit nothing is consumed",
        "permit.require_granted",
        instead("if raw is None:", ('if raw is None:\n    return ""\nif not raw:')),
        "property/test_permits.py::test_the_governor_granted_only_what_says_true",
    ),
    # --- the permit, read strictly
    guard(
        "allow means true, nothing that looks like it",
        "permit._require_allowed",
        instead('fields.get("allow") is not True', 'not fields.get("allow")'),
        FORGED,
    ),
    guard(
        "a permit of another plan is refused",
        "permit.require_allow",
        without('if fields.get("plan_id") != plan_id: raise PermitRefused(NO_P33, "about_another_plan")'),
        FORGED,
    ),
    guard(
        "a permit of another symbol is refused",
        "permit.require_allow",
        without('if fields.get("symbol") != symbol: raise PermitRefused(NO_P33, "about_another_symbol")'),
        FORGED,
        f"{STORE_TESTS}/test_consume_conditions.py::test_a_permit_is_consumed_for_the_symbol_that_was_planned_only",
    ),
    guard(
        "a permit never takes more than the position",
        "permit._allow_permit",
        instead("quantity <= magnitude(position)", "quantity"),
        FORGED,
    ),
    guard(
        "a permit's quantity is above zero",
        "permit._allow_permit",
        instead("not 0 < quantity <=", "quantity >"),
        FORGED,
    ),
    guard(
        "a permit's side reduces its position",
        "permit._allow_permit",
        without("or side is not OrderSide.closing(position)"),
        FORGED,
    ),
    guard(
        "a permit's quantity is a number, no text", "permit._quantity", instead("value, str", "value, bytes"), FORGED
    ),
    guard(
        "a permit's times are whole milliseconds",
        "permit._milliseconds",
        instead(
            "(value, int) or isinstance(value, bool) or not 0 < value < MAX_EPOCH_MS", "(value, str | int | Decimal)"
        ),
        "unit/apply/test_permit.py",
    ),
    guard(
        "a forged permit can't hold a symbol for years",
        "permit._allow_permit",
        instead("ts_ms <= MAX_PERMIT_TTL_MS", "ts_ms"),
        FORGED,
    ),
    guard(
        "a permit that names no life of Redis is refused",
        "permit._text",
        without("or not value"),
        "unit/apply/test_permit.py",
    ),
    guard(
        "an executor's staleness limit is bounded, whatever the permit says",
        "permit._allow_permit",
        instead("min(threshold_sec, MAX_STALE_THRESHOLD_SEC)", "threshold_sec"),
        "unit/apply/test_permit.py",
    ),
    # --- signatures
    guard(
        "a permit without a valid signature is refused where signing is on",
        "permit.require_allow",
        instead("if signing_keys and", 'if signing_keys and "sig" in fields and'),
        f"{SIGNED_TESTS}::test_an_unsigned_permit_is_refused_where_signing_is_on",
    ),
    guard(
        "a wrong signature is refused",
        "permit._is_signed",
        instead("return any(matches)", "return bool(matches)"),
        f"{SIGNED_TESTS}::test_another_key_is_wrong",
    ),
    guard(
        "while keys are rotated either one is right",
        "permit._is_signed",
        instead("key in keys", "key in keys[:1]"),
        f"{SIGNED_TESTS}::test_while_keys_are_rotated_either_is_right",
    ),
    guard(
        "signatures are compared in constant time, with every key",
        "permit._is_signed",
        instead(
            "hmac.compare_digest(sign(fields, prefix=prefix, key=key), signature)",
            "sign(fields, prefix=prefix, key=key) == signature",
        ),
        "unit/apply/test_permit.py",
    ),
    guard(
        "a signature that is no text is refused, and no crash",
        "permit._is_signed",
        instead("not isinstance(signature, str) or not signature.isascii()", "signature is None"),
        f"{SIGNED_TESTS}::test_a_signature_that_is_none_is_refused",
    ),
    guard(
        "a permit nested without end is refused, and no crash",
        "permit._is_signed",
        instead("except RecursionError:", "except ZeroDivisionError:"),
        "property/test_permits.py::test_a_permit_nested_to_any_depth_is_refused",
    ),
    Guard(
        promise="every field of a permit is signed",
        within="permits.sign",
        change=instead(
            'value for name, value in fields.items() if name != "sig"',
            'fields.get(name) for name in ("plan_id", "symbol", "allow", "safe_close_qty")',
        ),
        tests=(f"{SIGNED_TESTS}::test_an_altered_permit_is_refused",),
    ),
    Guard(
        promise="a permit of another account isn't validly signed",
        within="permits.sign",
        change=instead(
            'f"{prefix}\\n{exact_json.dumps(unsigned, sort_keys=True)}"',
            'f"\\n{exact_json.dumps(unsigned, sort_keys=True)}"',
        ),
        tests=(f"{SIGNED_TESTS}::test_a_permit_of_another_account_is_refused",),
    ),
    Guard(
        promise="the tombstone holds no signature that could be put back",
        within="Commits.call",
        change=instead(
            'said["permit_json"] = exact_json.dumps({**fields, "sig": signature})',
            'said["permit_json"] = said["decision_json"] = exact_json.dumps({**fields, "sig": signature})',
        ),
        tests=(f"{SIGNED_TESTS}::test_the_tombstone_holds_no_signature_that_could_be_put_back",),
    ),
    Guard(
        promise="an allow is signed where signing is on",
        within="Commits.call",
        change=instead("is not None:", '== "":'),
        tests=(f"{SIGNED_TESTS}::test_an_allow_carries_a_signature_that_anybody_can_check",),
    ),
)
