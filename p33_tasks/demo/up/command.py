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
@click.option("--producer/--no-producer", default=True, help="Run the scenarios, or send no plans.")
@click.option("--executor/--no-executor", default=True, help="Start the reference executor, or use your own.")
@click.option("--exchange", type=click.Choice(EXCHANGES), default=EXCHANGES[0], help="The venue to simulate.")
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
    """Start everything on this machine and show the verdicts. Ctrl-C stops it and removes all of it.

    It starts a separate Redis, a simulated exchange, governor, reference executor, and a producer that runs the
    scenarios of the decision table. It uses no configured Redis. From your environment it reads only
    P33_COOLDOWN_MODE, P33_COOLDOWN_MAX_SEC, P33_PREPARE, P33_PREPARE_MAX, P33_FORECAST, P33_RECONCILE_MODE,
    P33_RECONCILE_EXTERNAL, P33_RECONCILE_KEY and P33_SUBTRACT_RESTING. With P33_PREPARE=on, a demo process forecasts
    the scenarios' plans, and permits are not signed. With P33_FORECAST=on, p33 forecaster forecasts them instead, and a
    demo strategy with separate positions sends plans to learn from. To run the service with your settings, see the
    Procfile and deployment/.

    \b
    Examples:
      p33 up
      p33 up --for 60 --json       one JSON summary at the end; exit 0 if plans were allowed, executed and denied,
                                   no process died, and nothing was executed without a permit
      p33 up --exchange okx        simulates OKX, with its symbols (BTC-USDT-SWAP)
      p33 up --hedge               an account in hedge mode; plans name the leg
      p33 up --no-producer         then, in another terminal, as it prints: p33 proof, p33 status, your own plans
      p33 up --no-producer --no-executor      then start your own executor, e.g. examples/executor.py
      P33_RECONCILE_MODE=repair p33 up --no-producer         then trade manually at the simulated exchange
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
