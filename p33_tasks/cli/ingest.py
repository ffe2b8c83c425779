"""``p33 ingest``: the streams' reader in a process of its own."""

from __future__ import annotations

import click

from p33_tasks.cli.failures import WRONG_USAGE


@click.command(short_help="Read the streams in a process of its own.")
@click.option(
    "--stream",
    "streams",
    type=click.Choice(["plans", "results"]),
    multiple=True,
    help="Only this stream; both by default.",
)
@click.option("--concurrency", type=click.IntRange(min=1), help="Processes of the workers' pools that it feeds.")
def ingest(streams: tuple[str, ...], concurrency: int | None) -> None:
    """Read plans and results from the streams and hand them to the workers as tasks.

    A worker does this by itself; run this command only with P33_INGEST=off on the workers. SIGTERM and Ctrl-C end
    it. Another ingest claims the entries that it read and no worker has finished.

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
