"""Reads the configuration: environment variables over an env file. Reports all problems at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource

from p33_tasks.errors import ConfigurationError
from p33_tasks.secret_files import SUFFIX, read_secret_files
from p33_tasks.settings.model import Settings

DEFAULT_ENV_FILE = Path("/etc/quantum/position-state-brain.env")

_READ_ELSEWHERE = ("P33_ENV_FILE", "P33_QUEUES")  # read here, and by the worker's systemd unit
_NEVER_EMPTY = "P33_ALLOWLIST"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration.

    Args:
        environ: The variables to read, instead of the process's own environment. ``P33_ENV_FILE`` among them names
            the env file. A variable that is set but empty counts as not set, except P33_ALLOWLIST: an emptied list
            is not the default's symbol. A secret may also be in the file
            that ``NAME_FILE`` names.

    Raises:
        ConfigurationError: Lists every problem. It contains no secret's value.
    """
    environ = os.environ if environ is None else environ
    filed, place = _read_env_file(environ.get("P33_ENV_FILE"))
    given = {
        name: (value, origin)
        for variables, origin in ((filed, f" in {_printable(str(place))}"), (environ, ""))
        for name, value in variables.items()
        if value or name == _NEVER_EMPTY
    }
    files = read_secret_files(given, _secrets())
    found = {name: given[name] for name in _fields_by_variable() if name in given} | files.values
    problems = list(files.problems.values())
    try:
        settings = Settings.model_validate({name: value for name, (value, _) in found.items()})
    except ValidationError as error:
        # An unreadable secret is reported already; it must not be reported as missing, too.
        problems += [line for line in _explain(error, found) if not any(name in line for name in files.problems)]
    else:
        if not problems:
            return settings
    # Raised outside the except block, so that pydantic's error, which contains every value, is not its context.
    raise ConfigurationError("\n  ".join(["The configuration is not usable:", *problems]))


def unknown_variables(environ: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """Variables that look like settings but aren't, each with the setting that was probably meant.

    Any other name that begins with ``P33_``, and near misses of the venues' and Redis' variables.

    They are not an error: an older release reads the env file of a newer one.

    Raises:
        ConfigurationError: The env file can't be read.
    """
    environ = os.environ if environ is None else environ
    filed, _ = _read_env_file(environ.get("P33_ENV_FILE"))
    known = [*_fields_by_variable(), *(f"{name}{SUFFIX}" for name in _secrets()), *_READ_ELSEWHERE]
    named = {*filed, *environ} - set(known)
    ours = {name: _meant(name, known, 0.75) for name in sorted(named) if name.startswith("P33_")}
    others = {name: _meant(name, known, 0.9) for name in sorted(named) if name.startswith(_shared_prefixes(known))}
    return ours | {name: meant for name, meant in others.items() if meant}


def _meant(name: str, known: list[str], likeness: float) -> str | None:
    return next(iter(get_close_matches(name, known, 1, likeness)), None)


def _shared_prefixes(known: list[str]) -> tuple[str, ...]:
    """Prefixes that other programs use, too (REDIS_): only near misses of our variables are reported there."""
    return tuple({name.partition("_")[0] + "_" for name in known} - {"P33_"})


def _read_env_file(named: str | None) -> tuple[Mapping[str, str], Path]:
    path = Path(named) if named else DEFAULT_ENV_FILE
    if not os.access(path, os.R_OK) or path.is_dir():
        if named:
            what = "no such readable file; create it or unset the variable"
            raise ConfigurationError(f"P33_ENV_FILE={_printable(named)}: {what}")
        return {}, path
    try:
        variables = DotEnvSettingsSource(Settings, env_file=path, case_sensitive=True).env_vars
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the env file {_printable(str(path))} can't be read: {type(error).__name__}"
        ) from None
    return {name: value for name, value in variables.items() if value is not None}, path


def _printable(text: str) -> str:
    """The text, with escapes for bytes that are not UTF-8, which can't be written to a log."""
    return text if text.isprintable() else repr(text)


# --- error texts ----------------------------------------------------------------------------------------------------


def _fields_by_variable() -> dict[str, FieldInfo]:
    return {str(field.alias): field for field in Settings.model_fields.values()}


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in get_args(field.annotation)


def _secrets() -> list[str]:
    return [name for name, field in _fields_by_variable().items() if _is_secret(field)]


def _explain(error: ValidationError, found: Mapping[str, tuple[str, str]]) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = str(problem["loc"][0])  # the variable; for a refused default, the field
        field = Settings.model_fields.get(place) or _fields_by_variable()[place]
        name = str(field.alias)
        what, allowed = problem["msg"].removeprefix("Value error, "), _allowed(field)
        if allowed and problem["type"].endswith("_parsing"):  # the allowed values imply it
            text = allowed
        else:
            text = f"{what} ({allowed})" if allowed else what
        lines.append(f"{name}{_shown(field, found.get(name))}: {text}")
    return lines


def _shown(field: FieldInfo, found: tuple[str, str] | None) -> str:
    if found is None:
        return " (not set)" if field.default is None else f" (by default {field.default})"
    value, origin = found
    secret = _is_secret(field) or "@" in value  # a URL in the wrong variable may contain one, too
    return f"=********{origin}" if secret else f"={value[:80]!r}{origin}"


def _allowed(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "allowed: true or false"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [f"{words[at]} {getattr(limit, at)}" for limit in field.metadata for at in words if hasattr(limit, at)]
    if field.annotation not in {int, Decimal} or not limits:
        return ""
    kind = "a whole number" if field.annotation is int else "a number"
    return f"allowed: {kind}, {', '.join(limits)}"
