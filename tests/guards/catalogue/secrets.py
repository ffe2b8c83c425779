"""Log lines and errors: unforgeable, bounded, without secrets; settings within their limits."""

from __future__ import annotations

from tests.guards.changes import Change, instead, without
from tests.guards.guard import Guard

LOG_TESTS = "unit/bootstrap/test_logs.py"
FILE_TESTS = "unit/settings/test_secret_files.py"
SECRET_TESTS = "unit/settings/test_secrets.py"
SETTING_TESTS = "unit/settings/test_settings.py"
DERIVED_TESTS = "unit/settings/test_derived.py"


def _log(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{LOG_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


SECRETS = (
    # --- logs
    _log(
        "a value can't forge a line of the log",
        "logs._escaped",
        instead(
            'return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)',
            "return text",
        ),
        "test_a_value_can_not_forge_a_line",
    ),
    _log(
        "nor can a traceback",
        "logs.as_text",
        instead('f"\\n    {_escaped(row)}"', 'f"\\n{_escaped(row)}"'),
        "test_nor_can_a_traceback",
    ),
    _log(
        "a value in the log is bounded",
        "logs._bounded",
        without('if len(text) <= limit else f"{text[:limit]}...({len(text)} characters)"'),
        "test_values_are_bounded",
    ),
    _log(
        "a quote can't end a value of the log",
        "logs._quoted",
        instead("text.replace('\"', '\\\\\"')", "text"),
        "test_quotes_and_blanks_are_quoted",
    ),
    _log(
        "configured secrets are in no line",
        "Scrubber.__call__",
        instead('line = line.replace(secret, "********")', "pass"),
        "test_secrets_are_in_no_line",
    ),
    _log(
        "a URL in a line loses its credentials",
        "Scrubber.__call__",
        without('line = _IN_URL.sub(r"\\g<scheme>********@", line)'),
        "test_urls_lose_their_credentials_whoever_wrote_them",
    ),
    _log(
        "a signature in a line is masked",
        "Scrubber.__call__",
        instead('return _IN_QUERY.sub(r"\\g<name>********", line)', "return line"),
        "test_secrets_are_in_no_line",
    ),
    _log(
        "passwords inside URLs are known as secrets",
        "logs.secrets_of",
        instead("return values + passwords", "return values"),
        "test_every_secret_of_the_configuration_is_known",
    ),
    _log(
        "every line passes the scrubber",
        "_formatter.rendered",
        instead("return scrub(render(event))", "return render(event)"),
        "test_secrets_are_in_no_line",
    ),
    # --- the settings
    Guard(
        promise="a secret's value is in no error of the configuration",
        within="loading._shown",
        change=instead('_is_secret(field) or "@"', '"@"'),
        tests=(f"{SECRET_TESTS}::test_a_signing_key_that_is_too_short_is_masked_and_its_limit_told",),
    ),
    Guard(
        promise="a URL in the wrong variable is masked too",
        within="loading._shown",
        change=without('or "@" in value'),
        tests=(f"{SECRET_TESTS}::test_no_secret_is_in_an_error_or_in_what_it_came_from",),
    ),
    Guard(
        promise="no error of the configuration drags the values along",
        within="loading.load_settings",
        change=instead(
            "except ValidationError as error:",
            (
                "except ValidationError as error:\n"
                "    # A secret that couldn't be read has its line; that it is missing isn't another problem.\n"
                "    raise ConfigurationError(str(error)) from error"
            ),
        ),
        tests=(f"{SECRET_TESTS}::test_no_secret_is_in_an_error_or_in_what_it_came_from",),
    ),
    Guard(
        promise="a signing key is long enough",
        within="names.checked_signing_key",
        change=instead("len(value.strip()) < MIN_SIGNING_KEY_CHARS", "not value"),
        tests=(f"{SECRET_TESTS}::test_a_signing_key_that_is_too_short_is_masked_and_its_limit_told",),
    ),
    Guard(
        promise="the stale threshold has a hard ceiling",
        within="Variables.stale_threshold_sec",
        change=instead("MAX_STALE_THRESHOLD_SEC", "86_400"),
        tests=(f"{SETTING_TESTS}::test_the_stale_threshold_has_a_hard_ceiling",),
    ),
    Guard(
        promise="the stale threshold is above the poll period",
        within="Variables._above_the_poll_period",
        change=instead("value <= poll_sec", "value <= 0"),
        tests=(f"{SETTING_TESTS}::test_a_poll_period_that_the_default_threshold_does_not_cover_is_refused_by_name",),
    ),
    Guard(
        promise="half a pair of credentials is refused",
        within="Variables._whole_credentials",
        change=instead("(value is None) != (info.data.get(key) is None)", 'value == ""'),
        tests=(f"{DERIVED_TESTS}::test_half_a_pair_of_credentials_is_refused_and_never_completed_from_another_pair",),
    ),
    Guard(
        promise="credentials show nothing of themselves",
        within="ApiKey.api_secret",
        change=without(", repr=False"),
        tests=("integration/venues/test_exchange_answers.py::test_a_venue_does_not_show_its_secrets",),
    ),
    Guard(
        promise="the demo's settings file is for its user only",
        within="demo.write_env_file",
        change=instead("0o600", "0o644"),
        tests=("unit/demo/test_up.py::test_the_demos_settings_file_is_for_this_user_only",),
    ),
    # --- in files of their own
    Guard(
        promise="a secret that is given twice is not chosen from in silence",
        within="secret_files.read_secret_files",
        change=instead("name in variables", "name is None"),
        tests=(f"{FILE_TESTS}::test_both_set_is_an_error_that_names_both",),
    ),
    Guard(
        promise="a secret that stands where its file should is in no error",
        within="secret_files._shown",
        change=without('if is_path else "********"'),
        tests=(f"{FILE_TESTS}::test_a_secret_that_stands_where_its_file_should_is_masked",),
    ),
    Guard(
        promise="a file that holds no secret is not a secret that is not set",
        within="secret_files._read",
        change=instead("if not text:", "if text is None:"),
        tests=(f"{FILE_TESTS}::test_a_file_that_holds_no_secret_is_named",),
    ),
    Guard(
        promise="the line break that ends a secret's file is no part of it",
        within="secret_files._read",
        change=instead('("utf-8").rstrip("\\r\\n")', '("utf-8")'),
        tests=(f"{FILE_TESTS}::test_only_the_line_break_at_the_end_is_taken_off",),
    ),
)
