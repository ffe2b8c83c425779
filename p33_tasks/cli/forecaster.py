"""``p33 forecaster``: the model that learns which plans come, in a process of its own."""

from __future__ import annotations

import click


@click.command(short_help="Learn which plans come, and forecast them.")
def forecaster() -> None:
    """Learn from plans, verdicts and positions which closing plans come within 30 s, and say so ahead.

    It needs P33_FORECAST=on and the extra `forecast`. It publishes forecasts (with P33_PREPARE=on their verdicts are
    prepared), asks for an earlier refresh where the request budget has room, and warns of plans that would be denied:
    p33 forecast status. While it is no better than the base rate it is silent. No verdict rests on it, and none waits
    for it. One runs per account; a second one waits until the first has ended. SIGTERM and Ctrl-C end it.

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
