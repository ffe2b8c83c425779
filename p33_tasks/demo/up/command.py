"""``p33 up``: the command line."""

from __future__ import annotations

import click

from p33_tasks.cli.failures import NO, json_option
from p33_tasks.demo.up.folder import run_folder
from p33_tasks.demo.up.launch import Wishes, launch_demo, launch_deployment


@click.command(short_help="Start everything on this machine, with a simulated exchange.")
@click.option("--for", "for_sec", type=click.FloatRange(min=1), metavar="SECONDS", help="Stop after this long.")
@click.option("--demo/--no-demo", default=True, help="With a simulated exchange (default), or with your settings.")
@click.option("--producer/--no-producer", default=True, help="Demo: play cases, or leave the exchange to you.")
@click.option("--apply", "with_apply", is_flag=True, help="--no-demo: the reference apply layer, too. SENDS ORDERS.")
@click.option("--governor", "with_governor", is_flag=True, help="--no-demo: the reference governor, too.")
@json_option
def up(
    *,
    for_sec: float | None,
    demo: bool,
    producer: bool,
    with_apply: bool,
    with_governor: bool,
    as_json: bool,
) -> None:
    """Start everything on this machine and show what it does. Ctrl-C stops it; nothing stays behind.

    The demo brings a Redis of its own, a simulated exchange, governor, apply layer, and a producer that plays the
    cases of the decision table. It reads none of your configuration and touches no Redis of yours.

    With --no-demo it runs worker, beat and exporter with your settings, after p33 check; it sends no order unless
    --apply says so.

    \b
    Examples:
      p33 up
      p33 up --for 60 --json       one JSON summary at the end; exit 0 when plans were allowed, executed and denied,
                                   no process died, and nothing was executed without a permit
      p33 up --no-producer         then, in another terminal, as it says: p33 proof, p33 status, your own plans
      p33 up --no-demo             worker, beat and exporter with your settings
    """
    if demo and (with_apply or with_governor):
        raise click.UsageError("--apply and --governor belong to --no-demo; the demo has both")
    if not demo and not producer:
        raise click.UsageError("--no-producer belongs to the demo; --no-demo has no producer")
    wishes = Wishes(
        for_sec=for_sec,
        as_json=as_json,
        with_producer=producer,
        with_governor=with_governor,
        with_apply=with_apply,
    )
    with run_folder() as folder:
        good = launch_demo(wishes, folder) if demo else launch_deployment(wishes, folder)
    if not good:
        raise click.exceptions.Exit(NO)
