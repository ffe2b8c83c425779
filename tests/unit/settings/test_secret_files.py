"""``NAME_FILE``: a secret that stands in a file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from p33_tasks.bootstrap.logs import Scrubber, secrets_of
from p33_tasks.errors import ConfigurationError
from p33_tasks.secret_files import MAX_SECRET_BYTES
from p33_tasks.settings import Settings, load_settings, unknown_variables
from tests.unit.settings.test_secrets import SECRET, SECRET_VARIABLES


def refused(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings(environ)
    message = str(refusal.value)
    assert "hunter2" not in message
    return message


def write(tmp_path: Path, text: str | bytes, name: str = "secret") -> str:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_every_secret_can_stand_in_a_file(tmp_path: Path):
    files = {f"{name}_FILE": write(tmp_path, f"{value}\n", name) for name, value in SECRET_VARIABLES.items()}
    settings = load_settings(files)
    assert settings == load_settings(SECRET_VARIABLES)
    for text in (repr(settings), str(settings), repr(settings.model_dump())):
        assert "hunter2" not in text
    assert "hunter2" not in Scrubber(secrets_of(settings))(f"refused: {SECRET}")


def test_only_the_line_break_at_the_end_is_taken_off(tmp_path: Path):
    for text, expected in (("p w\n", "p w"), (" pw \r\n", " pw "), ("pw", "pw"), ("p\nw\n\n", "p\nw")):
        password = load_settings({"REDIS_PASSWORD_FILE": write(tmp_path, text)}).redis_password
        assert password is not None
        assert password.get_secret_value() == expected


def test_both_set_is_an_error_that_names_both(tmp_path: Path):
    path = write(tmp_path, SECRET)
    message = refused(REDIS_PASSWORD=SECRET, REDIS_PASSWORD_FILE=path)
    assert "REDIS_PASSWORD and REDIS_PASSWORD_FILE: both are set" in message
    env_file = tmp_path / "brain.env"
    env_file.write_text(f"REDIS_PASSWORD={SECRET}\n")
    assert "REDIS_PASSWORD and REDIS_PASSWORD_FILE" in refused(P33_ENV_FILE=str(env_file), REDIS_PASSWORD_FILE=path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * (MAX_SECRET_BYTES + 1), "more than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, content: bytes, told: str):
    path = write(tmp_path, content)
    message = refused(P33_API_KEY_FILE=path)
    assert f"P33_API_KEY_FILE={path!r}: " in message
    assert told in message


def test_a_file_that_can_not_be_read_is_named_and_nothing_else_is(tmp_path: Path):
    """That its partner has no pair now is not a second problem."""
    absent, path = tmp_path / "absent", write(tmp_path, SECRET)
    message = refused(BINANCE_API_KEY_FILE=str(absent), BINANCE_API_SECRET_FILE=path)
    assert message.splitlines()[1:] == [
        f"  BINANCE_API_KEY_FILE={str(absent)!r}: No such file or directory; name a readable file that holds the secret"
    ]
    assert "Is a directory" in refused(REDIS_PASSWORD_FILE=str(tmp_path))
    assert "REDIS_PORT='x'" in refused(REDIS_PORT="x", BINANCE_API_KEY_FILE=str(absent)), "all problems at once"


@pytest.mark.parametrize("value", [SECRET, f"/{SECRET}", f"/{SECRET}/hunter2", f"./{SECRET}", "x\0hunter2"])
def test_a_secret_that_stands_where_its_file_should_is_masked(value: str):
    assert "P33_PERMIT_SIGNING_KEY_FILE=********: " in refused(P33_PERMIT_SIGNING_KEY_FILE=value)


def test_what_the_file_holds_is_checked_like_any_value_and_masked(tmp_path: Path):
    message = refused(P33_PERMIT_SIGNING_KEY_FILE=write(tmp_path, "hunter2"))
    assert "P33_PERMIT_SIGNING_KEY=******** from P33_PERMIT_SIGNING_KEY_FILE: use at least 16 characters" in message
    assert "P33_REDIS_URL=******** from P33_REDIS_URL_FILE" in refused(P33_REDIS_URL_FILE=write(tmp_path, "hunter2://"))


def test_an_empty_variable_is_not_set_and_the_env_file_may_name_the_file(tmp_path: Path):
    assert load_settings({"REDIS_PASSWORD_FILE": ""}).redis_password is None
    env_file = tmp_path / "brain.env"
    env_file.write_text(f"REDIS_PASSWORD_FILE={write(tmp_path, SECRET)}\n")
    assert load_settings({"P33_ENV_FILE": str(env_file)}).redis_password is not None


def test_only_secrets_have_a_file(tmp_path: Path):
    environ = {"P33_POLL_SEC_FILE": write(tmp_path, "2"), "P33_API_KEY_FILE": "/x"}
    assert list(unknown_variables(environ)) == ["P33_POLL_SEC_FILE"]
    assert load_settings({"P33_POLL_SEC_FILE": write(tmp_path, "2")}).poll_sec == Settings().poll_sec
