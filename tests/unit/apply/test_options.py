"""What a client is made with: a mistake is refused before anything connects, and switches nothing off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from p33_tasks.apply import AsyncPermitClient, ConfigurationError, PermitClient
from p33_tasks.apply.environment import options_from_env
from p33_tasks.apply.options import ClientOptions
from p33_tasks.settings import load_settings

URL = "redis://127.0.0.1:1/0"
KEY, NEXT_KEY = "a signing key of 30 characters", "another key, of 30 characters!"
EXAMPLE = Path(__file__).parents[3] / "config" / "position-state-brain.env.example"

CLIENTS = pytest.mark.parametrize("client", [PermitClient, AsyncPermitClient])


@CLIENTS
@pytest.mark.parametrize("keys", [[""], ["  "], [None], [KEY, ""], ["short"], ["x" * 15], [7], None, [b"a" * 30]])
def test_a_signing_key_that_is_none_never_switches_the_check_off(client: Any, keys: Any) -> None:
    """A missing variable checked nothing: a permit rewritten from 0.01 to 0.04 was consumed."""
    with pytest.raises(ValueError, match="signing"):
        client(URL, signing_keys=keys)


@CLIENTS
def test_no_keys_at_all_switch_signatures_off_and_real_ones_are_taken(client: Any) -> None:
    for keys in ((), [], (KEY,), [KEY, NEXT_KEY]):
        client(URL, signing_keys=keys)


@CLIENTS
@pytest.mark.parametrize("keys", [KEY, KEY.encode()])
def test_one_key_is_not_taken_apart_into_letters(client: Any, keys: Any) -> None:
    with pytest.raises(TypeError, match="list"):
        client(URL, signing_keys=keys)


@CLIENTS
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"redis_url": None}, "redis_url"),
        ({"redis_url": ""}, "redis_url"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": None}, "prefix"),
        ({"prefix": "quantum:"}, "P33_KEY_PREFIX"),
        ({"prefix": "*"}, "P33_KEY_PREFIX"),
        ({"prefix": "x" * 65}, "P33_KEY_PREFIX"),
        ({"governor_key": None}, "governor_key"),
        ({"governor_key": "quantum:permit:governor"}, "must contain {plan_id}"),
        ({"governor_key": "{prefix}:permit:{plan}"}, "must contain {plan_id}"),
        ({"governor_key": "{account}:permit:{plan_id}"}, "may contain {prefix}"),
        ({"governor_key": "{prefix}:permit:p33:{plan_id}"}, "key of this service"),
        ({"governor_key": "quantum:p33:decision:{plan_id}"}, "key of this service"),
    ],
)
def test_what_cannot_be_right_is_refused_with_what_to_write(client: Any, options: Mapping[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        client(**{"redis_url": URL, **options})


@CLIENTS
def test_a_url_that_cannot_be_used_is_refused(client: Any) -> None:
    with pytest.raises(ConfigurationError, match="Redis URL"):
        client("http://127.0.0.1")


def test_secrets_are_in_no_message_and_no_repr() -> None:
    with pytest.raises(ValueError, match="at least 16") as caught:
        PermitClient(URL, signing_keys=["hunter2hunter2"])
    assert "hunter2" not in str(caught.value)
    options = ClientOptions.checked("redis://:hunter2@h/0", "quantum", "{plan_id}", [KEY])
    assert "hunter2" not in repr(options)
    assert KEY not in repr(options)


# --- from the environment -------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def without_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("p33_tasks.apply.environment.DEFAULT_ENV_FILE", tmp_path / "absent.env")
    monkeypatch.setattr("p33_tasks.settings.loading.DEFAULT_ENV_FILE", tmp_path / "absent.env")


ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "one URL": {"P33_REDIS_URL": "sentinel://a:1;b:2/master", "REDIS_HOST": "elsewhere"},
    "parts": {"REDIS_HOST": "redis.example", "REDIS_PORT": "6380", "REDIS_DB": "3"},
    "an address": {"REDIS_HOST": "::1"},
    "a password": {"REDIS_PASSWORD": "p/#?@ss", "REDIS_USERNAME": "p33-apply"},
    "tls": {"REDIS_TLS": "true"},
    "tls to sentinels": {"P33_REDIS_URL": "sentinel://a:1/m", "REDIS_TLS": "yes"},
    "tls in the URL": {"P33_REDIS_URL": f"rediss://a:1/0?ssl_ca_certs={EXAMPLE}", "REDIS_TLS": "true"},
    "no tls": {"REDIS_TLS": "off"},
    "blanks count as not set": {"REDIS_HOST": "", "P33_KEY_PREFIX": "", "P33_REDIS_URL": "", "REDIS_TLS": ""},
    "an account": {"P33_KEY_PREFIX": "second", "P33_GOVERNOR_PERMIT_KEY": "{prefix}:permit:{plan_id}"},
    "signed": {"P33_PERMIT_SIGNING_KEY": KEY},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_executor_reads_what_the_workers_read(name: str) -> None:
    options, settings = options_from_env(ENVIRONMENTS[name]), load_settings(ENVIRONMENTS[name])
    key = settings.permit_signing_key
    assert options.redis_url == settings.state_url
    assert (options.prefix, options.governor_key) == (settings.key_prefix, settings.governor_permit_key)
    assert options.signing_keys == ((key.get_secret_value(),) if key else ())


FILES = {
    "plain": "REDIS_HOST=filed\n",
    "comments and blanks": "# REDIS_HOST=x\n\n  REDIS_HOST = filed  # the host\nP33_KEY_PREFIX=\n",
    "quoted": "REDIS_PASSWORD='a # b'\nexport REDIS_HOST=\"filed\" # why\nP33_KEY_PREFIX=''\n",
    "a hash inside": "REDIS_PASSWORD=a#b\n",
    "the example": EXAMPLE.read_text("utf-8"),
}


@pytest.mark.parametrize("name", FILES)
def test_an_env_file_is_read_as_the_workers_read_it_and_under_the_environment(name: str, tmp_path: Path) -> None:
    path = tmp_path / "brain.env"
    path.write_text(FILES[name])
    for more in ({}, {"REDIS_HOST": "around"}):
        environ = {"P33_ENV_FILE": str(path), **more}
        options, settings = options_from_env(environ), load_settings(environ)
        assert (options.redis_url, options.prefix) == (settings.state_url, settings.key_prefix)


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_signing_key_in_the_environment_or_file_is_refused(blank: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="P33_PERMIT_SIGNING_KEY is set and empty"):
        PermitClient.from_env({"P33_PERMIT_SIGNING_KEY": blank})
    path = tmp_path / "brain.env"
    path.write_text(f"P33_PERMIT_SIGNING_KEY={blank}\n")
    with pytest.raises(ConfigurationError, match="empty in the env file"):
        AsyncPermitClient.from_env({"P33_ENV_FILE": str(path)})


def test_secrets_are_read_from_files(tmp_path: Path) -> None:
    place = tmp_path / "key"
    place.write_text(KEY + "\n")
    options = options_from_env({"P33_PERMIT_SIGNING_KEY_FILE": str(place), "REDIS_PASSWORD_FILE": str(place)})
    assert options.signing_keys == (KEY,)
    assert "a%20signing" in options.redis_url


def test_a_secrets_file_that_is_empty_or_away_or_one_of_two_is_refused(tmp_path: Path) -> None:
    empty, name = tmp_path / "empty", "P33_PERMIT_SIGNING_KEY"
    empty.write_text("\n")
    for environ in (
        {f"{name}_FILE": str(empty)},
        {f"{name}_FILE": str(tmp_path / "absent")},
        {f"{name}_FILE": "secrets/key"},
        {f"{name}_FILE": str(empty), name: KEY},
    ):
        with pytest.raises(ConfigurationError, match=f"{name}_FILE"):
            options_from_env(environ)


def test_all_problems_are_told_at_once_and_no_secret_with_them() -> None:
    with pytest.raises(ConfigurationError) as caught:
        options_from_env({"REDIS_PORT": "x", "P33_KEY_PREFIX": "a b", "P33_PERMIT_SIGNING_KEY": ""})
    for name in ("REDIS_PORT", "P33_KEY_PREFIX", "P33_PERMIT_SIGNING_KEY"):
        assert name in str(caught.value)
    for environ in (
        {"REDIS_DB": "-1"},
        {"REDIS_TLS": "perhaps"},
        {"REDIS_TLS": "1", "P33_REDIS_URL": "redis://a"},
        {"P33_ENV_FILE": "/absent"},
    ):
        with pytest.raises(ConfigurationError, match=next(iter(environ))):
            options_from_env(environ)


def test_a_line_of_an_env_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "brain.env"
    path.write_text("REDIS_HOST=a\nREDIS PASSWORD=hunter2\n")
    with pytest.raises(ConfigurationError, match="line 2") as caught:
        options_from_env({"P33_ENV_FILE": str(path)})
    assert "hunter2" not in str(caught.value)
