"""``p33 deadletters``: the entries that could not be understood, and why."""

from __future__ import annotations

from typing import Any

import click

from p33_tasks.cli.failures import Failure, json_option
from p33_tasks.cli.session import open_session
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.contract.timing import iso
from p33_tasks.views.dead_letters import DeadLetter, is_entry_id, read_dead_letter, read_dead_letters


@click.group(short_help="Entries that could not be understood.")
def deadletters() -> None:
    """A plan or result that can't be understood is moved to the dead-letter stream, so that those behind it go on.

    \b
    Examples:
      p33 deadletters list
      p33 deadletters show 1795753122367-0
    """


@deadletters.command("list", short_help="The newest, one line each.")
@click.option("--count", type=click.IntRange(1, 1_000), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Only those older than this one.")
@json_option
def list_(count: int, before: str | None, as_json: bool) -> None:
    """List the dead letters, newest first: their id, the stream they come from, and what is wrong with them.

    \b
    Examples:
      p33 deadletters list
      p33 deadletters list --count 100 --before 1795753122367-0
    """
    session = open_session()
    letters = read_dead_letters(session.client, session.keys, before=_checked(before or ""), count=count)
    if as_json:
        print_json({"dead_letters": [_json(letter) for letter in letters]})
        return
    lines = [
        f"{letter.entry_id}  {iso(letter.ts_ms)}  {escaped(letter.source_stream)}  {escaped(letter.error, limit=300)}"
        for letter in letters
    ]
    print_lines(console(), (cell(line, limit=600) for line in lines or ["There is none."]))


@deadletters.command(short_help="One of them, whole.")
@click.argument("entry_id", metavar="ID")
@json_option
def show(entry_id: str, as_json: bool) -> None:
    """Show the dead letter ID with the entry as it was kept. Exit 1 when there is none of that id.

    \b
    Example:
      p33 deadletters show 1795753122367-0
    """
    session = open_session()
    letter = read_dead_letter(session.client, session.keys, _checked(entry_id))
    if letter is None:
        raise Failure(f"there is no dead letter {entry_id}; about 10 000 are kept: p33 deadletters list")
    if as_json:
        print_json(_json(letter))
        return
    head = (
        f"Dead letter {letter.entry_id}, moved there {iso(letter.ts_ms)}",
        f"  from   {escaped(letter.source_stream)}, entry {escaped(letter.source_id)}",
        f"  error  {escaped(letter.error, limit=1_000)}",
    )
    fields = (f"  {escaped(name)}: {escaped(value, limit=2_000)}" for name, value in letter.fields.items())
    entry = fields if letter.fields else (f"  {escaped(letter.entry, limit=2_000)}",)
    print_lines(console(), (cell(line, limit=3_000) for line in (*head, *entry)))


def _checked(entry_id: str) -> str:
    if entry_id and not is_entry_id(entry_id):
        raise click.BadParameter("an entry id is two numbers, e.g. 1795753122367-0; p33 deadletters list shows them")
    return entry_id


def _json(letter: DeadLetter) -> dict[str, Any]:
    return {
        "entry_id": letter.entry_id,
        "ts_ms": letter.ts_ms,
        "source_stream": letter.source_stream,
        "source_id": letter.source_id,
        "error": letter.error,
        "fields": dict(letter.fields),
        "entry": letter.entry,
    }
