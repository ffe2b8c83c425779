"""Failures as sentences without a traceback, and the exit codes of all commands."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import IO, Any

import click

from p33_tasks.bootstrap.journal import with_priority, writes_to_journal
from p33_tasks.cli.show import escaped, print_json
from p33_tasks.errors import ConfigurationError, ExchangeUnavailableError, P33Error, StoreUnavailableError

NO = 1
"""The answer is no."""
WRONG_USAGE = 2
"""Wrong usage, or settings that can't be used; a repetition has the same result."""
UNREACHABLE = 3
"""Redis, the broker or the exchange can't be reached, so there is no answer; try again."""

_JSON = "p33.json"


class Failure(click.ClickException):
    """A sentence for the user; exit 1."""

    exit_code = NO

    def __init__(self, message: str) -> None:
        super().__init__(message)
        context = click.get_current_context(silent=True)
        self._as_json = context is not None and bool(context.find_root().meta.get(_JSON))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence on standard error, in the journal as an error; with ``--json`` also on standard output."""
        if self._as_json:
            print_json({"error": self.message})
        text = "\n".join(escaped(line, limit=2_000) for line in f"p33: {self.message}".splitlines())
        if file is None and writes_to_journal(sys.stderr):
            text = with_priority(text, logging.ERROR)
        click.echo(text, file, err=True)


class Misconfigured(Failure):
    """A failure because the configuration can't be used; exit 2."""

    exit_code = WRONG_USAGE


class Unreachable(Failure):
    """A failure because Redis, the broker or the exchange can't be reached; exit 3."""

    exit_code = UNREACHABLE


def json_option(command: Any) -> Any:
    """``--json``: one JSON document on standard output, quantities as exact decimal literals."""
    return _json_flag("Print one JSON document; quantities are exact decimals.")(command)


def json_lines_option(command: Any) -> Any:
    """``--json`` of a command with continuous output: one JSON object per line."""
    return _json_flag("Print one JSON object per line; quantities are exact decimals.")(command)


def _json_flag(text: str) -> Any:
    return click.option("--json", "as_json", is_flag=True, callback=_remember, is_eager=True, help=text)


def as_json_from_now_on() -> None:
    """For a command with another option for JSON: its failures become JSON documents, too."""
    click.get_current_context().find_root().meta[_JSON] = True


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    context.find_root().meta[_JSON] = value
    return value


@contextlib.contextmanager
def reported_failures() -> Iterator[None]:
    """Turn this package's errors into sentences and exit codes."""
    try:
        yield
    except ConfigurationError as error:
        raise Misconfigured(str(error)) from error
    except P33Error as error:
        raise failure_of(error) from error


def failure_of(error: P33Error, message: str = "") -> Failure:
    """The failure that ends a command with the exit code of this error.

    Args:
        error: What happened.
        message: The text to show instead of the error's.
    """
    text = message or str(error)
    if isinstance(error, StoreUnavailableError):
        refused = _refused_login(error)
        return (Misconfigured if refused else Unreachable)(f"{text}\n{_LOGIN if refused else _START}")
    if isinstance(error, ExchangeUnavailableError):
        return Unreachable(text)
    return Failure(f"{text}\n{_RIGHTS}" if _lacks_a_right(error) else text)


_RIGHTS = (
    "This Redis login has no permission for that; the operator's has (REDIS_USERNAME and REDIS_PASSWORD, or "
    "P33_REDIS_URL; config/README.md says what each role may)."
)
_LOGIN = "The server is there and refused the login: check REDIS_USERNAME and REDIS_PASSWORD, or P33_REDIS_URL."
_START = (
    "Start Redis there, or set REDIS_HOST and REDIS_PORT (or P33_REDIS_URL); "
    "p33 check shows more. To try everything without a Redis of your own: p33 up"
)


def _lacks_a_right(error: P33Error) -> bool:
    """Whether Redis refused a command for lack of rights; its text differs between commands and scripts."""
    text = str(error)
    return "NoPermission" in type(error.__cause__).__name__ or "script can't" in text or "No permissions" in text


def _refused_login(error: StoreUnavailableError) -> bool:
    cause = type(error.__cause__).__name__
    return "Authentication" in cause or "NoPermission" in cause
