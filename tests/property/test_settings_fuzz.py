"""Whatever the environment and the env file hold: settings that can be used, or one ConfigurationError."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import MAX_STALE_THRESHOLD_SEC, Settings, load_settings, loading

VARIABLES = [str(field.alias) for field in Settings.model_fields.values()]
SECRET_VARIABLES = {str(f.alias) for f in Settings.model_fields.values() if SecretStr in get_args(f.annotation)}
SECRET = "hunter2geheim"
MAX_ERROR_CHARS = 20_000

# An environment holds neither NUL nor "="-named variables; bytes that are not UTF-8 are lone surrogates.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60) | st.binary(
    max_size=20
).map(lambda data: data.replace(b"\0", b"").decode(errors="surrogateescape"))
NUMBERS = st.sampled_from(
    ["0", "1", "-1", "0.5", "5", "9.9999", "60", "61", "3600", "1e3", "1e400", "NaN", "inf", " 7 ", "\uff10", "1_0"]
) | st.decimals().map(str)
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["redis://", "rediss://", "sentinel://", "amqp://", "http://", "https://", "//", ""]),
    st.sampled_from(["", f":{SECRET}@", f"user:{SECRET}@", "@", "user%zz@"]),
    st.sampled_from(["host", "[::1]", "[::1", "h1:26379;h2:26379", "", "host:99999", "host:0", "ho st", "é"]),
    st.sampled_from(["", ":6379", ":x", "/", "/0", "/0/1", "/master", "/master/1", "/x"]),
    st.sampled_from(["", "?db=1", "?ssl_cert_reqs=none", "#f", "?"]),
)
WORDS = st.sampled_from(
    ["", "true", "off", "INFO", "adopt", "binanceusdm", "BTCUSDT", "BTCUSDT,,ETHUSDT", ",", "{plan_id}", "{prefix}{x}"]
)
ENVIRONMENTS = st.dictionaries(st.sampled_from(VARIABLES), TEXTS | NUMBERS | URLS | WORDS, max_size=4)


@pytest.fixture(autouse=True, scope="module")
def _no_default_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "DEFAULT_ENV_FILE", tmp_path_factory.mktemp("settings") / "absent.env")
        yield


def loaded(environ: dict[str, str]) -> Settings | None:
    """The settings, when there are any; an error must be fit for a log."""
    refusal = None
    try:
        return load_settings(environ)
    except ConfigurationError as error:
        refusal = error
    assert not shows_secret(environ, f"{refusal} {refusal.__context__!r}")
    assert len(str(refusal)) < MAX_ERROR_CHARS
    str(refusal).encode()
    return None


def shows_secret(environ: dict[str, str], text: str) -> bool:
    """Whether a password is told. In the place of a name it is a name."""
    places = {variable for variable, value in environ.items() if SECRET in value}
    return places <= SECRET_VARIABLES and "P33_ENV_FILE" not in environ and SECRET in text


def check_usable(environ: dict[str, str], found: Settings) -> None:
    """Each limit that the safety rests on is kept, and all that is derived can be derived."""
    policy = found.policy
    assert 0 < policy.poll_ms < policy.stale_threshold_ms <= MAX_STALE_THRESHOLD_SEC * 1000
    assert policy.cooldown_ms >= 0
    assert 0 < policy.permit_ttl_ms <= 3_600_000
    assert policy.plan_max_age_ms > 0
    assert 0 <= policy.qty_tolerance_pct <= 10
    assert 0 < policy.position_epsilon <= 1
    assert policy.allowlist
    assert not shows_secret(environ, repr(found))
    assert found.state_url.startswith(("redis://", "rediss://", "sentinel://"))
    assert "://" in found.celery_broker_url
    assert found.celery_broker_url != found.state_url or found.broker_url is not None
    assert len(found.api_credentials) == 2
    assert "{plan_id}" in found.governor_permit_key


@given(ENVIRONMENTS)
@example({"P33_ALLOWLIST": "é"})
@example({"REDIS_PASSWORD": "\udc80"})
@example({"P33_REDIS_URL": "sentinel://:p63h]2:28/aPs3"})
@example({"P33_REDIS_URL": "sentinel://h:1/master/" + "9" * 5_000})
@example({"P33_REDIS_URL": "redis://h:1/" + "9" * 5_000})
@example({"P33_REDIS_URL": f"redis://:{SECRET}@host:6379/0?db=1"})
@example({"P33_REDIS_URL": f"sentinel://:{SECRET}@h1:26379/master"})
@example({"P33_POLL_SEC": "0.1", "P33_STALE_THRESHOLD_SEC": "0.2"})
def test_any_environment_is_usable_or_refused_with_every_problem_named(environ: dict[str, str]):
    found = loaded(environ)
    if found is not None:
        check_usable(environ, found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200)
    | ENVIRONMENTS.map(lambda found: "\n".join(f"{n}={v}" for n, v in found.items()).encode("utf-8", "surrogateescape"))
)
@example(content=b"P33_POLL_SEC=${P33_POLL_SEC}")
@example(content=b"\xff\xfe")
@example(content=b"export P33_POLL_SEC='1")
def test_any_env_file_is_usable_or_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "some.env"
    path.write_bytes(content)
    found = loaded({"P33_ENV_FILE": str(path)})
    if found is not None:
        check_usable({"P33_ENV_FILE": str(path)}, found)


@given(TEXTS)
@example("x" * 5_000)
@example("/dev/zero/x")
def test_any_name_of_an_env_file_is_read_or_refused(name: str):
    loaded({"P33_ENV_FILE": name})
