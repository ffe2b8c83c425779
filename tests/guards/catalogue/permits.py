"""Permits as an executor must read them: strict types, this plan and symbol, signed (CONTRACT section 6)."""

from __future__ import annotations

from tests.guards.guard import Guard

CONSUME_TESTS = "integration/store/test_consume.py"
SIGNED_TESTS = "integration/store/test_signed_permits.py"
FORGED = f"{CONSUME_TESTS}::test_a_forged_permit_is_refused_and_both_stay"


def _permit(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="apply/permit.py", old=old, new=new, tests=tests)


PERMITS = (
    # --- the governor's word
    _permit(
        "granted means true, nothing that looks like it",
        "    if granted is not True:\n",
        "    if not granted:\n",
        f"{CONSUME_TESTS}::test_only_granted_true_is_granted",
    ),
    _permit(
        "without the governor's permit nothing is consumed",
        "    if raw is None:\n        raise PermitRefused(NO_GOVERNOR",
        '    if raw is None:\n        return ""\n    if not raw:\n        raise PermitRefused(NO_GOVERNOR',
        "property/test_permits.py::test_the_governor_granted_only_what_says_true",
    ),
    # --- the permit, read strictly
    _permit(
        "allow means true, nothing that looks like it",
        '    if fields.get("allow") is not True:\n',
        '    if not fields.get("allow"):\n',
        FORGED,
    ),
    _permit(
        "a permit of another plan is refused",
        '    if fields.get("plan_id") != plan_id:\n        raise PermitRefused(NO_P33, "about_another_plan")\n',
        "",
        FORGED,
    ),
    _permit(
        "a permit of another symbol is refused",
        '    if fields.get("symbol") != symbol:\n        raise PermitRefused(NO_P33, "about_another_symbol")\n',
        "",
        FORGED,
        f"{CONSUME_TESTS}::test_a_permit_is_consumed_for_the_symbol_that_was_planned_only",
    ),
    _permit(
        "a permit never takes more than the position",
        "    if not 0 < quantity <= magnitude(position) or",
        "    if not 0 < quantity or",
        FORGED,
    ),
    _permit(
        "a permit's quantity is above zero",
        "    if not 0 < quantity <= magnitude(position) or",
        "    if quantity > magnitude(position) or",
        FORGED,
    ),
    _permit("a permit's side reduces its position", " or side is not OrderSide.closing(position):\n", ":\n", FORGED),
    _permit(
        "a permit's quantity is a number, no text",
        "    if isinstance(value, str):\n",
        "    if isinstance(value, bytes):\n",
        FORGED,
    ),
    _permit(
        "a permit's times are whole milliseconds",
        "    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < MAX_EPOCH_MS:\n",
        "    if not isinstance(value, str | int | Decimal):\n",
        "unit/apply/test_permit.py",
    ),
    _permit(
        "a forged permit can't hold a symbol for years",
        "    if not 0 < expires_ms - ts_ms <= MAX_PERMIT_TTL_MS:\n",
        "    if not 0 < expires_ms - ts_ms:\n",
        FORGED,
    ),
    _permit(
        "a permit that names no life of Redis is refused",
        "    if not isinstance(value, str) or not value:\n",
        "    if not isinstance(value, str):\n",
        "unit/apply/test_permit.py",
    ),
    _permit(
        "an executor's staleness limit is bounded, whatever the permit says",
        "        stale_threshold_ms=int(min(threshold_sec, MAX_STALE_THRESHOLD_SEC) * 1000),\n",
        "        stale_threshold_ms=int(threshold_sec * 1000),\n",
        "unit/apply/test_permit.py",
    ),
    # --- signatures
    _permit(
        "a permit without a valid signature is refused where signing is on",
        "    if signing_keys and not _is_signed(fields, prefix=prefix, keys=signing_keys):\n",
        '    if signing_keys and "sig" in fields and not _is_signed(fields, prefix=prefix, keys=signing_keys):\n',
        f"{SIGNED_TESTS}::test_an_unsigned_permit_is_refused_where_signing_is_on",
    ),
    _permit(
        "a wrong signature is refused",
        "    return any(matches)\n",
        "    return bool(matches)\n",
        f"{SIGNED_TESTS}::test_another_key_is_wrong",
    ),
    _permit(
        "while keys are rotated either one is right",
        "key=key), signature) for key in keys]\n",
        "key=key), signature) for key in keys[:1]]\n",
        f"{SIGNED_TESTS}::test_while_keys_are_rotated_either_is_right",
    ),
    _permit(
        "signatures are compared in constant time, with every key",
        "        matches = [hmac.compare_digest(sign(fields, prefix=prefix, key=key), signature) for key in keys]\n",
        "        matches = [sign(fields, prefix=prefix, key=key) == signature for key in keys]\n",
        "unit/apply/test_permit.py",
    ),
    _permit(
        "a signature that is no text is refused, and no crash",
        "    if not isinstance(signature, str) or not signature.isascii():\n",
        "    if signature is None:\n",
        f"{SIGNED_TESTS}::test_a_signature_that_is_none_is_refused",
    ),
    _permit(
        "a permit nested without end is refused, and no crash",
        "    except RecursionError:  # nested deeper than we write: not ours\n        return False\n",
        "    except ZeroDivisionError:\n        return False\n",
        "property/test_permits.py::test_any_value_is_an_allow_or_a_refusal",
    ),
    Guard(
        promise="every field of a permit is signed",
        file="contract/permits.py",
        old='    unsigned = {name: value for name, value in fields.items() if name != "sig"}\n',
        new='    unsigned = {name: fields.get(name) for name in ("plan_id", "symbol", "allow", "safe_close_qty")}\n',
        tests=(f"{SIGNED_TESTS}::test_an_altered_permit_is_refused",),
    ),
    Guard(
        promise="a permit of another account isn't validly signed",
        file="contract/permits.py",
        old='    message = f"{prefix}\\n{exact_json.dumps(unsigned, sort_keys=True)}".encode()\n',
        new='    message = f"\\n{exact_json.dumps(unsigned, sort_keys=True)}".encode()\n',
        tests=(f"{SIGNED_TESTS}::test_a_permit_of_another_account_is_refused",),
    ),
    Guard(
        promise="the tombstone holds no signature that could be put back",
        file="store/verdicts.py",
        old='            "decision_json": decision,\n',
        new='            "decision_json": permit,\n',
        tests=(f"{SIGNED_TESTS}::test_the_tombstone_holds_no_signature_that_could_be_put_back",),
    ),
    Guard(
        promise="an allow is signed where signing is on",
        file="store/verdicts.py",
        old="        if isinstance(verdict, Allow) and self._signing_key is not None:\n",
        new='        if isinstance(verdict, Allow) and self._signing_key == "":\n',
        tests=(f"{SIGNED_TESTS}::test_an_allow_carries_a_signature_that_anybody_can_check",),
    ),
)
