"""The configuration of CONTRACT section 2: defaults, limits, the env file, and what an error shows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import Settings, load_settings, loading, unknown_variables

SECRET = "geheim-hunter2-geheim"


def refused(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings(environ)
    return str(refusal.value)


# --- defaults and limits --------------------------------------------------------------------------------------------


def test_near_misses_of_the_venues_variables_are_named_and_other_programs_ones_are_not() -> None:
    environ = {"BINANCE_API_SECERT": "x", "REDIS_PASWORD": "x", "REDIS_URL": "x", "BINANCE_FUTURES_URL": "x"}
    assert unknown_variables(environ) == {"BINANCE_API_SECERT": "BINANCE_API_SECRET", "REDIS_PASWORD": "REDIS_PASSWORD"}


def test_the_defaults_are_the_contracts():
    settings = load_settings({})
    assert settings.model_dump(by_alias=True) == {
        "P33_LOG_LEVEL": "INFO",
        "P33_LOG_FORMAT": "text",
        "REDIS_HOST": "localhost",
        "REDIS_PORT": 6379,
        "REDIS_DB": 0,
        "REDIS_USERNAME": None,
        "REDIS_PASSWORD": None,
        "REDIS_TLS": False,
        "P33_REDIS_URL": None,
        "P33_BROKER_URL": None,
        "P33_KEY_PREFIX": "quantum",
        "P33_POLL_SEC": Decimal(5),
        "P33_ALLOWLIST": ("BTCUSDT",),
        "P33_STALE_THRESHOLD_SEC": Decimal(10),
        "P33_COOLDOWN_SEC": Decimal(15),
        "P33_COOLDOWN_MODE": "fixed",
        "P33_COOLDOWN_MAX_SEC": None,
        "P33_QTY_TOLERANCE_PCT": Decimal("1.0"),
        "P33_POSITION_EPSILON": Decimal("0.0001"),
        "P33_PERMIT_TTL": 60,
        "P33_PLAN_MAX_AGE_SEC": Decimal(60),
        "P33_LEDGER_BOOTSTRAP": "deny",
        "P33_METRICS_PORT": 8045,
        "P33_METRICS_HOST": "127.0.0.1",
        "P33_FLOWER_URL": None,
        "P33_RUNBOOK_URL": None,
        "P33_EXCHANGE": "binanceusdm",
        "P33_EXCHANGE_BASE_URL": None,
        "BINANCE_API_KEY": None,
        "BINANCE_API_SECRET": None,
        "BINANCE_TESTNET_API_KEY": None,
        "BINANCE_TESTNET_API_SECRET": None,
        "BINANCE_TESTNET": True,
        "P33_API_KEY": None,
        "P33_API_SECRET": None,
        "P33_API_PASSWORD": None,
        "P33_TESTNET": True,
        "P33_GOVERNOR_PERMIT_KEY": "{prefix}:permit:governor:{plan_id}",
        "P33_PERMIT_SIGNING_KEY": None,
        "P33_RUNTIME_DIR": None,
        "P33_ACCEPT_OLD_LIFE": False,
        "P33_HOLD_ON_BREACH": True,
        "P33_TASK_KEY": None,
        "P33_RECONCILE_KEY": None,
        "P33_INGEST": "on",
        "P33_RECONCILE_MODE": "off",
        "P33_RECONCILE_EXTERNAL": "hold",
        "P33_PREPARE": "off",
        "P33_PREPARE_MAX": 600,
        "P33_FORECAST": "off",
        "P33_SUBTRACT_RESTING": False,
        "P33_NOTIFY": None,
        "P33_OWN_ORDER_PREFIX": None,
    }


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("P33_STALE_THRESHOLD_SEC", "60.001", "at most 60"),
        ("P33_STALE_THRESHOLD_SEC", "300", "at most 60"),
        ("P33_STALE_THRESHOLD_SEC", "5", "must be greater than P33_POLL_SEC=5"),
        ("P33_STALE_THRESHOLD_SEC", "NaN", "finite"),
        ("P33_STALE_THRESHOLD_SEC", "ten", "a number, more than 0"),
        ("P33_STALE_THRESHOLD_SEC", "9.0001", "3 decimal places"),
        ("P33_POLL_SEC", "0", "at least 0.1"),
        ("P33_POLL_SEC", "61", "at most 60"),
        ("P33_COOLDOWN_SEC", "-1", "at least 0"),
        ("P33_QTY_TOLERANCE_PCT", "10.1", "at most 10"),
        ("P33_QTY_TOLERANCE_PCT", "-0.1", "at least 0"),
        ("P33_POSITION_EPSILON", "0", "more than 0"),
        ("P33_POSITION_EPSILON", "1e-400", "decimal places"),
        ("P33_PERMIT_TTL", "0", "at least 1"),
        ("P33_PERMIT_TTL", "1.5", "a whole number"),
        ("P33_PLAN_MAX_AGE_SEC", "0", "more than 0"),
        ("P33_METRICS_PORT", "65536", "at most 65535"),
        ("REDIS_PORT", "six", "a whole number, at least 1, at most 65535"),
        ("REDIS_DB", "-1", "at least 0"),
        ("REDIS_TLS", "maybe", "true or false"),
        ("BINANCE_TESTNET", "2", "true or false"),
        ("REDIS_HOST", "host/1", "pattern"),
        ("P33_RUNTIME_DIR", "run/p33", "pattern"),
        ("P33_LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("P33_LEDGER_BOOTSTRAP", "allow", "'deny' or 'adopt'"),
        ("P33_ALLOWLIST", " , ", "at least one symbol"),
        ("P33_ALLOWLIST", "", "at least one symbol"),
        ("P33_ALLOWLIST", "BTC USDT", "can't be a symbol"),
        ("P33_ALLOWLIST", "BTC|USDT", "can't be a symbol"),
        ("P33_ALLOWLIST", "B\u200bTC", "can't be a symbol"),
        ("P33_ALLOWLIST", "BTCUSDT,X:Long", "names a leg"),
        ("P33_KEY_PREFIX", "a b", "letters, digits"),
        ("P33_KEY_PREFIX", "a:b", "letters, digits"),
        ("P33_EXCHANGE", "Binance!", "pattern"),
        ("P33_EXCHANGE", "kraken", "this venue is not supported; supported: binanceusdm"),
        ("P33_EXCHANGE_BASE_URL", "127.0.0.1:8088", "scheme and host"),
        ("P33_EXCHANGE_BASE_URL", "http://host/fapi", "scheme and host"),
        ("P33_GOVERNOR_PERMIT_KEY", "{prefix}:permit", "must contain {plan_id}"),
        ("P33_GOVERNOR_PERMIT_KEY", "{account}:{plan_id}", "may contain {prefix}"),
    ],
)
def test_a_bad_value_is_named_with_what_was_found_and_what_is_allowed(variable: str, value: str, told: str):
    message = refused(**{variable: value})
    assert f"{variable}={value!r}" in message
    assert told in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("P33_STALE_THRESHOLD_SEC", "60"),
        ("P33_STALE_THRESHOLD_SEC", "5.001"),
        ("P33_QTY_TOLERANCE_PCT", "10"),
        ("P33_COOLDOWN_SEC", "0"),
        ("P33_METRICS_PORT", "0"),
        ("REDIS_TLS", "TRUE"),
        ("P33_LOG_LEVEL", "debug"),
        ("P33_LEDGER_BOOTSTRAP", "Adopt"),
        ("P33_EXCHANGE_BASE_URL", "http://127.0.0.1:8088/"),
        ("P33_GOVERNOR_PERMIT_KEY", "{prefix}:permit:{plan_id}"),
        ("REDIS_HOST", "::1"),
    ],
)
def test_a_value_at_its_limit_is_fine(variable: str, value: str):
    load_settings({variable: value})


def test_a_poll_period_that_the_request_budget_cannot_serve_is_refused():
    """At 0.2 s the weight of a minute was used up after 48 s, and snapshots stopped."""
    message = refused(P33_POLL_SEC="0.2")
    for part in ("300 refreshes a minute of weight 5", "1500.5", "at most 1200", "binanceusdm's 2400", "0.251"):
        assert part in message
    assert load_settings({"P33_POLL_SEC": "0.251"}).poll_sec == Decimal("0.251")
    assert "0.25 refreshes" not in refused(P33_POLL_SEC="0.25")


def test_the_stale_threshold_has_a_hard_ceiling():
    """Raised to 300 s "temporarily", it was still there 16 days later."""
    assert load_settings({"P33_STALE_THRESHOLD_SEC": "60"}).policy.stale_threshold_ms == 60_000
    assert "at most 60" in refused(P33_STALE_THRESHOLD_SEC="61")


def test_a_poll_period_that_the_default_threshold_does_not_cover_is_refused_by_name():
    message = refused(P33_POLL_SEC="20")
    assert "P33_STALE_THRESHOLD_SEC (by default 10): must be greater than P33_POLL_SEC=20" in message


def test_a_poll_period_below_a_second_works():
    """``int("0.5")`` crashed the predecessor."""
    assert load_settings({"P33_POLL_SEC": "0.5"}).policy.poll_ms == 500


def test_the_policy_has_the_settings_in_the_domains_units():
    policy = load_settings(
        {
            "P33_ALLOWLIST": " btcusdt, ETHUSDT,,BTCUSDT ",
            "P33_COOLDOWN_SEC": "2.5",
            "P33_PLAN_MAX_AGE_SEC": "30",
            "P33_PERMIT_TTL": "7",
            "P33_QTY_TOLERANCE_PCT": "0.3",
        }
    ).policy
    assert policy.allowlist == {"BTCUSDT", "ETHUSDT"}
    assert (policy.cooldown_ms, policy.plan_max_age_ms, policy.permit_ttl_ms) == (2500, 30_000, 7000)
    assert policy.qty_tolerance_pct == Decimal("0.3")


def test_a_symbol_is_what_the_venue_lists():
    """One outside ASCII is listed; one that isn't listed is named by p33 check, and stops nobody else."""
    symbols = ("币安人生USDT", "BTC/USDT", "1000SHIBUSDT", "x:LONGUSDT", "\u017fUSDT")
    assert load_settings({"P33_ALLOWLIST": ",".join(symbols)}).allowlist == (*symbols[:3], "X:LONGUSDT", symbols[4])


def test_all_problems_are_told_at_once():
    message = refused(REDIS_PORT="x", P33_POLL_SEC="y", P33_ALLOWLIST=",", P33_KEY_PREFIX="?", P33_REDIS_URL="z://")
    for variable in ("REDIS_PORT", "P33_POLL_SEC", "P33_ALLOWLIST", "P33_KEY_PREFIX", "P33_REDIS_URL"):
        assert f"  {variable}=" in message
    assert len(message.splitlines()) == 6


def test_what_is_no_number_is_told_by_what_is_allowed_alone():
    assert "REDIS_PORT='six': allowed: a whole number, at least 1, at most 65535" in refused(REDIS_PORT="six")
    assert "REDIS_TLS='maybe': allowed: true or false" in refused(REDIS_TLS="maybe")


def test_settings_can_not_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).poll_sec = Decimal(1)  # type: ignore[misc]  # that is the test


# --- where they come from -------------------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file(tmp_path: Path):
    file = tmp_path / "brain.env"
    file.write_text("# comment\nP33_POLL_SEC=2\nexport P33_COOLDOWN_SEC='3'\nUNRELATED=1\n")
    settings = load_settings({"P33_ENV_FILE": str(file), "P33_POLL_SEC": "4"})
    assert (settings.poll_sec, settings.cooldown_sec) == (4, 3)


def test_a_variable_that_is_set_but_empty_is_not_set(tmp_path: Path):
    file = tmp_path / "brain.env"
    file.write_text("P33_POLL_SEC=2\nREDIS_PASSWORD=\n")
    settings = load_settings({"P33_ENV_FILE": str(file), "P33_POLL_SEC": "", "P33_PERMIT_SIGNING_KEY": ""})
    assert settings.poll_sec == 2
    assert settings.redis_password is None
    assert settings.permit_signing_key is None


def test_a_problem_in_the_file_says_which_file(tmp_path: Path):
    file = tmp_path / "brain.env"
    file.write_text(f"P33_POLL_SEC=abc\nP33_REDIS_URL=http://{SECRET}\n")
    message = refused(P33_ENV_FILE=str(file))
    assert f"P33_POLL_SEC='abc' in {file}: " in message
    assert f"P33_REDIS_URL=******** in {file}: " in message
    assert SECRET not in message


def test_the_default_file_may_be_absent_and_is_read_when_present(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert load_settings({}).poll_sec == 5
    file = tmp_path / "default.env"
    file.write_text("P33_POLL_SEC=3\n")
    monkeypatch.setattr(loading, "DEFAULT_ENV_FILE", file)
    assert load_settings({}).poll_sec == 3


def test_a_named_file_may_not_be_absent(tmp_path: Path):
    for place in (tmp_path / "nowhere.env", tmp_path):
        assert f"P33_ENV_FILE={place}: no such readable file" in refused(P33_ENV_FILE=str(place))


def test_a_file_that_is_no_text_is_an_error_that_names_it(tmp_path: Path):
    file = tmp_path / "brain.env"
    file.write_bytes(b"P33_POLL_SEC=\xff\xfe")
    assert str(file) in refused(P33_ENV_FILE=str(file))


def test_only_the_given_variables_are_read(monkeypatch: pytest.MonkeyPatch):
    """A demo that is told its own Redis must not find the configured one in the process's environment."""
    monkeypatch.setenv("REDIS_PORT", "7000")
    monkeypatch.setenv("REDIS_HOST", "live.example")
    monkeypatch.delenv("P33_ENV_FILE", raising=False)
    assert load_settings({"REDIS_PORT": "7001"}).state_url == "redis://localhost:7001/0"
    assert load_settings().state_url == "redis://live.example:7000/0"
    assert Settings(REDIS_PORT="7002").state_url == "redis://localhost:7002/0"


# --- what is no setting ---------------------------------------------------------------------------------------------


def test_a_variable_of_ours_that_is_no_setting_is_known_in_environment_and_file_and_nobody_elses_is(tmp_path):
    path = tmp_path / "some.env"
    path.write_text("P33_ALOWLIST=BTCUSDT\nP33_COOLDOWN_SEC=20\nFLOWER_PORT=1\n")
    environ = {"P33_ENV_FILE": str(path), "P33_QUEUES": "p33.permits", "P33_POLLSEC": "1", "HOME": "/", "P33_X": ""}
    assert unknown_variables(environ) == {
        "P33_ALOWLIST": "P33_ALLOWLIST",
        "P33_POLLSEC": "P33_POLL_SEC",
        "P33_X": None,
    }
    assert load_settings(environ).cooldown_sec == Decimal(20)


def test_the_longest_adaptive_cooldown_is_four_times_the_cooldown_unless_told_otherwise():
    assert load_settings({"P33_COOLDOWN_SEC": "20"}).cooldown_max_ms == 80_000
    assert load_settings({"P33_COOLDOWN_SEC": "80000"}).cooldown_max_ms == 86_400_000
    assert load_settings({"P33_COOLDOWN_MAX_SEC": "22.5"}).cooldown_max_ms == 22_500
    with pytest.raises(ConfigurationError, match="P33_COOLDOWN_MAX_SEC"):
        load_settings({"P33_COOLDOWN_SEC": "20", "P33_COOLDOWN_MAX_SEC": "19.9"})


def test_nothing_is_prepared_where_permits_are_signed():
    assert load_settings({"P33_PREPARE": "ON"}).prepares
    assert not load_settings({}).prepares
    signed = {"P33_PREPARE": "on", "P33_PERMIT_SIGNING_KEY": "a-key-of-32-characters-that-signs"}
    assert not load_settings(signed).prepares


def test_resting_orders_count_only_where_all_of_them_are_told_at_once() -> None:
    assert Settings(P33_SUBTRACT_RESTING="true").policy.subtract_resting
    assert not Settings().policy.subtract_resting
    with pytest.raises(ValueError, match="only binanceusdm is"):
        Settings(P33_SUBTRACT_RESTING="true", P33_EXCHANGE="okx")


def test_the_request_weight_must_hold_the_refreshes_and_a_reading_of_open_orders() -> None:
    assert Settings(P33_POLL_SEC="0.26")
    with pytest.raises(ValueError, match="use a longer P33_POLL_SEC"):
        Settings(P33_POLL_SEC="0.26", P33_SUBTRACT_RESTING="true")
