"""``p33 deadletters``: shows the entries that can't be read and their errors, and puts a result back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from p33_tasks.cli.failures import NO, Failure, json_option
from p33_tasks.cli.findings import counted
from p33_tasks.cli.retrying import retry_of
from p33_tasks.cli.session import Session, open_session, operator
from p33_tasks.cli.show import cell, console, escaped, print_json, print_lines
from p33_tasks.contract.entries import time_ms_of
from p33_tasks.contract.timing import iso
from p33_tasks.store.dead_letters import DEAD_LETTER_MAXLEN
from p33_tasks.store.operator import OperatorStore, Retry
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.dead_letters import DeadLetter, is_entry_id, read_dead_letter, read_dead_letters


@click.group(short_help="List unreadable entries, or retry them.")
def deadletters() -> None:
    """A plan or result that can't be read is moved to the dead-letter stream, so that it blocks no later entry.

    \b
    Examples:
      p33 deadletters list
      p33 deadletters show 1795753122367-0
      p33 deadletters retry 1795753122367-0
    """


@deadletters.command("list", short_help="The newest, one line each.")
@click.option("--count", type=click.IntRange(1, 1_000), default=20, show_default=True, help="How many.")
@click.option("--before", metavar="ID", help="Only entries older than this one.")
@json_option
def list_(count: int, before: str | None, as_json: bool) -> None:
    """List the dead letters, newest first: id, source stream, and error.

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


@deadletters.command(short_help="Show one dead letter in full.")
@click.argument("entry_id", metavar="ID")
@json_option
def show(entry_id: str, as_json: bool) -> None:
    """Show the dead letter ID with its complete entry. Exit 1 if it does not exist.

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


@deadletters.command(short_help="Put a result back into its stream.")
@click.argument("entry_id", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="Every dead letter that can be retried, instead of ID.")
@click.option("--yes", is_flag=True, help="With --all: skip the confirmation.")
@json_option
def retry(entry_id: str | None, everything: bool, yes: bool, as_json: bool) -> None:
    """Put the dead letter ID back into its stream: a result that this version can read now.

    It is recorded in the audit stream. The result keeps its original time, so that nothing is counted twice: an order
    that was recorded since then adds nothing, and an order from before the ledger was adopted is stored but not
    applied. Plans, and results older than 7 days, are never put back. Exit 1 if nothing was put back; the output has
    the reason and what to do.

    \b
    Examples:
      p33 deadletters retry 1795753122367-0
      p33 deadletters retry --all
    """
    if everything == (entry_id is not None):
        raise click.UsageError("name one dead letter: ID, or --all")
    session = open_session()
    found = {letter.entry_id: _retry_of(session, letter) for letter in _letters(session, _checked(entry_id or ""))}
    wanted = {letter_id: it for letter_id, it in found.items() if isinstance(it, Retry)}
    if everything and wanted and not yes:
        if as_json:
            raise click.UsageError("--json has no confirmation; add --yes")
        click.confirm(f"Put {counted(len(wanted), 'result')} of {counted(len(found), 'dead letter')} back?", abort=True)
    refused = {letter_id: it for letter_id, it in found.items() if isinstance(it, str)}
    done: dict[str, str] = {}
    store = OperatorStore(session.client, session.keys)
    for letter_id, it in reversed(wanted.items()):  # oldest first, in their original order
        status, new_id = store.retry_dead_letter(letter_id, it, by=operator())
        if status == "retried":
            done[letter_id] = new_id
        else:
            refused[letter_id] = (
                "another person put it back, or it was trimmed" if status == "gone" else "it is too old"
            )
    if as_json:
        print_json({"retried": done, "refused": refused})
    else:
        print_lines(console(), (cell(line, limit=1_000) for line in _retry_lines(wanted, done, refused)))
    if not done:
        raise click.exceptions.Exit(NO)


def _letters(session: Session, entry_id: str) -> tuple[DeadLetter, ...]:
    if not entry_id:
        return read_dead_letters(session.client, session.keys, count=DEAD_LETTER_MAXLEN * 2)
    letter = read_dead_letter(session.client, session.keys, entry_id)
    if letter is None:
        raise Failure(f"there is no dead letter {entry_id}; it may have been put back already: p33 deadletters list")
    return (letter,)


def _retry_of(session: Session, letter: DeadLetter) -> Retry | str:
    from p33_tasks.venues.build import venue_entry

    with translated_errors():
        sec, micros = session.client.time()
    reader = venue_entry(session.settings.exchange).results
    return retry_of(letter, session.keys, reader, now_ms=int(sec) * 1000 + int(micros) // 1000)


def _retry_lines(wanted: dict[str, Retry], done: dict[str, str], refused: dict[str, str]) -> Iterator[str]:
    for letter_id, new_id in done.items():
        it = wanted[letter_id]
        first = iso(time_ms_of(it.first_id))
        yield f"{letter_id} was put back as {new_id}: plan {escaped(it.plan_id)}, {escaped(it.symbol)}, as of {first}"
    for letter_id, why in refused.items():
        yield f"{letter_id} was not put back: {escaped(why, limit=800)}"
    if done:
        yield "A worker records it now (p33 ledger show). If it contradicts the record, it becomes a dead letter again."
    elif not refused:
        yield "There is no dead letter."


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
