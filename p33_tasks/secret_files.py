"""Secrets that stand in files of their own, as containers and systemd credentials give them: ``NAME_FILE``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SUFFIX = "_FILE"
MAX_SECRET_BYTES = 65_536

Found = dict[str, tuple[str, str]]
"""A variable's value, and where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFiles:
    """What the files held."""

    values: Found = field(default_factory=dict)  # by the secret's own variable
    problems: dict[str, str] = field(default_factory=dict)  # a line each, by the secret's own variable


def read_secret_files(variables: Mapping[str, tuple[str, str]], secrets: Iterable[str]) -> SecretFiles:
    """Read the secrets whose ``NAME_FILE`` is set.

    Args:
        variables: Every variable that is set: its value, and where it stands.
        secrets: The variables that hold a secret.
    """
    found = SecretFiles()
    for name in secrets:
        file = f"{name}{SUFFIX}"
        if file not in variables:
            continue
        place, origin = variables[file]
        if name in variables:
            found.problems[name] = f"{name} and {file}{origin}: both are set; keep one of them"
            continue
        try:
            found.values[name] = (_read(Path(place)), f" from {file}{origin}")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            found.problems[name] = f"{file}={_shown(place)}{origin}: {why}; name a readable file that holds the secret"
    return found


def _read(path: Path) -> str:
    """The secret, without the line break that ends a file.

    Raises:
        OSError: It can't be read.
        ValueError: What it holds can't be a secret.
    """
    if not path.is_absolute():
        raise ValueError("the path is not absolute")
    with path.open("rb") as file:
        if not path.is_file():
            raise ValueError("it is not a regular file")
        raw = file.read(MAX_SECRET_BYTES + 1)
    if len(raw) > MAX_SECRET_BYTES:
        raise ValueError(f"it holds more than {MAX_SECRET_BYTES} bytes")
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it holds bytes that are not UTF-8") from None
    if not text:
        raise ValueError("it is empty")
    return text


def _shown(place: str) -> str:
    """The path; masked where it can't be one, since the secret itself may stand there by mistake."""
    try:
        is_path = Path(place).is_absolute() and len(Path(place).parts) > 2 and Path(place).parent.is_dir()  # noqa: PLR2004 - not in /
    except (OSError, ValueError):
        is_path = False
    return repr(place[:200]) if is_path else "********"
