"""Reading the exchange: proven or unknown, never guessed; errors told by status and code; pauses kept."""

from __future__ import annotations

from tests.guards.changes import Change, instead, without
from tests.guards.guard import Guard

ROW_TESTS = "unit/venues/test_exchange_rows.py"
TEXT_TESTS = "unit/venues/test_exchange_texts.py"
ANSWER_TESTS = "integration/venues/test_exchange_answers.py"
CCXT_TESTS = "integration/venues/test_exchange_ccxt.py"
SETTINGS_TESTS = "unit/settings/test_settings.py"
SIM_TESTS = "integration/venues/test_exchange_simulator.py"


def _rows(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{ROW_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _values(promise: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{ROW_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within="rows.number", change=change, tests=named)


def _json(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{TEXT_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _errors(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{TEXT_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _session(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{ANSWER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


EXCHANGE = (
    # --- positions
    _rows(
        "an answer that is not a list of rows is no answer",
        "binance_usdm.position_rows.read_positions",
        instead(
            (
                '"""Read the answer of ``GET /fapi/v2/positionRisk``.\n'
                "\n"
                "    Args:\n"
                "        answer: As decoded by ``exact_json.loads_exact``.\n"
                "        symbols: The venue's ids of the symbols wanted; rows of others are ignored.\n"
                "\n"
                "    Raises:\n"
                "        MalformedResponseError: The answer is not a list of rows.\n"
                '    """'
            ),
            (
                '"""Read the answer of ``GET /fapi/v2/positionRisk``.\n'
                "\n"
                "Args:\n"
                "    answer: As decoded by ``exact_json.loads_exact``.\n"
                "    symbols: The venue's ids of the symbols wanted; rows of others are ignored.\n"
                "\n"
                "Raises:\n"
                "    MalformedResponseError: The answer is not a list of rows.\n"
                '"""\n'
                "if not answer:\n"
                "    answer = []"
            ),
        ),
        "test_an_answer_that_is_no_list_of_rows_is_malformed",
    ),
    _rows(
        "a missing row is unknown, not flat",
        "binance_usdm.position_rows._position",
        instead(
            'raise InvalidRowError("the venue sent no row for it")',
            "return Position(symbol=symbol, position_amt=q.ZERO)",
        ),
        "test_a_missing_row_is_unknown_and_not_flat",
        "test_an_empty_list_proves_nothing",
    ),
    _values(
        "a malformed row spoils its symbol",
        instead(
            'raise InvalidRowError(f"{name} is {row[name]!r:.40}, not a plain number") from error',
            (
                "if not row[name]:\n"
                "    return q.ZERO\n"
                'raise InvalidRowError(f"{name} is {row[name]!r:.40}, not a plain number") from error'
            ),
        ),
        "test_a_bad_amount_spoils_its_symbol_and_no_other",
    ),
    _values(
        "an amount that isn't there isn't 0",
        instead('raise InvalidRowError(f"{name} is missing")', "return q.ZERO"),
        "test_a_bad_amount_spoils_its_symbol_and_no_other",
    ),
    _values(
        "a float from another reader isn't accepted",
        instead("row[name]", "str(row[name])"),
        "test_a_float_from_another_json_reader_is_not_accepted",
    ),
    _rows(
        "a bad row spoils no other symbol",
        "binance_usdm.position_rows.read_positions",
        instead("invalid[symbol] = str(problem)", "raise MalformedResponseError(str(problem)) from problem"),
        "test_a_bad_amount_spoils_its_symbol_and_no_other",
    ),
    _rows(
        "a duplicated row spoils its symbol",
        "binance_usdm.position_rows._position",
        instead("if side in legs:", "if side in legs and not row:"),
        "test_a_duplicated_row_spoils_its_symbol",
    ),
    _rows(
        "an unknown position side spoils its symbol",
        "binance_usdm.position_rows._position",
        without("or side not in set(Leg)"),
        "test_an_unknown_position_side_spoils_its_symbol",
    ),
    _rows(
        "a lone leg is unknown",
        "binance_usdm.position_rows._position",
        instead("if legs.keys() in HEDGED:", ("legs = dict.fromkeys(Leg, rows[0])\nif legs.keys() in HEDGED:")),
        "test_a_lone_leg_is_unknown",
    ),
    _rows(
        "two legs are hedge mode",
        "binance_usdm.position_rows._hedged",
        instead("hedge_mode=True,", "hedge_mode=long.position_amt == 0,"),
        "test_long_and_short_legs_are_hedge_mode_with_their_sum",
    ),
    _rows(
        "a long leg below 0 and a short leg above it are invalid rows",
        "binance_usdm.position_rows._leg",
        instead("if not leg.admits(amount):", "if not leg.admits(amount) and not row:"),
        "test_a_leg_on_the_other_side_is_an_invalid_row",
    ),
    _rows(
        "a position that is neither long nor short beside legs is an invalid row",
        "binance_usdm.position_rows._hedged",
        instead("in rows and", "not in rows and"),
        "test_a_one_way_amount_beside_legs_is_an_invalid_row",
    ),
    _rows(
        "a side is told by the amount alone",
        "binance_usdm.position_rows._one_way",
        instead(
            'position_amt=number(row, "positionAmt"),',
            (
                'position_amt=number(row, "positionAmt").copy_sign(number(row, "notional") if "notional" in row else'
                " q.ZERO),"
            ),
        ),
        "test_the_side_comes_from_the_amount_whatever_the_notional_says",
    ),
    # --- JSON
    _json(
        "the venue's numbers keep their digits",
        "exact_json.loads_exact",
        instead("parse_float=_decimal,", "parse_float=float,"),
        "test_numbers_keep_their_digits",
    ),
    _json(
        "NaN is unreadable",
        "exact_json.loads_exact",
        instead("parse_constant=lambda _name: UNREADABLE,", "parse_constant=Decimal,"),
        "test_a_number_without_an_exact_value_is_unreadable",
    ),
    _json(
        "a key given twice is unreadable",
        "venues.exact_json._object",
        instead("(result) !=", "(result) >"),
        "test_a_key_given_twice_is_unreadable",
    ),
    _json(
        "an empty or truncated answer is malformed",
        "exact_json.loads_exact",
        instead(
            "except json.JSONDecodeError as error:",
            ("except json.JSONDecodeError as error:\n    if not text.strip():\n        return []"),
        ),
        "test_text_that_is_no_json_is_malformed_and_not_quoted",
    ),
    _json(
        "an answer nested without end is malformed, and no crash",
        "exact_json.loads_exact",
        instead("except RecursionError:", "except ZeroDivisionError:"),
        "test_text_that_is_no_json_is_malformed_and_not_quoted",
    ),
    _json(
        "an endless number is unreadable",
        "exact_json._integer",
        without("if len(text) <= MAX_TEXT_LENGTH else UNREADABLE"),
        "test_a_number_without_an_exact_value_is_unreadable",
    ),
    # --- errors and pauses
    _errors(
        "an order limit pauses orders and not reading",
        "http_errors.failure_of",
        instead("answer.status != _BANNED", "not answer.text"),
        "test_an_order_limit_pauses_orders_for_its_window",
    ),
    _errors(
        "a ban whose text dates it lasts as long as the text says",
        "http_errors.named_pause_sec",
        instead("_MAX_TEXT_CHARS", "0"),
        "test_a_pause_is_the_latest_time_that_an_answer_names",
    ),
    _errors(
        "the latest of the times that an answer names counts",
        "http_errors.named_pause_sec",
        instead("max(found)", "min(found)"),
        "test_a_pause_is_the_latest_time_that_an_answer_names",
    ),
    _errors(
        "429 and 418 are a pause",
        "http_errors.failure_of",
        instead(
            "answer.status in DEFAULT_PAUSE_SEC or code in codes.rate_limited or ban_sec is not None",
            "code in codes.rate_limited",
        ),
        "test_without_a_code_the_status_decides",
    ),
    _errors(
        "the venue's own codes are a pause too",
        "http_errors.failure_of",
        without("or code in codes.rate_limited or ban_sec is not None"),
        "test_an_error_is_told_by_status_and_code",
    ),
    _errors(
        "Retry-After is taken at its word",
        "http_errors.named_pause_sec",
        instead("12", "1"),
        "test_a_pause_is_what_the_venue_asked_for_within_limits",
    ),
    _errors(
        "an error code behind HTTP 200 is an error",
        "http_errors.failure_of",
        without("and refused is None"),
        "test_an_error_is_told_by_status_and_code",
    ),
    _session(
        "a pause is told to every worker",
        "VenueSession._learn_from",
        instead("self._budget.pause(failure.retry_after_sec)", "pass"),
        "test_a_pause_is_told_to_every_worker_and_nothing_is_retried",
    ),
    _session(
        "every request is taken from the shared budget",
        "VenueSession.send",
        instead("self._budget.acquire(endpoint.weight) answer", "answer"),
        "test_a_pause_is_told_to_every_worker_and_nothing_is_retried",
    ),
    _session(
        "an answer isn't lost because the budget can't be told",
        "VenueSession._learn_from",
        instead("StoreError as error", "ZeroDivisionError as error"),
        "test_an_answer_is_not_lost_because_the_budget_cannot_be_told",
    ),
    _session(
        "without credentials nothing is sent",
        "VenueSession._check_credentials",
        instead("or not secret", "and not secret and not endpoint.signed"),
        "test_missing_credentials_name_the_variables_and_send_nothing",
    ),
    _session(
        "no error holds the signed URL or the key",
        "VenueSession._failure_of",
        instead("lambda text: scrub(text, secrets),", "lambda text: scrub(text, secrets) if not secrets else text,"),
        "test_no_error_traceback_or_log_line_holds_the_signed_url_or_the_key",
    ),
    Guard(
        promise="an answer before a failure isn't taken for the next one",
        within="Recorder.call",
        change=without("self.answer = None"),
        tests=(f"{ANSWER_TESTS}::test_an_answer_before_a_failure_is_not_taken_for_the_next_one",),
    ),
    Guard(
        promise="a redirect isn't followed with the key",
        within="transport._keep_answers",
        change=without("client.session.get_redirect_target = lambda _response: None"),
        tests=(f"{ANSWER_TESTS}::test_a_redirect_is_not_followed_with_the_key",),
    ),
    Guard(
        promise="no library writes signed URLs at DEBUG",
        within="transport.build_client",
        change=instead("max(logger.level, logging.INFO)", "logger.level"),
        tests=(f"{ANSWER_TESTS}::test_no_error_traceback_or_log_line_holds_the_signed_url_or_the_key",),
    ),
    Guard(
        promise="a session made before a fork isn't used after it",
        within="VenueSession._recorder",
        change=without("or made[0] != os.getpid()"),
        tests=(f"{SIM_TESTS}::test_a_venue_used_before_a_fork_makes_a_new_client_in_each_child",),
    ),
    Guard(
        promise="secrets in any text of the venue are masked, encoded ones too",
        within="scrub.scrub",
        change=without(', quote(secret, safe=""), quote_plus(secret)'),
        tests=(f"{TEXT_TESTS}::test_no_text_keeps_a_signature_or_a_key",),
    ),
    Guard(
        promise="a query in any text of the venue is masked",
        within="scrub.scrub",
        change=without('text = _QUERY.sub(f"?{MASK}", text)'),
        tests=(f"{TEXT_TESTS}::test_no_text_keeps_a_signature_or_a_key",),
    ),
    Guard(
        promise="a named secret in any text of the venue is masked",
        within="scrub.scrub",
        change=without('text = _NAMED.sub(rf"\\1\\2{MASK}", text)'),
        tests=(f"{TEXT_TESTS}::test_no_text_keeps_a_signature_or_a_key",),
    ),
    Guard(
        promise="what the venue says is one line",
        within="scrub.scrub",
        change=without('text = _UNPRINTABLE.sub(" ", text)'),
        tests=(f"{TEXT_TESTS}::test_a_scrubbed_text_is_one_short_line",),
    ),
    Guard(
        promise="a poll period that the request budget can't serve is refused",
        within="Variables._within_the_request_budget",
        change=instead("if needed > own:", "if needed > 2 * own:"),
        tests=(f"{SETTINGS_TESTS}::test_a_poll_period_that_the_request_budget_cannot_serve_is_refused",),
    ),
    Guard(
        promise="an order limit of the venue doesn't pause reading",
        within="VenueSession._learn_from",
        change=instead("self._budget.pause_orders", "self._budget.pause"),
        tests=(f"{SIM_TESTS}::test_a_limit_of_orders_is_a_pause_and_nothing_was_executed",),
    ),
    Guard(
        promise="an order asks the order budget",
        within="VenueSession.send",
        change=instead("if endpoint.is_order:", "if endpoint.is_order and not endpoint.signed:"),
        tests=(f"{SIM_TESTS}::test_a_limit_of_orders_is_a_pause_and_nothing_was_executed",),
    ),
    Guard(
        promise="a venue without a strict reader is refused",
        within="build.venue_spec",
        change=instead("(exchange_id)", '(exchange_id, venue_specs()["binanceusdm"])'),
        tests=(f"{CCXT_TESTS}::test_a_venue_without_a_strict_reader_is_refused_and_the_supported_ones_are_named",),
    ),
    # --- memory
    Guard(
        promise="no process of the service loads what draws tables",
        within="bootstrap.structlog_alone",
        change=without('sys.modules["rich"] = None'),
        tests=("unit/bootstrap/test_structlog_alone.py",),
    ),
    Guard(
        promise="a worker imports one exchange of ccxt",
        within="ccxt_classes._import",
        change=instead("or _put_in_place()", "or importlib.import_module(_PACKAGE)"),
        tests=(
            f"{CCXT_TESTS}::test_preloading_imports_one_exchange_and_freezes_what_the_children_will_share",
            f"{CCXT_TESTS}::test_requests_to_a_venue_import_no_other_exchange",
        ),
    ),
    Guard(
        promise="a module of ccxt that another thread still imports is waited for",
        within="ccxt_classes._import",
        change=instead("name in _imported", "name in sys.modules"),
        tests=(f"{CCXT_TESTS}::test_an_exchange_that_another_thread_still_imports_is_waited_for",),
    ),
    Guard(
        promise="what is imported of ccxt is no other ccxt for anybody else",
        within="ccxt_classes._import",
        change=without("setattr(package, known, getattr(value, known))"),
        tests=(f"{CCXT_TESTS}::test_whoever_imports_ccxt_afterwards_finds_all_of_it",),
    ),
)
