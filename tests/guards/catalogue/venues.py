"""Reading the exchange: proven or unknown, never guessed; errors told by status and code; pauses kept."""

from __future__ import annotations

from tests.guards.guard import Guard

ROW_TESTS = "unit/venues/test_exchange_rows.py"
TEXT_TESTS = "unit/venues/test_exchange_texts.py"
ANSWER_TESTS = "integration/venues/test_exchange_answers.py"
CCXT_TESTS = "integration/venues/test_exchange_ccxt.py"
SETTINGS_TESTS = "unit/settings/test_settings.py"
SIM_TESTS = "integration/venues/test_exchange_simulator.py"


def _rows(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{ROW_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="venues/binance_usdm/position_rows.py", old=old, new=new, tests=named)


def _values(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{ROW_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="venues/rows.py", old=old, new=new, tests=named)


def _json(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{TEXT_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="venues/exact_json.py", old=old, new=new, tests=named)


def _errors(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{TEXT_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="venues/http_errors.py", old=old, new=new, tests=named)


def _session(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{ANSWER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="venues/session.py", old=old, new=new, tests=named)


EXCHANGE = (
    # --- positions
    _rows(
        "an answer that is not a list of rows is no answer",
        "    if not isinstance(answer, list):\n",
        "    if not answer:\n        answer = []\n    if not isinstance(answer, list):\n",
        "test_an_answer_that_is_no_list_of_rows_is_malformed",
    ),
    _rows(
        "a missing row is unknown, not flat",
        '    if not rows:\n        raise InvalidRowError("the venue sent no row for it")\n',
        "    if not rows:\n        return Position(symbol=symbol, position_amt=q.ZERO)\n",
        "test_a_missing_row_is_unknown_and_not_flat",
        "test_an_empty_list_proves_nothing",
    ),
    _values(
        "a malformed row spoils its symbol",
        "    try:\n"
        "        return q.parse_quantity(row[name])\n"
        "    except (InvalidQuantityError, TypeError) as error:\n"
        "        raise",
        "    try:\n        return q.parse_quantity(row[name])\n    except (InvalidQuantityError, TypeError) as error:\n"
        "        if not row[name]:\n            return q.ZERO\n        raise",
        "test_a_bad_amount_spoils_its_symbol_and_no_other",
    ),
    _values(
        "an amount that isn't there isn't 0",
        '    if name not in row:\n        raise InvalidRowError(f"{name} is missing")\n',
        "    if name not in row:\n        return q.ZERO\n",
        "test_a_bad_amount_spoils_its_symbol_and_no_other",
    ),
    _values(
        "a float from another reader isn't accepted",
        "        return q.parse_quantity(row[name])\n",
        "        return q.parse_quantity(str(row[name]))\n",
        "test_a_float_from_another_json_reader_is_not_accepted",
    ),
    _rows(
        "a bad row spoils no other symbol",
        "        except InvalidRowError as problem:\n            invalid[symbol] = str(problem)\n",
        "        except InvalidRowError as problem:\n"
        "            raise MalformedResponseError(str(problem)) from problem\n",
        "test_a_bad_amount_spoils_its_symbol_and_no_other",
    ),
    _rows(
        "a duplicated row spoils its symbol",
        "        if side in legs:\n",
        "        if side in legs and not row:\n",
        "test_a_duplicated_row_spoils_its_symbol",
    ),
    _rows(
        "an unknown position side spoils its symbol",
        "        if not isinstance(side, str) or side not in set(Leg):\n",
        "        if not isinstance(side, str):\n",
        "test_an_unknown_position_side_spoils_its_symbol",
    ),
    _rows(
        "a lone leg is unknown",
        "    if legs.keys() in HEDGED:\n",
        "    legs = dict.fromkeys(Leg, rows[0])\n    if legs.keys() in HEDGED:\n",
        "test_a_lone_leg_is_unknown",
    ),
    _rows(
        "two legs are hedge mode",
        "        hedge_mode=True,\n",
        "        hedge_mode=long.position_amt == 0,\n",
        "test_long_and_short_legs_are_hedge_mode_with_their_sum",
    ),
    _rows(
        "a long leg below 0 and a short leg above it are invalid rows",
        "    if not leg.admits(amount):\n",
        "    if not leg.admits(amount) and not row:\n",
        "test_a_leg_on_the_other_side_is_an_invalid_row",
    ),
    _rows(
        "a position that is neither long nor short beside legs is an invalid row",
        "    if Leg.BOTH in rows and (both",
        "    if Leg.BOTH not in rows and (both",
        "test_a_one_way_amount_beside_legs_is_an_invalid_row",
    ),
    _rows(
        "a side is told by the amount alone",
        '        position_amt=number(row, "positionAmt"),\n',
        '        position_amt=number(row, "positionAmt").copy_sign(number(row, "notional") if'
        ' "notional" in row else q.ZERO),\n',
        "test_the_side_comes_from_the_amount_whatever_the_notional_says",
    ),
    # --- JSON
    _json(
        "the venue's numbers keep their digits",
        "            parse_float=_decimal,\n",
        "            parse_float=float,\n",
        "test_numbers_keep_their_digits",
    ),
    _json(
        "NaN is unreadable",
        "            parse_constant=lambda _name: UNREADABLE,\n",
        "            parse_constant=Decimal,\n",
        "test_a_number_without_an_exact_value_is_unreadable",
    ),
    _json(
        "a key given twice is unreadable",
        "    if len(result) != len(pairs):\n",
        "    if len(result) > len(pairs):\n",
        "test_a_key_given_twice_is_unreadable",
    ),
    _json(
        "an empty or truncated answer is malformed",
        "    except json.JSONDecodeError as error:\n",
        "    except json.JSONDecodeError as error:\n        if not text.strip():\n            return []\n",
        "test_text_that_is_no_json_is_malformed_and_not_quoted",
    ),
    _json(
        "an answer nested without end is malformed, and no crash",
        "    except RecursionError:\n",
        "    except ZeroDivisionError:\n",
        "test_text_that_is_no_json_is_malformed_and_not_quoted",
    ),
    _json(
        "an endless number is unreadable",
        "    return int(text) if len(text) <= MAX_TEXT_LENGTH else UNREADABLE\n",
        "    return int(text)\n",
        "test_a_number_without_an_exact_value_is_unreadable",
    ),
    # --- errors and pauses
    _errors(
        "an order limit pauses orders and not reading",
        "    if code in codes.order_limited and answer.status != _BANNED:\n",
        "    if code in codes.order_limited and not answer.text:\n",
        "test_an_order_limit_pauses_orders_for_its_window",
    ),
    _errors(
        "a ban whose text dates it lasts as long as the text says",
        "    for digits in _MOMENT.findall(answer.text[:_MAX_TEXT_CHARS]):\n",
        "    for digits in _MOMENT.findall(answer.text[:0]):\n",
        "test_a_pause_is_the_latest_time_that_an_answer_names",
    ),
    _errors(
        "the latest of the times that an answer names counts",
        "_bounded(math.ceil(max(found)))",
        "_bounded(math.ceil(min(found)))",
        "test_a_pause_is_the_latest_time_that_an_answer_names",
    ),
    _errors(
        "429 and 418 are a pause",
        "    if answer.status in DEFAULT_PAUSE_SEC or code in codes.rate_limited or ban_sec is not None:\n",
        "    if code in codes.rate_limited:\n",
        "test_without_a_code_the_status_decides",
    ),
    _errors(
        "the venue's own codes are a pause too",
        "    if answer.status in DEFAULT_PAUSE_SEC or code in codes.rate_limited or ban_sec is not None:\n",
        "    if answer.status in DEFAULT_PAUSE_SEC:\n",
        "test_an_error_is_told_by_status_and_code",
    ),
    _errors(
        "Retry-After is taken at its word",
        "        found.append(float(header[:12]))\n",
        "        found.append(float(header[:1]))\n",
        "test_a_pause_is_what_the_venue_asked_for_within_limits",
    ),
    _errors(
        "an error code behind HTTP 200 is an error",
        "    if answer.status in _OK and refused is None:\n",
        "    if answer.status in _OK:\n",
        "test_an_error_is_told_by_status_and_code",
    ),
    _session(
        "a pause is told to every worker",
        "                self._budget.pause(failure.retry_after_sec)\n",
        "                pass\n",
        "test_a_pause_is_told_to_every_worker_and_nothing_is_retried",
    ),
    _session(
        "every request is taken from the shared budget",
        "        self._budget.acquire(endpoint.weight)\n",
        "",
        "test_a_pause_is_told_to_every_worker_and_nothing_is_retried",
    ),
    _session(
        "an answer isn't lost because the budget can't be told",
        "        except StoreError as error:\n            log.warning(LogEvent.BUDGET_NOT_REPORTED",
        "        except ZeroDivisionError as error:\n            log.warning(LogEvent.BUDGET_NOT_REPORTED",
        "test_an_answer_is_not_lost_because_the_budget_cannot_be_told",
    ),
    _session(
        "without credentials nothing is sent",
        "        if not key or not secret:\n",
        "        if not key and not secret and not endpoint.signed:\n",
        "test_missing_credentials_name_the_variables_and_send_nothing",
    ),
    _session(
        "no error holds the signed URL or the key",
        "            lambda text: scrub(text, secrets),\n",
        "            lambda text: scrub(text, secrets) if not secrets else text,\n",
        "test_no_error_traceback_or_log_line_holds_the_signed_url_or_the_key",
    ),
    Guard(
        promise="an answer before a failure isn't taken for the next one",
        file="venues/transport.py",
        old="        self.answer = None\n        try:\n",
        new="        try:\n",
        tests=(f"{ANSWER_TESTS}::test_an_answer_before_a_failure_is_not_taken_for_the_next_one",),
    ),
    Guard(
        promise="a redirect isn't followed with the key",
        file="venues/transport.py",
        old="    client.session.get_redirect_target = lambda _response: None\n",
        new="",
        tests=(f"{ANSWER_TESTS}::test_a_redirect_is_not_followed_with_the_key",),
    ),
    Guard(
        promise="no library writes signed URLs at DEBUG",
        file="venues/transport.py",
        old="        logger.setLevel(max(logger.level, logging.INFO))\n",
        new="        logger.setLevel(logger.level)\n",
        tests=(f"{ANSWER_TESTS}::test_no_error_traceback_or_log_line_holds_the_signed_url_or_the_key",),
    ),
    Guard(
        promise="a session made before a fork isn't used after it",
        file="venues/session.py",
        old="        if made is None or made[0] != os.getpid():\n",
        new="        if made is None:\n",
        tests=(f"{SIM_TESTS}::test_a_venue_used_before_a_fork_makes_a_new_client_in_each_child",),
    ),
    Guard(
        promise="secrets in any text of the venue are masked, encoded ones too",
        file="venues/scrub.py",
        old='            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:\n',
        new="            for form in {secret}:\n",
        tests=(f"{TEXT_TESTS}::test_no_text_keeps_a_signature_or_a_key",),
    ),
    Guard(
        promise="a query in any text of the venue is masked",
        file="venues/scrub.py",
        old='    text = _QUERY.sub(f"?{MASK}", text)\n',
        new="",
        tests=(f"{TEXT_TESTS}::test_no_text_keeps_a_signature_or_a_key",),
    ),
    Guard(
        promise="a named secret in any text of the venue is masked",
        file="venues/scrub.py",
        old='    text = _NAMED.sub(rf"\\1\\2{MASK}", text)\n',
        new="",
        tests=(f"{TEXT_TESTS}::test_no_text_keeps_a_signature_or_a_key",),
    ),
    Guard(
        promise="what the venue says is one line",
        file="venues/scrub.py",
        old='    text = _UNPRINTABLE.sub(" ", text)\n',
        new="",
        tests=(f"{TEXT_TESTS}::test_a_scrubbed_text_is_one_short_line",),
    ),
    Guard(
        promise="a poll period that the request budget can't serve is refused",
        file="settings/model.py",
        old="        if needed > own:\n",
        new="        if needed > 2 * own:\n",
        tests=(f"{SETTINGS_TESTS}::test_a_poll_period_that_the_request_budget_cannot_serve_is_refused",),
    ),
    Guard(
        promise="an order limit of the venue doesn't pause reading",
        file="venues/session.py",
        old="                self._budget.pause_orders(failure.retry_after_sec)\n",
        new="                self._budget.pause(failure.retry_after_sec)\n",
        tests=(f"{SIM_TESTS}::test_a_limit_of_orders_is_a_pause_and_nothing_was_executed",),
    ),
    Guard(
        promise="an order asks the order budget",
        file="venues/session.py",
        old="        if endpoint.is_order:\n",
        new="        if endpoint.is_order and not endpoint.signed:\n",
        tests=(f"{SIM_TESTS}::test_a_limit_of_orders_is_a_pause_and_nothing_was_executed",),
    ),
    Guard(
        promise="a venue without a strict reader is refused",
        file="venues/build.py",
        old="    entry = venue_entries().get(exchange_id)\n",
        new='    entry = venue_entries().get(exchange_id, venue_entries()["binanceusdm"])\n',
        tests=(f"{CCXT_TESTS}::test_a_venue_without_a_strict_reader_is_refused_and_the_supported_ones_are_named",),
    ),
)
