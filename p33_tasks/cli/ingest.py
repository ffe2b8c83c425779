"""``p33 ingest``: reads the streams, in a separate process."""

from __future__ import annotations

import click

from p33_tasks.cli.failures import WRONG_USAGE


@click.command(short_help="Read the streams in a separate process.")
@click.option(
    "--stream",
    "streams",
    type=click.Choice(["plans", "results"]),
    multiple=True,
    help="Only this stream; both by default.",
)
@click.option(
    "--concurrency", type=click.IntRange(min=1), help="Number of pool processes of the workers that this ingest serves."
)
def ingest(streams: tuple[str, ...], concurrency: int | None) -> None:
    """Read plans and results from the streams and send them to the workers as tasks.

    Each worker normally starts its own ingest; run this command only with P33_INGEST=off on the workers. SIGTERM and
    Ctrl-C stop it. Entries that it read and no worker finished are claimed by another ingest.

    \b
    Examples:
      p33 ingest
      p33 ingest --stream results
    """
    from p33_tasks.celery.ingest import run
    from p33_tasks.ingest.options import Options

    usual = Options()
    if run(Options(streams=streams or usual.streams, concurrency=concurrency or usual.concurrency)):
        raise click.exceptions.Exit(WRONG_USAGE)
