"""``p33 up``: the command line."""

from __future__ import annotations

import importlib.util

import click

from p33_tasks.cli.durations import Seconds
from p33_tasks.cli.failures import NO, json_option
from p33_tasks.demo.up.demo import EXCHANGES, forecasts, why_not
from p33_tasks.demo.up.folder import run_folder
from p33_tasks.demo.up.launch import Request, launch_demo


@click.command(short_help="Start everything on this machine, with a simulated exchange.")
@click.option("--for", "for_sec", type=Seconds(min=1), metavar="SECONDS", help="Stop after this long.")
@click.option("--producer/--no-producer", default=True, help="Play the scenarios, or leave the exchange to you.")
@click.option("--executor/--no-executor", default=True, help="The reference executor, or one of your own.")
@click.option("--exchange", type=click.Choice(EXCHANGES), default=EXCHANGES[0], help="Whose API is simulated.")
@click.option("--hedge", is_flag=True, help="The account is in hedge mode: a long and a short leg per symbol.")
@json_option
def up(
    *,
    for_sec: float | None,
    producer: bool,
    executor: bool,
    exchange: str,
    hedge: bool,
    as_json: bool,
) -> None:
    """Start everything on this machine and show what it does. Ctrl-C stops it; nothing stays behind.

    It brings a Redis of its own, a simulated exchange, governor, reference executor, and a producer that plays the
    scenarios of the decision table. It touches no Redis of yours, and reads none of your configuration except
    P33_COOLDOWN_MODE, P33_COOLDOWN_MAX_SEC, P33_PREPARE, P33_PREPARE_MAX, P33_FORECAST, P33_RECONCILE_MODE,
    P33_RECONCILE_EXTERNAL, P33_RECONCILE_KEY and P33_SUBTRACT_RESTING. With P33_PREPARE=on a process forecasts the
    scenarios' plans, and permits are not signed; with P33_FORECAST=on p33 forecaster does that instead, and a strategy
    with positions of its own gives it plans to learn from. To run the service with your settings, see the Procfile and
    deployment/.

    \b
    Examples:
      p33 up
      p33 up --for 60 --json       one JSON summary at the end; exit 0 when plans were allowed, executed and denied,
                                   no process died, and nothing was executed without a permit
      p33 up --exchange okx        the same on a simulated OKX, with its symbols: BTC-USDT-SWAP
      P33_RECONCILE_MODE=repair p33 up --no-producer         then trade by hand at the simulated exchange
      p33 up --hedge               the same in hedge mode; plans name the leg
      p33 up --no-producer         then, in another terminal, as it says: p33 proof, p33 status, your own plans
      p33 up --no-producer --no-executor      then your own executor, e.g. examples/executor.py
    """
    if producer and not executor:
        raise click.UsageError("the scenarios need the reference executor: add --no-producer to --no-executor")
    if forecasts() and importlib.util.find_spec("river") is None:
        raise click.UsageError("P33_FORECAST=on needs river, which `pip install -r requirements-forecast.lock` brings")
    if (problem := why_not(exchange, hedge=hedge)) is not None:
        raise click.UsageError(problem)
    request = Request(
        for_sec=for_sec, as_json=as_json, with_producer=producer, with_executor=executor, exchange=exchange, hedge=hedge
    )
    with run_folder() as folder:
        good = launch_demo(request, folder)
    if not good:
        raise click.exceptions.Exit(NO)
