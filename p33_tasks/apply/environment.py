"""Read a ``PermitClient``'s options from the same environment variables and env file as the workers.

Without pydantic, which the service uses: an executor's environment has redis-py only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from p33_tasks.apply.options import ClientOptions
from p33_tasks.contract.names import DEFAULT_GOVERNOR_KEY, DEFAULT_PREFIX
from p33_tasks.errors import ConfigurationError
from p33_tasks.redis_url import with_tls
from p33_tasks.secret_files import read_secret_files

DEFAULT_ENV_FILE = Path("/etc/quantum/position-state-brain.env")
SIGNING_KEY = "P33_PERMIT_SIGNING_KEY"

_SECRETS = ("P33_REDIS_URL", "REDIS_PASSWORD", SIGNING_KEY)
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""(["'])(.*)\1\s*(?:#.*)?""")
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on", "t", "y"}), frozenset({"false", "0", "no", "off", "f", "n", ""})


def options_from_env(environ: Mapping[str, str] | None = None) -> ClientOptions:
    """The options from the environment.

    An empty variable counts as not set, as in the service. Exception: an empty ``P33_PERMIT_SIGNING_KEY`` is an error,
    since it would switch the check off.

    Args:
        environ: Used instead of the process's environment.

    Raises:
        ConfigurationError: Lists all problems at once; contains no secret.
    """
    environ = os.environ if environ is None else environ
    filed = _read_env_file(environ.get("P33_ENV_FILE"))
    problems = [
        f"{SIGNING_KEY} is set and empty{origin}: give the workers' key, or unset it (no signatures)"
        for variables, origin in ((environ, ""), (filed, " in the env file"))
        if not variables.get(SIGNING_KEY, "x").strip()
    ]
    given = {
        name: (text, origin)
        for variables, origin in ((filed, " in the env file"), (environ, ""))
        for name, text in variables.items()
        if text
    }
    files = read_secret_files(given, _SECRETS)
    problems += files.problems.values()
    found = {name: text for name, (text, _) in (given | files.values).items()}
    url, options = "", None
    try:
        url = _url_of(found)
    except ValueError as error:
        problems.append(str(error))
    signing_key = found.get(SIGNING_KEY, "").strip() and found[SIGNING_KEY]
    try:
        options = ClientOptions.checked(
            url or "redis://",
            found.get("P33_KEY_PREFIX", DEFAULT_PREFIX),
            found.get("P33_GOVERNOR_PERMIT_KEY", DEFAULT_GOVERNOR_KEY),
            (signing_key,) if signing_key else (),
            accept_old_life=found.get("P33_ACCEPT_OLD_LIFE", "").strip().lower() in _TRUE,
        )
    except ValueError as error:
        problems.append(str(error))
    if problems or options is None:
        raise ConfigurationError("\n  ".join(["The configuration is not usable:", *problems]))
    return options


def _url_of(found: Mapping[str, str]) -> str:
    tls = found.get("REDIS_TLS", "").strip().lower()
    if tls not in _TRUE | _FALSE:
        raise ValueError(f"REDIS_TLS={tls[:40]!r}: true or false")
    url = found.get("P33_REDIS_URL")
    if not url:
        return _url_of_parts(found, scheme="rediss" if tls in _TRUE else "redis")
    if tls in _TRUE and url.startswith("redis://"):
        raise ValueError("REDIS_TLS=true beside P33_REDIS_URL=redis://…: write rediss://")
    return with_tls(url) if tls in _TRUE else url


def _url_of_parts(found: Mapping[str, str], *, scheme: str) -> str:
    host, port, db = found.get("REDIS_HOST", "localhost"), found.get("REDIS_PORT", "6379"), found.get("REDIS_DB", "0")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:  # noqa: PLR2004 - the largest port
        raise ValueError(f"REDIS_PORT={port[:40]!r}: a whole number from 1 to 65535")
    if not re.fullmatch(r"[0-9]{1,4}", db):
        raise ValueError(f"REDIS_DB={db[:40]!r}: a whole number from 0")
    password, user = found.get("REDIS_PASSWORD"), found.get("REDIS_USERNAME", "")
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    return f"{scheme}://{credentials}{f'[{host}]' if ':' in host else host}:{port}/{db}"


def _read_env_file(named: str | None) -> dict[str, str]:
    """The variables of an env file in systemd's plain format: ``NAME=value``, quotes, comments."""
    path = Path(named) if named else DEFAULT_ENV_FILE
    if not path.is_file() or not os.access(path, os.R_OK):
        if named:
            what = "no such readable file; create it or unset the variable"
            raise ConfigurationError(f"P33_ENV_FILE={named[:200]!r}: {what}")
        return {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the env file {path} can't be read: {type(error).__name__}") from None
    variables = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(line)
        if not assignment:
            raise ConfigurationError(f"the env file {path}, line {number}: write NAME=value")
        variables[assignment[1]] = _value_of(assignment[2])
    return variables


def _value_of(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else re.sub(r"(^|\s+)#.*", "", text).strip()
