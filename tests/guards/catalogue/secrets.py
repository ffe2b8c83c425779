"""Log lines and errors: unforgeable, bounded, without secrets; settings within their limits."""

from __future__ import annotations

from tests.guards.guard import Guard

LOG_TESTS = "unit/bootstrap/test_logs.py"
FILE_TESTS = "unit/settings/test_secret_files.py"
SECRET_TESTS = "unit/settings/test_secrets.py"
SETTING_TESTS = "unit/settings/test_settings.py"
DERIVED_TESTS = "unit/settings/test_derived.py"


def _log(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{LOG_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="bootstrap/logs.py", old=old, new=new, tests=named)


SECRETS = (
    # --- logs
    _log(
        "a value can't forge a line of the log",
        '    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)\n',
        "    return text\n",
        "test_a_value_can_not_forge_a_line",
    ),
    _log(
        "nor can a traceback",
        'line += "".join(f"\\n    {_escaped(row)}" for row in',
        'line += "".join(f"\\n{_escaped(row)}" for row in',
        "test_nor_can_a_traceback",
    ),
    _log(
        "a value in the log is bounded",
        '    return text if len(text) <= limit else f"{text[:limit]}...({len(text)} characters)"\n',
        "    return text\n",
        "test_values_are_bounded",
    ),
    _log(
        "a quote can't end a value of the log",
        "'\"' + text.replace('\"', '\\\\\"') + '\"'",
        "'\"' + text + '\"'",
        "test_quotes_and_blanks_are_quoted",
    ),
    _log(
        "configured secrets are in no line",
        '            line = line.replace(secret, "********")\n',
        "            pass\n",
        "test_secrets_are_in_no_line",
    ),
    _log(
        "a URL in a line loses its credentials",
        '        line = _IN_URL.sub(r"\\g<scheme>********@", line)\n',
        "",
        "test_urls_lose_their_credentials_whoever_wrote_them",
    ),
    _log(
        "a signature in a line is masked",
        '        return _IN_QUERY.sub(r"\\g<name>********", line)\n',
        "        return line\n",
        "test_secrets_are_in_no_line",
    ),
    _log(
        "passwords inside URLs are known as secrets",
        "    return values + passwords\n",
        "    return values\n",
        "test_every_secret_of_the_configuration_is_known",
    ),
    _log(
        "every line passes the scrubber",
        "        return scrub(render(event))\n",
        "        return render(event)\n",
        "test_secrets_are_in_no_line",
    ),
    # --- the settings
    Guard(
        promise="a secret's value is in no error of the configuration",
        file="settings/loading.py",
        old='    secret = _is_secret(field) or "@" in value',
        new='    secret = "@" in value',
        tests=(f"{SECRET_TESTS}::test_a_signing_key_that_is_too_short_is_masked_and_its_limit_told",),
    ),
    Guard(
        promise="a URL in the wrong variable is masked too",
        file="settings/loading.py",
        old='_is_secret(field) or "@" in value',
        new="_is_secret(field)",
        tests=(f"{SECRET_TESTS}::test_no_secret_is_in_an_error_or_in_what_it_came_from",),
    ),
    Guard(
        promise="no error of the configuration drags the values along",
        file="settings/loading.py",
        old="        problems += [line for line in",
        new="        raise ConfigurationError(str(error)) from error\n        problems += [line for line in",
        tests=(f"{SECRET_TESTS}::test_no_secret_is_in_an_error_or_in_what_it_came_from",),
    ),
    Guard(
        promise="a signing key is long enough",
        file="contract/names.py",
        old="    if len(value.strip()) < MIN_SIGNING_KEY_CHARS:\n",
        new="    if not value:\n",
        tests=(f"{SECRET_TESTS}::test_a_signing_key_that_is_too_short_is_masked_and_its_limit_told",),
    ),
    Guard(
        promise="the stale threshold has a hard ceiling",
        file="settings/model.py",
        old=(
            '        Decimal(10), alias="P33_STALE_THRESHOLD_SEC", gt=0, le=MAX_STALE_THRESHOLD_SEC, decimal_places=3\n'
        ),
        new='        Decimal(10), alias="P33_STALE_THRESHOLD_SEC", gt=0, le=86_400, decimal_places=3\n',
        tests=(f"{SETTING_TESTS}::test_the_stale_threshold_has_a_hard_ceiling",),
    ),
    Guard(
        promise="the stale threshold is above the poll period",
        file="settings/model.py",
        old="        if poll_sec is not None and value <= poll_sec:\n",
        new="        if poll_sec is not None and value <= 0:\n",
        tests=(f"{SETTING_TESTS}::test_a_poll_period_that_the_default_threshold_does_not_cover_is_refused_by_name",),
    ),
    Guard(
        promise="half a pair of credentials is refused",
        file="settings/model.py",
        old="        if (value is None) != (info.data.get(key) is None):\n",
        new='        if value == "":\n',
        tests=(f"{DERIVED_TESTS}::test_half_a_pair_of_credentials_is_refused_and_never_completed_from_another_pair",),
    ),
    Guard(
        promise="credentials show nothing of themselves",
        file="venues/transport.py",
        old="    api_secret: str | None = field(default=None, repr=False)\n",
        new="    api_secret: str | None = field(default=None)\n",
        tests=("integration/venues/test_exchange_answers.py::test_a_venue_does_not_show_its_secrets",),
    ),
    Guard(
        promise="the demo's settings file is for its user only",
        file="demo/up/demo.py",
        old="os.O_EXCL, 0o600)",
        new="os.O_EXCL, 0o644)",
        tests=("unit/demo/test_up.py::test_the_demos_settings_file_is_for_this_user_only",),
    ),
    # --- in files of their own
    Guard(
        promise="a secret that is given twice is not chosen from in silence",
        file="secret_files.py",
        old="        if name in variables:\n",
        new="        if name is None:\n",
        tests=(f"{FILE_TESTS}::test_both_set_is_an_error_that_names_both",),
    ),
    Guard(
        promise="a secret that stands where its file should is in no error",
        file="secret_files.py",
        old='    return repr(place[:200]) if is_path else "********"\n',
        new="    return repr(place[:200])\n",
        tests=(f"{FILE_TESTS}::test_a_secret_that_stands_where_its_file_should_is_masked",),
    ),
    Guard(
        promise="a file that holds no secret is not a secret that is not set",
        file="secret_files.py",
        old="    if not text:\n",
        new="    if text is None:\n",
        tests=(f"{FILE_TESTS}::test_a_file_that_holds_no_secret_is_named",),
    ),
    Guard(
        promise="the line break that ends a secret's file is no part of it",
        file="secret_files.py",
        old='.decode("utf-8").rstrip("\\r\\n")\n',
        new='.decode("utf-8")\n',
        tests=(f"{FILE_TESTS}::test_only_the_line_break_at_the_end_is_taken_off",),
    ),
)
