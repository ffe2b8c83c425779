"""``p33 forecaster``: the model that predicts plans, in a separate process."""

from __future__ import annotations

import click


@click.command(short_help="Learn to forecast plans, and publish forecasts.")
def forecaster() -> None:
    """Learn from plans, verdicts and positions to predict the closing plans of the next 30 s.

    Needs P33_FORECAST=on and the extra `forecast`. It publishes forecasts (with P33_PREPARE=on, verdicts are prepared
    for them), requests an earlier refresh if the request budget allows it, and warns of plans that would be denied
    (p33 forecast status). It publishes nothing until it is better than the base rate. No verdict depends on it or waits
    for it. One forecaster works per account; a second one waits until the first ends. SIGTERM and Ctrl-C stop it.

    \b
    Example:
      P33_FORECAST=on P33_PREPARE=on p33 forecaster
    """
    from p33_tasks.bootstrap.runtime import runtime
    from p33_tasks.forecaster.process import run

    here = runtime()
    try:
        run(here)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("p33_tasks"):
            raise
        raise click.UsageError(
            f"this command needs {error.name}, which `pip install -r requirements-forecast.lock` brings"
        ) from error
